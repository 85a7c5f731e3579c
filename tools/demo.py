"""The case, shown on the running stack over HTTP: the text that a court had to deal with, an honest one, one that
threatens, one at night, and a "T".

It comes out the same at any hour, on the service's own clock: every message is rehearsed (`send_at`) for the next noon
in Shanghai, or for eleven at night there. A rehearsal is judged and recorded in full and never permits sending. One
message is also asked about for now: by night its answer is QUIET_HOURS.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from duecare_client import CannotDecide, Client, DuecareError
from duecare_client.cli.output import found_in
from duecare_client.errors import Conflict
from duecare_client.issuers import IssuerPins
from duecare_client.report.page import render
from duecare_core.domain.location.localtime import zone
from duecare_core.evidence.casefile.bundle import check
from tools.parties import COLLECTOR, CREDITOR, GATEWAY, LocalParty, key_file
from tools.steps import ToolError, shown

# Word for word what was sent on 20 October 2023 (the masks are the court report's).
CASE_TEXT = (
    "【某资产】余敏某某,目前最新欠款:27911元,现申请特殊减免还9431元即可结清账户,提供结清证明。"
    "减免有效时间截止至2023年10月21日上午10点。过期将永久取消此权益,并追责全款,追究其法律责任,详询****,退订回“T”。"
)
HONEST_TEXT = "【某资产】您好,您在我司的欠款余额为27911元,请与我们联系商议还款安排。退订回T"
THREAT_TEXT = "【某资产】您欠款37911元今日不还,我们将联系你的父母和单位领导,并由公安上门拘留。退订回T"
OUTSTANDING = "27911"
SHANGHAI = zone("Asia/Shanghai")
# The digest of the consent's wording, as it was shown to the recipient.
NOTICE = "sha256:5a1d6ac3f3a24c1cbbd4bbd8e4b1d1b8a7c1f6f9b8a4a5a2b6f6f0a2d2f1c0e9"
_PATIENCE = 20.0
ALLOWED_FILE, DENIED_FILE = "allowed.duecare.json", "denied.duecare.json"


class UnexpectedAnswer(ToolError):
    """The service works, and its state is not what the case begins with."""


class CaseFileDownloads:
    """What a court would be handed of the allowed and of the denied message: fetched, checked offline, made a page."""

    def __init__(self, gateway: Any, home: Path, out: Console) -> None:
        self._gateway, self._home, self._out = gateway, home, out

    def make(self, allowed: str, denied: str) -> str:
        """The log's verifier key. Raises ToolError where a check fails."""
        self._out.print()
        self._out.print(Text("6. The case files of the allowed and of the denied message", style="bold"))
        log_key = ""
        for name, decision_id in ((ALLOWED_FILE, allowed), (DENIED_FILE, denied)):
            data = self._fetched(decision_id)
            log_key = log_key or self._log_key()
            verdict = check(data, log_key)
            _expect([one.name for one in verdict.checks if not one.ok], [])
            file, page = self._home / name, (self._home / name).with_suffix(".html")
            file.write_bytes(data)
            page.write_text(render(verdict, language="both", show_number=False), encoding="utf-8")
            found = verdict.checks[1].detail
            self._out.print(Text(f"  {shown(file)}: {len(verdict.checks)} checks offline, all good; {found}"))
            self._out.print(Text.assemble("  to be read by a judge: ", (shown(page), "bold")))
        return log_key

    def _fetched(self, decision_id: str) -> bytes:
        """Its entry in the log takes a few seconds to come."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return bytes(self._gateway.bundle(decision_id))
            except Conflict as early:
                if early.name != "not-logged-yet" or time.monotonic() > until:
                    raise
                time.sleep(0.5)

    def _log_key(self) -> str:
        return str(self._gateway.discovery()["log"]["verifier_key"])


class Demonstration:
    """One run of the story, with a recipient and message ids of its own, so that it can run again."""

    def __init__(self, clients: dict[LocalParty, Any], home: Path, now: datetime, out: Console) -> None:
        """`clients`: the creditor's and the gateway's."""
        self._clients, self._now, self._out, self._home = clients, now, out, home
        run = int(now.timestamp())
        self._recipient = f"+8613800{run % 1_000_000:06d}"
        self._run = f"demo-{run}"
        self._noon = self._next(12)
        self.decisions: dict[str, str] = {}

    def tell(self) -> str:
        """Show it; the id of the last decision. Raises ToolError where the service answers anything else.

        `decisions` then has the id of each message's decision, by its number in the story.
        """
        self._prepare()
        self._title("1. The text of the case, asked about before it is sent")
        self._say("20 October 2023. The man who gets it owes nothing and has agreed to nothing.")
        self._say("It is rehearsed for the next noon in Shanghai, so that the hour of this run does not matter.")
        self._ask("1", CASE_TEXT, "deny", ["CONSENT_MISSING", "DEBT_MISSING"], send_at=self._noon)
        self._title("2. An honest text: he has agreed, and the creditor confirms what he owes")
        self._state(CREDITOR, "consent", channels=["sms"], granted_at=self._at(-2), method="contract", notice=NOTICE)
        self._state(CREDITOR, "debt", debt_ref="2023-0417", currency="CNY", outstanding=OUTSTANDING,
                    as_of=self._at(-1), status="open", collectors=[COLLECTOR.id])  # fmt: skip
        self._say("Rehearsed for noon too. The answer says provisional: true, and permits nothing.")
        self._ask("2", HONEST_TEXT, "allow", [], send_at=self._noon)
        self._say("Without send_at it is decided for now. No text may go to Shanghai from 22:00 to 08:00.")
        self._ask("2-now", HONEST_TEXT, *self._outcome_now())
        self._title("3. A text that asks for more than is owed, and threatens")
        self._ask("3", THREAT_TEXT, "deny", ["TEXT_AMOUNT", "TEXT_FORBIDDEN"], send_at=self._noon)
        self._title("4. The honest text again, for eleven at night where he is")
        self._ask("4", HONEST_TEXT, "deny", ["QUIET_HOURS"], send_at=self._next(23))
        self._title("5. He answers “T” to the second, and the same text is asked about once more")
        self._state(GATEWAY, "reply", message_id=f"{self._run}-2", text="T", received_at=self._at(0))
        return self._ask("5", HONEST_TEXT, "deny", ["OPTED_OUT"], send_at=self._noon)

    def _outcome_now(self) -> tuple[str, list[str]]:
        by_day = 8 <= self._now.astimezone(SHANGHAI).hour < 22
        return ("allow", []) if by_day else ("deny", ["QUIET_HOURS"])

    def _prepare(self) -> None:
        """The creditor lets its collector send for it, and both let the gateway deliver."""
        until = (self._now + timedelta(days=365)).isoformat()
        engaged = {"channels": ["sms"], "valid_from": self._at(-60), "valid_until": until, "status": "active",
                   "as_of": self._at(-1)}  # fmt: skip
        self._engage(CREDITOR, "mandate", {"collector": COLLECTOR.id, **engaged})
        self._engage(COLLECTOR, "route", {"gateway": GATEWAY.id, **engaged})
        self._engage(CREDITOR, "route", {"gateway": GATEWAY.id, **engaged})

    def _engage(self, party: LocalParty, kind: str, members: dict[str, Any]) -> None:
        for patience in (2, 1, 0):
            try:
                result = self._clients[party].state(kind, members)
                break
            except CannotDecide:
                # The first call starts the functions, which takes long on a busy machine; stating again is safe.
                if not patience:
                    raise
        _expect(result["status"], "accepted", "unchanged")

    def _ask(self, number: str, text: str, decision: str, reasons: list[str], send_at: datetime | None = None) -> str:
        message = {"message_id": f"{self._run}-{number}", "recipient": self._recipient, "creditor": CREDITOR.id,
                   "collector": COLLECTOR.id, "channel": "sms", "text": text}  # fmt: skip
        if send_at:
            message["send_at"] = send_at.isoformat()
        (self._home / "message.json").write_text(json.dumps(message, ensure_ascii=False, indent=2) + "\n")
        gateway = self._clients[GATEWAY]
        self._out.print(Text("    " + text, style="italic"))
        began = time.perf_counter()
        answer = gateway.verify(message)
        took = (time.perf_counter() - began) * 1000
        _expect((answer["decision"], [one["code"] for one in answer["reasons"]]), (decision, reasons))
        gateway.check_answer(message, answer)
        self._out.print(_verdict(answer), Text(f"  ({took:.0f} ms; receipt verified)", style="dim"), sep="")
        for reason in answer["reasons"]:
            self._out.print(Text.assemble("       ", (f"{reason['code']:<16}", "bold"), f"  {reason['message']}"))
            for finding in answer.get("findings", []):
                if finding["code"] == reason["code"]:
                    self._out.print(Text(f"       {'':<16}  · {found_in(text, finding)}", style="dim"))
        if "retry_at" in answer:
            opens = datetime.fromisoformat(answer["retry_at"]).astimezone(SHANGHAI)
            self._out.print(Text.assemble("       ", (f"{'retry_at':<16}", "bold"), f"  {opens.isoformat()}"))
        self.decisions[number] = str(answer["decision_id"])
        return self.decisions[number]

    def _state(self, party: LocalParty, kind: str, **members: Any) -> None:
        result = self._clients[party].state(kind, {"recipient": self._recipient, **members})
        _expect(result["status"], "accepted")
        read = f", read as {result['read_as']}" if "read_as" in result else ""
        self._say(f"{party.name} ({party.id}) states {kind}: {result['status']}{read}")

    def _next(self, hour: int) -> datetime:
        """The next time that a clock in Shanghai shows this hour, at least an hour from now."""
        today = self._now.astimezone(SHANGHAI).replace(hour=hour, minute=0, second=0, microsecond=0)
        return today if today - self._now > timedelta(hours=1) else today + timedelta(days=1)

    def _at(self, minutes: int) -> str:
        return (self._now + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")

    def _title(self, words: str) -> None:
        self._out.print()
        self._out.print(Text(words, style="bold"))

    def _say(self, words: str) -> None:
        self._out.print(Text("  " + words))


def demonstrate(url: str, issuer: str, home: Path) -> str:
    """Tell the story, make its case files, then say what to do next; the last line says where duecare is.

    Answers the log's verifier key.
    """
    out = Console(soft_wrap=True, highlight=False)
    try:
        issuers = IssuerPins(None, issuer)
        clients = {
            party: Client(url, party.id, key_file(home, party), issuer=issuers, timeout=_PATIENCE, language="en")
            for party in (CREDITOR, COLLECTOR, GATEWAY)
        }
        story = Demonstration(clients, home, datetime.now(UTC), out)
        last = story.tell()
        log_key = CaseFileDownloads(clients[GATEWAY], home, out).make(story.decisions["2"], story.decisions["3"])
    except DuecareError as error:
        raise ToolError(f"The case could not be shown: {error}", home / "logs" / "ministack.log") from error
    out.print(f"""
Go on:
  .venv/bin/duecare --profile local verify {shown(home / "message.json")}
  .venv/bin/duecare --profile local decision {last}
  .venv/bin/duecare --profile local bundle verify {shown(home / DENIED_FILE)}
  .venv/bin/duecare --profile local log check
  .venv/bin/duecare --profile local admin party show {CREDITOR.id}
  curl {url}/.well-known/jwks.json
  make stop
""", markup=False)  # fmt: skip
    out.print(f"duecare is ready at {url}", markup=False)
    return log_key


def _verdict(answer: dict[str, Any]) -> Text:
    allowed = answer["decision"] == "allow"
    return Text("    → ALLOW" if allowed else "    → DENY", style="bold green" if allowed else "bold red")


def _expect(told: object, *wanted: object) -> None:
    if told not in wanted:
        expected = " or ".join(str(one) for one in wanted)
        raise UnexpectedAnswer(f"The case did not end as it must: the service answered {told}, expected {expected}.")
