"""Compares two case files about one recipient: do they contradict each other?

Both are answers of the service. A chain only grows, so two heads of one chain must agree on every place that both have,
and a decision that was made later read no fewer statements.
"""

from __future__ import annotations

from collections.abc import Iterator

from duecare_core.domain.facts.merge import EVERY
from duecare_core.domain.facts.statement import SKEW
from duecare_core.errors import BadEvidence
from duecare_core.evidence.casefile.bundle import CaseFile, Check
from duecare_core.evidence.casefile.chains import says_something
from duecare_core.evidence.log.note import open_checkpoint

CHAIN, LOG = "chain", "log"


def compare(one: CaseFile, other: CaseFile) -> tuple[Check, ...]:
    """A check for each thing that both files are about; one that failed is a contradiction. Both files passed all
    checks. Raises BadEvidence if they have no recipient in common."""
    if one.inputs.number != other.inputs.number:
        raise BadEvidence("the case files are about different telephone numbers, so they have no chain in common")
    earlier, later = sorted((one, other), key=lambda case: case.decision.record.at)
    common = [of for of in _read_by(earlier) if of in _read_by(later)]
    compared = [_compared_chain(of, earlier, later) for of in common]
    nothing = Check(CHAIN, True, "the two decisions read no chain in common, so nothing in them can contradict")
    return (*(compared or [nothing]), *_compared_logs(one, other))


def _read_by(case: CaseFile) -> tuple[str, ...]:
    """The chains that the decision must have read, also if they were empty."""
    record = case.decision.record
    return (record.creditor, EVERY) if says_something(record) else ()


def _compared_chain(of: str, earlier: CaseFile, later: CaseFile) -> Check:
    ids, later_ids = _ids(earlier, of), _ids(later, of)
    for seq, (found, other) in enumerate(zip(ids, later_ids, strict=False), 1):
        if found != other:
            return Check(
                CHAIN,
                False,
                f"CONTRADICTION: place {seq} of the chain of {of} is {found} for {_name(earlier)}, and {other} for "
                f"{_name(later)}",
            )
    apart = later.decision.record.at - earlier.decision.record.at
    if len(later_ids) < len(ids) and apart > SKEW:
        return Check(
            CHAIN,
            False,
            f"CONTRADICTION: {_name(later)} was made {apart.total_seconds():.0f} s later and read {len(later_ids)} "
            f"statements of the chain of {of}; {_name(earlier)} had read {len(ids)}",
        )
    return Check(CHAIN, True, f"the chain of {of} is the same up to place {min(len(ids), len(later_ids))}")


def _compared_logs(one: CaseFile, other: CaseFile) -> Iterator[Check]:
    """Two checkpoints of one log and one size have one root. Of other sizes only the log itself shows that one extends
    the other."""
    if one.log.verifier_key != other.log.verifier_key:
        yield Check(LOG, False, "the files are from logs with different keys")
        return
    first, second = (open_checkpoint(case.checkpoint, case.log.verifier_key) for case in (one, other))
    if first.size != second.size:
        yield Check(
            LOG, True, "the checkpoints are of different sizes, so only the log shows that one extends the other"
        )
    elif first.root == second.root:
        yield Check(LOG, True, "both files have the same checkpoint of the log")
    else:
        yield Check(LOG, False, f"CONTRADICTION: the log signed two histories of {first.size} entries")


def _ids(case: CaseFile, of: str) -> tuple[str, ...]:
    return next((tuple(link.statement_id for link in chain.links) for chain in case.chains if chain.of == of), ())


def _name(case: CaseFile) -> str:
    record = case.decision.record
    return f"decision {record.decision_id} (attempt {record.attempt})"
