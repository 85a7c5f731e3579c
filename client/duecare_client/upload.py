"""The way of a file: looked at here, announced under a signed manifest, sent, and followed until it is imported.

    file looked at ── counted and hashed ── manifest signed ── kept ── announced ── sent ── followed ── done, forgotten
                                                                 └── interrupted: goes on from here ──┘

After a crash or Ctrl-C anywhere behind *kept*, the same call goes on. The service knows the upload by its manifest, and
so says what is left to do: to send the file, or only to follow. Doing any of it twice changes nothing.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from duecare_client import portfolio_file as filecheck
from duecare_client import resume as kept
from duecare_client.client import Client
from duecare_client.errors import BadSettings, CannotDecide, RequestError, Unavailable, Unreachable
from duecare_client.portfolio_file import PortfolioFile, Sample
from duecare_client.progress import Meter
from duecare_client.transport import Json

# Pauses before the file is sent again, from its start: S3 takes no PUT up where it broke off.
AGAIN = (1.0, 2.0, 4.0)
# Pauses between questions how far the import is.
FIRST_PAUSE, GROWTH, LAST_PAUSE = 0.25, 1.5, 2.0
# How often in a row the service may fail to answer, and for how many seconds nothing may move, before we say so and
# go: it works on without us. A range whose worker was killed comes back after minutes, and is no reason to leave.
FAILURES, STALLED = 20, 900.0

Stage = Literal["looking", "sending", "following"]
# What to tell a person who interrupted it there, above the command that goes on.
INTERRUPTED: dict[Stage, str] = {
    "looking": "Nothing was sent. To start again:",
    "sending": "The file has not arrived. To go on, and send it again:",
    "following": "The service goes on without you. To see what becomes of it:",
}


class Asked(NamedTuple):
    """What is to be uploaded, and how: the command's arguments. `as_of`: RFC 3339 with an offset."""

    kind: Literal["debt", "consent"]
    path: Path
    charset: Literal["utf-8", "gb18030"] = "utf-8"
    as_of: str | None = None
    snapshot: bool = False
    confirm_withdrawals: int | None = None

    def members(self, party: str, file: PortfolioFile) -> Json:
        """The manifest's members that are known before the file is read."""
        given: Json = {"as_of": self.as_of, "confirm_withdrawals": self.confirm_withdrawals}
        given = {name: value for name, value in given.items() if value is not None}
        if self.snapshot:
            given["snapshot"] = True
        return {"iss": party, "kind": self.kind, "format": file.format, "charset": self.charset, **given}

    def command(self, profile: str | None, party: str | None) -> str:
        """The command that asks for this, as it is typed in a shell."""
        words = ["duecare", *_option("profile", profile), "upload", self.kind, *_option("party", party)]
        words += ["--snapshot"] if self.snapshot else []
        words += [*_option("as-of", self.as_of), *_option("confirm-withdrawals", self.confirm_withdrawals)]
        words += _option("charset", self.charset) if self.charset != "utf-8" else []
        path = str(self.path)
        return shlex.join([*words, *(["--"] if path.startswith("-") else []), path])


