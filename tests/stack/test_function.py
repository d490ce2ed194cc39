import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Program

Declare = Callable[..., Program]


def _function(program: Program) -> Any:
    return program.named("lambda/function:Function", "artline").properties


def test_defaults(declare: Declare) -> None:
    program = declare()
    function = _function(program)
    assert function["packageType"] == "Image"
    assert function["memorySize"] == 2048
    assert function["timeout"] == 29
    assert function["publish"] is True
    assert function["loggingConfig"]["logGroup"] == "artline-local"
    assert "reservedConcurrentExecutions" not in function
    assert "snapStart" not in function
    for kind in ("EventRule", "EventTarget", "ProvisionedConcurrencyConfig"):
        assert not program.all(kind)


def test_the_alias_follows_the_published_version(declare: Declare) -> None:
    program = declare()
    for name in ("artline", "artline-jobs-worker"):
        alias = program.named("Alias", name)
        function = program.named("lambda/function:Function", name)
        assert alias.properties == {
            "name": "live",
            "functionName": function.outputs["name"],
            "functionVersion": function.outputs["version"],
        }
        assert function.key in alias.dependencies


def test_the_alias_waits_until_the_new_version_has_drawn(declare: Declare) -> None:
    program = declare()
    for name in ("artline", "artline-jobs-worker"):
        function = program.named("lambda/function:Function", name)
        smoke = program.named("Invocation", name)
        assert smoke.properties == {
            "functionName": function.outputs["name"],
            "qualifier": function.outputs["version"],
            "input": '{"warmup": true}',
            "triggers": {"version": function.outputs["version"]},
        }
        assert smoke.key in program.named("Alias", name).dependencies


def test_traces_are_sent_where_they_are_asked_for(declare: Declare) -> None:
    sends = {
        "Effect": "Allow",
        "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        "Resource": ["*"],
    }
    for tracing in (True, False):
        program = declare(tracing=str(tracing).lower())
        assert (sends in program.statements("artline")) is tracing
        assert _function(program)["tracingConfig"] == {
            "mode": "Active" if tracing else "PassThrough"
        }


@pytest.mark.parametrize("auth", ["none", "token", "iam"])
def test_the_function_knows_who_may_call(declare: Declare, auth: str) -> None:
    program = declare(auth=auth, apiToken="hunter2")
    assert _function(program)["environment"]["variables"]["AUTH"] == auth


@pytest.mark.parametrize(
    ("setting", "value", "property_", "expected"),
    [
        ("memory", "128", "memorySize", 128),
        ("memory", "10240", "memorySize", 10240),
        ("timeout", "1", "timeout", 1),
        ("timeout", "30", "timeout", 30),
        ("reservedConcurrency", "7", "reservedConcurrentExecutions", 7),
    ],
)
def test_settings_reach_the_function(
    declare: Declare, setting: str, value: str, property_: str, expected: object
) -> None:
    assert _function(declare(**{setting: value}))[property_] == expected


def test_the_log_group_is_there_first_and_its_days_are_the_settings(declare: Declare) -> None:
    program = declare(logRetentionDays="3")
    assert {each.properties["retentionInDays"] for each in program.all("LogGroup")} == {3}
    function = program.named("lambda/function:Function", "artline")
    assert "aws:cloudwatch/logGroup:LogGroup::artline" in function.dependencies
    assert "aws:iam/rolePolicy:RolePolicy::artline" in function.dependencies


def test_the_role_may_write_its_own_log_but_make_none(declare: Declare) -> None:
    assert declare(jobs="false").statements("artline") == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": ["arn:aws:logs:us-east-1:000000000000:log-group:artline-local:*"],
        }
    ]


def test_ping_calls_the_alias_once_for_each_environment(declare: Declare) -> None:
    program = declare(warm="ping", warmCopies="3")
    alias = program.named("Alias", "artline").outputs["arn"]
    targets = program.all("EventTarget")
    assert [each.properties["arn"] for each in targets] == [alias] * 3
    assert {each.properties["input"] for each in targets} == {'{"warmup": true}'}
    rule = program.one("EventRule")
    assert rule.properties["scheduleExpression"] == "rate(5 minutes)"
    permission = program.named("Permission", "artline-warm").properties
    assert permission["principal"] == "events.amazonaws.com"
    assert permission["sourceArn"] == rule.outputs["arn"]
    assert permission["qualifier"] == "live"


def test_snapstart_is_of_the_published_versions_of_the_function_that_callers_wait_for(
    declare: Declare,
) -> None:
    program = declare(warm="snapstart")
    assert _function(program)["snapStart"] == {"applyOn": "PublishedVersions"}
    assert (
        "snapStart"
        not in program.named("lambda/function:Function", "artline-jobs-worker").properties
    )
    assert not program.all("ProvisionedConcurrencyConfig")


def test_provisioned_environments_are_the_aliass(declare: Declare) -> None:
    program = declare(warm="provisioned", warmCopies="4")
    assert program.one("ProvisionedConcurrencyConfig").properties == {
        "functionName": "artline-local",
        "qualifier": "live",
        "provisionedConcurrentExecutions": 4,
    }
    assert "snapStart" not in _function(program)


def test_the_token_is_told_to_nobody_but_the_parameter(declare: Declare) -> None:
    program = declare(auth="token", apiToken="hunter2")
    parameter = program.one("Parameter")
    assert parameter.properties["value"] == "hunter2"
    assert parameter.secrets == ["value"]
    for each in program.resources:
        assert each is parameter or "hunter2" not in json.dumps(each.properties)
    variables = _function(program)["environment"]["variables"]
    assert variables["API_TOKEN_PARAMETER"] == parameter.outputs["name"]
    assert {
        "Effect": "Allow",
        "Action": ["ssm:GetParameter"],
        "Resource": [parameter.outputs["arn"]],
    } in program.statements("artline")


def test_what_is_granted_is_there_first_and_taken_back_last(declare: Declare) -> None:
    """Pulumi deletes at the end of an update: the version that callers meet keeps its token."""
    with_token, without = declare(auth="token", apiToken="hunter2"), declare()
    base = "aws:iam/rolePolicy:RolePolicy::artline"
    for program in (with_token, without):
        function = program.named("lambda/function:Function", "artline")
        assert base in function.dependencies
        assert f"{base}-bucket" in program.named("RolePolicy", "artline").dependencies
    assert f"{base}-token" in with_token.named("RolePolicy", "artline").dependencies
    policies = [
        program.named("RolePolicy", "artline").properties["policy"]
        for program in (with_token, without)
    ]
    assert policies[0] == policies[1], "nothing is taken out of a policy that stays"


@pytest.mark.parametrize("auth", ["none", "iam"])
def test_without_a_token_there_is_no_parameter(declare: Declare, auth: str) -> None:
    program = declare(auth=auth, apiToken="hunter2")
    assert not program.all("Parameter")
    assert "API_TOKEN_PARAMETER" not in _function(program)["environment"]["variables"]
