"""The settings of each function: what is missing is named, all at once, when the function starts."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from duecare.runtime.settings import OF_FUNCTION, SettingsError, VerifySettings, read, variables
from tests.support.functions import AWS, FUNCTIONS, NAMES

OPTIONAL = {"DUECARE_PUBLIC_URL", "DUECARE_WITNESSES", "DUECARE_PARTY_RATE"}


def environment(name: str) -> dict[str, str]:
    """Everything that the function reads."""
    return AWS | dict.fromkeys(variables(OF_FUNCTION[name]).values(), "1")


@pytest.mark.parametrize("name", NAMES)
def test_each_variable_that_is_missing_is_named(name: str) -> None:
    whole = environment(name)
    for variable in set(whole) - OPTIONAL:
        for broken in ({key: value for key, value in whole.items() if key != variable}, whole | {variable: ""}):
            with pytest.raises(SettingsError, match=rf"\b{variable}\.$"):
                read(OF_FUNCTION[name], broken)
    read(OF_FUNCTION[name], {key: value for key, value in whole.items() if key not in OPTIONAL})


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        read(VerifySettings, {})
    named = set(variables(VerifySettings).values()) - OPTIONAL | set(AWS)
    assert named == set(str(raised.value).rpartition(": ")[2].rstrip(".").split(", "))


@pytest.mark.parametrize("value", ["many", "-1", "1.5"])
def test_a_number_of_days_that_is_none_is_named(value: str) -> None:
    with pytest.raises(SettingsError, match="DUECARE_TABLE_DAYS must be a number of days"):
        read(OF_FUNCTION["sequence"], environment("sequence") | {"DUECARE_TABLE_DAYS": value})


@pytest.mark.parametrize("name", ["verify", "state"])
@pytest.mark.parametrize("value", ["-1", "0.5", "many"])
def test_a_limit_of_a_party_that_is_no_number_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match="DUECARE_PARTY_RATE must be a number of messages a second"):
        read(OF_FUNCTION[name], environment(name) | {"DUECARE_PARTY_RATE": value})


@pytest.mark.parametrize("name", NAMES)
def test_a_function_does_not_start_without_its_settings(name: str) -> None:
    """Lambda then answers no request of it, and logs the names."""
    started = start(name, {variable: value for variable, value in environment(name).items() if "TABLE" not in variable})
    assert started.returncode == 1
    assert "DUECARE_TABLE" in started.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_starts_with_its_own_settings_alone(name: str) -> None:
    started = start(name, environment(name))
    assert started.returncode == 0, started.stderr


# Not to be loaded before the first request: the work of others, and what is slow to import. (Powertools itself imports
# the top of botocore, which is small.)
HEAVY = ("boto3", "botocore.", "pynamodb", "aws_encryption_sdk", "duecare.runtime.openapi")
OTHERS = ("duecare.usecases.statements", "duecare.usecases.imports", "duecare.usecases.audit")


@pytest.mark.parametrize("name", ["authorize", "verify"])
def test_the_functions_that_gateways_wait_for_load_only_their_own_code(name: str) -> None:
    loaded = start(name, environment(name), "print(*sys.modules)").stdout.split()
    assert f"duecare.runtime.services.{name}" in loaded
    assert [module for module in loaded if module.startswith((*HEAVY, *OTHERS))] == []


def test_evidence_loads_the_openapi_document_only_when_it_is_asked_for() -> None:
    loaded = start("evidence", environment("evidence"), "print(*sys.modules)").stdout.split()
    assert [module for module in loaded if module.startswith(("aws_encryption_sdk", "duecare.runtime.openapi"))] == []


def start(name: str, variables: dict[str, str], then: str = "") -> subprocess.CompletedProcess[str]:
    """A fresh interpreter that imports the function, as Lambda's runtime does."""
    paths = [str(FUNCTIONS / name), *(path for path in sys.path if path)]
    return subprocess.run(
        [sys.executable, "-c", f"import sys\nimport app\n{then}"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(paths), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
