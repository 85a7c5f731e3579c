"""The `duecare` command: verify, state, upload, decision, reconcile, keys, bundle, log, and `admin` for the operator.

Exit codes: 0 allow or done; 1 deny, rejected, refused or a failed check; 2 bad usage, settings or file; 3 could not
decide (do not send); 130 interrupted.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from duecare_client.checks.permission import Permission
from duecare_client.cli import output
from duecare_client.cli.admin import admin
from duecare_client.cli.bundle import DecisionId, bundle
from duecare_client.cli.context import CliContext, cli_context, read_json, read_object
from duecare_client.cli.log import log
from duecare_client.cli.reconcile import reconcile
from duecare_client.client import Client
from duecare_client.errors import BadKey, BadReceipt, BadSettings, CannotDecide, DuecareError, as_problem
from duecare_client.keyfile import generate, proven, read_private, write_private
from duecare_client.progress import ProgressMeter
from duecare_client.signing import Signer
from duecare_client.subjects import write_secret
from duecare_client.upload import INTERRUPTED, UploadRequest, UploadRun, counts_add_up, is_complete
from duecare_core.domain.facts.statement import STATED_BY
from duecare_core.engine import engine
from duecare_core.errors import FileRefused

ALLOWED, DENIED, BAD_USAGE, UNDECIDED = 0, 1, 2, 3
INTERRUPTED_EXIT = 130  # 128 + SIGINT, as shells report it

# If several parties of a profile may state a kind, the most likely one does: a gateway may state an opt-out for any
# creditor, a carrier states for its numbers.
_MOST_LIKELY = ("carrier", "gateway", "creditor", "collector", "auditor")
# Ids and thumbprints are base64url, so they may begin with a dash without being options.
DASH_IS_TEXT = {"ignore_unknown_options": True}


class _Root(TyperGroup):
    """Accepts --profile and --json in any place, and turns our errors into messages and exit codes."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _global_options_first(args))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DuecareError as failure:
            usage = isinstance(failure, BadSettings | BadKey)
            if isinstance(ctx.obj, CliContext) and ctx.obj.json and not usage:
                output.as_json({"problem": as_problem(failure)})
            output.error(failure)
            if ctx.invoked_subcommand == "verify" and not usage:
                output.note("There is no decision: do not send this message.")
            undecided = UNDECIDED if isinstance(failure, CannotDecide) else DENIED
            raise typer.Exit(BAD_USAGE if usage else undecided) from None


def _global_options_first(args: list[str]) -> list[str]:
    """The same arguments, with --profile NAME and --json before the subcommand, where the parser expects them."""
    first: list[str] = []
    others: list[str] = []
    remaining = iter(args)
    for arg in remaining:
        if arg == "--":
            others += [arg, *remaining]
        elif arg == "--profile":
            value = next(remaining, None)
            if value is None:
                return [arg]  # the parser reports the missing value
            first += [arg, value]
        elif arg == "--json" or arg.startswith("--profile="):
            first.append(arg)
        else:
            others.append(arg)
    return first + others


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Check before you send, and be able to prove that you did.",
    epilog="--profile and --json may come anywhere. Exit codes: 0 allow or done, 1 deny, rejected, refused or a "
    "failed check, 2 bad usage, settings or file, 3 could not decide (do not send), 4 a case file of another "
    "engine that comes to another answer, 130 interrupted. A profile is a "
    'JSON file: {"url": "https://…", "parties": {"ID": {"roles": ["gateway"], "key": "FILE"}}}, where FILE is a '
    "private JWK, relative to the profile; client/README.md lists the other members.",
)
keys = typer.Typer(no_args_is_help=True, help="The keys that a party signs with.")
app.add_typer(keys, name="keys")
app.add_typer(admin, name="admin")
app.add_typer(bundle, name="bundle")
app.add_typer(log, name="log")

