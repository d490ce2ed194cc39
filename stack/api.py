"""The HTTP API: its routes, and who may call them, how often and from where."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from .function import Function
from .names import renamed
from .settings import Settings

PAGE_ROUTES = ("GET /", "GET /sw.js", "GET /page/{version}/{name}")
OPEN_ROUTES = (*PAGE_ROUTES, "GET /health", "GET /openapi.json")
PAID_ROUTES = ("POST /transform",)
JOB_ROUTES = ("POST /jobs", "GET /jobs/{id}", "DELETE /jobs/{id}")
OTHER_ROUTES = ("$default",)
"""Every other request: the function answers it with its 404 or 405."""

PREFLIGHT_ROUTES = ("OPTIONS /{proxy+}",)
"""Without it `$default` would ask a browser's preflight, which is never signed, for a signature."""

SIGNING_HEADERS = ("x-amz-content-sha256", "x-amz-date", "x-amz-security-token")

ACCESS_LOG = {
    name: f"$context.{name}"
    for name in (
        "requestId",
        "requestTime",
        "routeKey",
        "status",
        "responseLength",
        "responseLatency",
        "integrationLatency",
        "integrationErrorMessage",
    )
}


class Api(pulumi.ComponentResource):
    """One integration, the function's alias, behind every route."""

    id: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    """The base URL, without a slash at its end."""

    def __init__(
        self,
        name: str,
        function: Function,
        settings: Settings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("artline:stack:Api", name, None, renamed(opts, "api"))
        child = pulumi.ResourceOptions(parent=self)
        api = aws.apigatewayv2.Api(
            name,
            protocol_type="HTTP",
            cors_configuration=_cors(settings),
            tags=settings.tags,
            opts=child,
        )
        integration = aws.apigatewayv2.Integration(
            name,
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.alias.invoke_arn,
            payload_format_version="2.0",
            timeout_milliseconds=30_000,  # the most that an HTTP API waits
            opts=child,
        )
        for key, authorization in _routes(settings).items():
            aws.apigatewayv2.Route(
                f"{name} {key}",
                api_id=api.id,
                route_key=key,
                authorization_type=authorization,
                target=pulumi.Output.concat("integrations/", integration.id),
                opts=child,
            )
        stage = self._stage(name, api, settings, child)
        aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=function.name,
            qualifier=function.alias.name,  # without it the API answers 500
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(stage.execution_arn, "/*"),
            opts=child,
        )
        self.id, self.endpoint = api.id, api.api_endpoint
        self.register_outputs({"endpoint": self.endpoint})

    def _stage(
        self,
        name: str,
        api: aws.apigatewayv2.Api,
        settings: Settings,
        child: pulumi.ResourceOptions,
    ) -> aws.apigatewayv2.Stage:
        logs = aws.cloudwatch.LogGroup(
            name,
            # Under this prefix CloudWatch needs no resource policy for each group that an API logs
            # to, of which an account may have few.
            name=pulumi.Output.concat("/aws/vendedlogs/artline-", api.id),
            retention_in_days=settings.log_retention_days,
            tags=settings.tags,
            opts=child,
        )
        return aws.apigatewayv2.Stage(
            name,
            api_id=api.id,
            name="$default",  # any other name would be part of every URL
            auto_deploy=True,
            default_route_settings={
                "throttling_rate_limit": settings.throttle_rate,
                "throttling_burst_limit": settings.throttle_burst,
            },
            access_log_settings={"destination_arn": logs.arn, "format": json.dumps(ACCESS_LOG)},
            tags=settings.tags,
            opts=child,
        )


def _routes(settings: Settings) -> dict[str, str]:
    """The routes, each with API Gateway's authorization type.

    Where calls are signed, so are those of `$default`: only that route matches `/transform/` and
    `//transform`, which must not be a way round the signature.
    """
    paid = PAID_ROUTES + (JOB_ROUTES if settings.jobs else ()) + OTHER_ROUTES
    signed = settings.auth == "iam"
    preflight = PREFLIGHT_ROUTES if signed and settings.cors_origins else ()
    return dict.fromkeys((*OPEN_ROUTES, *preflight), "NONE") | dict.fromkeys(
        paid, "AWS_IAM" if signed else "NONE"
    )


def _cors(settings: Settings) -> aws.apigatewayv2.ApiCorsConfigurationArgsDict | None:
    if not settings.cors_origins:
        return None
    signing = SIGNING_HEADERS if settings.auth == "iam" else ()
    return {
        "allow_origins": list(settings.cors_origins),
        "allow_methods": ["GET", "POST", "DELETE"],
        "allow_headers": ["content-type", "accept", "authorization", *signing],
        "expose_headers": ["server-timing", "x-model", "retry-after", "etag"],
        "max_age": 86_400,
    }
