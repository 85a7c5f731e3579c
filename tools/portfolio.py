"""A realistic portfolio, good rows and bad ones, the same for the same seed:

    python -m tools.portfolio --rows 1000 --seed 7 --bad 0.01 --kind debt --format csv --out portfolio.csv

The file `<out>.expected.json` says how many rows there are, how many are good, and of every bad row its number and
the column and code of its reject, as `duecare_core.domain.portfolio` must say them. Nothing
grows with the file but that list.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import NamedTuple, TypedDict

from tools.bad_rows import Members, faults_of

# Prefixes of mobile numbers in China, and area codes of the United States. What follows them is made up.
_MOBILE = (
    "130 131 132 133 134 135 136 137 138 139 150 151 152 153 155 156 157 158 159 176 177 180 181 182 183 185 186 187 "
    "188 189 198 199"
)
_CHINA = [f"+86{prefix}" for prefix in _MOBILE.split()]
_STATES = {
    "US-NY": "212 347 516 585 646 718 917",
    "US-CA": "213 310 415 510 619 650 818 916",
    "US-TX": "210 214 281 512 713 817 972",
    "US-FL": "305 407 561 727 813 904",
    "US-IL": "217 312 618 708 773 847",
    "US-GA": "404 470 678 706 770 912",
}
_AREAS = [(region, f"+1{area}") for region, areas in _STATES.items() for area in areas.split()]
_PROVINCES = [f"CN-{code}" for code in ("GD", "JS", "SD", "ZJ", "HA", "SC", "HB", "HN", "FJ", "BJ", "SH", "LN")]
_CHINESE = ["招商银行股份有限公司", "平安普惠融资担保有限公司", "中信银行信用卡中心", "重庆度小满小额贷款有限公司", ""]
_AMERICAN = ["Lakeside Federal Credit Union", "First Prairie Bank, N.A.", "Cumberland Consumer Finance", ""]
_COLLECTORS = ["keji", "keji", "keji;lvshi", "cuishou-hd", ""]
_PRODUCTS = ["credit_card", "credit_card", "consumer_loan", "consumer_loan", "microfinance", "other", ""]
_METHODS = ["contract", "contract", "web", "sms", "voice", "paper"]
_CHANNELS = ["sms", "sms", "sms;voice", "sms;voice;im"]

DEBT = (
    "recipient,debt_ref,currency,outstanding,as_of,valid_until,status,"
    "collectors,original_creditor,region,product,subject"
)
CONSENT = "recipient,channels,granted_at,expires_at,method,notice,subject,time_zone"


class Plan(NamedTuple):
    """What to write."""

    rows: int
    seed: int
    bad: float
    kind: str
    format: str
    charset: str
    as_of: datetime


class FaultyRow(TypedDict):
    """What must be said of a row (1-based): the column of its reject ("" for the whole row) and the code."""

    row: int
    column: str
    code: str


class Expected(TypedDict):
    """What must be said of a file."""

    rows: int
    good: int
    bad: list[FaultyRow]


def write(plan: Plan, out: Path, *, packed: bool = False) -> Expected:
    """Write the portfolio and what is expected of it. Returns the latter."""
    bad: list[FaultyRow] = []
    with out.open("wb") as file:
        if packed:  # without a name and a time in it, so that the same seed gives the same bytes
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as pack:
                pack.writelines(_lines(plan, bad))
        else:
            file.writelines(_lines(plan, bad))
    expected = Expected(rows=plan.rows, good=plan.rows - len(bad), bad=bad)
    out.with_name(out.name + ".expected.json").write_text(json.dumps(expected, indent=0) + "\n")
    return expected


def _lines(plan: Plan, bad: list[FaultyRow]) -> Iterator[bytes]:
    """The lines of the file, as bytes; what is expected of the bad ones is added to `bad`."""
    random = Random(plan.seed)  # noqa: S311
    members_of = _debts(plan, random) if plan.kind == "debt" else _consents(plan, random)
    faults = faults_of(plan.kind, plan.format, plan.as_of)
    written = _as_csv if plan.format == "csv" else _as_json
    if plan.format == "csv":
        yield (DEBT if plan.kind == "debt" else CONSENT).encode() + b"\r\n"
    for number, members in enumerate(members_of, 1):
        if random.random() >= plan.bad:
            yield written(members).encode(plan.charset)
            continue
        fault = faults[random.randrange(len(faults))]
        fault.spoil(members)
        yield fault.mangle(written(members).encode(plan.charset))
        bad.append(FaultyRow(row=number, column=fault.column, code=fault.code))


def _debts(plan: Plan, random: Random) -> Iterator[Members]:
    zone = plan.as_of.isoformat(timespec="seconds")
    lapses = (plan.as_of + timedelta(days=30)).isoformat(timespec="seconds")
    year = plan.as_of.year
    for number in range(1, plan.rows + 1):
        draw = random.random()
        recipient, region, american = _recipient(random, number)
        settled = draw < 0.06
        # Most debts are small and some are large: a log-normal amount, in cents.
        amount = 0 if settled else int(random.lognormvariate(8.2, 1.1) * 100) + 100
        creditors = _AMERICAN if american else _CHINESE
        yield {
            "recipient": recipient,
            "debt_ref": f"LOAN-{year - 1 - number % 4}-{number:07}",
            "currency": "USD" if american else "CNY",
            "outstanding": f"{amount // 100}.{amount % 100:02}",
            "as_of": zone,
            "valid_until": lapses if draw > 0.8 else "",
            "status": ("settled" if draw < 0.05 else "withdrawn") if settled else "open",
            "collectors": _COLLECTORS[number % len(_COLLECTORS)],
            "original_creditor": creditors[number % len(creditors)],
            "region": region,
            "product": _PRODUCTS[number % len(_PRODUCTS)],
            "subject": _digest(number) if draw > 0.5 else "",
        }


def _consents(plan: Plan, random: Random) -> Iterator[Members]:
    notices = [
        _digest(wording) for wording in ("同意通过短信接收还款提醒", "I agree to receive texts about my account")
    ]
    for number in range(1, plan.rows + 1):
        recipient, _region, american = _recipient(random, number)
        granted = plan.as_of - timedelta(minutes=random.randrange(1, 60 * 24 * 700))
        yield {
            "recipient": recipient,
            "channels": _CHANNELS[number % len(_CHANNELS)],
            "granted_at": granted.isoformat(timespec="seconds"),
            "expires_at": (granted + timedelta(days=1095)).isoformat(timespec="seconds") if number % 3 == 0 else "",
            "method": _METHODS[number % len(_METHODS)],
            "notice": notices[american],
            "subject": _digest(number) if number % 2 else "",
            "time_zone": "" if american else "Asia/Shanghai",
        }


def _recipient(random: Random, number: int) -> tuple[str, str, bool]:
    """A possible number (each of a portfolio is another one), where its owner lives, and whether that is in America."""
    draw = random.random()
    if draw < 0.2:
        region, area = _AREAS[int(draw * 5 * len(_AREAS))]
        line = number * 7_919 % 8_000_000 + 2_000_000  # the exchange starts with 2 to 9
        return f"{area}{line}", region, True
    line = number * 7_919 % 100_000_000
    return f"{_CHINA[int(draw * 1000) % len(_CHINA)]}{line:08}", _PROVINCES[number % len(_PROVINCES)], False


def _digest(of: object) -> str:
    return "sha256:" + sha256(str(of).encode()).hexdigest()


# How it is written

_LISTS = {"collectors", "channels"}
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _as_csv(members: Members) -> str:
    line = ",".join(members.values())
    if '"' in line or line.count(",") >= len(members):
        line = ",".join(_quoted(cell) if set(cell) & set(',"\r\n') else cell for cell in members.values())
    return line + "\r\n"


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'


def _as_json(members: Members) -> str:
    given = {name: value.split(";") if name in _LISTS else value for name, value in members.items() if value}
    return _JSON.encode(given) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.portfolio", description=(__doc__ or "").split(":")[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bad", type=float, default=0.0, metavar="SHARE", help="of bad rows, 0 to 1")
    parser.add_argument("--kind", choices=("debt", "consent"), default="debt")
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv")
    parser.add_argument("--gzip", action="store_true")
    parser.add_argument("--charset", choices=("utf-8", "gb18030"), default="utf-8")
    parser.add_argument("--as-of", type=_instant, default=None, metavar="TIME", help="RFC 3339; now if absent")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    as_of = given.as_of or datetime.now(UTC).replace(microsecond=0)
    plan = Plan(given.rows, given.seed, given.bad, given.kind, given.format, given.charset, as_of)
    expected = write(plan, given.out, packed=given.gzip)
    print(f"{given.out}: {expected['rows']} rows, {expected['good']} of them good", file=sys.stderr)
    return 0


def _instant(text: str) -> datetime:
    """An RFC 3339 time. Raises ValueError, which argparse shows, where it has no offset."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("a time with an offset is needed")
    return time


if __name__ == "__main__":
    raise SystemExit(main())
