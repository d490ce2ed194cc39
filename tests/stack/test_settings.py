from collections.abc import Callable

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import mocks

from artline.version import __version__
from local import monitor
from stack import settings as module
from stack.settings import Settings

DIGEST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/artline@sha256:" + "a" * 64


def read(config: dict[str, str] | None = None, region: str | None = "eu-central-1") -> Settings:
    keys = {"aws:region": region} if region else {}
    with monitor.event_loops():
        mocks.set_mocks(monitor.Mocks(), project="artline", stack="test")
        pulumi.runtime.set_all_config(
            keys | {f"artline:{key}": value for key, value in (config or {}).items()}
        )
        return Settings.read()


def test_defaults() -> None:
    settings = read()
    assert settings.memory == 2048
    assert settings.timeout == 29
    assert settings.architecture == "x86_64"
    assert settings.reserved_concurrency is None
    assert (settings.warm, settings.warm_copies) == ("none", 1)
    assert settings.image_uri is None
    assert settings.jobs is True
    assert (settings.auth, settings.api_token) == ("none", None)
    assert settings.cors_origins == ("*",)
    assert (settings.throttle_rate, settings.throttle_burst) == (10, 20)
    assert settings.log_retention_days == 14
    assert settings.alarm_email is None
    assert settings.tags == {"Project": "artline", "Stack": "test", "Version": __version__}


def test_every_setting_is_declared_with_type_default_and_description() -> None:
    for key, declaration in module.declarations().items():
        kinds = {"string": str, "integer": int, "boolean": bool, "array": list}
        assert isinstance(declaration["default"], kinds[declaration["type"]]), key
        assert declaration["description"], key


def test_a_declared_key_is_a_setting_and_a_setting_is_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = set()
    text = module._text
    monkeypatch.setattr(module, "_text", lambda key: asked.add(key) or text(key))
    read()
    assert asked == set(module.declarations())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("memory", "128"),
        ("memory", "10240"),
        ("timeout", "1"),
        ("timeout", "30"),
        ("architecture", "arm64"),
        ("reservedConcurrency", "1"),
        ("reservedConcurrency", "-1"),
        ("warm", "ping"),
        ("warm", "snapstart"),
        ("warm", "provisioned"),
        ("imageUri", DIGEST),
        ("imageUri", "sha256:" + "0" * 64),
        ("jobs", "false"),
        ("resultDays", "1"),
        ("auth", "iam"),
        ("corsOrigins", "[]"),
        ("corsOrigins", '["https://example.com", "http://localhost:3000"]'),
        ("throttleRate", "1"),
        ("throttleBurst", "1"),
        ("logRetentionDays", "1"),
        ("logRetentionDays", "1827"),
        ("alarmEmail", "owner@example.com"),
    ],
)
def test_may_be(key: str, value: str) -> None:
    read({key: value})


