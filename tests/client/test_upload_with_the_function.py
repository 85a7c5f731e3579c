"""`duecare upload` against the real function and use cases: whether both sides mean the same by a file.

What is missing is the cloud between them: the bucket, its event and the queue are in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from duecare.ports import UploadTarget
from duecare.runtime.http import context_of
from duecare.runtime.services.upload import UploadService
from duecare.runtime.settings import UploadSettings
from duecare_client.cli.context import CliContext as Here
from duecare_client.cli.main import app
from tests.support.functions import Context, handler, unused
from tests.support.imports import Imports, as_csv, debt_row
from tests.support.memory import MemoryFiles
from tests.support.world import ISSUER, KEYS, World, stamp
from tools.portfolio import Plan, write

BUCKET = "https://bucket.test/"


class Bucket(MemoryFiles):
    """Files that can be put and got over https, as far as a client sees of it."""

    def upload_target(
        self, name: str, *, content_type: str, sha256: str, size: int | None, seconds: int
    ) -> UploadTarget:
        assert size is not None
        return UploadTarget(BUCKET + name, {"content-type": content_type, "content-length": str(size)})

    def download_url(self, name: str, seconds: int) -> str:
        return BUCKET + name


class Deployed:
    """API Gateway, the bucket and the queue around the function and the use cases."""

    def __init__(self, imports: Imports) -> None:
        service: Any = UploadService(unused(UploadSettings), clock=imports.world.clock)
        service.uploads = imports.uploads
        self.handler, self.imports = handler("upload", service), imports
        self.network = httpx.MockTransport(self.handle)

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.url.host == "bucket.test":
            if request.method == "PUT":
                self.imports.put(path.rpartition("/")[2], request.content)
                self.imports.work()
                return httpx.Response(200)
            return httpx.Response(200, content=b"".join(self.imports.files.read(path[1:])))
        if path == "/.well-known/duecare":
            return httpx.Response(200, json={"issuer": ISSUER})
        admitted = context_of(self.imports.world.caller("mou-zichan"))
        event: dict[str, Any] = {
            "headers": dict(request.headers),
            "requestContext": {"domainName": "duecare.test", "authorizer": {"lambda": admitted}},
            "body": request.content.decode(),
            "routeKey": "POST /v1/uploads" if request.method == "POST" else "GET /v1/uploads/{id}",
            "pathParameters": {"id": path.rpartition("/")[2]},
        }
        answer = self.handler(event, Context())
        return httpx.Response(answer["statusCode"], headers=answer["headers"], content=answer["body"])


@pytest.fixture
def imports() -> Imports:
    return Imports(World().register(), files=Bucket())


@pytest.fixture
def upload(imports: Imports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs `duecare upload debt … --json` as the creditor, one second after the last time."""
    for name, value in {"POWERTOOLS_METRICS_NAMESPACE": "duecare", "POWERTOOLS_SERVICE_NAME": "test"}.items():
        monkeypatch.setenv(name, value)
    from duecare.runtime import telemetry  # noqa: PLC0415  Powertools reads the environment when imported

    monkeypatch.setattr(telemetry, "count", lambda *_, **__: None)
    monkeypatch.setattr(telemetry.logger, "info", lambda *_, **__: None)
    network = Deployed(imports).network

    party = {"mou-zichan": {"roles": ["creditor"], "key": "key.jwk"}}
    (tmp_path / ".duecare").mkdir()
    (tmp_path / ".duecare" / "key.jwk").write_text(json.dumps(KEYS["mou-zichan"]))
    profile = {"url": "https://duecare.test", "issuer": ISSUER, "parties": party}
    (tmp_path / ".duecare" / "local.json").write_text(json.dumps(profile))

    def run(*args: Any) -> Result:
        imports.world.now += timedelta(seconds=1)
        here = Here(
            environment={"HOME": str(tmp_path)},
            directory=tmp_path,
            network=network,
            clock=imports.world.now.timestamp,
            sleep=lambda _: None,
        )
        words = ["upload", "debt", *map(str, args), "--json", "--profile", "local"]
        return CliRunner().invoke(app, words, obj=here)

    return run


@pytest.mark.parametrize(("name", "packed", "charset"), [("d.csv", False, "utf-8"), ("d.jsonl.gz", True, "gb18030")])
def test_the_counts_are_the_generators_and_the_same_file_again_changes_nothing(
    imports: Imports, upload: Any, tmp_path: Path, name: str, packed: bool, charset: str
) -> None:
    plan = Plan(
        rows=1200, seed=7, bad=0.02, kind="debt", format=name.split(".")[1], charset=charset, as_of=imports.world.now
    )
    expected = write(plan, tmp_path / name, packed=packed)
    first = upload(tmp_path / name, "--charset", charset)
    result = json.loads(first.stdout)
    assert first.exit_code == 1, first.output
    counts = (result["state"], result["rows"], result["accepted"], result["rejected"])
    assert counts == ("done", 1200, expected["good"], len(expected["bad"]))
    assert [int(one["row"]) for one in result["rejects"]] == [one["row"] for one in expected["bad"][:5]]

    again = json.loads(upload(tmp_path / name, "--charset", charset).stdout)
    assert (again["accepted"], again["unchanged"]) == (0, result["accepted"])


def test_a_snapshot_withdraws_the_confirmed_number(imports: Imports, upload: Any, tmp_path: Path) -> None:
    world, path = imports.world, tmp_path / "d.csv"
    path.write_bytes(as_csv(debt_row(world, number) for number in range(10)))
    assert upload(path).exit_code == 0

    path.write_bytes(as_csv(debt_row(world, number) for number in range(6)))
    asked = upload(path, "--snapshot", "--as-of", stamp(world.now))
    assert asked.exit_code == 1
    assert json.loads(asked.stdout)["withdrawals_to_confirm"] == 4
    (command,) = (line for line in asked.stderr.splitlines() if "--confirm-withdrawals 4" in line)

    confirmed = upload(path, *command.split()[5:-1])
    assert confirmed.exit_code == 0, confirmed.output
    assert json.loads(confirmed.stdout)["withdrawn"] == 4
