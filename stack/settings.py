"""The stack's settings: declared in Pulumi.yaml, read once, checked before any resource exists."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pulumi
import pulumi_aws
import yaml  # type: ignore[import-untyped]
from botocore.loaders import create_loader  # type: ignore[import-untyped]
from pulumi.runtime import config as runtime

from artline.version import __version__

from .account import is_mocked
from .names import setting

ROOT = Path(__file__).parents[1]

NAMESPACE = "artline"
"""The namespace of the settings as they are shipped: the project's name in Pulumi.yaml."""

PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
"""Those whose hosts the page's content security policy names."""

WITHOUT_SNAPSTART = ("ap-east-2", "ap-southeast-6")
"""Regions of the partition `aws` that have no SnapStart, by Lambda's developer guide; the other
partitions have none."""

SERVICES = ("lambda", "api.ecr", "apigateway")
"""What a region must have, in botocore's names."""

LOG_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The retentions that CloudWatch Logs accepts, in days, up to ten years."""

RULE_TARGETS = 5
"""The most targets of one EventBridge rule, and so of environments that one tick can call."""

BY_DIGEST = re.compile(r"([^\s@]+@)?sha256:[0-9a-f]{64}")
"""An image by its content: `repository@sha256:…`, or in an emulator the local image's own id."""

IN_ECR = re.compile(
    r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?P<china>\.cn)?"
    r"/[a-z0-9]+([._/-]+[a-z0-9]+)*@sha256:[0-9a-f]{64}"
)
"""The only images that Lambda takes: those in ECR. A tag beside the digest is refused."""

DASHBOARD_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
"""What a stack's name may be to be part of a CloudWatch dashboard's name."""

TOKEN_BYTES = 4096
"""The most that a standard parameter of SSM holds."""

TOKENS = re.compile(r"\s*[!-~]+(\s+[!-~]+)*\s*")
"""One token, or several with white space between."""

ORIGIN = re.compile(r"\*|https?://(\*|[^\s/*?#@]+)")
"""An HTTP API takes no `*` as a part of a host, and S3 one in an origin."""

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


@dataclass(frozen=True)
class Settings:
    """The settings of a stack; Pulumi.yaml describes each of them."""

    region: str
    partition: str
    memory: int
    timeout: int
    architecture: str
    reserved_concurrency: int | None
    warm: str
    warm_copies: int
    image_uri: str | None
    jobs: bool
    job_concurrency: int
    result_days: int
    auth: str
    api_token: pulumi.Output[str] | None
    cors_origins: tuple[str, ...]
    throttle_rate: int
    throttle_burst: int
    log_retention_days: int
    tracing: bool
    alarm_email: str | None
    tags: dict[str, str]

    @classmethod
    def read(cls) -> Settings:
        """The settings of the stack that runs now.

        Raises `pulumi.RunError`, which Pulumi shows without a stack trace, with one sentence that
        names the key, its value and what it may be.
        """
        _check_keys()
        region = _region()
        settings = cls(
            region=region,
            partition=regions()[region],
            memory=_integer("memory", 128, 10240),
            timeout=_integer("timeout", 1, 30),
            architecture=_choice("architecture", ("x86_64", "arm64")),
            reserved_concurrency=_reserved(),
            warm=_choice("warm", ("none", "ping", "snapstart", "provisioned")),
            warm_copies=_integer("warmCopies", 1),
            image_uri=_image_uri(region),
            jobs=_choice("jobs", ("true", "false")) == "true",
            job_concurrency=_integer("jobConcurrency", 2, 1000),
            result_days=_integer("resultDays", 1),
            auth=_choice("auth", ("none", "token", "iam")),
            api_token=_api_token(),
            cors_origins=_origins(),
            throttle_rate=_integer("throttleRate", 1),
            throttle_burst=_integer("throttleBurst", 1),
            log_retention_days=_log_days(),
            tracing=_choice("tracing", ("true", "false")) == "true",
            alarm_email=_match("alarmEmail", EMAIL, "an e-mail address"),
            tags=_tags(),
        )
        _check_together(settings)
        return settings


