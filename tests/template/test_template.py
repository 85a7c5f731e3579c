"""Properties of the template that operators rely on: the partition, the logs, the limits, the table, the alarms."""

from __future__ import annotations

import re
from typing import Any

import pytest

from duecare.runtime.settings import OF_FUNCTION, variables
from tests.template.conftest import Template, of_type
from tools.steps import ROOT

# The routes that need no token.
PUBLIC = {
    "GET /.well-known/duecare",
    "GET /.well-known/jwks.json",
    "GET /v1/status",
    "GET /openapi.json",
    "GET /log/checkpoint",
    "GET /log/tile/{proxy+}",
}


def routes(functions: dict[str, Template]) -> dict[str, Template]:
    """Every route's event, by `METHOD /path`."""
    return {
        f"{event['Properties']['Method']} {event['Properties']['Path']}": event["Properties"]
        for function in functions.values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }


def test_no_arn_names_a_partition() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    assert not re.findall(r"arn:(?!\$\{AWS::Partition\})\w*", text)
    # A service's domain differs between partitions: a suffix, or a pattern that fits both.
    assert all("${AWS::URLSuffix}" in line or "amazonaws.com*" in line for line in text.splitlines()
               if "amazonaws" in line and not line.strip().startswith("#") and "# amazonaws" not in line)  # fmt: skip


def test_tracing_stays_off_where_china_has_none(template: Template) -> None:
    asked = {"Fn::Equals": [{"Ref": "Tracing"}, "true"]}
    assert template["Conditions"]["Traced"] == {"Fn::And": [asked, {"Fn::Not": [{"Fn::Condition": "InChina"}]}]}
    assert template["Conditions"]["InChina"] == {"Fn::Equals": [{"Ref": "AWS::Partition"}, "aws-cn"]}
    assert template["Globals"]["Function"]["Tracing"] == {"Fn::If": ["Traced", "Active", "PassThrough"]}
    for text in ("SnapStart", "Cognito"):
        assert text not in (ROOT / "template.yaml").read_text(encoding="utf-8")


def test_every_function_logs_to_a_group_that_forgets(template: Template, functions: dict[str, Template]) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup")
    used = {name: function["LoggingConfig"]["LogGroup"]["Ref"] for name, function in functions.items()}
    assert len(set(used.values())) == len(functions)
    assert set(used.values()) <= set(groups)
    assert all(group["RetentionInDays"] == {"Ref": "RetentionDays"} for group in groups.values())


def test_every_route_but_the_public_ones_needs_a_token(template: Template, functions: dict[str, Template]) -> None:
    (api,) = of_type(template, "AWS::Serverless::HttpApi").values()
    default = api["Auth"]["DefaultAuthorizer"]
    assert api["Auth"]["Authorizers"][default]["FunctionArn"] == {"Fn::GetAtt": "AuthorizeFunction.Arn"}
    found = routes(functions)
    assert {name for name, event in found.items() if event.get("Auth") == {"Authorizer": "NONE"}} == PUBLIC
    # A route without `Auth` has the default: the authorizer.
    assert not [name for name, event in found.items() if "Auth" in event and name not in PUBLIC]
    guarded = {"POST /v1/verify", "POST /v1/statements", "GET /v1/decisions/{id}", "GET /v1/whoami"}
    assert guarded | {"POST /v1/uploads", "GET /v1/uploads/{id}", "GET /v1/reconciliation"} <= set(found)


def test_internal_functions_have_no_route(functions: dict[str, Template]) -> None:
    assert "Events" not in functions["AdminFunction"]
    assert "Events" not in functions["AuthorizeFunction"]
    woken = {name: functions[name] for name in ("IngestFunction", "ImportPartFunction", "SequenceFunction")}
    assert routes(woken) == {}


def test_the_routes_are_those_that_the_functions_serve(functions: dict[str, Template]) -> None:
    for name, function in functions.items():
        source = (ROOT / function["CodeUri"] / "app.py").read_text(encoding="utf-8")
        served = set(re.findall(r'"((?:GET|POST|PUT|DELETE) /\S*)":', source))
        assert served == set(routes({name: function})), name


