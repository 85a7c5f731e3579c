"""An independent witness, implemented from c2sp.org/tlog-witness."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Tree = tuple[int, bytes]


class Witness:
    """Keeps the latest checkpoint of one log, and cosigns checkpoints that are consistent with it."""

    def __init__(self, name: str, seed: bytes, log_key: str) -> None:
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.origin, _, encoded = log_key.split("+", 2)
        self._log = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
        self.latest: Tree = (0, hashlib.sha256(b"").digest())
        self.lock = Lock()

    @property
    def verifier_key(self) -> str:
        public = b"\4" + self._key.public_key().public_bytes_raw()
        return f"{self.name}+{self._key_id().hex()}+{base64.b64encode(public).decode()}"

    def _key_id(self) -> bytes:
        public = self._key.public_key().public_bytes_raw()
        return hashlib.sha256(self.name.encode() + b"\n\4" + public).digest()[:4]

    def add_checkpoint(self, body: str, now: int) -> tuple[int, str]:  # noqa: PLR0911  one return a status
        """Status and body, as the specification has them."""
        head, _, note = body.partition("\n\n")
        old_line, *proof_lines = head.split("\n")
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        origin, size, root, end = text.split("\n")
        if not old_line.startswith("old ") or end:
            return 400, "not a request"
        if origin != self.origin:
            return 404, "unknown log"
        if not self._signed(text, signatures):
            return 403, "not signed by the log"
        old, new = int(old_line[4:]), (int(size), base64.b64decode(root))
        if old > new[0]:
            return 400, "the old size is larger"
        with self.lock:
            if old != self.latest[0]:
                return 409, f"{self.latest[0]}\n"
            if old == new[0] and new != self.latest:
                return 409, f"{self.latest[0]}\n"
            if old and old < new[0] and not _consistent(self.latest, new, [base64.b64decode(x) for x in proof_lines]):
                return 422, "not consistent"
            self.latest = new
        message = f"cosignature/v1\ntime {now}\n{text}".encode()
        signature = self._key_id() + now.to_bytes(8, "big") + self._key.sign(message)
        return 200, f"— {self.name} {base64.b64encode(signature).decode()}\n"

    def _signed(self, text: str, signatures: str) -> bool:
        for line in signatures.splitlines():
            _, name, encoded = line.split(" ")
            if name == self.origin:
                try:
                    self._log.verify(base64.b64decode(encoded)[4:], text.encode())
                except InvalidSignature:
                    return False
                return True
        return False


def _consistent(old: Tree, new: Tree, proof: list[bytes]) -> bool:
    """The two roots that the proof implies, by recursion over RFC 6962, section 2.1.2."""
    left = list(proof)

    def both(size_old: int, size: int, whole: bool) -> tuple[bytes, bytes]:
        if size_old == size:
            hash_ = old[1] if whole else left.pop(0)
            return hash_, hash_
        split = 1 << ((size - 1).bit_length() - 1)
        if size_old <= split:
            in_old, in_new = both(size_old, split, whole)
            return in_old, _node(in_new, left.pop(0))
        in_old, in_new = both(size_old - split, size - split, False)
        first = left.pop(0)
        return _node(first, in_old), _node(first, in_new)

    try:
        roots = both(old[0], new[0], True)
    except IndexError:
        return False
    return not left and roots == (old[1], new[1])


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@contextmanager
def served(witness: Witness, now: int = 1_800_000_000) -> Iterator[str]:
    """Its submission prefix, while it is served on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status, answer = witness.add_checkpoint(body, now) if self.path == "/w/add-checkpoint" else (404, "")
            self.send_response(status)
            self.send_header("content-type", "text/x.tlog.size" if status == 409 else "text/plain")
            self.send_header("content-length", str(len(answer.encode())))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that it overrides
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/w"
        finally:
            server.shutdown()