_PROFILE = (
    "The service and the parties: `local` (the nearest .duecare/local.json, which `make run` writes), or NAME for "
    "~/.config/duecare/NAME.json. Without it: DUECARE_URL, DUECARE_PARTY, DUECARE_KEY (a file), DUECARE_ISSUER."
)
File = Annotated[str, typer.Argument(metavar="FILE|-", help="A JSON file, or - for stdin.")]
SubjectSecret = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The secret by which `identity` becomes `subject`; the profile or DUECARE_SUBJECT_SECRET may name it.",
    ),
]
Party = Annotated[
    str | None, typer.Option(metavar="ID", help="The party that calls, if the profile has several that may.")
]


def _print_version(context: typer.Context, value: bool) -> None:
    """The version of the command, and its engine: the code and data that recompute a decision."""
    if not value:
        return
    installed = metadata.version("duecare-client")
    if context.params.get("json"):
        output.as_json({"version": installed, "engine": engine()})
    else:
        output.line(f"duecare {installed} ({engine()})")
    raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help=_PROFILE)] = None,
    json: Annotated[
        # Eager, so that --version knows it.
        bool, typer.Option("--json", is_eager=True, help="Print one JSON value on stdout, and nothing else.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print version and engine.")
    ] = False,
) -> None:
    # Tests pass a context of their own.
    if not isinstance(context.obj, CliContext):
        context.obj = CliContext()
    context.obj.profile, context.obj.json = profile, json


@keys.command("new")
def keys_new(
    context: typer.Context,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The new file of the private key. Never overwritten.")],
    alg: Annotated[Literal["EdDSA", "ES256"], typer.Option(help="EdDSA (Ed25519) or ES256 (P-256).")] = "EdDSA",
) -> None:
    """Make a key: writes the private key to a file of mode 0600 and prints the public key with its proof as JSON."""
    jwk = generate(alg)
    write_private(out, jwk)
    output.as_json(proven(jwk, cli_context(context).now()))
    output.note(f"The private key is in {out}; keep it secret. Send the public key, printed above, to the operator.")
    output.note(f"Its proof is good for 24 hours; for a new one: duecare keys show {out}")


@keys.command("show")
def keys_show(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A private key, as `keys new` wrote it.")],
) -> None:
    """Print the public key of a private key file as JSON, with a new proof that you hold it (good for 24 hours)."""
    jwk = read_private(file)
    Signer("", jwk)  # the halves of the key belong together
    output.as_json(proven(jwk, cli_context(context).now()))


@keys.command("subject-secret")
def keys_subject_secret(
    out: Annotated[Path, typer.Option(metavar="FILE", help="The new file of the secret. Never overwritten.")],
) -> None:
    """Make a creditor's secret for `subject`: writes 32 random bytes, in hexadecimal, to a file of mode 0600.

    Keep it as long as the consents and debts that were stated with it, and never send it to anybody.
    """
    write_secret(out)
    output.note(f"The secret is in {out}; keep it, and give it with --subject-secret or in the profile.")


@app.command()
def verify(context: typer.Context, file: File, party: Party = None) -> None:
    """Ask whether a message may be sent. Exit code 0 only if it may be sent now and the receipt proves it.

    The file holds `message_id`, `recipient`, `creditor`, `channel` and `text`, and if they apply `collector`,
    `debt_ref`, `send_at` and `shadow`. Exit code 1 for a denial, a rehearsal, an answer in shadow mode, or a refused
    request; 2 for a file that cannot be read; 3 if there is no decision. Send the message only after 0.
    """
    message, cli = read_object(file), cli_context(context)
    permission: Permission | None = None
    flaw: DuecareError | None = None
    with cli.client(party, ["gateway"]) as client:
        answer = client.verify(message)
        try:
            permission = client.check_answer(message, answer)
        except (BadReceipt, CannotDecide) as error:
            flaw = error
    if cli.json:
        output.as_json({**answer, "receipt_verified": flaw is None})
    else:
        output.decision(answer, None if flaw is None else str(flaw), str(message.get("text", "")))
    # `duecare verify … && send` must not send on anything but a permission.
    if permission or (isinstance(flaw, CannotDecide) and _could_be_sent(answer)):
        raise typer.Exit(ALLOWED if permission else UNDECIDED)
    raise typer.Exit(DENIED)