def test_the_api_is_throttled_and_its_log_has_no_personal_data(template: Template) -> None:
    (api,) = of_type(template, "AWS::Serverless::HttpApi").values()
    settings = api["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "RequestsAtOnce"}
    logged = set(re.findall(r"\$context\.([\w.]+)", api["AccessLogSettings"]["Format"]))
    assert not [name for name in logged if name.startswith(("identity", "path", "httpMethod.path", "domain"))]
    assert "authorizer.party" in logged


def test_each_route_is_throttled_apart_from_the_others(template: Template, functions: dict[str, Template]) -> None:
    """Neither a stranger on a public route nor a creditor's uploads can use up what verify needs."""
    (api,) = of_type(template, "AWS::Serverless::HttpApi").values()
    settings = api["RouteSettings"]
    assert set(settings) == set(routes(functions))
    for route, limits in settings.items():
        assert set(limits) == {"ThrottlingRateLimit", "ThrottlingBurstLimit"}, route
        assert limits["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"} or limits["ThrottlingRateLimit"] <= 200
    assert settings["POST /v1/verify"]["ThrottlingRateLimit"] == {"Ref": "RequestsPerSecond"}
    for route in PUBLIC:
        assert settings[route]["ThrottlingRateLimit"] <= 100, route


def test_a_request_without_a_token_costs_no_invocation(template: Template) -> None:
    (api,) = of_type(template, "AWS::Serverless::HttpApi").values()
    identity = api["Auth"]["Authorizers"]["Token"]["Identity"]
    assert identity == {"Headers": ["Authorization"], "ReauthorizeEvery": 300}


@pytest.mark.parametrize("part", ["Verify", "Authorize"])
def test_verify_and_authorize_may_have_concurrency_of_their_own(template: Template, part: str) -> None:
    name, condition = f"{part}ReservedConcurrency", f"{part}Reserved"
    assert (template["Parameters"][name]["Default"], template["Parameters"][name]["MinValue"]) == (0, 0)
    assert template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": name}, 0]}]}
    reserved = template["Resources"][f"{part}Function"]["Properties"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": [condition, {"Ref": name}, {"Ref": "AWS::NoValue"}]}


def test_no_party_is_limited_unless_the_operator_says_so(template: Template, functions: dict[str, Template]) -> None:
    assert template["Parameters"]["PartyMessagesPerSecond"]["Default"] == 0
    given = {"Ref": "PartyMessagesPerSecond"}
    limited = {
        name for name, one in functions.items() if one["Environment"]["Variables"].get("DUECARE_PARTY_RATE") == given
    }
    assert limited == {"VerifyFunction", "StateFunction"}


def test_the_table_is_kept_and_can_be_restored(template: Template) -> None:
    table = template["Resources"]["Table"]
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = table["Properties"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"]["KMSMasterKeyId"] == {"Fn::GetAtt": "StoreKey.Arn"}
    assert template["Parameters"]["DeletionProtection"]["Default"] == "true"


def test_keys_and_secrets_survive_the_stack(template: Template) -> None:
    for kind in ("AWS::KMS::Key", "AWS::SecretsManager::Secret"):
        for name in of_type(template, kind):
            resource = template["Resources"][name]
            assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    for secret in of_type(template, "AWS::SecretsManager::Secret").values():
        generated = secret["GenerateSecretString"]
        assert generated["PasswordLength"] == 64
        printable = {chr(code) for code in range(33, 127)}
        assert printable - set(generated["ExcludeCharacters"]) == set("0123456789abcdef")
        assert secret["KmsKeyId"] == {"Fn::GetAtt": "StoreKey.Arn"}


def test_every_metric_that_needs_attention_has_an_alarm(template: Template) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    watched = {str(alarm.get("MetricName") or alarm["Metrics"]) for alarm in alarms.values()}
    service = ("CannotDecide", "Denied", "DeniedForWant", "LogLagSeconds", "LogGap", "Unreadable")
    for metric in (*service, "ReadThrottleEvents", "WriteThrottleEvents", "Errors", "Throttles", "5xx"):
        assert any(metric in one for one in watched), metric
    told = [{"Fn::If": ["Alarmed", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]}]
    assert all(alarm["AlarmActions"] == told for alarm in alarms.values())
    for name, function in of_type(template, "AWS::Serverless::Function").items():
        assert all(name in str(alarms[one]) for one in ("FunctionErrorsAlarm", "FunctionThrottlesAlarm")), function


def test_one_alarm_watches_the_denials_of_each_gateway_for_want_of_what_must_be_stated(template: Template) -> None:
    alarm = of_type(template, "AWS::CloudWatch::Alarm")["DeniedForWantAlarm"]
    (query,) = alarm["Metrics"]
    assert query["ReturnData"] is True
    assert "SELECT SUM(DeniedForWant)" in str(query["Expression"])
    assert "GROUP BY gateway" in str(query["Expression"])
    assert template["Resources"]["DeniedForWantAlarm"]["Condition"] == "WantsWatched"
    off = template["Conditions"]["WantsWatched"]["Fn::And"]
    assert "MetricMath" in str(off)  # the local AWS rejects it


def test_the_python_and_the_machine_are_parameters(template: Template) -> None:
    parameters = template["Parameters"]
    assert parameters["PythonRuntime"]["Default"] == "python3.13"
    assert parameters["PythonRuntime"]["AllowedValues"][0] == "python3.11"
    assert parameters["Architecture"]["Default"] == "arm64"
    layer = template["Resources"]["DuecareLayer"]
    assert layer["Metadata"] == {"BuildMethod": {"Ref": "PythonRuntime"}, "BuildArchitecture": {"Ref": "Architecture"}}


def logical_id(service: str) -> str:
    return "".join(word.capitalize() for word in service.split("_")) + "Function"


def test_every_function_has_its_name(functions: dict[str, Template]) -> None:
    for name, function in functions.items():
        service = function["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        assert function["CodeUri"] == f"functions/{service}/"
        assert name == logical_id(service)


def test_every_function_has_exactly_the_variables_that_its_settings_read(
    template: Template, functions: dict[str, Template]
) -> None:
    shared: dict[str, Any] = template["Globals"]["Function"]["Environment"]["Variables"]
    assert set(functions) == {logical_id(name) for name in OF_FUNCTION}
    for service, kind in OF_FUNCTION.items():
        given = shared | functions[logical_id(service)]["Environment"]["Variables"]
        own = {name for name in given if name.startswith("DUECARE_")}
        assert own == set(variables(kind).values()), service


def test_the_layer_is_pinned_by_hash() -> None:
    lock = (ROOT / "layers" / "duecare" / "requirements.txt").read_text(encoding="utf-8")
    entries = re.findall(r"^\S+==.*(?:\n +.*)*", lock, re.MULTILINE)
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_samconfig_deploys_nowhere_by_itself() -> None:
    config = (ROOT / "samconfig.toml").read_text(encoding="utf-8")
    assert "confirm_changeset = true" in config
    assert "profile" not in config