def _check_keys() -> None:
    """Refuses what Pulumi would ignore: a key that is not declared, or of another project.

    Renaming the project renames the namespace of its settings.
    """
    project = pulumi.get_project()
    for key in sorted(runtime.CONFIG.get() | runtime.get_config_env()):
        namespace, _, name = key.partition(":")
        if namespace == NAMESPACE != project:
            raise pulumi.RunError(
                f"{key} belongs to the project {NAMESPACE}, but Pulumi.yaml names this project"
                f" {project}: rename the key to {setting(name)} in Pulumi.{pulumi.get_stack()}"
                ".yaml."
            )
        if namespace == project and name not in declarations():
            # Letters' case is the likeliest slip, and no reason to be far from a name.
            names = {each.lower(): each for each in declarations()}
            (nearest,) = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0)
            raise pulumi.RunError(
                f"{key} is not a setting: the nearest is {setting(names[nearest])};"
                f" `pulumi config rm {key}` removes it."
            )


def _check_together(settings: Settings) -> None:
    """Refuses settings that are fine one by one but not with each other."""
    count, warm, reserved = settings.warm_copies, settings.warm, settings.reserved_concurrency
    stack = pulumi.get_stack()
    if not DASHBOARD_NAME.fullmatch(stack):
        raise pulumi.RunError(
            f"The stack's name is {stack}: it may be up to 100 letters, digits, hyphens and"
            " underscores, as CloudWatch takes them in a dashboard's name."
        )
    if settings.auth == "token" and settings.api_token is None:
        raise pulumi.RunError(
            f"{setting('auth')} is token, and {setting('apiToken')} is unset: set visible ASCII"
            f" characters by `{_set_token()} …`."
        )
    if warm == "snapstart" and not _has_snapstart(settings):
        _refuse(
            "warm", warm, f"none, ping or provisioned in {settings.region}, which has no SnapStart"
        )
    if warm in ("none", "snapstart") and count > 1:
        _refuse("warmCopies", count, f"1 while {setting('warm')} is {warm}, which keeps none ready")
    if warm == "ping" and count > RULE_TARGETS:
        _refuse("warmCopies", count, f"1 to {RULE_TARGETS} while {setting('warm')} is ping")
    if reserved is not None and count > reserved:
        _refuse(
            "reservedConcurrency",
            reserved,
            f"-1 (unset), or at least {setting('warmCopies')}, which is {count}",
        )
    if warm == "provisioned" and count == reserved:
        # Lambda would throttle the version that is tried before callers meet it.
        _refuse(
            "reservedConcurrency",
            reserved,
            f"-1 (unset), or more than {setting('warmCopies')}, which is {count}",
        )


def _has_snapstart(settings: Settings) -> bool:
    return settings.partition == "aws" and settings.region not in WITHOUT_SNAPSTART


def _region() -> str:
    """The region as the provider finds it, where AWS has every service of the stack."""
    region: str | None = pulumi_aws.config.region
    if region is None or region not in regions():
        raise pulumi.RunError(
            f"aws:region is {region or 'unset'}: it may be any AWS region that has Lambda, ECR and"
            " API Gateway, set with `pulumi config set aws:region eu-central-1`."
        )
    return region


@cache
def regions() -> dict[str, str]:
    """Where Lambda, ECR and API Gateway all are, with the partition, by botocore's own data."""
    found = {}
    for partition in create_loader().load_data("endpoints")["partitions"]:
        if partition["partition"] not in PARTITIONS:
            continue
        for region in partition["regions"]:
            if all(region in _endpoints(partition, name) for name in SERVICES):
                found[region] = partition["partition"]
    return found


def _endpoints(partition: dict[str, Any], service: str) -> dict[str, Any]:
    endpoints: dict[str, Any] = partition["services"].get(service, {}).get("endpoints", {})
    return endpoints


def _image_uri(region: str) -> str | None:
    uri = _match("imageUri", BY_DIGEST, "an image by its digest, repository@sha256:…")
    # An emulator takes a local image's id alone.
    emulated = pulumi.Config("aws").get("endpoints") or is_mocked()
    if uri is None or (emulated and uri.startswith("sha256:")):
        return uri
    found = IN_ECR.fullmatch(uri)
    china = ".cn" if regions()[region] == "aws-cn" else ""
    if found is None or found["region"] != region or (found["china"] or "") != china:
        example = f"123456789012.dkr.ecr.{region}.amazonaws.com{china}/repository@sha256:…"
        _refuse("imageUri", uri, f"an image in ECR in {region}, by its digest alone: {example}")
    return uri