@pytest.mark.parametrize(
    ("key", "value", "may_be"),
    [
        ("memory", "64", "a whole number from 128 to 10240"),
        ("memory", "10241", "a whole number from 128 to 10240"),
        ("memory", "2 GB", "a whole number from 128 to 10240"),
        ("memory", "2048.5", "a whole number from 128 to 10240"),
        ("memory", "", "a whole number from 128 to 10240"),
        ("timeout", "0", "a whole number from 1 to 30"),
        ("timeout", "31", "a whole number from 1 to 30"),
        ("architecture", "amd64", "x86_64 or arm64"),
        ("reservedConcurrency", "0", "1 or more, or -1 for none: 0 would refuse every call"),
        ("reservedConcurrency", "-2", "a whole number of -1 or more"),
        ("warm", "snapstart,provisioned", "none, ping, snapstart or provisioned"),
        ("warm", "always", "none, ping, snapstart or provisioned"),
        ("warmCopies", "0", "a whole number of 1 or more"),
        ("imageUri", "artline:latest", "an image by its digest, repository@sha256:…"),
        ("imageUri", DIGEST[:-1], "an image by its digest, repository@sha256:…"),
        ("jobs", "yes", "true or false"),
        ("resultDays", "0", "a whole number of 1 or more"),
        ("auth", "basic", "none, token or iam"),
        ("corsOrigins", "*", 'a list of origins as ["https://example.com"], or ["*"]'),
        (
            "corsOrigins",
            '["example.com"]',
            'a list of origins as ["https://example.com"], or ["*"]',
        ),
        ("corsOrigins", '{"*": 1}', 'a list of origins as ["https://example.com"], or ["*"]'),
        ("corsOrigins", "[1]", 'a list of origins as ["https://example.com"], or ["*"]'),
        ("throttleRate", "0", "a whole number of 1 or more"),
        ("throttleBurst", "-5", "a whole number of 1 or more"),
        ("logRetentionDays", "15", f"one of {', '.join(map(str, module.LOG_DAYS))}"),
        ("logRetentionDays", "0", "a whole number of 1 or more"),
        ("alarmEmail", "me", "an e-mail address"),
    ],
)
def test_refused(key: str, value: str, may_be: str) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        read({key: value})
    assert str(refusal.value) == f"artline:{key} is {value}: it may be {may_be}."


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"warm": "snapstart", "warmCopies": "2"},
            "artline:warmCopies is 2: it may be 1 while artline:warm is snapstart, which keeps no"
            " copies.",
        ),
        (
            {"warmCopies": "2"},
            "artline:warmCopies is 2: it may be 1 while artline:warm is none, which keeps no"
            " copies.",
        ),
        (
            {"warm": "ping", "warmCopies": "6"},
            "artline:warmCopies is 6: it may be 1 to 5 while artline:warm is ping.",
        ),
        (
            {"warm": "provisioned", "warmCopies": "5", "reservedConcurrency": "4"},
            "artline:reservedConcurrency is 4: it may be -1 (unset), or at least"
            " artline:warmCopies, which is 5.",
        ),
        (
            {"auth": "token"},
            "artline:auth is token, but artline:apiToken is unset: it may be any text, set with"
            " `pulumi config set --secret artline:apiToken …`.",
        ),
    ],
)
def test_refused_together(config: dict[str, str], sentence: str) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        read(config)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("region", ["eu-middle-9", "us-east-1a", "local"])
def test_an_unknown_region_is_refused(region: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"^aws:region is {region}: .*config set aws:region"):
        read(region=region)


def test_no_region_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(pulumi.RunError, match=r"^aws:region is unset: "):
        read(region=None)


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_come_from_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv(variable, "ap-southeast-2")
    assert read(region=None).region == "ap-southeast-2"


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_region_keeps_its_partition(region: str, partition: str) -> None:
    assert read(region=region).partition == partition


@pytest.mark.parametrize(
    "config",
    [
        {"memory": "64"},
        {"auth": "token"},
        {"aws:region": "eu-middle-9"},
        {"warm": "snapstart", "warmCopies": "2"},
    ],
)
def test_a_refusal_comes_before_any_resource(
    config: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monitors = []
    build: Callable[[], monitor.Monitor] = monitor.Monitor
    monkeypatch.setattr(monitor, "Monitor", lambda: monitors.append(build()) or monitors[0])
    with pytest.raises(pulumi.RunError):
        monitor.run(config)
    assert monitors[0].resources_in_order == []


@given(st.text(max_size=40), st.sampled_from(sorted(set(module.declarations()) - {"auth"})))
def test_any_text_is_taken_or_refused_by_its_key(text: str, key: str) -> None:
    refusal = f"artline:{key} is {text}: it may be "
    try:
        read({key: text})
    except pulumi.RunError as error:
        refused = str(error)
    else:
        refused = refusal
    assert refused.startswith(refusal)


def test_a_token_is_never_shown() -> None:
    assert "hunter2" not in repr(read({"auth": "token", "apiToken": "hunter2"}))
