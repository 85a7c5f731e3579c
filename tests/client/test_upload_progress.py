"""How a file leaves: in chunks, with a bar on a terminal and plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from duecare_client import Client
from duecare_client.progress import ProgressMeter
from duecare_client.storage import Storage
from duecare_client.upload import UploadRequest, UploadRun
from tests.client.test_upload import Uploads, csv, row


class Wire(httpx.BaseTransport):
    """Takes a body as a socket does, a chunk at a time."""

    def __init__(self) -> None:
        self.largest = self.total = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        for chunk in request.stream:
            self.largest, self.total = max(self.largest, len(chunk)), self.total + len(chunk)
        return httpx.Response(200)


def test_a_file_is_sent_in_chunks() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield bytes(65536)

    wire = Wire()
    Storage(secure=True, transport=wire).put("https://bucket.test/x", {}, chunks(), 6_553_600)
    assert (wire.largest, wire.total) == (65536, 6_553_600)


class Screen:
    """A terminal's stream."""

    encoding = "utf-8"

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        pass


def test_a_terminal_gets_a_bar_with_counts(tmp_path: Path, service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads, file = Uploads(service), tmp_path / "debts.csv"
    file.write_bytes(csv(row(0), row(1), row(2)))
    monkeypatch.setenv("TERM", "xterm")
    screen: Any = Screen(terminal=True)
    client = Client("https://duecare.test", "some-asset", service.party.jwk, transport=uploads.network)
    work = UploadRun(client, UploadRequest("debt", file), meter=ProgressMeter(screen), note=print, sleep=uploads.sleep)
    assert work.run()["state"] == "done"
    assert "\x1b[" in screen.text
    assert "sending" in screen.text
    assert "3 of 3 rows, 0 rejected" in screen.text


def test_elsewhere_a_plain_line_comes_now_and_then() -> None:
    screen: Any = Screen(terminal=False)
    seconds = iter(range(100))
    with ProgressMeter(screen, lambda: float(next(seconds))).stage("sending", 20_000_000, "bytes") as told:
        for done in range(0, 20_000_001, 2_000_000):
            told(done, "")
    assert screen.text == "sending: 20.0 MB\nsending: 8.0 MB of 20.0 MB\nsending: 18.0 MB of 20.0 MB\n"
