"""A Lambda function from the image: its role, its log, its versions, and the alias callers see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .settings import Settings

ALIAS = "live"

WARM_UP = {"warmup": True}
"""An event that a copy answers once it has shown that it can draw, and fails otherwise."""


@dataclass(frozen=True)
class Grant:
    """What a function is told of a resource, and what it may do with it."""

    environment: Mapping[str, pulumi.Input[str]]
    statements: Sequence[Mapping[str, Any]]
    """IAM policy statements."""


class Function(pulumi.ComponentResource):
    """Every update publishes a version, and the alias moves to it once it has shown it can draw."""

    name: pulumi.Output[str]
    alias: aws.lambda_.Alias

    def __init__(
        self,
        name: str,
        image_uri: pulumi.Input[str],
        settings: Settings,
        *,
        timeout: int,
        grants: Iterable[Grant] = (),
        reserved_concurrency: int | None = None,
        snap_start: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("artline:stack:Function", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        grants = list(grants)
        # Without a log group of its own, Lambda makes one that never expires and outlives a
        # destroy: which is also why the role may not create any.
        logs = aws.cloudwatch.LogGroup(
            name, retention_in_days=settings.log_retention_days, tags=settings.tags, opts=child
        )
        role = aws.iam.Role(
            name,
            assume_role_policy=json.dumps(
                policy(
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                )
            ),
            tags=settings.tags,
            opts=child,
        )
        own = [
            allow(
                ["logs:CreateLogStream", "logs:PutLogEvents"],
                [pulumi.Output.concat(logs.arn, ":*")],
            )
        ]
        if settings.tracing:  # X-Ray knows no resources to name
            own.append(allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]))
        permissions = aws.iam.RolePolicy(
            name,
            role=role.name,
            policy=pulumi.Output.json_dumps(
                policy(*own, *(each for grant in grants for each in grant.statements))
            ),
            opts=child,
        )
        function = aws.lambda_.Function(
            name,
            package_type="Image",
            image_uri=image_uri,
            architectures=[settings.architecture],
            memory_size=settings.memory,
            timeout=timeout,
            role=role.arn,
            environment={
                "variables": {
                    "LOG_LEVEL": "INFO",
                    "POWERTOOLS_SERVICE_NAME": "artline",
                    "POWERTOOLS_METRICS_NAMESPACE": "ArtLine",
                    **{key: value for grant in grants for key, value in grant.environment.items()},
                }
            },
            logging_config={"log_format": "Text", "log_group": logs.name},
            tracing_config={"mode": "Active"} if settings.tracing else None,
            reserved_concurrent_executions=reserved_concurrency,
            snap_start={"apply_on": "PublishedVersions"} if snap_start else None,
            publish=True,
            tags=settings.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions]),
        )
        # A new version takes over once it has drawn a picture; one that cannot ends the update, and
        # the alias stays where it is. $LATEST is what was just published, and is never pending.
        smoke = aws.lambda_.Invocation(
            name,
            function_name=function.name,
            input=json.dumps(WARM_UP),
            triggers={"version": function.version},
            opts=child,
        )
        self.name = function.name
        self.alias = aws.lambda_.Alias(
            name,
            name=ALIAS,
            function_name=function.name,
            function_version=function.version,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[smoke]),
        )
        self.register_outputs({"name": self.name, "alias": self.alias.arn})


def keep_warm(name: str, function: Function, settings: Settings) -> None:
    """Keeps copies of `function` ready as `settings.warm` says; SnapStart is the function's own."""
    child = pulumi.ResourceOptions(parent=function)
    if settings.warm == "provisioned":
        aws.lambda_.ProvisionedConcurrencyConfig(
            name,
            function_name=function.alias.function_name,
            qualifier=function.alias.name,
            provisioned_concurrent_executions=settings.warm_copies,
            opts=child,
        )
    if settings.warm == "ping":
        _ping(name, function, settings, child)


def _ping(name: str, function: Function, settings: Settings, child: pulumi.ResourceOptions) -> None:
    # Lambda lets go of an idle copy after some ten minutes.
    rule = aws.cloudwatch.EventRule(
        name,
        description="Keeps copies of the function warm",
        schedule_expression="rate(5 minutes)",
        tags=settings.tags,
        opts=child,
    )
    permission = aws.lambda_.Permission(
        name,
        action="lambda:InvokeFunction",
        function=function.name,
        qualifier=function.alias.name,
        principal="events.amazonaws.com",
        source_arn=rule.arn,
        opts=child,
    )
    for copy in range(settings.warm_copies):
        # The targets of one rule are called at once, so each call finds a copy of its own.
        aws.cloudwatch.EventTarget(
            f"{name}-{copy}",
            rule=rule.name,
            arn=function.alias.arn,
            input=json.dumps(WARM_UP),
            opts=pulumi.ResourceOptions(parent=function, depends_on=[permission]),
        )


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """An IAM policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: Sequence[str], resources: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """An IAM statement of a role's policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
