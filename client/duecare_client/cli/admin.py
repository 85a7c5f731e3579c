"""`duecare admin`: the operator's commands, with AWS credentials. duecare_client.operator does the work."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from duecare_client.cli import output
from duecare_client.cli.context import CliContext, cli_context
from duecare_client.errors import BadSettings
from duecare_client.keyfile import read_public
from duecare_client.settings import add_party, check_profile_key, read_profile

admin = typer.Typer(no_args_is_help=True, help="For the operator, with AWS credentials: parties, keys, halt, erase.")
party = typer.Typer(no_args_is_help=True, help="Register, suspend and show parties.")
key = typer.Typer(no_args_is_help=True, help="Add and revoke the keys of a party.")
receipt_key = typer.Typer(no_args_is_help=True, help="The key that signs receipts.")
admin.add_typer(party, name="party")
admin.add_typer(key, name="key")
admin.add_typer(receipt_key, name="receipt-key")


class Role(StrEnum):
    """The roles of a party. Typer accepts a list of an enumeration, but not a list of a Literal."""

    CREDITOR = "creditor"
    COLLECTOR = "collector"
    GATEWAY = "gateway"
    CARRIER = "carrier"
    AUDITOR = "auditor"
    REVIEWER = "reviewer"


Id = Annotated[str, typer.Argument(metavar="ID", help="The party's id, such as my-bank.")]
PublicKey = Annotated[
    Path,
    typer.Option(
        "--key", metavar="FILE", help="Its public JWK with the proof, as `keys new` or `keys show` printed it."
    ),
]
ProfileKey = Annotated[
    Path | None,
    typer.Option(
        "--profile-key",
        metavar="FILE",
        help="The matching private key, if it is on this machine: adds the party to the profile (--profile NAME), so "
        "that `--party ID` speaks for it. The key itself is not sent or copied.",
    ),
]
# A thumbprint is base64url, so it may begin with a dash without being an option.
DASH_IS_TEXT = {"ignore_unknown_options": True}


@party.command("add")
def party_add(  # noqa: PLR0913, PLR0917  one for each option
    context: typer.Context,
    party_id: Id,
    role: Annotated[list[Role], typer.Option(help="Repeat for several.")],
    name: Annotated[str, typer.Option(help="The name that people see.")],
    public_key: PublicKey,
    sender_name: Annotated[
        list[str] | None, typer.Option(help="A sender name (短信签名) of its texts; repeat for several.")
    ] = None,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="A gateway in shadow mode: decisions are recorded, none is enforced.")
    ] = False,
    templates_only: Annotated[
        bool, typer.Option("--templates-only", help="Its messages need an approved template.")
    ] = False,
    profile_key: ProfileKey = None,
) -> None:
    """Register a party with its first key.

    A gateway is not also creditor or collector, and a reviewer is none of the three. A key belongs to one party.
    """
    request = {
        "do": "party-add",
        "id": party_id,
        "roles": [str(one) for one in role],
        "name": name,
        "sender_names": sender_name or [],
        "key": read_public(public_key),
        "shadow": shadow,
        "templates_only": templates_only,
    }
    _operate_with_key(cli_context(context), request, profile_key)


@party.command("suspend")
def party_suspend(context: typer.Context, party_id: Id) -> None:
    """Suspend a party at once: no message from it or for it is allowed."""
    _operate(context, {"do": "party-suspend", "id": party_id})


@party.command("resume")
def party_resume(context: typer.Context, party_id: Id) -> None:
    """End a suspension."""
    _operate(context, {"do": "party-resume", "id": party_id})


@party.command("show")
def party_show(context: typer.Context, party_id: Id) -> None:
    """Show the registration of a party, and the voids of its statements with their progress."""
    cli = cli_context(context)
    shown = cli.operator().operate({"do": "party-show", "id": party_id})
    if cli.json:
        output.as_json(shown)
        return
    output.record({name: member for name, member in shown.items() if name != "voids"})
    for report in shown.get("voids") or ():
        output.void(report)


@party.command("restore")
def party_restore(
    context: typer.Context,
    party_id: Annotated[str, typer.Argument(metavar="ID", help="The party's id; * for the halt of everything.")],
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="As in the log's entry ID/VERSION.")],
) -> None:
    """Put a registration back that a restored table has lost, as `admin resume-log` does (docs/restore.md)."""
    cli = cli_context(context)
    shown = cli.operator().restore_party(party_id, version)
    if cli.json:
        output.as_json(shown)
    else:
        output.record(shown)


@key.command("add")
def key_add(context: typer.Context, party_id: Id, public_key: PublicKey, profile_key: ProfileKey = None) -> None:
    """Add a key to a party. Its other keys stay valid, so that it can change from one to the next."""
    request = {"do": "key-add", "id": party_id, "key": read_public(public_key)}
    _operate_with_key(cli_context(context), request, profile_key)


@key.command("revoke", context_settings=DASH_IS_TEXT)
def key_revoke(
    context: typer.Context,
    party_id: Id,
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key's thumbprint, as `admin party show` prints it.")],
) -> None:
    """Refuse a key from now on."""
    _operate(context, {"do": "key-revoke", "id": party_id, "kid": kid})


@admin.command("halt")
def halt(
    context: typer.Context,
    switch: Annotated[Literal["on", "off"], typer.Argument(metavar="on|off", help="on: no message is allowed.")],
    creditor: Annotated[str | None, typer.Option(metavar="ID", help="Only this creditor.")] = None,
    gateway: Annotated[str | None, typer.Option(metavar="ID", help="Only this gateway.")] = None,
) -> None:
    """Stop a creditor, a gateway or (with neither option) everything at once; `off` ends it."""
    if creditor is not None and gateway is not None:
        raise BadSettings("give --creditor or --gateway, not both; neither of them means everything")
    options = {"creditor": creditor, "gateway": gateway}
    only = {role: party_id for role, party_id in options.items() if party_id is not None}
    _operate(context, {"do": "halt", "on": switch == "on", **only})


@admin.command("void")
def void(
    context: typer.Context,
    party_id: Annotated[str, typer.Option("--party", metavar="ID", help="The party whose statements are void.")],
    since: Annotated[
        str, typer.Option(metavar="TIME", help="Those accepted since this time, such as 2026-11-01T00:00:00Z.")
    ],
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Only this kind, such as opt-out.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Lift the void with this party, time and kind.")] = False,
) -> None:
    """Void what a rogue party stated, and suspend the party. The log keeps every statement and records the void.

    The suspension counts at once. Then each state that the statements changed is made anew from those that remain,
    which takes a while; `admin party show ID` shows how far it has come. If the command is interrupted, give it again.
    """
    cli = cli_context(context)
    only = {"kind": kind} if kind is not None else {}
    request = {"do": "void-undo" if undo else "void", "party": party_id, "since": since, **only}
    shown = (lambda _: None) if cli.json else output.void_progress
    report = cli.operator().void(request, shown, cli.sleep)
    if cli.json:
        output.as_json(report)
    else:
        output.void(report)
        output.note(f"{party_id} stays suspended until: duecare admin party resume {party_id}")
        output.note("It may still state what protects a recipient, such as a stop. To end that too, revoke its keys:")
        output.note(f"  duecare admin key revoke {party_id} KID")


@admin.command("resume-log")
def resume_log(
    context: typer.Context,
    size: Annotated[int, typer.Option(metavar="N", min=0, help="The entries of the published log (`log check`).")],
    yes: Annotated[bool, typer.Option("--yes", help="Resume without confirmation.")] = False,
) -> None:
    """After the table was restored: go on with the published log. Part of the procedure in docs/restore.md.

    Prints the records that are in the log and that the restored table has lost. If it is interrupted, give it again.
    """
    if not yes:
        if not _is_interactive():
            raise BadSettings("there is no terminal to ask for confirmation: give --yes. Nothing was changed")
        typer.confirm("The head of the table will be moved to the published log. Resume?", abort=True, err=True)
    cli = cli_context(context)
    shown = (lambda _: None) if cli.json else output.resume_progress
    lost = cli.operator().resume_log(size, shown)
    if cli.json:
        output.as_json({"size": size, "lost": lost})
    else:
        output.lost_records(lost)


@admin.command("erase")
def erase(
    context: typer.Context,
    number: Annotated[
        str, typer.Argument(metavar="NUMBER|-", help="The recipient's number in E.164 form, or - for stdin.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Erase without confirmation.")] = False,
) -> None:
    """Erase what is stored about a recipient, in the table and in the archive. The log stays whole and records it.

    Decisions and statements under legal retention are kept, and the date is printed. What protects the recipient
    (stops, revocations, disputes) stays as keyed digests. Also says how long backups of the table hold what was erased,
    and refuses where other copies would outlast the erasure. Prompts for confirmation; use --yes in scripts.
    """
    recipient = sys.stdin.readline().strip() if number == "-" else number
    if not recipient:
        raise BadSettings("no number was given: expected one in E.164 form, like +8613812345678. Nothing was erased")
    if not yes:
        if not _is_interactive():
            raise BadSettings("there is no terminal to ask for confirmation: give --yes. Nothing was erased")
        typer.confirm("An erasure cannot be undone. Erase?", abort=True, err=True)
    cli = cli_context(context)
    result = cli.operator().operate({"do": "erase", "recipient": recipient})
    if cli.json:
        output.as_json(result)
    else:
        output.erased(result)


def _is_interactive() -> bool:
    return sys.stdin.isatty()


@receipt_key.command("rotate")
def receipt_key_rotate(context: typer.Context) -> None:
    """Sign receipts with a new key from now on. The old one stays published, so that old receipts still verify."""
    cli = cli_context(context)
    _print(cli, cli.operator().rotate_receipt_key(datetime.fromtimestamp(cli.clock(), UTC)))
    output.note("Functions that are already running use the new key within minutes.")


def _operate(context: typer.Context, request: dict[str, Any]) -> None:
    cli = cli_context(context)
    _print(cli, cli.operator().operate(request))


def _operate_with_key(cli: CliContext, request: dict[str, Any], profile_key: Path | None) -> None:
    """Registers a key, then adds its party to the profile if `profile_key` is given. Checks everything before."""
    if profile_key is not None:
        read_profile(cli.profile_file())
        check_profile_key(profile_key, request["key"]["kid"])
    result = cli.operator().operate(request)
    _print(cli, result)
    if profile_key is not None:
        add_party(cli.profile_file(), request["id"], request.get("roles", ()), profile_key)
        output.note(f"Added to the profile {cli.profile}. To speak for this party: --party {request['id']}")


def _print(cli: CliContext, result: dict[str, Any]) -> None:
    if cli.json:
        output.as_json(result)
    else:
        output.record(result)
