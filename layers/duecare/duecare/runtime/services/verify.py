"""The Service of verify, and the refresh of its keys."""

from __future__ import annotations

from typing import NamedTuple

from duecare.adapters import secrets_manager as secrets
from duecare.runtime import telemetry
from duecare.runtime.service import Service
from duecare.runtime.settings import VerifySettings
from duecare.usecases.log.published_log import verifier_key
from duecare.usecases.verify.published_keys import published_keys
from duecare.usecases.verify.receipt_keys import put_on_file
from duecare.usecases.verify.verify import DecisionKeys, Verify
from duecare_core.errors import CannotDecide, StoreFailed
from duecare_core.evidence.acknowledgement import AcknowledgementKeyRecord
from duecare_core.evidence.receipt import ReceiptKey

# A rotated receipt key may sign for this long after the rotation: the JWKS keeps the old key, so both verify.
SIGNING_SECONDS = 300.0
# The published JWKS is never older than this, so that a receipt of a new key finds that key there.
PUBLISHING_SECONDS = 5.0


class Decider(NamedTuple):
    """The use case with the keys that it holds. `since`: when the keys were read, on the monotonic clock."""

    verify: Verify
    receipt_key: ReceiptKey
    since: float


class VerifyService(Service[VerifySettings]):
    settings_type = VerifySettings
    _decider: Decider | None = None
    _log_key: str | None = None
    _acknowledgement_keys: tuple[list[AcknowledgementKeyRecord], float] | None = None

    def decider(self, max_age: float = SIGNING_SECONDS) -> Decider:
        """The use case with keys that were read at most `max_age` seconds ago. If they cannot be read again, the keys
        that are held go on signing.

        Raises CannotDecide if no keys have been read yet.
        """
        held = self._decider
        if held is not None and self.monotonic() - held.since <= max_age:
            return held
        try:
            self._decider = self._build()
        except CannotDecide as error:
            if held is None:
                raise
            telemetry.failed(error)
            self._decider = held._replace(since=self.monotonic())
        return self._decider

    def log_key(self) -> str | None:
        """The log's verifier key, which never changes. None if the log is empty or the table is unavailable: discovery
        still answers with everything else."""
        if self._log_key is None:
            try:
                self._log_key = verifier_key(self.decision_store)
            except StoreFailed as error:
                telemetry.failed(error)
        return self._log_key

    def acknowledgement_keys(self) -> list[AcknowledgementKeyRecord]:
        """The public acknowledgement keys, read at most PUBLISHING_SECONDS ago. verify holds no private one. Raises
        StoreFailed."""
        held = self._acknowledgement_keys
        if held is None or self.monotonic() - held[1] > PUBLISHING_SECONDS:
            held = self._acknowledgement_keys = (published_keys(self.decision_store), self.monotonic())
        return held[0]

    def _build(self) -> Decider:
        here = self.settings
        pepper, receipt, inputs = self.read_secrets([here.pepper_secret, here.receipt_key_secret, here.inputs_secret])
        keys = DecisionKeys(secrets.pseudonyms(pepper), secrets.receipt_key(receipt), secrets.inputs_key(inputs))
        verify = Verify(
            decisions=self.decision_store,
            keys=keys,
            rules=self.rules,
            issuer=here.issuer,
            clock=self.clock,
            entropy=self.entropy,
            backoff=self.backoff,
        )
        # Key and engine are stored, and so logged, before they are used: whoever checks evidence later finds both.
        put_on_file(self.decision_store, keys.receipt, self.clock())
        return Decider(verify, keys.receipt, self.monotonic())
