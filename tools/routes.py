"""The API's routes and authorizer, made from the deployed template, because MiniStack ignores the OpenAPI body that
SAM writes for HttpApi events. What is here would be API Gateway's own work on AWS; nothing is said twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def create(apigateway: Any, template: Mapping[str, Any], physical: Mapping[str, str]) -> int:
    """Replace the API's routes by those of the processed `template`; how many there are.

    `physical`: logical id → physical id, of the stack. Raises KeyError where the template is not as SAM makes it.
    """
    api = next(name for name, one in template["Resources"].items() if one["Type"] == "AWS::ApiGatewayV2::Api")
    api_id = physical[api]
    _clear(apigateway, api_id)
    body = template["Resources"][api]["Properties"]["Body"]
    authorizers = {
        name: _authorizer(apigateway, api_id, name, scheme["x-amazon-apigateway-authorizer"], physical)
        for name, scheme in body["components"]["securitySchemes"].items()
    }
    integrations: dict[str, str] = {}
    made = 0
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            function = _function(operation["x-amazon-apigateway-integration"]["uri"], physical)
            if function not in integrations:
                integrations[function] = _integration(apigateway, api_id, function)
            # [{"Token": []}] names the authorizer; [{"NONE": []}] is SAM's way to say that there is none.
            names = [name for one in operation["security"] for name in one]
            secured = (
                {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizers[names[0]]} if names != ["NONE"] else {}
            )
            apigateway.create_route(
                ApiId=api_id,
                RouteKey=f"{method.upper()} {path}",
                Target=f"integrations/{integrations[function]}",
                **secured,
            )
            made += 1
    return made


def _clear(apigateway: Any, api_id: str) -> None:
    for route in apigateway.get_routes(ApiId=api_id)["Items"]:
        apigateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    for integration in apigateway.get_integrations(ApiId=api_id)["Items"]:
        apigateway.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])
    for authorizer in apigateway.get_authorizers(ApiId=api_id)["Items"]:
        apigateway.delete_authorizer(ApiId=api_id, AuthorizerId=authorizer["AuthorizerId"])


def _authorizer(apigateway: Any, api_id: str, name: str, stated: Json, physical: Mapping[str, str]) -> str:
    made = apigateway.create_authorizer(
        ApiId=api_id,
        Name=name,
        AuthorizerType="REQUEST",
        AuthorizerUri=_invocation(_function(stated["authorizerUri"], physical)),
        AuthorizerPayloadFormatVersion=stated["authorizerPayloadFormatVersion"],
        AuthorizerResultTtlInSeconds=stated["authorizerResultTtlInSeconds"],
        EnableSimpleResponses=stated["enableSimpleResponses"],
        IdentitySource=stated["identitySource"],
    )
    return str(made["AuthorizerId"])


def _integration(apigateway: Any, api_id: str, function: str) -> str:
    made = apigateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=_invocation(function),
        PayloadFormatVersion="2.0",
    )
    return str(made["IntegrationId"])


def _function(uri: Json, physical: Mapping[str, str]) -> str:
    """The function's name, out of `{"Fn::Sub": "…${Logical.Arn}…"}` or `{"Fn::Sub": [_, {_: {"Fn::GetAtt": _}}]}`."""
    substituted = uri["Fn::Sub"]
    if isinstance(substituted, str):
        found = re.search(r"\$\{(\w+)\.Arn\}", substituted)
        if found is None:
            raise KeyError(substituted)
        return physical[found[1]]
    (attribute,) = substituted[1].values()
    return physical[attribute["Fn::GetAtt"][0]]


def _invocation(function: str) -> str:
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
