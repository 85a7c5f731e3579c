"""Checks that a START in a case file answers a message that was allowed: only such a START re-opens anything."""

from __future__ import annotations

from duecare_core.domain.facts.statement import ReplyStatement
from duecare_core.domain.fields import E164
from duecare_core.errors import BadEvidence
from duecare_core.evidence.canonical import digest
from duecare_core.evidence.casefile.inputs import AnsweredAllow
from duecare_core.evidence.record import Record, encode, recipient_digest


def verify_answer(start: ReplyStatement, answered: AnsweredAllow, allow: Record, number: E164, creditor: str) -> None:
    """Raises BadEvidence unless `allow` is the enforced allow of that gateway's message to this number for this
    creditor, made by the time of the START."""
    expected = (answered.decision_id, answered.record_sha256, answered.at)
    if (allow.decision_id, digest(encode(allow)), allow.at) != expected:
        raise BadEvidence("the allow is not the one that the START answers")
    if allow.decision != "allow" or not allow.enforced or allow.provisional:
        raise BadEvidence("the START answers a message that was not allowed")
    if (allow.gateway, allow.message_id) != (start.iss, start.message_id):
        raise BadEvidence("the START answers another message than the one that it names")
    if allow.creditor != creditor:
        raise BadEvidence("the START answers a message of another creditor, whose stop alone it lifts")
    if recipient_digest(bytes.fromhex(allow.salt), number) != allow.recipient_digest:
        raise BadEvidence("the START answers a message to another number")
    if allow.at > start.received_at:
        raise BadEvidence("the START is older than the allow that it answers")
