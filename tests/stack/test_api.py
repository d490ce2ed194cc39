import json
from collections.abc import Callable

import pytest

from .conftest import Program

Declare = Callable[..., Program]

PAGE = {"GET /", "GET /sw.js", "GET /page/{version}/{name}"}
OPEN = PAGE | {"GET /health", "GET /openapi.json"}
PAID = {"POST /transform", "POST /jobs", "GET /jobs/{id}", "DELETE /jobs/{id}"}


def _routes(program: Program) -> dict[str, str]:
    return {
        each.properties["routeKey"]: each.properties["authorizationType"]
        for each in program.all("Route")
    }


@pytest.mark.parametrize("auth", ["none", "token"])
def test_routes_that_the_api_leaves_open(declare: Declare, auth: str) -> None:
    routes = _routes(declare(auth=auth, apiToken="hunter2"))
    assert routes == dict.fromkeys(OPEN | PAID | {"$default"}, "NONE")


def test_signed_calls_leave_no_way_round(declare: Declare) -> None:
    routes = _routes(declare(auth="iam"))
    signed = dict.fromkeys(PAID | {"$default"}, "AWS_IAM")
    assert routes == dict.fromkeys(OPEN | {"OPTIONS /{proxy+}"}, "NONE") | signed


def test_a_preflight_is_answered_where_other_origins_may_call(declare: Declare) -> None:
    assert "OPTIONS /{proxy+}" not in _routes(declare(auth="iam", corsOrigins="[]"))
    program = declare(auth="iam")
    cors = program.one("apigatewayv2/api:Api").properties["corsConfiguration"]
    assert cors["allowHeaders"][-3:] == [
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
    ]


def test_without_jobs_their_routes_are_the_functions_to_refuse(declare: Declare) -> None:
    assert set(_routes(declare(jobs="false"))) == OPEN | {"POST /transform", "$default"}


def test_every_route_leads_to_the_alias(declare: Declare) -> None:
    program = declare()
    integration = program.one("Integration")
    assert integration.properties["integrationType"] == "AWS_PROXY"
    assert integration.properties["payloadFormatVersion"] == "2.0"
    assert integration.properties["timeoutMilliseconds"] == 30_000
    alias = program.named("Alias", "artline")
    assert integration.properties["integrationUri"] == alias.outputs["invokeArn"]
    targets = {each.properties["target"] for each in program.all("Route")}
    assert targets == {f"integrations/{integration.outputs['id']}"}


def test_the_api_and_only_it_may_call_the_alias(declare: Declare) -> None:
    program = declare()
    assert program.named("Permission", "artline-api").properties == {
        "action": "lambda:InvokeFunction",
        "function": "artline-local",
        "qualifier": "live",
        "principal": "apigateway.amazonaws.com",
        "sourceArn": f"{program.one('Stage').outputs['executionArn']}/*",
    }


def test_the_stage_throttles_and_logs(declare: Declare) -> None:
    program = declare(throttleRate="3", throttleBurst="4")
    stage = program.one("Stage").properties
    assert stage["name"] == "$default"
    assert stage["autoDeploy"] is True
    assert stage["defaultRouteSettings"] == {"throttlingRateLimit": 3, "throttlingBurstLimit": 4}
    log = stage["accessLogSettings"]
    group = program.named("LogGroup", "artline-api")
    assert log["destinationArn"] == group.outputs["arn"]
    assert group.properties["name"] == "/aws/vendedlogs/artline-api-artline-api"
    format_ = json.loads(log["format"])
    assert format_["integrationErrorMessage"] == "$context.integrationErrorMessage"
    assert not {"sourceIp", "ip"} & set(format_)


def test_cors(declare: Declare) -> None:
    cors = declare(corsOrigins='["https://example.com"]').one("api:Api").properties
    assert cors["corsConfiguration"] == {
        "allowOrigins": ["https://example.com"],
        "allowMethods": ["GET", "POST", "DELETE"],
        "allowHeaders": ["content-type", "accept", "authorization"],
        "exposeHeaders": ["server-timing", "x-model", "retry-after", "etag"],
        "maxAge": 86_400,
    }


def test_without_origins_there_is_no_cors(declare: Declare) -> None:
    program = declare(corsOrigins="[]")
    assert "corsConfiguration" not in program.one("apigatewayv2/api:Api").properties
