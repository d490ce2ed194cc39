"""What the AWS account grants, asked before any resource is made.

Lambda refuses a reservation or too much memory only once the function exists, which would leave a
new account with half a deployment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]
from pulumi.runtime import mocks
from pulumi.runtime.settings import get_monitor

from .names import ALIAS, setting

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

ROLES = ("assumeRoles", "assumeRoleWithWebIdentity")
"""The provider's settings that name roles."""


def raise_quota(total: int, short: int, region: str | None) -> str:
    """The command that asks for `short` more concurrent executions than `total`.

    AWS takes no request for what an account has already.
    """
    return (
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code"
        f" L-B99A9384 --desired-value {max(STANDARD_QUOTA, total + short)} --region {region}"
    )


def client(service: str, settings: Settings) -> Any:
    """A botocore client of the account that the stack is deployed to, as the provider finds it.

    None where there is nobody to ask: under mocks, where a role may not be assumed, or where
    botocore lacks what the provider has, as a profile in a file of another name.
    """
    provider = pulumi.Config("aws")
    if is_mocked():
        return None
    proxies = {"http": provider.get("httpProxy"), "https": provider.get("httpsProxy")}
    patience = Config(
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 3},
        # Without any, the environment's are taken.
        proxies={scheme: url for scheme, url in proxies.items() if url} or None,
    )
    try:
        session = Session(profile=provider.get("profile"))
        keys = {
            "aws_access_key_id": provider.get("accessKey"),
            "aws_secret_access_key": provider.get("secretKey"),
            "aws_session_token": provider.get("token"),
        }

        def make(name: str, keys: Mapping[str, str | None]) -> Any:
            return session.create_client(
                name,
                region_name=settings.region,
                endpoint_url=_endpoint(name),
                config=patience,
                **keys,
            )

        roles = [provider.get(key) for key in ROLES]
        return make(service, assumed(roles, keys, lambda keys: make("sts", keys)))
    except (*AWS_ERRORS, OSError, ValueError, KeyError) as error:
        _warn(f"The account's limits, versions and images are not known: {error}")
        return None


def is_mocked() -> bool:
    """Whether the program runs under Pulumi's mocks, as it does for `make run` and the tests."""
    return isinstance(get_monitor(), mocks.MockMonitor)


@cache
def _warn(text: str) -> None:
    """Says it once."""
    pulumi.log.warn(text)


def assumed(
    roles: Iterable[Any],
    keys: Mapping[str, str | None],
    sts: Callable[[Mapping[str, str | None]], Any],
) -> Mapping[str, str | None]:
    """The keys of the last of the provider's roles, each assumed with the keys before it.

    `roles` are the values of `ROLES`, as JSON or as what it stands for. Raises botocore's errors,
    `OSError` where a token's file cannot be read, `ValueError` and `KeyError` for other values.
    """
    for value in roles:
        given = json.loads(value) if isinstance(value, str) else value
        for role in given if isinstance(given, list) else filter(None, [given]):
            keys = _assume(role, sts(keys))
    return keys


def _assume(role: Mapping[str, Any], sts: Any) -> Mapping[str, str | None]:
    named = {"RoleArn": role["roleArn"], "RoleSessionName": role.get("sessionName") or "artline"}
    token, file = role.get("webIdentityToken"), role.get("webIdentityTokenFile")
    if file:
        token = Path(file).read_text()
    if token:
        answer = sts.assume_role_with_web_identity(**named, WebIdentityToken=token)
    else:
        outside = {"ExternalId": role["externalId"]} if role.get("externalId") else {}
        answer = sts.assume_role(**named, **outside)
    granted = answer["Credentials"]
    return {
        "aws_access_key_id": granted["AccessKeyId"],
        "aws_secret_access_key": granted["SecretAccessKey"],
        "aws_session_token": granted["SessionToken"],
    }


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
        key = "reservedConcurrency"
    else:
        key, wanted = "warmCopies", settings.warm_copies
    free = unreserved - kept
    if free < wanted <= total - kept:
        free += sum(held(lambda_, function) for function in _own(lambda_))
    if wanted > free:
        raise pulumi.RunError(
            f"{setting(key)} is {wanted}: it may be {_up_to(free, key)}, since this account may run"
            f" {total} execution environments at once in {settings.region} and AWS keeps {kept} of"
            " them unreserved; raise that quota with"
            f" `{raise_quota(total, wanted - free, settings.region)}`."
        )


def _up_to(free: int, key: str) -> str:
    unset = f"unset, with `pulumi config rm {setting('reservedConcurrency')}`"
    if key == "warmCopies":
        unset = f"used with {setting('warm')} none, ping or snapstart only"
    return f"{unset}, or at most {free}" if free > 0 else unset


def _own(lambda_: Any) -> Iterator[Any]:
    """The functions of this stack, found by their tags."""
    of_stack = {"Project": pulumi.get_project(), "Stack": pulumi.get_stack()}
    for page in lambda_.get_paginator("list_functions").paginate():
        for listed in page["Functions"]:
            if not listed["FunctionName"].startswith("artline-"):
                continue
            function = lambda_.get_function(FunctionName=listed["FunctionName"])
            if of_stack.items() <= function.get("Tags", {}).items():
                yield function


def held(lambda_: Any, function: Mapping[str, Any]) -> int:
    """What a function, as `get_function` answers, holds of the account's environments.

    Those that are provisioned are among those that are reserved, where any are.
    """
    name = function["Configuration"]["FunctionName"]
    try:
        provisioned = lambda_.get_provisioned_concurrency_config(
            FunctionName=name, Qualifier=ALIAS
        )["RequestedProvisionedConcurrentExecutions"]
    except (
        lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException,
        lambda_.exceptions.ResourceNotFoundException,
    ):
        provisioned = 0
    reserved = function.get("Concurrency", {}).get("ReservedConcurrentExecutions", 0)
    return int(max(provisioned, reserved))


def _check_memory(quotas: Any, settings: Settings) -> None:
    if quotas is None:
        return
    for page in quotas.get_paginator("list_service_quotas").paginate(ServiceCode="lambda"):
        for quota in page["Quotas"]:
            if quota["QuotaName"] == MEMORY_QUOTA and settings.memory > quota["Value"]:
                raise pulumi.RunError(
                    f"{setting('memory')} is {settings.memory}: it may be up to"
                    f" {quota['Value']:.0f} in this account in {settings.region}, until AWS Support"
                    f' raises its quota "{MEMORY_QUOTA}".'
                )


def _endpoint(service: str) -> str | None:
    """Where `aws:endpoints` leads the provider, which names services without hyphens."""
    for endpoints in json.loads(pulumi.Config("aws").get("endpoints") or "[]"):
        if url := endpoints.get(service.replace("-", "")):
            return str(url)
    return None
