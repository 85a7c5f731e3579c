"""The `duecare` command: keys, verify, state, upload, decision, reconcile, and what the operator does (`admin`).

Exit codes: 0 allow or done, 1 deny, rejected or refused, 2 bad usage, settings or file, 3 could not decide (do not
send), 130 interrupted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from duecare_client.cli import output as show
from duecare_client.cli.admin import admin
from duecare_client.cli.bundle import DecisionId, bundle
from duecare_client.cli.context import CliContext, read_json, read_object, world
from duecare_client.cli.log import log
from duecare_client.cli.reconcile import reconcile
from duecare_client.client import Client
from duecare_client.errors import BadKey, BadReceipt, BadSettings, CannotDecide, DuecareError, as_problem
from duecare_client.keyfile import generate, published, write_private
from duecare_client.progress import Meter
from duecare_client.upload import INTERRUPTED, Asked, UploadRun, adds_up, is_complete
from duecare_core.domain.facts.statement import STATED_BY
from duecare_core.errors import FileRefused

ALLOWED, DENIED, BAD_USAGE, UNDECIDED = 0, 1, 2, 3
BROKEN_OFF = 130  # as a shell has it for SIGINT

# Of several parties in a profile the likeliest speaks: a gateway may state for any creditor, a carrier for its numbers.
_LIKELIEST = ("carrier", "gateway", "creditor", "collector", "auditor")
# Ids and thumbprints are base64url and may begin with a dash, which is then no option.
DASH_IS_TEXT = {"ignore_unknown_options": True}


class _Root(TyperGroup):
    """Lets --profile and --json stand anywhere, and turns our errors into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _to_the_front(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DuecareError as failure:
            usage = isinstance(failure, BadSettings | BadKey)
            if isinstance(ctx.obj, CliContext) and ctx.obj.json and not usage:
                show.as_json({"problem": as_problem(failure)})
            show.error(failure)
            if ctx.invoked_subcommand == "verify" and not usage:
                show.note("There is no decision: do not send this message.")
            undecided = UNDECIDED if isinstance(failure, CannotDecide) else DENIED
            raise typer.Exit(BAD_USAGE if usage else undecided) from None


def _to_the_front(args: list[str]) -> list[str]:
    """The same arguments, with --profile NAME and --json before the subcommand, where the parser knows them."""
    moved: list[str] = []
    kept: list[str] = []
    waiting = iter(args)
    for arg in waiting:
        if arg == "--":
            kept += [arg, *waiting]
        elif arg == "--profile":
            value = next(waiting, None)
            if value is None:
                return [arg]  # the parser then says what is missing
            moved += [arg, value]
        elif arg == "--json" or arg.startswith("--profile="):
            moved.append(arg)
        else:
            kept.append(arg)
    return moved + kept


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Check before you send, and be able to prove that you did.",
    epilog="--profile and --json may stand anywhere. Exit codes: 0 allow or done, 1 deny, refused or a check that "
    "failed, 2 bad usage, settings or file, 3 could not decide (do not send), 130 interrupted.",
)
keys = typer.Typer(no_args_is_help=True, help="The keys that a party signs with.")
app.add_typer(keys, name="keys")
app.add_typer(admin, name="admin")
app.add_typer(bundle, name="bundle")
app.add_typer(log, name="log")

_PROFILE = (
    "The service and who speaks: local (what make run wrote, the nearest .duecare/local.json), or your own in "
    "~/.config/duecare/NAME.json. Without one: DUECARE_URL, DUECARE_PARTY, DUECARE_KEY (a file)."
)
File = Annotated[str, typer.Argument(metavar="FILE|-", help="A JSON file, or - for stdin.")]
Party = Annotated[str | None, typer.Option(metavar="ID", help="Who speaks, where the profile holds several that may.")]


@app.callback()
def root(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help=_PROFILE)] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON value on stdout, and nothing else there.")] = False,
) -> None:
    # A test hands in its own world; a person gets the real one.
    if not isinstance(context.obj, CliContext):
        context.obj = CliContext()
    context.obj.profile, context.obj.json = profile, json


@keys.command("new")
def keys_new(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the private key goes. Never overwritten.")],
    alg: Annotated[Literal["EdDSA", "ES256"], typer.Option(help="Ed25519, or P-256.")] = "EdDSA",
) -> None:
    """Make a key: the private one into a file of mode 0600, the public one (JSON) to stdout."""
    jwk = generate(alg)
    write_private(out, jwk)
    show.as_json(published(jwk))
    show.note(f"The private key is in {out}: keep it there. The public one, above, is for the operator.")


@app.command()
def verify(context: typer.Context, file: File, party: Party = None) -> None:
    """May this message be sent? Exit 0 only for an allow whose receipt verified, and not for a rehearsal.

    The file holds `message_id`, `recipient`, `creditor`, `channel`, `text`, and where they apply `collector`,
    `debt_ref`, `send_at`, `shadow`. Exit 1 for a deny, a rehearsal or a refusal, 2 for a file that cannot be read, 3
    where there is no decision: only after 0 may the message be sent.
    """
    message = read_object(file)
    with world(context).client(party, ["gateway"]) as client:
        answer = client.verify(message)
        flaw = _flaw(client, message, answer)
    if world(context).json:
        show.as_json({**answer, "receipt_verified": flaw is None})
    else:
        show.decision(answer, None if flaw is None else str(flaw), str(message.get("text", "")))
    # A rehearsal is never good for delivery, so that `duecare verify … && send` must not send on one.
    if answer["decision"] == "deny" or answer.get("provisional") or isinstance(flaw, BadReceipt):
        raise typer.Exit(DENIED)
    raise typer.Exit(ALLOWED if flaw is None else UNDECIDED)


