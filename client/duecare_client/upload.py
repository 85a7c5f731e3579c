"""Uploads a file: checks it here, announces it under a signed manifest, sends it, and follows the import.

    file checked ── rows counted, hashed ── manifest signed ── remembered ── announced ── sent ── followed ── forgotten
                                                                   └── after an interruption: resumes here ──┘

After a crash or Ctrl-C anywhere behind *remembered*, the same call resumes. The service identifies the upload by its
manifest and reports what remains: to send the file, or only to follow. Repeating a step changes nothing.
"""

from __future__ import annotations

import secrets
import shlex
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from duecare_client import portfolio_file, resume
from duecare_client.client import Client
from duecare_client.errors import BadSettings, CannotDecide, RequestError, Unavailable, Unreachable
from duecare_client.portfolio_file import PortfolioFile, Sample
from duecare_client.progress import ProgressMeter
from duecare_client.subjects import file_to_send
from duecare_client.transport import Json
from duecare_core.evidence.rows_root import SEED_BYTES

# Seconds to wait before the file is sent again, from its start: S3 cannot resume a PUT.
RESEND_PAUSES = (1.0, 2.0, 4.0)
# Seconds between polls of the import: the first, the growth factor, the longest.
FIRST_POLL, POLL_GROWTH, LONGEST_POLL = 0.25, 1.5, 2.0
# Polls that may fail in a row, and seconds without progress, before the command gives up; the service goes on without
# it. A range whose worker was killed is retried after minutes, so that is not yet a reason to give up.
MAX_POLL_FAILURES, MAX_SECONDS_WITHOUT_PROGRESS = 20, 900.0

Stage = Literal["looking", "sending", "following"]
# The message for an interruption in that stage, above the command that resumes.
INTERRUPTED: dict[Stage, str] = {
    "looking": "Nothing was sent. To start again:",
    "sending": "The file has not arrived. To resume and send it again:",
    "following": "The service goes on without you. To follow the import:",
}


class UploadRequest(NamedTuple):
    """The file to upload, and the options of the command. `as_of`: RFC 3339 with an offset. `subject_secret`: the file
    that the command names, not one of the profile."""

    kind: Literal["debt", "consent"]
    path: Path
    charset: Literal["utf-8", "gb18030"] = "utf-8"
    as_of: str | None = None
    snapshot: bool = False
    confirm_withdrawals: int | None = None
    subject_secret: Path | None = None

    def members(self, party: str, file: PortfolioFile) -> Json:
        """The members of the manifest that are known before the file is read."""
        given: Json = {"as_of": self.as_of, "confirm_withdrawals": self.confirm_withdrawals}
        given = {name: value for name, value in given.items() if value is not None}
        if self.snapshot:
            given["snapshot"] = True
        return {"iss": party, "kind": self.kind, "format": file.format, "charset": self.charset, **given}

    def command(self, profile: str | None, party: str | None) -> str:
        """The shell command for this request."""
        words = ["duecare", *_option("profile", profile), "upload", self.kind, *_option("party", party)]
        words += ["--snapshot"] if self.snapshot else []
        words += [*_option("as-of", self.as_of), *_option("confirm-withdrawals", self.confirm_withdrawals)]
        words += _option("charset", self.charset) if self.charset != "utf-8" else []
        words += _option("subject-secret", self.subject_secret)
        path = str(self.path)
        return shlex.join([*words, *(["--"] if path.startswith("-") else []), path])


