"""The operation of the sequencer that the operator asks for (docs/restore.md)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from duecare.runtime.services.sequence import SequenceService
from duecare.usecases.log.resume import ResumeReport


class _LogRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """One operation; `do` names it."""


class ResumePublishedLog(_LogRequest, frozen=True, kw_only=True, tag="log-resume"):
    """Move the head of a table that is older than its log up to the published log, by one range of entries. `size`:
    the entries of the published log, as the operator has read them."""

    size: Annotated[int, Meta(ge=0)]


def perform(request: Any, service: SequenceService) -> ResumeReport:
    """Raises RequestError and CannotDecide."""
    return service.resume_log(request.size)
