"""What publishing a version takes beside the resources: waiting for it, and clearing up after it.

The provider neither waits until a fresh version can be invoked nor deletes old ones. These steps
run during `pulumi up` only, with the provider's own credentials.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import pulumi
from botocore.exceptions import WaiterError  # type: ignore[import-untyped]

from . import account
from .names import ALIAS, setting

if TYPE_CHECKING:
    import pulumi_aws as aws

    from .settings import Settings

WARM_UP = {"warmup": True}
"""An event that an environment answers once it has drawn a photo, and fails otherwise."""

KEPT_VERSIONS = 10
"""Versions to roll back to. With SnapStart each one's snapshot is billed until it is deleted."""

UNWEIGHTED: Final[dict[str, Any]] = {"AdditionalVersionWeights": {}}
"""The routing of an alias that sends every call to its own version."""

SECONDS, PAUSE = 900, 3
"""How long provisioned environments may take to be ready, and how often they are looked at."""

LIVE_TAG = "live-"
"""Prefix of the ECR tags of images behind an alias, which the lifecycle policy never expires."""

MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
"""The media types of an image that Lambda takes."""

IMAGE = re.compile(r"(\d{12})\.dkr\.ecr\.[^/]+/(?P<repository>[^@:]+)@(?P<digest>sha256:[0-9a-f]+)")


class NotReadyError(Exception):
    """The alias's version has no provisioned environments; the text says what callers meet."""


def ready(
    function: pulumi.Output[str], version: pulumi.Output[str], settings: Settings
) -> pulumi.Output[str]:
    """`version`, once `function` can be invoked by it.

    Until then the image that callers still meet is marked, so that it outlives any number of failed
    updates. Raises `pulumi.RunError` where the version ends as `Failed`.
    """

    def wait(names: list[str]) -> str:
        if lambda_ := account.client("lambda", settings):
            _guarded(lambda: mark(lambda_, account.client("ecr", settings), names[0]))
            await_active(lambda_, *names)
        return names[1]

    return _during_update([function, version], wait, preview=version)


def settle(alias: aws.lambda_.Alias, settings: Settings) -> pulumi.Output[str]:
    """The alias's name, once every caller meets the version that it has moved to.

    Then that version's image is marked, and old versions are deleted. Raises `pulumi.RunError`
    where its provisioned environments cannot be started; the next update may ask for fewer.
    """

    def clear(names: list[str]) -> str:
        function, version, name = names
        if lambda_ := account.client("lambda", settings):
            _await_served(lambda_, function, version)
            _guarded(lambda: mark(lambda_, account.client("ecr", settings), function))
            _guarded(lambda: prune(lambda_, function))
        return name

    outputs = [alias.function_name, alias.function_version, alias.name]
    return _during_update(outputs, clear, preview=alias.name)


def wait_served(lambda_: Any, function: str) -> None:
    """Waits until the alias's own version is called.

    With provisioned environments, Lambda routes all calls to the version before until the new one's
    are ready. If they cannot be started it would keep doing so, and reject another number of them:
    the alias then serves the new version without. Raises `NotReadyError` and botocore's errors.
    """
    for _ in range(SECONDS // PAUSE):
        alias = lambda_.get_alias(FunctionName=function, Name=ALIAS)
        if sum(_weights(alias).values()) < 1:  # less: a share that was set by hand
            return
        try:
            provisioned = lambda_.get_provisioned_concurrency_config(
                FunctionName=function, Qualifier=ALIAS
            )
        except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return
        if provisioned["Status"] == "FAILED":
            lambda_.update_alias(FunctionName=function, Name=ALIAS, RoutingConfig=UNWEIGHTED)
            reason = str(provisioned.get("StatusReason") or "Lambda does not say why").rstrip(".")
            raise NotReadyError(f"callers meet it without provisioned environments: {reason}")
        time.sleep(PAUSE)
    raise NotReadyError(
        f"its provisioned environments are not ready after {SECONDS} s, and callers meet the"
        " version before until they are"
    )


def _await_served(lambda_: Any, function: str, version: str) -> None:
    try:
        wait_served(lambda_, function)
    except NotReadyError as error:
        raise pulumi.RunError(
            f"Version {version} of {function} is live, but {error}. Lower {setting('warmCopies')},"
            " or raise the account's quota, and `pulumi up` again."
        ) from error
    except account.AWS_ERRORS as error:
        pulumi.log.debug(f"The alias's state is not known: {type(error).__name__}")


def _weights(alias: Any) -> dict[str, float]:
    """The versions beside the alias's own that it sends calls to, and their shares."""
    return dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})


