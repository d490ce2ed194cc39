"""The AWS account: who asks, where, how much may run there, and what answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from .check import Finding, failed, ok, warning
from .deployment import Deployment
from .machine import MANIFESTS, ONE_MANIFEST

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

RIGHTS = "give the user the rights of docs/deploy.md, Who may deploy"

IN_ECR = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)@(sha256:.+)")

ACCEPTED = (
    *MANIFESTS,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
"""ECR gives a manifest in one of the forms that are accepted, and converts to it what it can."""

UNKNOWN_KEYS = ("InvalidClientTokenId", "UnrecognizedClientException")

Run = Callable[[Deployment], Finding | None]


def explained(check: Run) -> Run:
    """`check`, its failures of AWS's and botocore's put in words."""

    @wraps(check)
    def run(deployment: Deployment) -> Finding | None:
        try:
            from botocore.exceptions import (  # type: ignore[import-untyped]
                BotoCoreError,
                ClientError,
            )
        except ImportError:
            return failed("asking AWS takes botocore", "pip install 'artline[iam]'")
        try:
            return check(deployment)
        except ClientError as error:
            return _refused(error.response.get("Error", {}))
        except BotoCoreError as error:
            return _unanswered(error)

    return run


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
    from botocore.exceptions import ClientError

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


@explained
def pushed_image(deployment: Deployment) -> Finding | None:
    """The form of the image that is deployed, as the registry has it."""
    place = IN_ECR.fullmatch(deployment.image_uri or "")
    if not place:
        return None
    registry, where, repository, digest = place.groups()
    answer = deployment.client("ecr", where).batch_get_image(
        registryId=registry,
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=ACCEPTED,
    )
    if not answer["images"]:
        return failed(f"{repository} has no {digest[:19]} any more", "pulumi up")
    media_type = answer["images"][0].get("imageManifestMediaType", "an image of no known form")
    if media_type not in MANIFESTS:
        return failed(f"Lambda refuses {media_type}", ONE_MANIFEST)
    return ok(f"{digest[:19]}, {media_type}")


@explained
def running_image(deployment: Deployment) -> Finding | None:
    """The image that the function runs, against the one that the stack says it deployed."""
    alias, uri = (deployment.stack.outputs.get(key) for key in ("aliasArn", "imageUri"))
    if not alias or not uri:
        return None
    code = deployment.client("lambda").get_function(FunctionName=alias)["Code"]
    running = (code.get("ResolvedImageUri") or code.get("ImageUri", "")).rpartition("@")[2]
    expected = str(uri).rpartition("@")[2]
    if running != expected:
        return failed(f"{running[:19]} runs, the stack's is {expected[:19]}", "pulumi up")
    return ok(f"{running[:19]}, the stack's")


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


def _refused(error: dict[str, str]) -> Finding:
    code = error.get("Code", "")
    if code.startswith("ExpiredToken"):
        return failed("the credentials have expired", "aws sso login")
    if code in (*UNKNOWN_KEYS, "SignatureDoesNotMatch"):
        return failed(f"AWS does not know these credentials: {code}", "aws configure")
    if "AccessDenied" in code or "Unauthorized" in code:
        return failed(f"refused: {code}", RIGHTS)
    return failed(f"AWS says {code}", "artline doctor")


def _unanswered(error: Exception) -> Finding:
    kind = type(error).__name__
    if "Credentials" in kind:
        return failed("none are found here", "aws configure sso")
    if "SSO" in kind or "Token" in kind:
        return failed("the sign-in has expired", "aws sso login")
    if kind == "ProfileNotFound":
        return failed(str(error), "aws configure list-profiles")
    return failed(f"AWS cannot be reached: {kind}", "curl -I https://sts.amazonaws.com")
