"""What the AWS account grants, asked before any resource is made.

Lambda refuses a reservation or too much memory only once the function exists, which would leave a
new account with half a deployment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pulumi
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]
from pulumi.runtime import mocks
from pulumi.runtime.settings import get_monitor

if TYPE_CHECKING:  # the doctor imports this, and has no need of the provider's SDK
    from .settings import Settings

AWS_ERRORS = (BotoCoreError, ClientError)

STANDARD_QUOTA = 1000
"""Concurrent executions of an account whose quota was never lowered or raised."""

UNRESERVED, UNRESERVED_OF_STANDARD = 10, 100
"""What AWS keeps unreserved: in a new account, and in one of the standard quota or more."""

NEW_ACCOUNT_MEMORY = 3008
"""MB that every account grants; more depends on the quota below."""

MEMORY_QUOTA = "Function memory maximum"
"""The quota's name in Service Quotas. It differs by account and region."""

RAISE = (
    "aws service-quotas request-service-quota-increase --service-code lambda --quota-code"
    " L-B99A9384 --desired-value 1000 --region {}"
)


def client(service: str, settings: Settings) -> Any:
    """A botocore client of the account that the stack is deployed to, as the provider finds it.

    None where there is nobody to ask: under mocks, where the provider assumes a role, or where
    botocore lacks what the provider has, as a profile in a file of another name.
    """
    provider = pulumi.Config("aws")
    if isinstance(get_monitor(), mocks.MockMonitor):
        return None
    if provider.get("assumeRoles") or provider.get("assumeRoleWithWebIdentity"):
        return None
    proxies = {"http": provider.get("httpProxy"), "https": provider.get("httpsProxy")}
    patience = Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 3},
        proxies={scheme: url for scheme, url in proxies.items() if url},
    )
    try:
        return Session(profile=provider.get("profile")).create_client(
            service,
            region_name=settings.region,
            endpoint_url=_endpoint(service),
            aws_access_key_id=provider.get("accessKey"),
            aws_secret_access_key=provider.get("secretKey"),
            aws_session_token=provider.get("token"),
            config=patience,
        )
    except BotoCoreError:
        return None


def check(settings: Settings) -> None:
    """Refuses what the account does not grant: `reservedConcurrency`, provisioned environments,
    `memory`.

    Where the account may not be asked, AWS itself answers later. Raises `pulumi.RunError`, in one
    sentence that names the key, the number and the way out.
    """
    try:
        if settings.reserved_concurrency or settings.warm == "provisioned":
            _check_concurrency(client("lambda", settings), settings)
        if settings.memory > NEW_ACCOUNT_MEMORY:
            _check_memory(client("service-quotas", settings), settings)
    except AWS_ERRORS as error:
        pulumi.log.debug(f"The account's limits are not known: {type(error).__name__}")


def _check_concurrency(lambda_: Any, settings: Settings) -> None:
    if lambda_ is None:
        return
    limit = lambda_.get_account_settings()["AccountLimit"]
    total, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    kept = UNRESERVED_OF_STANDARD if total >= STANDARD_QUOTA else UNRESERVED
    if wanted := settings.reserved_concurrency:
        key, free = "reservedConcurrency", unreserved - kept
        if free < wanted <= total - kept:
            free += sum(_reserved(lambda_))
    else:
        # What the alias has provisioned already is part of what the account has.
        key, wanted, free = "warmCopies", settings.warm_copies, total - kept
    if wanted > free:
        raise pulumi.RunError(
            f"artline:{key} is {wanted}: it may be {_up_to(free, key)}, since this account may run"
            f" {total} execution environments at once in {settings.region} and AWS keeps {kept} of"
            f" them unreserved; raise that quota with `{RAISE.format(settings.region)}`."
        )


def _up_to(free: int, key: str) -> str:
    unset = "unset, with `pulumi config rm artline:reservedConcurrency`"
    if key == "warmCopies":
        unset = "used with artline:warm none, ping or snapstart only"
    return f"{unset}, or at most {free}" if free > 0 else unset


def _reserved(lambda_: Any) -> Iterator[int]:
    """What this stack's own functions have reserved, found by their tags."""
    of_stack = {"Project": pulumi.get_project(), "Stack": pulumi.get_stack()}
    for page in lambda_.get_paginator("list_functions").paginate():
        for listed in page["Functions"]:
            if not listed["FunctionName"].startswith("artline-"):
                continue
            function = lambda_.get_function(FunctionName=listed["FunctionName"])
            if of_stack.items() <= function.get("Tags", {}).items():
                yield function.get("Concurrency", {}).get("ReservedConcurrentExecutions", 0)


def _check_memory(quotas: Any, settings: Settings) -> None:
    if quotas is None:
        return
    for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="lambda"):
        for quota in page["Quotas"]:
            if quota["QuotaName"] == MEMORY_QUOTA and settings.memory > quota["Value"]:
                raise pulumi.RunError(
                    f"artline:memory is {settings.memory}: it may be up to {quota['Value']:.0f} in"
                    f" this account in {settings.region}, until AWS Support raises its quota"
                    f' "{MEMORY_QUOTA}".'
                )


def _endpoint(service: str) -> str | None:
    """Where `aws:endpoints` leads the provider, which names services without hyphens."""
    for endpoints in json.loads(pulumi.Config("aws").get("endpoints") or "[]"):
        if url := endpoints.get(service.replace("-", "")):
            return str(url)
    return None
