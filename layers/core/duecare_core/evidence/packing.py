"""Compression of stored records and inputs: DEFLATE (RFC 1951) with a preset dictionary.

A record consists mostly of member names; the rest are digests, which do not compress. An allow with its inputs fits one
write unit (1 KiB) for a text of usual length. The first byte names the dictionary. A dictionary must never change,
because what was packed with it must be readable as long as evidence is kept.
"""

from __future__ import annotations

import zlib

from duecare_core.errors import BadEvidence

MAX_UNPACKED_BYTES = 256 * 1024  # a record with 2,000 characters of text and every finding is far smaller
_COMMON = (
    b'"note":"method":"web"method":"sms","voice""method":"paper"content":"","time_zone":"Asia/Shanghai","Etc/GMT'
    b'"region":"US-"product":"credit_card"consumer_loan"microfinance"other"original_creditor":"collectors":["'
    b"HALTEDGATEWAY_SUSPENDEDCREDITOR_UNKNOWNCREDITOR_SUSPENDEDCOLLECTOR_UNKNOWNCOLLECTOR_SUSPENDEDMANDATE_EXPIRED"
    b"MANDATE_REVOKEDNUMBER_REASSIGNEDCONSENT_CHANNELDEBT_WITHDRAWNDEBT_COLLECTORSUBJECT_MISMATCHTEXT_DISCLOSURE"
    b'","TEXT_SENDER","TEXT_OPT_OUT"DEBT_SETTLED"DEBT_STALE"DEBT_DISPUTED"CONSENT_EXPIRED"CONSENT_REVOKED"OPTED_OUT"'
    b'"findings":[{"code":"TEXT_AMOUNT","end":,"rule":"amount.larger","start":},{"code":"TEXT_FORBIDDEN","rule":"'
    b'{"code":"FREQUENCY_CAP","rule":"cn-{"code":"QUIET_HOURS","rule":"cn-night"}],'
    b'"reasons":["MANDATE_MISSING","CONSENT_MISSING","DEBT_MISSING","TEXT_AMOUNT","TEXT_FORBIDDEN","QUIET_HOURS",'
    b'"retry_at":"2026-","regions":["US","DE","GB","US-CA"'
    b'"rows":[{"consent":{"consent":{"at":"202","content":"","expires_at":"202","method":"contract","statement":"sha256:'
    b'{"debt":{"newest":{"at":"2026-","content":"","currency":"CNY","USD"'
    b'"outstanding":"00.00","statement":"sha256:","status":"open","valid_until":"202"}},"of":"sms"},"same_subject":true'
    b'{"at":"2026-11-","counted":[{"at":179,"channel":"sms","debt":"","own":true},{"at":17"halted":true,'
    b'"parties":{"":1,"":2},"recipient":"+8613'
    b'","text":"\xe3\x80\x90\xe3\x80\x91\xe6\x82\xa8\xe7\x9b\xae\xe5\x89\x8d\xe6\xac\xa0\xe6\xac\xbe'
    b'\xe5\x85\x83\xef\xbc\x8c\xe8\xaf\xb7\xe8\xbf\x98\xe6\xac\xbe\xe3\x80\x82\xe9\x80\x80\xe8\xae\xa2\xe5\x9b\x9eT"}'
    b'{"at":"2026-12-01T09:00:00Z","attempt":1,"channel":"sms","collector":"","creditor":"","debt_ref":"",'
    b'"decision":"deny","decision":"allow","decision_id":"","enforced":true,"engine":"duecare-core 0.1.0; phonenumbers '
    b'9.0.43; tzdata 2026.6","enforced":true,"gateway":"","inputs_sha256":"sha256:'
    b'","message_id":"","provisional":false,"reasons":[],"recipient":"sha256:","regions":["CN"],'
    b'"relied_on":["sha256:","sha256:"],"rules_sha256":"sha256:","rules_version":"2026-11-25","salt":"'
    b'","text_sha256":"sha256:","valid_until":"2026-12-01T09:02:00Z"}'
)
_DICTIONARIES = {1: _COMMON}
_NEWEST = 1
# zlib's memory level, 1 to 9. Level 9 takes 0.25 ms longer to set up, for the same bytes.
_MEMORY = 6


def pack(data: bytes) -> bytes:
    """The packed form of a record or of inputs."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARIES[_NEWEST])
    return bytes([_NEWEST]) + deflate.compress(data) + deflate.flush()


def unpack(packed: bytes) -> bytes:
    """The bytes that were packed. Raises BadEvidence."""
    dictionary = _DICTIONARIES.get(packed[0]) if packed else None
    if dictionary is None:
        raise BadEvidence("packed with an unknown dictionary")
    inflate = zlib.decompressobj(-15, dictionary)
    try:
        data = inflate.decompress(packed[1:], MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise BadEvidence("not packed as it should be") from error
    if not inflate.eof or inflate.unused_data:
        raise BadEvidence("packed bytes that do not end where they should")
    return data
