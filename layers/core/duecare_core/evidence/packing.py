"""Compression of a record with its inputs: DEFLATE (RFC 1951) with a preset dictionary, beside the raw digests.

A record consists mostly of member names and of digests. Digests and salts do not compress, so they are taken out: each
run of 64 or 32 hexadecimal digits that begins a string, or follows a colon, becomes one byte in the text, and its 32 or
16 raw bytes follow the compressed text.
An allow with its inputs fits one write unit (1 KiB) for a text of usual length. The first byte names the form. A form
and its dictionary must never change, because what was packed with them must be readable as long as evidence is kept.
"""

from __future__ import annotations

import re
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
    b'"-11:00","America/Adak":"-10:00","America/Anchorage":"-09:00","America/Antigua":"-04:00","America/Chicago":"-06:00",'
    b'"America/Denver":"-07:00","America/Los_Angeles":"-08:00","America/St_Johns":"-03:30","America/Sao_Paulo":"-03:00",'
    b'"Asia/Tokyo":"+09:00","Asia/Kolkata":"+05:30","Asia/Jakarta":"+07:00","Asia/Jayapura":"+09:00","Asia/Makassar":"+08:00"'
    b'"Australia/Adelaide":"+10:30","Australia/Brisbane":"+10:00","Australia/Darwin":"+09:30","Australia/Eucla":"+08:45",'
    b'"Australia/Lord_Howe":"+11:00","Australia/Perth":"+08:00","Australia/Sydney":"+11:00","Europe/London":"+00:00",'
    b'"America/New_York":"-05:00"}}],'
    b'"parties":{"":1,"":2},"places":[{"zones":{"Asia/Shanghai":"+08:00"}}],"recipient":"+8613'
    b'","text":"\xe3\x80\x90\xe3\x80\x91\xe6\x82\xa8\xe7\x9b\xae\xe5\x89\x8d\xe6\xac\xa0\xe6\xac\xbe'
    b'\xe5\x85\x83\xef\xbc\x8c\xe8\xaf\xb7\xe8\xbf\x98\xe6\xac\xbe\xe3\x80\x82\xe9\x80\x80\xe8\xae\xa2\xe5\x9b\x9eT"}'
    b'{"at":"2026-12-01T09:00:00Z","attempt":1,"chains":[{"head":"sha256:'
    b'\x01","of":"*","seq":1},{"head":"sha256:'
    b'\x01","of":"","seq":1}],"channel":"sms","collector":"","creditor":"","debt_ref":"",'
    b'"decision":"deny","decision":"allow","decision_id":"","enforced":true,"engine":"duecare-core 0.1.0; phonenumbers '
    b'9.0.43; tzdata 2026.6","enforced":true,"gateway":"","inputs_sha256":"sha256:'
    b'\x01","message_id":"","provisional":false,"reasons":[],"recipient":"sha256:\x01","regions":["CN"],'
    b'"relied_on":["sha256:\x01","sha256:\x01"],"rules_sha256":"sha256:\x01","rules_version":"2026-11-25","salt":"'
    b'\x02","text_sha256":"sha256:\x01","valid_until":"2026-12-01T09:02:00Z"}'
)
_FORM = b"\x02"
# zlib's memory level, 1 to 9. Level 9 takes 0.25 ms longer to set up, for the same bytes.
_MEMORY = 6
_WINDOW = 13  # 8 KiB, the dictionary and a long record; `unpack` reads any
# The bytes in the text that stand for a raw value of this length. JSON has no control characters.
_LENGTHS = {b"\x01": 32, b"\x02": 16}
# The first character lets the search skip ahead: without it, this takes four times as long.
_RAW = re.compile(rb'[":][0-9a-f]{32}(?:[0-9a-f]{32})?')
_MARK = re.compile(rb"[\x01\x02]")


def pack(data: bytes) -> bytes:
    """The packed form of JSON. Raises BadEvidence if it has one of the bytes that replace raw values."""
    if any(mark in data for mark in _LENGTHS):
        raise BadEvidence("a record with control characters")
    raw: list[bytes] = []

    def taken_out(match: re.Match[bytes]) -> bytes:
        raw.append(bytes.fromhex(match[0][1:].decode()))
        return match[0][:1] + (b"\x01" if len(raw[-1]) == 32 else b"\x02")

    text = _RAW.sub(taken_out, data)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _COMMON)
    return _FORM + deflate.compress(text) + deflate.flush() + b"".join(raw)


def unpack(packed: bytes) -> bytes:
    """The bytes that were packed. Raises BadEvidence."""
    if packed[:1] != _FORM:
        raise BadEvidence("packed in an unknown form")
    inflate = zlib.decompressobj(-15, _COMMON)
    try:
        text = inflate.decompress(packed[1:], MAX_UNPACKED_BYTES)
    except zlib.error as error:
        raise BadEvidence("not packed as it should be") from error
    raw = inflate.unused_data
    if not inflate.eof or len(raw) != sum(_LENGTHS[mark] for mark in _MARK.findall(text)):
        raise BadEvidence("packed bytes that do not end where they should")
    at = 0

    def put_back(match: re.Match[bytes]) -> bytes:
        nonlocal at
        start, at = at, at + _LENGTHS[match[0]]
        return raw[start:at].hex().encode()

    return _MARK.sub(put_back, text)
