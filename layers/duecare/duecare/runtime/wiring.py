"""The composition root: use cases on their real adapters, built from the settings when first needed, then kept.

Imports stand inside the functions that need them where they are heavy: each Lambda function loads only what it uses.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from duecare.adapters import secrets_manager as secrets
from duecare.adapters.backoff import backoff
from duecare.adapters.dynamodb.decision_store import DynamoDBDecisionStore
from duecare.adapters.lean_client import Wire
from duecare.runtime import rulebook, telemetry
from duecare.runtime.settings import Settings, from_environment
from duecare.usecases.log.published_log import verifier_key
from duecare.usecases.verify.receipt_keys import put_on_file
from duecare.usecases.verify.verify import DecisionKeys, Verify
from duecare_core.errors import CannotDecide, StoreFailed
from duecare_core.evidence.receipt import ReceiptKey

if TYPE_CHECKING:
    from duecare.adapters.dynamodb.bulk import DynamoDBBulkStore
    from duecare.adapters.dynamodb.documents import DynamoDBDocuments
    from duecare.adapters.s3.archive import S3Archive
    from duecare.adapters.s3.files import S3Files, SqsQueue
    from duecare.adapters.s3.log_files import S3LogFiles
    from duecare.usecases.access.authorize import Authorize
    from duecare.usecases.audit.case_file import CaseFiles
    from duecare.usecases.audit.look_up import LookUp
    from duecare.usecases.audit.reconcile import Reconcile
    from duecare.usecases.imports.announce import Uploads
    from duecare.usecases.imports.close import CloseImport
    from duecare.usecases.imports.import_part import ImportPart
    from duecare.usecases.imports.ingest import Ingest
    from duecare.usecases.imports.upload_state import ImportDeps
    from duecare.usecases.log.sequencer import Sequencer
    from duecare.usecases.operator.erase import Erase
    from duecare.usecases.operator.parties import PartyAdmin
    from duecare.usecases.statements.accept import AcceptStatements
    from duecare_core.evidence.pseudonyms import Pseudonyms

# How long a rotated receipt key may still sign: the JWKS keeps the old one, so both verify. The JWKS itself is never
# older than the second figure, so that whoever meets a receipt of the new key finds that key.
SIGNING_SECONDS = 300.0
PUBLISHING_SECONDS = 5.0


@cache
def settings() -> Settings:
    return from_environment()


def clock() -> datetime:
    return datetime.now(UTC)


class Deciding(NamedTuple):
    """What the decision path holds between invocations."""

    verify: Verify
    gate: DynamoDBDecisionStore
    receipt_key: ReceiptKey
    since: float


_deciding: Deciding | None = None


def deciding(max_age: float = SIGNING_SECONDS) -> Deciding:
    """Raises CannotDecide where there never was a key. A key that cannot be refreshed goes on signing.

    `max_age`: how many seconds ago the secrets may have been read.
    """
    global _deciding  # noqa: PLW0603  one value a process, as Lambda keeps it
    if _deciding is None:
        _deciding = _build(_gate())
    elif time.monotonic() - _deciding.since > max_age:
        try:
            _deciding = _build(_deciding.gate)
        except CannotDecide as error:
            telemetry.failed(error)
            _deciding = _deciding._replace(since=time.monotonic())
    return _deciding


def _build(gate: DynamoDBDecisionStore) -> Deciding:
    here = settings()
    wanted = [here.pepper_secret, here.receipt_key_secret, here.inputs_secret]
    pepper, receipt, inputs = secrets.fetch(_secrets(), wanted)
    keys = DecisionKeys(secrets.pseudonyms(pepper), secrets.receipt_key(receipt), secrets.inputs_key(inputs))
    verify = Verify(
        decisions=gate,
        keys=keys,
        rules=rulebook.rules(),
        issuer=here.issuer,
        clock=clock,
        entropy=os.urandom,
        backoff=backoff,
    )
    # Whoever checks evidence later finds the key there, and in the log: before it signs anything.
    put_on_file(gate, keys.receipt, clock())
    return Deciding(verify, gate, keys.receipt, time.monotonic())


_log_key: str | None = None


def log_key() -> str | None:
    """The log's verifier key, which never changes; None before anything was logged, or where the table does not answer:
    whoever asks who this is, is told the rest all the same."""
    global _log_key  # noqa: PLW0603  one value a process, as Lambda keeps it
    if _log_key is None:
        try:
            _log_key = verifier_key(_gate())
        except StoreFailed as error:
            telemetry.failed(error)
    return _log_key


def _gate() -> DynamoDBDecisionStore:
    return DynamoDBDecisionStore(_wire("dynamodb", "DynamoDB_20120810", "1.0"), settings().table)


@cache
def authorize() -> Authorize:
    from duecare.usecases.access.authorize import Authorize  # noqa: PLC0415

    return Authorize(_gate(), settings().issuer, clock)


@cache
def look_up() -> LookUp:
    from duecare.usecases.audit.look_up import LookUp  # noqa: PLC0415

    return LookUp(_gate(), _archive, clock)


@cache
def case_files() -> CaseFiles:
    from duecare.adapters.kms import KmsOpener  # noqa: PLC0415
    from duecare.adapters.witnesses import configured  # noqa: PLC0415
    from duecare.usecases.audit.case_file import CaseFileDeps, CaseFiles  # noqa: PLC0415

    here = settings()
    (inputs,) = secrets.fetch(_secrets(), [here.inputs_secret])
    means = CaseFileDeps(
        documents=_documents(),
        archive=_archive(),
        log=log_files(),
        opener=KmsOpener(here.statement_key),
        inputs_key=secrets.inputs_key(inputs),
        witnesses=tuple(one.verifier_key for one in configured(here.witnesses)),
    )
    return CaseFiles(means, rulebook.rules(), here.issuer)


@cache
def sequencer() -> Sequencer:
    from duecare.adapters.dynamodb.log_index import DynamoDBLogIndex  # noqa: PLC0415
    from duecare.adapters.dynamodb.stream import DynamoDBStream  # noqa: PLC0415
    from duecare.adapters.witnesses import Witnesses, configured  # noqa: PLC0415
    from duecare.usecases.log.sequencer import Sequencer, SequencerDeps  # noqa: PLC0415
    from duecare_core.domain.rules.retention import retention  # noqa: PLC0415

    here, rules, files = settings(), rulebook.rules(), log_files()
    (seed,) = secrets.fetch(_secrets(), [here.log_secret])
    # Nobody waits for the log, and what it reads and writes at once is much.
    table = _wire("dynamodb", "DynamoDB_20120810", "1.0", timeout=10.0, deadline=30.0)
    stream = _wire("dynamodb", "DynamoDBStreams_20120810", "1.0", here.streams_endpoint(), timeout=10.0, deadline=30.0)
    world = SequencerDeps(
        stream=DynamoDBStream(stream, here.stream),
        documents=_documents(),
        files=files,
        archive=_archive(),
        marks=DynamoDBLogIndex(table, here.table, backoff),
        clock=clock,
        entropy=os.urandom,
        cosign=Witnesses(files, configured(here.witnesses), lambda name: telemetry.count("NotCosigned", witness=name)),
    )
    return Sequencer(
        world,
        secrets.log_key(seed, here.log_origin),
        rules,
        retention=retention(rules.pack),
        stays=timedelta(days=here.table_days),
    )


@cache
def log_files() -> S3LogFiles:
    from duecare.adapters.s3.log_files import S3LogFiles  # noqa: PLC0415

    here = settings()
    return S3LogFiles(here.log_bucket, here.region, here.credentials, here.override("s3"))


@cache
def _archive() -> S3Archive:
    from duecare.adapters.s3.archive import S3Archive  # noqa: PLC0415

    here = settings()
    return S3Archive(here.archive_bucket, here.region, here.credentials, here.override("s3"))


@cache
def state() -> AcceptStatements:
    from duecare.adapters.kms import KmsSealer  # noqa: PLC0415
    from duecare.usecases.statements.accept import AcceptStatements  # noqa: PLC0415

    here = settings()
    return AcceptStatements(
        documents=_documents(),
        sealer=KmsSealer(here.statement_key),
        pseudonyms=_pseudonyms(),
        rules=rulebook.rules(),
        issuer=here.issuer,
        clock=clock,
    )


@cache
def uploads() -> Uploads:
    from duecare.adapters.kms import KmsSealer  # noqa: PLC0415
    from duecare.usecases.imports.announce import Uploads  # noqa: PLC0415

    here = settings()
    sealer = KmsSealer(here.statement_key)
    return Uploads(documents=_documents(), sealer=sealer, files=_files(), issuer=here.issuer, clock=clock)


@cache
def ingest() -> Ingest:
    from duecare.usecases.imports.ingest import Ingest  # noqa: PLC0415

    return Ingest(_means(), parts())


@cache
def parts() -> SqsQueue:
    from duecare.adapters.s3.files import SqsQueue  # noqa: PLC0415

    here = settings()
    return SqsQueue(here.queue, here.region, here.override("sqs"))


class Importing(NamedTuple):
    """What a worker does with a part: its rows, and the end of the import where it was the last."""

    rows: ImportPart
    close: CloseImport


@cache
def importing() -> Importing:
    from duecare.usecases.imports.close import CloseImport  # noqa: PLC0415
    from duecare.usecases.imports.import_part import ImportPart  # noqa: PLC0415

    means = _means()
    return Importing(ImportPart(means, rulebook.rules()), CloseImport(means))


def _means() -> ImportDeps:
    from duecare.usecases.imports.upload_state import ImportDeps  # noqa: PLC0415

    return ImportDeps(_documents(), _bulk(), _files(), _pseudonyms(), clock, os.urandom, backoff)


def _pseudonyms() -> Pseudonyms:
    (pepper,) = secrets.fetch(_secrets(), [settings().pepper_secret])
    return secrets.pseudonyms(pepper)


def _bulk() -> DynamoDBBulkStore:
    from duecare.adapters.dynamodb.bulk import DynamoDBBulkStore  # noqa: PLC0415

    # A transaction of a hundred takes longer than one of two, and no gateway waits for it.
    return DynamoDBBulkStore(
        _wire("dynamodb", "DynamoDB_20120810", "1.0", timeout=10.0, deadline=30.0), settings().table
    )


def _files() -> S3Files:
    from duecare.adapters.s3.files import S3Files  # noqa: PLC0415

    here = settings()
    return S3Files(here.bucket, here.region, here.override("s3"))


@cache
def reconcile() -> Reconcile:
    from duecare.adapters.dynamodb.ranges import DynamoDBRangeReader  # noqa: PLC0415
    from duecare.usecases.audit.reconcile import Reconcile  # noqa: PLC0415

    here = settings()
    # Pages of a megabyte, many of them, and no gateway waits with a message in its hand.
    wire = _wire("dynamodb", "DynamoDB_20120810", "1.0", timeout=3.0, deadline=6.0)
    return Reconcile(
        reader=_gate(),
        ranges=DynamoDBRangeReader(wire, here.table),
        receipt_key=_receipt_key,
        issuer=here.issuer,
        clock=clock,
    )


def _receipt_key() -> ReceiptKey:
    (value,) = secrets.fetch(_secrets(), [settings().receipt_key_secret])
    return secrets.receipt_key(value)


@cache
def operate() -> PartyAdmin:
    from duecare.usecases.operator.parties import PartyAdmin  # noqa: PLC0415

    return PartyAdmin(_documents(), clock)


@cache
def erase() -> Erase:
    from duecare.usecases.operator.erase import Erase, EraseDeps  # noqa: PLC0415
    from duecare_core.domain.rules.retention import shortest_retention  # noqa: PLC0415

    means = EraseDeps(_documents(), _archive(), _pseudonyms(), clock, os.urandom)
    return Erase(means, shortest_retention(rulebook.rules().pack))


def _documents() -> DynamoDBDocuments:
    from duecare.adapters.dynamodb.documents import DynamoDBDocuments  # noqa: PLC0415

    here = settings()
    return DynamoDBDocuments(here.table, here.region, here.override("dynamodb"))


@cache
def _secrets() -> Wire:
    return _wire("secretsmanager", "secretsmanager", "1.1")


def _wire(service: str, target: str, json_version: str, endpoint: str = "", **limits: float) -> Wire:
    here = settings()
    return Wire(
        service=service,
        target=target,
        json_version=json_version,
        region=here.region,
        endpoint=endpoint or here.endpoint(service),
        credentials=here.credentials,
        timeout=limits.get("timeout", 1.0),
        deadline=limits.get("deadline", 3.0),
    )