class UploadRun:
    """One file's upload. `note` is told what a person should know meanwhile, in sentences; `meter` how far it is.

    `stage` says where it was, when it was interrupted. `clock`: seconds since 1970.
    """

    def __init__(
        self,
        client: Client,
        asked: Asked,
        *,
        meter: Meter,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._asked = client, asked
        self._meter, self._note, self._clock, self._sleep = meter, note, clock, sleep
        self.stage: Stage = "looking"
        self._result: Json = {}

    def run(self) -> Json:
        """What became of it: the last answer of `GET /v1/uploads/{id}`.

        Raises FileRefused where it would be refused as a whole, and BadSettings, both before anything is sent;
        CannotDecide where the same call may go on later; RequestError where the service does not take the manifest.
        """
        file = PortfolioFile(self._asked.path)
        opened = self._resumed(file) or self._started(file)
        try:
            if opened["state"] == "awaiting_file":
                opened = self._delivered(file, opened)
            self.stage = "following"
            self._result = self._followed(opened["upload_id"])
        except RequestError:
            kept.forget(file)  # to go on would lead to the same refusal
            raise
        kept.forget(file)
        return self._result

    def first_rejects(self) -> list[Json]:
        """`{row, column, code, message}` of the first rejects; where they cannot be had, a note and an empty list."""
        if not self._result.get("rejects_url"):
            return []
        try:
            return self._client.first_rejects(self._result)
        except CannotDecide as failure:
            self._note(f"The reasons of the rejects could not be fetched: {failure}")
            return []

    def _resumed(self, file: PortfolioFile) -> Json | None:
        """The upload that was interrupted, as the service has it; None where there is none to go on with."""
        earlier = kept.recall(file)
        members = self._asked.members(self._client.party, file)
        if earlier is None or not earlier.says({**members, "aud": self._client.issuer()}, self._client.kid):
            return None
        try:
            opened = self._client.open_upload(earlier.manifest)
        except RequestError as refusal:
            self._note(f"The upload that was begun cannot go on ({refusal}); it starts anew.")
            kept.forget(file)
            return None
        self._note("Going on with the upload that was begun.")
        self._manifest, self._rows = earlier.manifest, _number(earlier.members.get("rows"))
        return opened

    def _started(self, file: PortfolioFile) -> Json:
        """A new upload: the file is looked at, the manifest signed and kept, before the service hears of it."""
        members = self._asked.members(self._client.party, file)
        now = datetime.fromtimestamp(self._clock(), UTC)
        self._tell(file.first_rows(members, now))
        with self._meter.stage("reading", file.size, "bytes") as told:
            whole = file.whole(lambda done: told(done, ""))
        members |= {"rows": whole.rows, "sha256": whole.sha256, "size": file.size}
        filecheck.manifest(members, now)
        del members["iss"]  # signing adds it
        self._manifest, self._rows = self._client.manifest(members), whole.rows
        try:
            kept.keep(file, self._manifest)
        except BadSettings as failure:
            self._note(f"{failure}; if this is interrupted, it has to start anew.")
        try:
            return self._client.open_upload(self._manifest)
        except RequestError:
            kept.forget(file)
            raise

    def _tell(self, sample: Sample) -> None:
        if not sample.bad:
            return
        self._note(f"{sample.bad} of the first {sample.read} rows will be rejected; the others count.")
        for number, reject in sample.first:
            self._note(f"  row {number}{reject.column and f', {reject.column}'}: {reject.message}")
        if self._asked.charset == "utf-8" and any(reject.code == "undecodable" for _, reject in sample.first):
            self._note("  If the file is in GB18030 (or GBK), give --charset gb18030.")

    def _delivered(self, file: PortfolioFile, opened: Json) -> Json:
        """The file is at the service. Raises CannotDecide after the last try, RequestError, BadSettings."""
        self.stage = "sending"
        for pause in (*AGAIN, None):
            try:
                with self._meter.stage("sending", file.size, "bytes") as told, file.open() as bytes_:
                    self._client.send_file(opened, filecheck.chunks(bytes_, lambda done: told(done, "")), file.size)
            except CannotDecide as failure:
                file.check_unchanged()  # the file itself may be why
                if pause is None:
                    raise
                expired = isinstance(failure, Unavailable) and failure.status == 403
                opened = self._asked_again(opened, failure, 0.0 if expired else pause)
                if opened["state"] != "awaiting_file":
                    break  # it had arrived, and only the answer was lost
            else:
                file.check_unchanged()
                break
        return opened

    def _asked_again(self, opened: Json, failure: CannotDecide, pause: float) -> Json:
        """A fresh URL, after a pause; the one we have, where even that cannot be had now."""
        self._note(f"{failure}; sending it again.")
        self._sleep(pause)
        try:
            return self._client.open_upload(self._manifest)
        except CannotDecide:
            return opened

    def _followed(self, upload_id: str) -> Json:
        """The final answer. Raises Unreachable where nothing moves any more, CannotDecide where nobody answers."""
        pause, failures, idle = FIRST_PAUSE, 0, 0.0
        before: tuple[str, list[int]] | None = None
        with self._meter.stage("importing", self._rows, "rows") as told:
            while True:
                try:
                    answer = self._client.upload(upload_id)
                except CannotDecide:
                    failures += 1
                    if failures == FAILURES:
                        raise
                else:
                    now = (answer["state"], _counts(answer))
                    told(sum(now[1]), _said(answer))
                    if is_final(answer):
                        return answer
                    failures, idle, before = 0, idle + pause if now == before else 0.0, now
                if idle > STALLED:
                    raise Unreachable(f"the import has not moved for {STALLED / 60:.0f} minutes; ask again later")
                self._sleep(pause)
                pause = min(pause * GROWTH, LAST_PAUSE)


def is_final(answer: Json) -> bool:
    """Whether the service has no more to do on this manifest; withdrawals to confirm wait for another one."""
    return answer["state"] in ("done", "refused") or bool(answer.get("withdrawals_to_confirm"))


def is_complete(answer: Json) -> bool:
    """Whether every row counts, and nothing waits for the creditor."""
    whole = answer["state"] == "done" and not answer.get("withdrawals_to_confirm")
    return whole and _number(answer.get("rejected")) == 0


def adds_up(answer: Json) -> bool:
    """Whether the counts of an import that is done account for every row."""
    return answer["state"] != "done" or sum(_counts(answer)) == _number(answer.get("rows"))


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [f"--{name}", str(value)]


def _counts(answer: Json) -> list[int]:
    return [_number(answer.get(name)) for name in ("accepted", "unchanged", "rejected")]


def _said(answer: Json) -> str:
    if answer["state"] == "awaiting_file":
        return "waiting for the file to be checked"
    return f"{_number(answer.get('rejected')):,} rejected"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
