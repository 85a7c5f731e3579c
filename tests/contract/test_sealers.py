"""The contract of Sealer and Opener, for the memory adapter and for AWS KMS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import aws_encryption_sdk
import botocore.session
import pytest
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from botocore.client import BaseClient
from cryptography.exceptions import InvalidSignature, InvalidTag

from duecare.adapters.kms import STATEMENT as PURPOSE
from duecare.adapters.kms import KmsOpener, KmsSealer
from duecare_core.errors import SealFailed
from tests.support import tables
from tests.support.memory import MemorySealer

STATEMENT = "eyJhbGciOiJFZERTQSJ9.余敏.signature".encode()


class Sealing(NamedTuple):
    """A sealer, and the function that opens."""

    sealer: Any
    open: Callable[[bytes], bytes]


@pytest.fixture
def key(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The ARN of a fresh KMS key."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", moto)
    return str(tables.client("kms", moto).create_key()["KeyMetadata"]["Arn"])


@pytest.fixture(params=["memory", "kms", "kms-opener"])
def sealing(request: pytest.FixtureRequest) -> Sealing:
    if request.param == "memory":
        sealer = MemorySealer()
        return Sealing(sealer, sealer.open)
    key = request.getfixturevalue("key")
    if request.param == "kms-opener":
        return Sealing(KmsSealer(key), KmsOpener(key).open)
    return Sealing(KmsSealer(key), lambda sealed: opened(key, sealed)[0])


def opened(key: str, sealed: bytes) -> tuple[bytes, dict[str, str]]:
    """Opened as an auditor would: with the library's own client, a fresh one."""
    provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(
        key_ids=[key], botocore_session=botocore.session.get_session()
    )
    data, header = aws_encryption_sdk.EncryptionSDKClient().decrypt(source=sealed, key_provider=provider)
    return bytes(data), dict(header.encryption_context)


@pytest.fixture
def kms_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations that boto clients call, as they happen."""
    calls: list[str] = []
    call = BaseClient._make_api_call

    def counted(self: Any, operation: str, parameters: Any) -> Any:
        calls.append(operation)
        return call(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    return calls


@pytest.mark.parametrize("data", [b"", b"\x00", STATEMENT, bytes(range(256)) * 64], ids=len)
def test_sealed_data_can_be_opened(sealing: Sealing, data: bytes) -> None:
    assert sealing.open(sealing.sealer.seal(data)) == data


def test_sealed_data_does_not_contain_the_plaintext(sealing: Sealing) -> None:
    assert STATEMENT[:20] not in sealing.sealer.seal(STATEMENT)


def test_sealing_twice_gives_different_ciphertexts(sealing: Sealing) -> None:
    assert sealing.sealer.seal(STATEMENT) != sealing.sealer.seal(STATEMENT)


@pytest.mark.parametrize("place", [0, -1, -20])
def test_changed_ciphertext_is_not_opened(sealing: Sealing, place: int) -> None:
    sealed = bytearray(sealing.sealer.seal(STATEMENT))
    sealed[place] ^= 1
    with pytest.raises((InvalidTag, InvalidSignature, AWSEncryptionSDKClientError, SealFailed)):
        sealing.open(bytes(sealed))


def test_the_encryption_context_names_the_purpose(key: str) -> None:
    _, context = opened(key, KmsSealer(key).seal(STATEMENT))
    assert context["purpose"] == PURPOSE


def test_another_encryption_context_is_rejected(key: str) -> None:
    """The encryption context is in the header in the clear, and bound to the data key: if it is changed, nothing
    opens."""
    sealed = KmsSealer(key).seal(STATEMENT)
    assert sealed.count(b"statement") == 1
    with pytest.raises(AWSEncryptionSDKClientError):
        opened(key, sealed.replace(b"statement", b"treatment"))


def test_another_key_opens_nothing(key: str, moto: str) -> None:
    other = tables.client("kms", moto).create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(AWSEncryptionSDKClientError):
        opened(other, KmsSealer(key).seal(STATEMENT))


def test_fifty_statements_take_one_data_key(key: str, kms_calls: list[str]) -> None:
    sealer = KmsSealer(key)
    sealed = [sealer.seal(STATEMENT + bytes([n])) for n in range(50)]
    assert kms_calls == ["GenerateDataKey"]
    assert opened(key, sealed[-1])[0] == STATEMENT + bytes([49])


def test_a_data_key_is_replaced_in_time(key: str, kms_calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duecare.adapters.kms.MAX_MESSAGES", 10)
    sealer = KmsSealer(key)
    for _ in range(25):
        sealer.seal(STATEMENT)
    assert kms_calls == ["GenerateDataKey"] * 3


def test_a_key_that_does_not_exist_fails_the_seal(key: str) -> None:
    with pytest.raises(SealFailed):
        KmsSealer(key[:-4] + "0000").seal(STATEMENT)


def test_a_kms_that_does_not_answer_fails_the_seal(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(SealFailed):
        KmsSealer(key).seal(STATEMENT)