class UploadRun:
    """The upload of one file. `note` receives sentences for a person, `meter` the progress.

    `stage` is the current stage, also after an interruption. `clock`: seconds since 1970.
    """

    def __init__(
        self,
        client: Client,
        request: UploadRequest,
        *,
        meter: ProgressMeter,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._request = client, request
        self._meter, self._note, self._clock, self._sleep = meter, note, clock, sleep
        self.stage: Stage = "looking"
        self._result: Json = {}
        self._rows_seed: str | None = None

    def run(self) -> Json:
        """Uploads the file and returns the last answer of `GET /v1/uploads/{id}`.

        Raises FileRefused if the service would refuse the file as a whole, and BadSettings, both before anything is
        sent; CannotDecide if the same call may resume later; RequestError if the service refuses the manifest.
        """
        with file_to_send(self._request.path, self._request.charset, self._client.subject_secret) as file:
            return self._run(file)

    def _run(self, file: PortfolioFile) -> Json:
        opened = self._resume(file) or self._start(file)
        try:
            if opened["state"] == "awaiting_file":
                opened = self._send(file, opened)
            self.stage = "following"
            self._result = self._follow(opened["upload_id"])
        except RequestError:
            resume.forget(file)  # resuming would lead to the same refusal
            raise
        resume.forget(file)
        return self._result

    def first_rejects(self) -> list[Json]:
        """`{row, column, code, message}` of the first rejects; a note and an empty list if they cannot be fetched."""
        if not self._result.get("rejects_url"):
            return []
        try:
            return self._client.first_rejects(self._result)
        except CannotDecide as failure:
            self._note(f"The reasons of the rejects could not be fetched: {failure}")
            return []

    def _resume(self, file: PortfolioFile) -> Json | None:
        """The interrupted upload, as the service has it; None if there is none to resume."""
        earlier = resume.recall(file)
        members = self._request.members(self._client.party, file)
        if earlier is None or not earlier.asks_for({**members, "aud": self._client.issuer()}, self._client.kid):
            return None
        try:
            opened = self._client.open_upload(earlier.manifest, earlier.rows_seed)
        except RequestError as refusal:
            self._note(f"The earlier upload cannot be resumed ({refusal}); a new one starts.")
            resume.forget(file)
            return None
        self._note("Resuming the earlier upload.")
        self._manifest, self._rows_seed = earlier.manifest, earlier.rows_seed
        self._rows = _number(earlier.members.get("rows"))
        return opened

    def _start(self, file: PortfolioFile) -> Json:
        """A new upload: checks the file, signs the manifest and remembers it, then announces it."""
        members = self._request.members(self._client.party, file)
        now = datetime.fromtimestamp(self._clock(), UTC)
        self._report_bad_rows(file.first_rows(members, now))
        seed = secrets.token_bytes(SEED_BYTES)
        with self._meter.stage("reading", file.size, "bytes") as report:
            summary = file.read_rows(members, now, seed, lambda done: report(done, ""))
        members |= {"rows": summary.rows, "sha256": summary.sha256, "size": file.size, "rows_root": summary.rows_root}
        portfolio_file.check_members(members, now)
        del members["iss"]  # signing adds it
        self._manifest, self._rows_seed, self._rows = self._client.manifest(members), seed.hex(), summary.rows
        try:
            resume.remember(file, self._manifest, self._rows_seed)
        except BadSettings as failure:
            self._note(f"{failure}. If this upload is interrupted, it cannot be resumed.")
        try:
            return self._client.open_upload(self._manifest, self._rows_seed)
        except RequestError:
            resume.forget(file)
            raise

    def _report_bad_rows(self, sample: Sample) -> None:
        if not sample.bad:
            return
        self._note(f"{sample.bad} of the first {sample.read} rows will be rejected; the others count.")
        for number, reject in sample.first:
            self._note(f"  row {number}{reject.column and f', {reject.column}'}: {reject.message}")
        if self._request.charset == "utf-8" and any(reject.code == "undecodable" for _, reject in sample.first):
            self._note("  If the file is in GB18030 (or GBK), give --charset gb18030.")

    def _send(self, file: PortfolioFile, opened: Json) -> Json:
        """Sends the file. Raises CannotDecide after the last attempt, RequestError, BadSettings."""
        self.stage = "sending"
        for pause in (*RESEND_PAUSES, None):
            try:
                with self._meter.stage("sending", file.size, "bytes") as report, file.open() as opened_file:
                    chunks = portfolio_file.chunks(opened_file, lambda done: report(done, ""))
                    self._client.send_file(opened, chunks, file.size)
            except CannotDecide as failure:
                file.check_unchanged()  # a changed file may be the cause
                if pause is None:
                    raise
                expired = isinstance(failure, Unavailable) and failure.status == 403
                opened = self._reopen(opened, failure, 0.0 if expired else pause)
                if opened["state"] != "awaiting_file":
                    break  # the file had arrived, and only the response was lost
            else:
                file.check_unchanged()
                break
        return opened

    def _reopen(self, opened: Json, failure: CannotDecide, pause: float) -> Json:
        """A new URL after a pause; the old one if no new one can be had now."""
        self._note(f"{failure}. Sending it again.")
        self._sleep(pause)
        try:
            return self._client.open_upload(self._manifest, self._rows_seed)
        except CannotDecide:
            return opened

    def _follow(self, upload_id: str) -> Json:
        """The final answer. Raises Unreachable if the import makes no progress, CannotDecide if there is no answer."""
        pause, failures, idle = FIRST_POLL, 0, 0.0
        before: tuple[str, list[int]] | None = None
        with self._meter.stage("importing", self._rows, "rows") as report:
            while True:
                try:
                    answer = self._client.upload(upload_id)
                except CannotDecide:
                    failures += 1
                    if failures == MAX_POLL_FAILURES:
                        raise
                else:
                    now = (answer["state"], _counts(answer))
                    report(sum(now[1]), _status(answer))
                    if is_final(answer):
                        return answer
                    failures, idle, before = 0, idle + pause if now == before else 0.0, now
                if idle > MAX_SECONDS_WITHOUT_PROGRESS:
                    minutes = MAX_SECONDS_WITHOUT_PROGRESS / 60
                    raise Unreachable(f"the import has made no progress for {minutes:.0f} minutes; ask again later")
                self._sleep(pause)
                pause = min(pause * POLL_GROWTH, LONGEST_POLL)


def is_final(answer: Json) -> bool:
    """Whether the service is finished with this manifest. Withdrawals to confirm need another manifest."""
    return answer["state"] in ("done", "refused") or bool(answer.get("withdrawals_to_confirm"))


def is_complete(answer: Json) -> bool:
    """Whether every row counts, and the creditor has nothing to confirm."""
    whole = answer["state"] == "done" and not answer.get("withdrawals_to_confirm")
    return whole and _number(answer.get("rejected")) == 0


def counts_add_up(answer: Json) -> bool:
    """Whether the counts of a finished import account for every row."""
    return answer["state"] != "done" or sum(_counts(answer)) == _number(answer.get("rows"))


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [f"--{name}", str(value)]


def _counts(answer: Json) -> list[int]:
    return [_number(answer.get(name)) for name in ("accepted", "unchanged", "rejected")]


def _status(answer: Json) -> str:
    if answer["state"] == "awaiting_file":
        return "waiting for the file to be checked"
    return f"{_number(answer.get('rejected')):,} rejected"


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
