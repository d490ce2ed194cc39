"""The AWS account: who asks, where, how much may run there, and what answers."""

from __future__ import annotations

from typing import Any, Final

from .aws import UNKNOWN_KEYS, explained
from .check import Finding, failed, ok, warning
from .deployment import Deployment

HOMES = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""A region that every account of the partition has; us-east-1 is the usual one's."""

KEPT: Final = 10
"""Copies that AWS leaves unreserved at the least, in an account whose quota is as small."""

USUALLY_KEPT: Final = 100
"""Those that it leaves in an account with the usual quota, by Lambda's developer guide."""

RAISE = (
    "aws service-quotas request-service-quota-increase --service-code lambda"
    " --quota-code L-B99A9384 --desired-value 1000"
)
"""The quota of concurrent executions."""

UNRESERVE = "pulumi config rm artline:reservedConcurrency"


@explained
def credentials(deployment: Deployment) -> Finding:
    """Whose account it is."""
    caller = deployment.client("sts", _home(deployment)).get_caller_identity()
    return ok(f"account {caller['Account']}, {caller['Arn'].rpartition(':')[2]}")


@explained
def region(deployment: Deployment) -> Finding:
    """Where to deploy: a region that AWS has, and the account has enabled."""
    name = deployment.region()
    if not name:
        return failed("unset", "pulumi config set aws:region eu-central-1")
    if not _partition(deployment, name):
        return failed(f"AWS has no region {name}", "pulumi config set aws:region eu-central-1")
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    try:
        # A region that the account has not enabled does not know its keys.
        deployment.client("sts", name).get_caller_identity()
    except ClientError as error:
        if error.response["Error"]["Code"] not in UNKNOWN_KEYS:
            raise
        return failed(
            f"{name} is not enabled in this account",
            f"aws account enable-region --region-name {name}",
        )
    return ok(name)


@explained
def concurrency(deployment: Deployment) -> Finding:
    """How many copies the account may run, against how many the stack takes for itself."""
    lambda_ = deployment.client("lambda")
    limit = lambda_.get_account_settings()["AccountLimit"]
    total, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    reserved = max(deployment.stack.number("reservedConcurrency", -1), 0)
    provisioned = deployment.stack.setting("warm") == "provisioned"
    wanted = reserved or (deployment.stack.number("warmCopies", 1) if provisioned else 0)
    left = unreserved + _held(lambda_, deployment) - wanted
    found = f"{total} copies at once, {wanted or 'none'} for this stack, {left} left"
    if wanted and left < KEPT:
        return failed(f"{found}: AWS keeps {KEPT} unreserved", UNRESERVE if reserved else RAISE)
    if wanted and left < USUALLY_KEPT:
        return warning(f"{found}: AWS may keep up to {USUALLY_KEPT} unreserved", RAISE)
    if total <= KEPT:
        return warning(f"{found}: a new account's quota", RAISE)
    return ok(found)


@explained
def ecr(deployment: Deployment) -> Finding:
    """Whether the registry lets itself be asked."""
    deployment.client("ecr").describe_repositories(maxResults=1)
    return ok("answers")


@explained
def api_gateway(deployment: Deployment) -> Finding:
    """Whether API Gateway lets itself be asked."""
    deployment.client("apigatewayv2").get_apis(MaxResults="1")
    return ok("answers")


def _held(lambda_: Any, deployment: Deployment) -> int:
    """What the stack's function, where it is deployed, has reserved by now."""
    name = deployment.stack.outputs.get("functionName")
    if not name:
        return 0
    return int(
        lambda_.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0)
    )


def _home(deployment: Deployment) -> str:
    name = deployment.region()
    partition = _partition(deployment, name) if name else None
    return HOMES.get(partition or "", "us-east-1")


def _partition(deployment: Deployment, region: str) -> str | None:
    """The partition in which AWS has Lambda in `region`."""
    session = deployment.session()
    for partition in session.get_available_partitions():
        if region in session.get_available_regions("lambda", partition):
            return str(partition)
    return None
