"""The AWS account: its user, region, concurrency and services."""

from __future__ import annotations

from typing import Any

from stack.account import (
    STANDARD_QUOTA,
    UNRESERVED,
    UNRESERVED_OF_STANDARD,
    held,
    raise_quota,
)

from .aws import UNKNOWN_KEYS, explained
from .check import Finding, failed, ok, warning
from .deployment import Deployment

HOMES = {"aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
"""A region that every account of the partition has; us-east-1 is the usual one's."""

UNRESERVE = "pulumi config rm reservedConcurrency"


@explained
def credentials(deployment: Deployment) -> Finding:
    """Whose account it is."""
    caller = deployment.client("sts", _home(deployment)).get_caller_identity()
    return ok(f"account {caller['Account']}, {caller['Arn'].rpartition(':')[2]}")


@explained
def region(deployment: Deployment) -> Finding:
    """Where to deploy: a region that exists and that the account has enabled."""
    name = deployment.region()
    if not name:
        return failed("unset", "pulumi config set aws:region eu-central-1")
    if not _partition(deployment, name):
        return failed(f"AWS has no region {name}", "pulumi config set aws:region eu-central-1")
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    try:
        # A region that is not enabled does not know the account's keys.
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
    """How many environments the account may run, and how many the stack takes for itself."""
    lambda_ = deployment.client("lambda")
    limit = lambda_.get_account_settings()["AccountLimit"]
    total, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    reserved = max(deployment.stack.number("reservedConcurrency", -1), 0)
    provisioned = deployment.stack.setting("warm") == "provisioned"
    wanted = reserved or (deployment.stack.number("warmCopies", 1) if provisioned else 0)
    left = unreserved + _held(lambda_, deployment) - wanted
    found = f"{total} environments at once, {wanted or 'none'} for this stack, {left} left"
    kept = UNRESERVED_OF_STANDARD if total >= STANDARD_QUOTA else UNRESERVED
    more = raise_quota(total, UNRESERVED_OF_STANDARD - left, deployment.region())
    if wanted and left < kept:
        return failed(f"{found}: AWS keeps {kept} unreserved", UNRESERVE if reserved else more)
    if wanted and left < UNRESERVED_OF_STANDARD:
        return warning(f"{found}: AWS may keep {UNRESERVED_OF_STANDARD} unreserved", more)
    if total <= UNRESERVED:
        return warning(f"{found}: a new account's quota", more)
    return ok(found)


@explained
def ecr(deployment: Deployment) -> Finding:
    """Whether the registry gives this user a login, with which images are pushed."""
    deployment.client("ecr").get_authorization_token()
    return ok("answers")


@explained
def api_gateway(deployment: Deployment) -> Finding:
    """Whether API Gateway lets this user ask."""
    deployment.client("apigatewayv2").get_apis(MaxResults="1")
    return ok("answers")


def _held(lambda_: Any, deployment: Deployment) -> int:
    """What the stack's function, where it is deployed, holds already."""
    name = deployment.stack.outputs.get("functionName")
    return held(lambda_, lambda_.get_function(FunctionName=name)) if name else 0


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