def _could_be_sent(answer: dict[str, Any]) -> bool:
    """Whether only the receipt is missing for a permission."""
    return bool(answer["decision"] == "allow" and answer["enforced"] and not answer["provisional"])


@app.command()
def state(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="KIND", help=", ".join(STATED_BY))],
    file: File,
    party: Party = None,
    subject_secret: SubjectSecret = None,
) -> None:
    """Sign a statement and send it; a JSON list in the file is many statements.

    Exit code 1 if one is rejected, or if its acknowledgement does not verify; 3 if that cannot be checked now. Keep the
    acknowledgement, which --json shows: it proves that the service accepted the statement.

    The file holds the members of the kind, for an opt-out for example `recipient`, `creditor` and `received_at`.
    Signing adds `iss`, `aud` and `iat`. A consent or a debt may have `identity`, the person's identity number or the
    like: it becomes `subject` with your own secret, and is never sent.
    """
    if kind not in STATED_BY:
        raise BadSettings(f"unknown kind of statement {kind!r}; expected one of {', '.join(STATED_BY)}")
    content, cli = read_json(file), cli_context(context)
    statements = content if isinstance(content, list) else [content]
    if not all(isinstance(members, dict) for members in statements):
        raise BadSettings("the file must hold one JSON object with the members of the statement, or a list of them")
    if not statements:
        raise BadSettings("the list is empty: there is nothing to state")
    roles = [role for role in _MOST_LIKELY if role in STATED_BY[kind]]
    with cli.client(party, roles, subject_secret) as client:
        results = client.state_many((kind, members) for members in statements)
        flaws = [_flaw(client, kind, *pair) for pair in zip(statements, results, strict=True)]
        speaker = client.party
    if cli.json:
        signed = [
            {**result, "party": speaker}
            | ({"acknowledgement_verified": flaw is None} if _is_acknowledged(result) else {})
            for result, flaw in zip(results, flaws, strict=True)
        ]
        output.as_json(signed if isinstance(content, list) else signed[0])
    else:
        for result, flaw in zip(results, flaws, strict=True):
            output.statement(result, cli.messages)
            output.acknowledgement(result, None if flaw is None else str(flaw), cli.messages)
    if any(result["status"] == "rejected" for result in results) or any(isinstance(one, BadReceipt) for one in flaws):
        raise typer.Exit(DENIED)
    if any(flaws):
        raise typer.Exit(UNDECIDED)


def _is_acknowledged(result: dict[str, Any]) -> bool:
    return isinstance(result.get("acknowledgement"), str)


def _flaw(client: Client, kind: str, members: dict[str, Any], result: dict[str, Any]) -> DuecareError | None:
    """Why the acknowledgement in this result proves nothing; None if it is good, or if there is none."""
    if not _is_acknowledged(result):
        return None
    try:
        claims = client.verify_acknowledgement(
            result["acknowledgement"],
            statement_id=str(result.get("same_as") or result["statement_id"]),
            kind=kind,
            recipient=members.get("recipient"),
        )
    except (BadReceipt, CannotDecide) as flaw:
        return flaw
    same = claims["effect"] == result.get("effect")
    return None if same else BadReceipt("the acknowledgement names another effect than the answer")


