"""A Lambda function from the image: its role, log, versions, and the alias that callers see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from . import release
from .image import Image
from .names import ALIAS
from .release import WARM_UP
from .settings import Settings


@dataclass(frozen=True)
class Grant:
    """What a function needs of a resource: environment variables and permissions."""

    name: str
    environment: Mapping[str, pulumi.Input[str]]
    statements: Sequence[Mapping[str, Any]]
    """IAM policy statements."""


class Function(pulumi.ComponentResource):
    """Every update publishes a version, and the alias moves to it once that version has drawn."""

    name: pulumi.Output[str]
    alias: aws.lambda_.Alias
    serving: pulumi.Output[str]
    """The alias's name, once callers meet the version that it points to."""

    def __init__(
        self,
        name: str,
        image: Image,
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
        # Without a declared log group Lambda creates one that never expires and that
        # `pulumi destroy` leaves behind. So the role may not create log groups either.
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
        if settings.tracing:  # X-Ray has no resources to name
            own.append(allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]))
        # Each a policy of its own, which is deleted at the end of an update: until the alias moves,
        # the version that callers meet needs what it was granted.
        granted = [
            aws.iam.RolePolicy(
                f"{name}-{grant.name}",
                role=role.name,
                policy=pulumi.Output.json_dumps(policy(*grant.statements)),
                opts=child,
            )
            for grant in grants
        ]
        permissions = aws.iam.RolePolicy(
            name,
            role=role.name,
            policy=pulumi.Output.json_dumps(policy(*own)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=granted),
        )
        function = aws.lambda_.Function(
            name,
            package_type="Image",
            image_uri=image.uri,
            architectures=[settings.architecture],
            memory_size=settings.memory,
            timeout=timeout,
            role=role.arn,
            environment={
                "variables": {
                    "AUTH": settings.auth,
                    "POWERTOOLS_SERVICE_NAME": service(),
                    **{key: value for grant in grants for key, value in grant.environment.items()},
                }
            },
            logging_config={"log_format": "Text", "log_group": logs.name},
            # An omitted block would leave tracing as it was.
            tracing_config={"mode": "Active" if settings.tracing else "PassThrough"},
            reserved_concurrent_executions=reserved_concurrency,
            snap_start={"apply_on": "PublishedVersions"} if snap_start else None,
            publish=True,
            tags=settings.tags,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions, image.access]),
        )
        # The version itself is invoked, as callers will meet it: $LATEST has no snapshot. One that
        # cannot draw ends the update, and the alias stays where it is.
        version = release.ready(function.name, function.version, settings)
        smoke = aws.lambda_.Invocation(
            name,
            function_name=function.name,
            qualifier=version,
            input=json.dumps(WARM_UP),
            triggers={"version": version},
            opts=child,
        )
        self.name = function.name
        self.alias = aws.lambda_.Alias(
            name,
            name=ALIAS,
            function_name=function.name,
            function_version=version,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[smoke]),
        )
        self.serving = release.settle(self.alias, settings)
        self.register_outputs({"name": self.name, "alias": self.alias.arn})


def keep_warm(name: str, function: Function, settings: Settings) -> None:
    """Keeps environments ready as `settings.warm` says; SnapStart is a property of the function."""
    child = pulumi.ResourceOptions(parent=function, aliases=[pulumi.Alias(name="warm")])
    if settings.warm == "provisioned":
        aws.lambda_.ProvisionedConcurrencyConfig(
            name,
            function_name=function.alias.function_name,
            # Lambda rejects another number while it routes calls to the version before.
            qualifier=function.serving,
            provisioned_concurrent_executions=settings.warm_copies,
            opts=child,
        )
    if settings.warm == "ping":
        _ping(name, function, settings, child)


def _ping(name: str, function: Function, settings: Settings, child: pulumi.ResourceOptions) -> None:
    # Lambda removes an idle environment after some ten minutes.
    rule = aws.cloudwatch.EventRule(
        name,
        description="Keeps environments of the function warm",
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
    for number in range(settings.warm_copies):
        # The targets of one rule are called at once, so each call takes an environment of its own.
        aws.cloudwatch.EventTarget(
            f"{name}-{number}",
            rule=rule.name,
            arn=function.alias.arn,
            input=json.dumps(WARM_UP),
            opts=pulumi.ResourceOptions(
                parent=function,
                depends_on=[permission],
                aliases=[pulumi.Alias(name=f"warm-{number}")],
            ),
        )


def service() -> str:
    """What the stack's logs and metrics are told from another stack's by."""
    return f"{pulumi.get_project()}-{pulumi.get_stack()}"


def policy(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """An IAM policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions: Sequence[str], resources: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    """An IAM statement of a role's policy."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