def _flaw(client: Client, message: dict[str, Any], answer: dict[str, Any]) -> DuecareError | None:
    """Why the receipt does not prove this answer about this message, or None."""
    expected: dict[str, Any] = {name: answer.get(name) for name in ("decision", "attempt", "provisional", "message_id")}
    expected |= {name: message[name] for name in ("creditor", "channel") if name in message}
    expected |= {"gateway": client.party, "jti": answer.get("decision_id")}
    expected["reasons"] = [reason.get("code") for reason in answer.get("reasons", [])]
    try:
        client.verify_receipt(str(answer.get("receipt")), text=str(message.get("text")), **expected)
    except (BadReceipt, CannotDecide) as flaw:
        return flaw
    return None


@app.command()
def state(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=", ".join(STATED_BY))],
    file: File,
    party: Party = None,
) -> None:
    """Sign a statement and send it; a JSON list in the file states many. Exit 1 where one is rejected.

    The file holds the members of its kind, of an opt-out for example `recipient`, `creditor` and `received_at`; signing
    adds `iss`, `aud` and `iat`.
    """
    if kind not in STATED_BY:
        raise BadSettings(f"there is no statement of kind {kind}; there are {', '.join(STATED_BY)}")
    held = read_json(file)
    members = held if isinstance(held, list) else [held]
    if not all(isinstance(one, dict) for one in members):
        raise BadSettings("a statement is a JSON object of its members; many are a list of them")
    roles = [role for role in _LIKELIEST if role in STATED_BY[kind]]
    with world(context).client(party, roles) as client:
        results = client.state_many((kind, one) for one in members)
    if world(context).json:
        show.as_json(results if isinstance(held, list) else results[0])
    else:
        for result in results:
            show.statement(result)
    if any(result["status"] == "rejected" for result in results):
        raise typer.Exit(DENIED)


@app.command()
def upload(
    context: typer.Context,
    kind: Annotated[Literal["debt", "consent"], typer.Argument(metavar="debt|consent", help="What its rows state.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON lines, as it is or packed with gzip.")],
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="These are all the open debts: withdraw those that are not in it.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="RFC 3339: when rows without as_of of their own are true.")
    ] = None,
    confirm_withdrawals: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="So many withdrawals are right, where that was asked.")
    ] = None,
    charset: Annotated[Literal["utf-8", "gb18030"], typer.Option(help="GBK and GB2312 are GB18030.")] = "utf-8",
    party: Party = None,
) -> None:
    """State a whole portfolio: check the file, sign for it, send it, follow the import.

    Interrupted, the same command goes on; FILE.duecare remembers. Exit 1 where a row is rejected, the file refused, or
    withdrawals wait to be confirmed; 2 where the file is refused here, before anything is sent.
    """
    asked, held = Asked(kind, file, charset, as_of, snapshot, confirm_withdrawals), world(context)
    with held.client(party, ["creditor"]) as client:
        work = UploadRun(client, asked, meter=Meter(), note=show.note, clock=held.clock, sleep=held.sleep)
        try:
            result, rejects = work.run(), work.first_rejects()
        except KeyboardInterrupt:
            show.note(f"Interrupted. {INTERRUPTED[work.stage]}")
            show.note(f"  {asked.command(held.profile, party)}")
            raise typer.Exit(BROKEN_OFF) from None
        except CannotDecide:
            show.note("The same command goes on later:")
            show.note(f"  {asked.command(held.profile, party)}")
            raise
        except FileRefused as refusal:
            _print_refused_here(context, refusal)
            raise typer.Exit(BAD_USAGE) from None
    if held.json:
        show.as_json({**result, "rejects": rejects})
    else:
        show.upload(result, rejects)
    if waiting := result.get("withdrawals_to_confirm"):
        say = show.note if held.json else show.line
        say(f"  {waiting} of your open debts are not in this file, and none was withdrawn. If that is right:")
        say(f"    {asked._replace(confirm_withdrawals=waiting).command(held.profile, party)}")
    if not adds_up(result):
        show.note("The counts do not add up to the rows: what became of some is not known. Ask the operator.")
        raise typer.Exit(UNDECIDED)
    raise typer.Exit(ALLOWED if is_complete(result) else DENIED)


def _print_refused_here(context: typer.Context, refusal: FileRefused) -> None:
    if world(context).json:
        show.as_json({"problem": as_problem(refusal)})
    show.error(refusal)
    if refusal.name == "wrong-charset":
        show.note("  Name its charset with --charset gb18030 or --charset utf-8.")
    show.note("Nothing was sent.")


@app.command(context_settings=DASH_IS_TEXT)
def decision(context: typer.Context, decision_id: DecisionId, party: Party = None) -> None:
    """A decision as it was recorded: for its gateway, its creditor, or an auditor.

    Exit 0 where it is told, whatever was decided; 1 where the service has no such decision of yours, or its receipt
    does not verify; 3 where there is no answer, or the receipt cannot be checked now.
    """
    with world(context).client(party, ["gateway", "creditor", "auditor"]) as client:
        found = client.decision(decision_id)
        answer = found.get("answer")
        if world(context).json or not isinstance(answer, dict):
            show.as_json(found)
            return
        try:
            client.verify_receipt(str(answer.get("receipt")), expired_ok=True, jti=decision_id)
            flaw: DuecareError | None = None
        except (BadReceipt, CannotDecide) as failure:
            flaw = failure
    show.decision(answer, None if flaw is None else str(flaw))
    if isinstance(log := found.get("log"), dict):
        show.log_position(log)
    if flaw is not None:
        raise typer.Exit(DENIED if isinstance(flaw, BadReceipt) else UNDECIDED)


app.command("reconcile")(reconcile)


def main() -> None:
    app(prog_name="duecare")
