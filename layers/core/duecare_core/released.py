"""The released versions of duecare-core, which alone make an answer that this release does not give.

A label of an engine is the service's own word, so a version that no release has excuses nothing. Each release adds its
version here, with its golden files (docs/decisions/0021).
"""

from __future__ import annotations

RELEASED = frozenset({"0.1.0"})