@app.command()
def upload(  # noqa: PLR0913, PLR0917
    context: typer.Context,
    kind: Annotated[Literal["debt", "consent"], typer.Argument(metavar="debt|consent", help="What the rows state.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV or JSON lines, plain or compressed with gzip.")],
    snapshot: Annotated[
        bool, typer.Option("--snapshot", help="The file holds all open debts: withdraw those that are not in it.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="RFC 3339: the as_of of rows that have none of their own.")
    ] = None,
    confirm_withdrawals: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Confirm that N debts are to be withdrawn (N as reported by the previous run)."
        ),
    ] = None,
    charset: Annotated[Literal["utf-8", "gb18030"], typer.Option(help="For GBK and GB2312 give gb18030.")] = "utf-8",
    party: Party = None,
    subject_secret: SubjectSecret = None,
) -> None:
    """State a whole portfolio: check the file, sign its digest, send it, and follow the import.

    A column `identity` becomes `subject` with your own secret, and is never sent.

    After an interruption, run the same command again: it resumes from FILE.duecare. Exit code 1 if a row is rejected,
    the service refuses the file, or withdrawals have to be confirmed; 2 if the file is refused on this machine, before
    anything is sent.
    """
    request = UploadRequest(kind, file, charset, as_of, snapshot, confirm_withdrawals, subject_secret)
    cli = cli_context(context)
    with cli.client(party, ["creditor"], subject_secret) as client:
        run = UploadRun(client, request, meter=ProgressMeter(), note=output.note, clock=cli.clock, sleep=cli.sleep)
        try:
            result, rejects = run.run(), run.first_rejects()
        except KeyboardInterrupt:
            output.note(f"Interrupted. {INTERRUPTED[run.stage]}")
            output.note(f"  {request.command(cli.profile, party)}")
            raise typer.Exit(INTERRUPTED_EXIT) from None
        except CannotDecide:
            output.note("To resume later, run the same command:")
            output.note(f"  {request.command(cli.profile, party)}")
            raise
        except FileRefused as refusal:
            _print_refused_here(cli, refusal)
            raise typer.Exit(BAD_USAGE) from None
        speaker = client.party
    if cli.json:
        output.as_json({**result, "rejects": rejects, "party": speaker})
    else:
        output.upload(result, rejects)
    if to_confirm := result.get("withdrawals_to_confirm"):
        say = output.note if cli.json else output.line
        say(f"  {to_confirm} of your open debts are not in this file. None was withdrawn. If they should be, run:")
        say(f"    {request._replace(confirm_withdrawals=to_confirm).command(cli.profile, party)}")
    if not counts_add_up(result):
        output.note("The counts do not add up to the rows, so some rows are unaccounted for. Ask the operator.")
        raise typer.Exit(UNDECIDED)
    raise typer.Exit(ALLOWED if is_complete(result) else DENIED)


def _print_refused_here(cli: CliContext, refusal: FileRefused) -> None:
    if cli.json:
        output.as_json({"problem": as_problem(refusal)})
    output.error(refusal)
    if refusal.name == "wrong-charset":
        output.note("  Give its charset with --charset gb18030 or --charset utf-8.")
    output.note("Nothing was sent.")


@app.command(context_settings=DASH_IS_TEXT)
def decision(context: typer.Context, decision_id: DecisionId, party: Party = None) -> None:
    """Show a decision as it was recorded: for its gateway, its creditor, or an auditor.

    Exit code 0 if it is shown, whatever was decided; 1 if there is no such decision of yours, or its receipt does not
    verify; 3 if there is no answer, or the receipt cannot be checked now.
    """
    cli = cli_context(context)
    with cli.client(party, ["gateway", "creditor", "auditor"]) as client:
        recorded = client.decision(decision_id)
        answer = recorded.get("answer")
        if cli.json or not isinstance(answer, dict):
            output.as_json(recorded)
            return
        flaw: DuecareError | None = None
        try:
            client.check_recorded(decision_id, answer)
        except (BadReceipt, CannotDecide) as failure:
            flaw = failure
    output.decision(answer, None if flaw is None else str(flaw))
    if isinstance(position := recorded.get("log"), dict):
        output.log_position(position)
    if flaw is not None:
        raise typer.Exit(DENIED if isinstance(flaw, BadReceipt) else UNDECIDED)


app.command("reconcile")(reconcile)


@app.command()
def whoami(context: typer.Context, party: Party = None) -> None:
    """Ask the service as whom it sees you: party, roles, key and state, and whether the clocks agree.

    Exit code 1 if it refuses the token; the error says what to check.
    """
    cli = cli_context(context)
    with cli.client(party, ["gateway", "creditor", "collector", "carrier", "auditor", "reviewer"]) as client:
        seen = client.whoami()
    if cli.json:
        output.as_json(seen)
    else:
        output.record(seen)
        output.clocks(str(seen.get("server_time")), cli.now())


def main() -> None:
    app(prog_name="duecare")
