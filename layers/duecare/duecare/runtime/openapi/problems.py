"""Every problem name that the service can send, with its HTTP status and what the caller does about it."""

from __future__ import annotations

from typing import NamedTuple

from duecare_core.errors import (
    BadToken,
    Conflict,
    FileRefused,
    NotAllowed,
    NotFound,
    RequestError,
    TooLarge,
    TooMany,
    Unacceptable,
    Unreadable,
    WrongMediaType,
)

Kinds = tuple[type[RequestError], ...]


class ProblemEntry(NamedTuple):
    """`kinds`: the errors that carry the name; the status is theirs. `cannot-decide` is of no RequestError."""

    kinds: Kinds
    remedy: str

    @property
    def statuses(self) -> tuple[int, ...]:
        return tuple(sorted({kind.status for kind in self.kinds})) or (503,)


_SIGN = "Sign a new token: with an active key of the party, for the issuer from discovery, for at most an hour."
_CLOCK = "Set the clock by `server_time`, and sign a new token, for at most an hour."
_FILE = "Correct the file, announce it with a new manifest, and send it again."
PROBLEMS: dict[str, ProblemEntry] = {
    "another-recipient": ProblemEntry((Unacceptable,), "State the reply for the recipient that the message was to."),
    "bad-gzip": ProblemEntry((FileRefused,), _FILE),
    "bad-key": ProblemEntry((Unacceptable,), "Make another key: Ed25519 or P-256, as a public JWK."),
    "bad-key-proof": ProblemEntry(
        (Unacceptable,), "Make a new proof with `duecare keys show FILE`, or a new key with `duecare keys new`."
    ),
    "cannot-decide": ProblemEntry(
        (), "Do not send the message. Ask again with the same message_id, after Retry-After."
    ),
    "conflict": ProblemEntry((Conflict,), "State the fact again with a later time, or withdraw the other statement."),
    "doubled-columns": ProblemEntry((FileRefused,), _FILE),
    "key-taken": ProblemEntry((Conflict,), "Make a key of the party's own: `duecare keys new`."),
    "key-refused": ProblemEntry((NotAllowed, FileRefused), "Sign with an active key of the party."),
    "key-revoked": ProblemEntry((Conflict,), "Make a new key, and register that."),
    "message-id-reused": ProblemEntry((Conflict,), "Use a new message_id for another message, or send the same body."),
    "missing-columns": ProblemEntry((FileRefused,), _FILE),
    "no-case-file": ProblemEntry((Conflict,), "None: the decision was made before the service kept what it needs."),
    "no-header": ProblemEntry((FileRefused,), _FILE),
    "no-object": ProblemEntry((NotFound,), "Read the checkpoint: the log has the tiles of that size, and no others."),
    "not-allowed": ProblemEntry((NotAllowed,), _SIGN),
    "not-its-own": ProblemEntry((NotAllowed,), "Name yourself, or a creditor that you may speak for."),
    "not-logged-yet": ProblemEntry((Conflict,), "Ask again in a few seconds, when the log has the decision."),
    "not-text": ProblemEntry((FileRefused,), _FILE),
    "not-the-issuer": ProblemEntry((NotAllowed,), "Put your own party id into iss."),
    "party-exists": ProblemEntry((Conflict,), "Use another id; or add a key to the registered party."),
    "erasure-would-not-hold": ProblemEntry((Conflict,), "Remove what `detail` names, and give the command again."),
    "party-not-suspended": ProblemEntry((Conflict,), "Give the command again: it suspends the party, and goes on."),
    "party-suspended": ProblemEntry(
        (NotAllowed, FileRefused), "Ask the operator. What protects a recipient may be stated."
    ),
    "period-too-full": ProblemEntry((Unacceptable,), "Ask for a shorter period."),
    "private-key": ProblemEntry(
        (Unacceptable,), "Make a new key, for this one has been sent; register its public part."
    ),
    "roles-exclude-each-other": ProblemEntry((Unacceptable,), "Register a party for each role."),
    "token-ahead": ProblemEntry((BadToken,), _CLOCK),
    "token-audience": ProblemEntry((BadToken,), _SIGN),
    "token-expired": ProblemEntry((BadToken,), _CLOCK),
    "token-lifetime": ProblemEntry((BadToken,), _SIGN),
    "too-large": ProblemEntry((TooLarge,), "Send less in one request: at most 1 MiB."),
    "too-large-unpacked": ProblemEntry((FileRefused,), "Split the file into several of at most 1 GiB each."),
    "dated-ahead": ProblemEntry((Unacceptable,), "Set your clock by server_time, and state it again."),
    "too-many-debts": ProblemEntry(
        (Conflict, FileRefused),
        "State that a debt of this recipient is settled or withdrawn, or wait until closed ones leave.",
    ),
    "too-many-doubled-rows": ProblemEntry((FileRefused,), _FILE),
    "too-many-requests": ProblemEntry((TooMany,), "Ask again after `Retry-After`, and more slowly."),
    "truncated-gzip": ProblemEntry((FileRefused,), _FILE),
    "unacceptable": ProblemEntry((Unacceptable,), "Correct the members that `errors` names."),
    "unclosed-quote": ProblemEntry((FileRefused,), _FILE),
    "unknown-columns": ProblemEntry((FileRefused,), _FILE),
    "unknown-creditor": ProblemEntry((NotFound,), "Check the creditor's id; the operator registers creditors."),
    "unknown-decision": ProblemEntry(
        (NotFound,), "Check the id; only its gateway, its creditor and auditors find a decision."
    ),
    "unknown-dispute": ProblemEntry((Unacceptable,), "Name the statement_id of a dispute about this debt."),
    "unknown-gateway": ProblemEntry((NotFound,), "Check the gateway's id; the operator registers gateways."),
    "unknown-key": ProblemEntry((NotFound,), "Check the key's id (kid)."),
    "unknown-message": ProblemEntry((NotFound,), "Name the creditor instead, or a message_id that you asked about."),
    "unknown-void": ProblemEntry((NotFound,), "Check party, time and kind against `duecare admin party show`."),
    "unknown-party": ProblemEntry((NotFound,), "Check the party's id."),
    "unknown-statement": ProblemEntry(
        (NotFound,), "Check the id; only its party and auditors find a statement, and only after it was accepted."
    ),
    "unknown-upload": ProblemEntry((NotFound,), "Check the id; only its creditor finds an upload."),
    "unreadable": ProblemEntry((Unreadable,), "Send JSON in UTF-8, with every member once."),
    "wrong-charset": ProblemEntry((FileRefused,), _FILE),
    "another-seed": ProblemEntry((Conflict,), "Announce the manifest with its own seed, or sign a new manifest."),
    "wrong-rows-root": ProblemEntry(
        (FileRefused,), "Compute rows_root as docs/rows-root.md has it, and announce a new manifest."
    ),
    "wrong-digest": ProblemEntry((FileRefused,), "Send exactly the file that was announced, or announce this one."),
    "wrong-media-type": ProblemEntry((WrongMediaType,), "Send `Content-Type: application/json`."),
    "wrong-role": ProblemEntry((NotAllowed,), "Ask the operator for the role, or let a party with the role ask."),
    "wrong-row-count": ProblemEntry((FileRefused,), _FILE),
}


def table() -> str:
    """As a table in Markdown."""
    rows = (
        f"| `{name}` | {', '.join(map(str, entry.statuses))} | {entry.remedy} |" for name, entry in PROBLEMS.items()
    )
    return "\n".join(("| problem | status | remedy |", "| --- | --- | --- |", *rows))