def _api_token() -> pulumi.Output[str] | None:
    """The token, which no refusal shows."""
    token, key = _text("apiToken"), setting("apiToken")
    if not token:
        return None
    if not (runtime.is_config_secret(key) or key in runtime.get_config_secret_keys_env()):
        raise pulumi.RunError(
            f"{key} is in plain text in Pulumi.{pulumi.get_stack()}.yaml: choose a new token and"
            f" encrypt it with `{_set_token()} …`."
        )
    if not token.strip():
        raise pulumi.RunError(
            f"{key} is blank: set visible ASCII characters by `{_set_token()} …`."
        )
    if not TOKENS.fullmatch(token) or "{{" in token:
        # SSM reads {{…}} as another parameter's value.
        raise pulumi.RunError(
            f"{key} holds a character that no header or parameter carries: set visible ASCII"
            f" characters without {{{{, or two such tokens, by `{_set_token()} …`."
        )
    if len(token.encode()) > TOKEN_BYTES:
        raise pulumi.RunError(
            f"{key} is {len(token.encode())} bytes long: it may be up to {TOKEN_BYTES}."
        )
    return pulumi.Output.secret(token)


def _reserved() -> int | None:
    value = _integer("reservedConcurrency", -1)
    if value == 0:
        _refuse(
            "reservedConcurrency",
            0,
            "1 or more, or -1 to reserve none: 0 would throttle every call",
        )
    return value if value > 0 else None


def _log_days() -> int:
    days = _integer("logRetentionDays", 1)
    if days not in LOG_DAYS:
        _refuse("logRetentionDays", days, f"one of {', '.join(map(str, LOG_DAYS))}")
    return days


def _origins() -> tuple[str, ...]:
    text = _text("corsOrigins")
    wanted = 'a list of origins as ["https://example.com"], or ["*"]'
    try:
        origins = json.loads(text)
    except ValueError:
        _refuse("corsOrigins", text, wanted)
    if not isinstance(origins, list):
        _refuse("corsOrigins", text, wanted)
    for origin in origins:
        if not isinstance(origin, str) or not ORIGIN.fullmatch(origin):
            _refuse("corsOrigins", text, wanted)
    return tuple(origins)


def _tags() -> dict[str, str]:
    return {
        "Project": pulumi.get_project(),
        "Stack": pulumi.get_stack(),
        "Version": __version__,
    }


def _integer(key: str, low: int, high: int | None = None) -> int:
    text = _text(key)
    if not re.fullmatch(r"-?\d{1,9}", text) or not low <= int(text) <= (high or int(text)):
        wanted = f"of {low} or more" if high is None else f"from {low} to {high}"
        _refuse(key, text, f"a whole number {wanted}")
    return int(text)


def _choice(key: str, choices: Sequence[str]) -> str:
    text = _text(key)
    if text not in choices:
        _refuse(key, text, f"{', '.join(choices[:-1])} or {choices[-1]}")
    return text


def _match(key: str, pattern: re.Pattern[str], wanted: str) -> str | None:
    text = _text(key)
    if text and not pattern.fullmatch(text):
        _refuse(key, text, wanted)
    return text or None


def _text(key: str) -> str:
    """The setting as text, as Pulumi passes it on; unset, its default in Pulumi.yaml."""
    text = pulumi.Config().get(key)
    if text is not None:
        return text
    # Pulumi applies the defaults itself, but not where the program runs under mocks.
    default = declarations()[key]["default"]
    return default if isinstance(default, str) else json.dumps(default)


@cache
def declarations() -> dict[str, dict[str, Any]]:
    """Each setting's type, default and description, as Pulumi.yaml declares them."""
    config: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return config


def _refuse(key: str, value: object, wanted: str) -> NoReturn:
    raise pulumi.RunError(f"{setting(key)} is {value}: it may be {wanted}.")


def _set_token() -> str:
    return f"pulumi config set --secret {setting('apiToken')}"
