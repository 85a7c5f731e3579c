"""`Sealer` and `Opener` with AWS KMS: envelope encryption of statements, with cached data keys (AWS Encryption SDK).

The library can cache with master key providers, not with keyrings (docs/decisions/0005). The encryption context is the
same for all data of one purpose, because the cache is keyed by it; a function may be allowed to open one purpose only.
A ciphertext cannot be swapped for that of another item: the statement's id is the digest of the plaintext, and a wrong
seed or key fails at its first use.
"""

from __future__ import annotations

import aws_encryption_sdk
import botocore.session
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from aws_encryption_sdk.identifiers import CommitmentPolicy
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidSignature, InvalidTag

from duecare_core.errors import SealFailed

STATEMENT, ROWS_SEED, ROWS_KEY = "statement", "rows-seed", "rows-key"  # purposes
MAX_AGE_SECONDS = 300.0
MAX_MESSAGES = 10_000


class _Kms:
    """The library's client, and its cache of data keys."""

    def __init__(self, key_arn: str, purpose: str = STATEMENT) -> None:
        self._context = {"purpose": purpose}
        self._client = aws_encryption_sdk.EncryptionSDKClient(
            commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
        )
        session = botocore.session.get_session()
        # botocore's default is a minute, longer than the caller and the function wait.
        session.set_default_client_config(Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2}))
        provider = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[key_arn], botocore_session=session)
        self._materials = aws_encryption_sdk.CachingCryptoMaterialsManager(
            master_key_provider=provider,
            cache=aws_encryption_sdk.LocalCryptoMaterialsCache(capacity=10),
            max_age=MAX_AGE_SECONDS,
            max_messages_encrypted=MAX_MESSAGES,
        )


class KmsSealer(_Kms):
    """Needs `kms:GenerateDataKey` on the key and nothing else, so a function that seals cannot open."""

    def seal(self, data: bytes) -> bytes:
        try:
            sealed, _header = self._client.encrypt(
                source=data, materials_manager=self._materials, encryption_context=self._context
            )
        except (AWSEncryptionSDKClientError, BotoCoreError, ClientError) as error:
            raise SealFailed(type(error).__name__) from error
        return bytes(sealed)


class KmsOpener(_Kms):
    """Needs `kms:Decrypt` on the key."""

    def open(self, sealed: bytes) -> bytes:
        try:
            data, header = self._client.decrypt(source=sealed, materials_manager=self._materials)
        except (AWSEncryptionSDKClientError, BotoCoreError, ClientError, InvalidTag, InvalidSignature) as error:
            raise SealFailed(type(error).__name__) from error
        if any(header.encryption_context.get(name) != value for name, value in self._context.items()):
            raise SealFailed("the ciphertext has another purpose")
        return bytes(data)
