"""The program as a whole: what holds of every resource, whatever the settings."""

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pulumi_aws
import pytest

from policy.rules import RULES, TAGGABLE, Rule

from .conftest import Program

Declare = Callable[..., Program]

DIGEST = "123456789012.dkr.ecr.us-east-1.amazonaws.com/artline@sha256:" + "a" * 64

SETTINGS: dict[str, dict[str, str]] = {
    "defaults": {},
    "ping": {"warm": "ping", "warmCopies": "3"},
    "snapstart": {"warm": "snapstart", "architecture": "arm64"},
    "provisioned": {"warm": "provisioned", "warmCopies": "2", "reservedConcurrency": "10"},
    "image": {"imageUri": DIGEST},
    "no jobs": {"jobs": "false"},
    "token": {"auth": "token", "apiToken": "hunter2"},
    "iam": {"auth": "iam"},
    "no origins": {"corsOrigins": "[]"},
    "e-mail": {"alarmEmail": "owner@example.com"},
}


@pytest.fixture(params=list(SETTINGS.values()), ids=list(SETTINGS))
def program(request: pytest.FixtureRequest, declare: Declare) -> Program:
    return declare(**request.param)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_rule_holds(program: Program, rule: Rule) -> None:
    violations = [
        f"{each.key} {violation}"
        for each in program.resources
        for violation in rule(each.type, each.properties)
    ]
    assert violations == []


def test_whatever_takes_tags_is_known_to_the_rule(program: Program) -> None:
    taking = set()
    for type_ in program.types():
        package, module, name = re.fullmatch(r"(\w+):(\w+)/?\w*:(\w+)", type_).groups()  # type: ignore[union-attr]
        if package == "aws":
            module = {"lambda": "lambda_"}.get(module, module)
            constructor = getattr(getattr(pulumi_aws, module), name)._internal_init
            if "tags" in inspect.signature(constructor).parameters:
                taking.add(type_)
    assert taking <= TAGGABLE


def test_everything_has_a_parent_and_comes_after_what_it_needs(program: Program) -> None:
    there = {program.stack.key}
    for each in program.resources:
        assert each.key not in there
        assert each.parent in there
        assert set(each.dependencies) <= there
        there.add(each.key)


def test_outputs(declare: Declare) -> None:
    outputs = declare().outputs
    endpoint = "https://api-artline-api.execute-api.us-east-1.amazonaws.com"
    assert outputs == {
        "endpoint": endpoint,
        "transformUrl": f"{endpoint}/transform",
        "jobsUrl": f"{endpoint}/jobs",
        "functionName": "artline-local",
        "aliasArn": "arn:aws:lambda:us-east-1:000000000000:function:artline-local:live",
        "imageUri": "000000000000.dkr.ecr.us-east-1.amazonaws.com/artline-local@sha256:" + "0" * 64,
        "region": "us-east-1",
        "bucketName": "artline-jobs-local",
        "workerName": "artline-jobs-worker-local",
        "dashboardUrl": "https://us-east-1.console.aws.amazon.com/cloudwatch/home"
        "?region=us-east-1#dashboards/dashboard/artline-local-local",
    }


def test_without_jobs_nothing_of_them_is_there(declare: Declare) -> None:
    program = declare(jobs="false")
    assert {"jobsUrl", "bucketName", "workerName"}.isdisjoint(program.outputs)
    assert not program.all("Queue") + program.all("Bucket") + program.all("EventSourceMapping")
    function = program.one("lambda/function:Function").properties
    assert "JOBS_BUCKET" not in function["environment"]["variables"]


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_dashboard_is_in_the_partitions_own_console(
    declare: Declare, region: str, console: str
) -> None:
    outputs: Any = declare(**{"aws:region": region}).outputs
    assert outputs["dashboardUrl"].startswith(f"https://{console}/")


def test_no_warnings_of_pulumis_own(
    declare: Declare, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    declare(logRetentionDays="30")  # settings of its own, so that the program runs here
    assert [record.message for record in caplog.records if record.levelname != "DEBUG"] == []
    assert list(recwarn) == []


@pytest.mark.parametrize(
    ("type_", "properties"),
    [
        ("aws:lambda/function:Function", {"tags": {"Project": "x"}}),
        ("aws:iam/role:Role", {"managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}),
        ("aws:iam/rolePolicy:RolePolicy", {"Action": "s3:*", "Resource": "arn:aws:s3:::b"}),
        ("aws:iam/rolePolicy:RolePolicy", {"Action": "s3:GetObject", "Resource": "*"}),
        ("aws:iam/rolePolicy:RolePolicy", {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"}),
        (
            "aws:iam/rolePolicy:RolePolicy",
            {"Action": "logs:PutLogEvents", "Resource": "arn:aws:logs:eu-west-1:1:log-group:*"},
        ),
        ("aws:lambda/function:Function", {"imageUri": "repository:latest"}),
        ("aws:lambda/function:Function", {"imageUri": "repository@sha256:abc"}),
        ("aws:lambda/function:Function", {"loggingConfig": None}),
        ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 0}),
        ("aws:ecr/repository:Repository", {"forceDelete": False}),
        ("aws:s3/bucket:Bucket", {}),
        ("aws:lambda/function:Function", {"skipDestroy": True}),
        (
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            {"functionName": "arn:aws:lambda:eu-west-1:1:function:artline"},
        ),
        ("aws:lambda/permission:Permission", {"sourceArn": "arn"}),
        ("aws:lambda/permission:Permission", {"qualifier": "live"}),
        (
            "aws:apigatewayv2/integration:Integration",
            {"integrationUri": "", "payloadFormatVersion": None},
        ),
        ("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"countType": "sinceImagePushed"}),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", {"blockPublicAcls": True}),
        ("aws:sqs/queue:Queue", {"sqsManagedSseEnabled": False}),
        ("aws:ssm/parameter:Parameter", {"type": "String"}),
    ],
)
def test_a_rule_notices(type_: str, properties: dict[str, Any]) -> None:
    good = {"tags": {"Project": "p", "Stack": "s", "Version": "v"}}
    if "Policy" in type_:
        selection = {"selection": properties}
        properties = {"policy": json.dumps({"Statement": [properties], "rules": [selection]})}
    violations = [v for rule in RULES for v in rule(type_, good | properties)]
    others = [v for rule in RULES for v in rule("aws:sns/topic:Topic", good | properties)]
    assert violations
    assert violations != others
