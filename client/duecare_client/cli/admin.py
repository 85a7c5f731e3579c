"""`duecare admin`: what the operator does with AWS credentials. The work is in duecare_client.operator."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from duecare_client.cli import output as show
from duecare_client.cli.context import world
from duecare_client.errors import BadSettings
from duecare_client.keyfile import read_public

admin = typer.Typer(no_args_is_help=True, help="The operator's own, with AWS credentials: parties, keys, halt, erase.")
party = typer.Typer(no_args_is_help=True, help="Who may take part.")
key = typer.Typer(no_args_is_help=True, help="The keys of a party.")
receipt_key = typer.Typer(no_args_is_help=True, help="The key that signs receipts.")
admin.add_typer(party, name="party")
admin.add_typer(key, name="key")
admin.add_typer(receipt_key, name="receipt-key")


class Role(StrEnum):
    """What a party may be; typer takes a list of an enumeration, and not of a Literal."""

    CREDITOR = "creditor"
    COLLECTOR = "collector"
    GATEWAY = "gateway"
    CARRIER = "carrier"
    AUDITOR = "auditor"


Id = Annotated[str, typer.Argument(metavar="ID", help="The party's id.")]
PublicKey = Annotated[Path, typer.Option("--key", metavar="FILE", help="Its public JWK, as `keys new` printed it.")]
# A thumbprint is base64url and may begin with a dash, which is then no option.
DASH_IS_TEXT = {"ignore_unknown_options": True}


@party.command("add")
def party_add(
    context: typer.Context,
    party_id: Id,
    role: Annotated[list[Role], typer.Option(help="Repeat for several.")],
    name: Annotated[str, typer.Option(help="How it is shown to people.")],
    public_key: PublicKey,
    sender_name: Annotated[list[str] | None, typer.Option(help="短信签名, in its texts; repeat for several.")] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help="A gateway that only tries: nothing is enforced.")] = False,
) -> None:
    """Register a party with its first key."""
    request = {
        "do": "party-add",
        "id": party_id,
        "roles": [str(one) for one in role],
        "name": name,
        "sender_names": sender_name or [],
        "key": read_public(public_key),
        "shadow": shadow,
    }
    _operate(context, request)


@party.command("suspend")
def party_suspend(context: typer.Context, party_id: Id) -> None:
    """Suspend a party at once: nothing more is allowed from it or for it."""
    _operate(context, {"do": "party-suspend", "id": party_id})


@party.command("resume")
def party_resume(context: typer.Context, party_id: Id) -> None:
    """End a suspension."""
    _operate(context, {"do": "party-resume", "id": party_id})


@party.command("show")
def party_show(context: typer.Context, party_id: Id) -> None:
    """What is registered of a party."""
    _operate(context, {"do": "party-show", "id": party_id})


@key.command("add")
def key_add(context: typer.Context, party_id: Id, public_key: PublicKey) -> None:
    """Add a key; the earlier ones stay good, so that a party can change over."""
    _operate(context, {"do": "key-add", "id": party_id, "key": read_public(public_key)})


@key.command("revoke", context_settings=DASH_IS_TEXT)
def key_revoke(
    context: typer.Context, party_id: Id, kid: Annotated[str, typer.Argument(metavar="KID", help="Its thumbprint.")]
) -> None:
    """Refuse a key from now on."""
    _operate(context, {"do": "key-revoke", "id": party_id, "kid": kid})


@admin.command("halt")
def halt(
    context: typer.Context,
    switch: Annotated[Literal["on", "off"], typer.Argument(metavar="on|off", help="on: nothing is allowed any more.")],
    creditor: Annotated[str | None, typer.Option(metavar="ID", help="Only this creditor.")] = None,
    gateway: Annotated[str | None, typer.Option(metavar="ID", help="Only this gateway.")] = None,
) -> None:
    """Stop a creditor, a gateway, or (with neither) everything, at once; `off` lets it go on."""
    if creditor is not None and gateway is not None:
        raise BadSettings("give --creditor or --gateway, not both; neither of them means everything")
    named = {"creditor": creditor, "gateway": gateway}
    only = {role: party_id for role, party_id in named.items() if party_id is not None}
    _operate(context, {"do": "halt", "on": switch == "on", **only})


@admin.command("erase")
def erase(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER|-", help="The recipient's, in E.164 form; - for stdin.")],
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
) -> None:
    """Erase what the archive holds of a recipient, as far as the law lets it go. The log stays whole, and says so.

    What the law still wants is kept, and until when is said. It asks first; --yes where nobody can be asked.
    """
    recipient = sys.stdin.readline().strip() if number == "-" else number
    if not recipient:
        raise BadSettings("there is no number: give one in E.164 form, like +8613812345678. Nothing was erased")
    if not yes:
        if not _somebody_is_there():
            raise BadSettings("nobody can be asked here whether to erase: give --yes. Nothing was erased")
        typer.confirm("What is erased cannot be brought back. Erase?", abort=True, err=True)
    result = world(context).operator().operate({"do": "erase", "recipient": recipient})
    if world(context).json:
        show.as_json(result)
    else:
        show.erased(result)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


@receipt_key.command("rotate")
def receipt_key_rotate(context: typer.Context) -> None:
    """Sign receipts with a new key from now on. The old one stays published, so that old receipts still verify."""
    _print(context, world(context).operator().rotate_receipt_key(datetime.fromtimestamp(world(context).clock(), UTC)))
    show.note("Functions that are already running take the new key up within minutes.")


def _operate(context: typer.Context, request: dict[str, Any]) -> None:
    _print(context, world(context).operator().operate(request))


def _print(context: typer.Context, result: dict[str, Any]) -> None:
    if world(context).json:
        show.as_json(result)
    else:
        show.record(result)