def wait_active(lambda_: Any, function: str, version: str) -> None:
    """Waits until the version is `Active`, ten minutes at most. Raises botocore's errors."""
    lambda_.get_waiter("published_version_active").wait(
        FunctionName=function, Qualifier=version, WaiterConfig={"Delay": 2, "MaxAttempts": 300}
    )


def await_active(lambda_: Any, function: str, version: str) -> None:
    """Waits until the version is `Active`: its image is in place, and its snapshot if it has one.

    Raises `pulumi.RunError` where it ends as `Failed` or takes more than ten minutes.
    """
    try:
        wait_active(lambda_, function, version)
    except WaiterError as error:
        last = error.last_response
        if "Error" in last:  # it may not be asked
            return
        reason = last.get("StateReason") or str(error)
        raise pulumi.RunError(
            f"Version {version} of {function} cannot be invoked ({reason.rstrip('.')}), so callers"
            " still meet the version before it; docs/operate.md, Upgrade, has the command that"
            " publishes another."
        ) from error
    except account.AWS_ERRORS as error:
        pulumi.log.debug(f"The version's state is not known: {type(error).__name__}")


def mark(lambda_: Any, ecr: Any, function: str) -> None:
    """Tags the image behind the alias of `function`, by whatever deployment it was set.

    The tag has the function's own name: stacks may share a repository, by `imageUri`.
    """
    try:
        code = lambda_.get_function(FunctionName=function, Qualifier=ALIAS)["Code"]
    except lambda_.exceptions.ResourceNotFoundException:
        return  # the first deployment
    image = IMAGE.fullmatch(code.get("ResolvedImageUri") or code.get("ImageUri", ""))
    if image is None:
        return  # an emulator's
    registry, repository, digest = image.groups()
    place = {"registryId": registry, "repositoryName": repository}
    # In its own form: a manifest that ECR converts would have another digest.
    found = ecr.batch_get_image(
        **place, imageIds=[{"imageDigest": digest}], acceptedMediaTypes=MANIFESTS
    )
    for each in found["images"]:
        try:
            ecr.put_image(
                **place,
                imageManifest=each["imageManifest"],
                imageManifestMediaType=each["imageManifestMediaType"],
                imageDigest=digest,
                imageTag=f"{LIVE_TAG}{function}",
            )
        except ecr.exceptions.ImageAlreadyExistsException:
            return


def prune(lambda_: Any, function: str) -> None:
    """Deletes all but the last `KEPT_VERSIONS` versions, and never one that an alias points to.

    Where the last one has no snapshot, those that have one are deleted too: each is billed.
    """
    pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    found = {
        each["Version"]: each.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
        for page in pages
        for each in page["Versions"]
        if each["Version"] != "$LATEST"
    }
    versions = sorted(found, key=int)
    aliases = lambda_.list_aliases(FunctionName=function)["Aliases"]
    used = {alias["FunctionVersion"] for alias in aliases}.union(*map(_weights, aliases))
    snapshots = [each for each in versions if found[each] and not found[versions[-1]]]
    for version in sorted({*versions[:-KEPT_VERSIONS], *snapshots} - used, key=int):
        lambda_.delete_function(FunctionName=function, Qualifier=version)


def _guarded(step: Any) -> None:
    """Clearing up fails no update: what is left over is cleared by the next one."""
    try:
        step()
    except account.AWS_ERRORS as error:
        pulumi.log.warn(f"Old versions and images are left as they are: {error}")


def _during_update(
    outputs: Sequence[pulumi.Output[str]],
    step: Callable[[list[str]], str],
    *,
    preview: pulumi.Output[str],
) -> pulumi.Output[str]:
    """What `step` gives for the values of `outputs`; in a preview, `preview`."""
    if pulumi.runtime.is_dry_run():
        return preview

    async def run(values: list[str]) -> str:
        return await asyncio.to_thread(step, values)

    return pulumi.Output.all(*outputs).apply(run)
