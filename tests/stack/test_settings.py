import json

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from artline.version import __version__
from local import monitor
from stack import settings as module

from .conftest import read

DIGEST = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/artline@sha256:" + "a" * 64


def test_defaults() -> None:
    settings = read()
    assert settings.memory == 2048
    assert settings.timeout == 29
    assert settings.architecture == "x86_64"
    assert settings.reserved_concurrency is None
    assert (settings.warm, settings.warm_copies) == ("none", 1)
    assert settings.image_uri is None
    assert settings.jobs is True
    assert settings.job_concurrency == 5
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

    def ask(key: str) -> str:
        asked.add(key)
        return text(key)

    monkeypatch.setattr(module, "_text", ask)
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
        ("jobConcurrency", "2"),
        ("jobConcurrency", "1000"),
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
        (
            "reservedConcurrency",
            "0",
            "1 or more, or -1 to reserve none: 0 would throttle every call",
        ),
        ("reservedConcurrency", "-2", "a whole number of -1 or more"),
        ("warm", "snapstart,provisioned", "none, ping, snapstart or provisioned"),
        ("warm", "always", "none, ping, snapstart or provisioned"),
        ("warmCopies", "0", "a whole number of 1 or more"),
        ("imageUri", "artline:latest", "an image by its digest, repository@sha256:…"),
        ("imageUri", DIGEST[:-1], "an image by its digest, repository@sha256:…"),
        ("jobs", "yes", "true or false"),
        ("jobConcurrency", "1", "a whole number from 2 to 1000"),
        ("jobConcurrency", "1001", "a whole number from 2 to 1000"),
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
        (
            "corsOrigins",
            '["https://*.example.com"]',
            'a list of origins as ["https://example.com"], or ["*"]',
        ),
        (
            "corsOrigins",
            '["https://ex*mple.com"]',
            'a list of origins as ["https://example.com"], or ["*"]',
        ),
        (
            "corsOrigins",
            '["https://ada@example.com"]',
            'a list of origins as ["https://example.com"], or ["*"]',
        ),
        (
            "corsOrigins",
            '["https://example.com?x"]',
            'a list of origins as ["https://example.com"], or ["*"]',
        ),
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
            "artline:warmCopies is 2: it may be 1 while artline:warm is snapstart, which keeps none"
            " ready.",
        ),
        (
            {"warmCopies": "2"},
            "artline:warmCopies is 2: it may be 1 while artline:warm is none, which keeps none"
            " ready.",
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
            {"warm": "provisioned", "warmCopies": "5", "reservedConcurrency": "5"},
            "artline:reservedConcurrency is 5: it may be -1 (unset), or more than"
            " artline:warmCopies, which is 5.",
        ),
        (
            {"auth": "token"},
            "artline:auth is token, and artline:apiToken is unset: set visible ASCII characters by"
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
    recorded = monitor.Monitor()
    monkeypatch.setattr(monitor, "Monitor", lambda: recorded)
    with pytest.raises(pulumi.RunError):
        monitor.run(config)
    assert recorded.resources_in_order == []


KEYS = sorted(set(module.declarations()) - {"auth", "apiToken"})


@given(st.text(max_size=40), st.sampled_from(KEYS))
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


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("memroy", "memory"),
        ("reservedconcurrency", "reservedConcurrency"),
        ("corsOrigin", "corsOrigins"),
        ("token", "apiToken"),
        ("zzz", ""),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        read({key: "1"})
    assert str(refusal.value).startswith(
        f"artline:{key} is not a setting: the nearest is artline:{nearest}"
    )


@pytest.mark.parametrize(
    "origin",
    [
        "https://*.example.com",
        "https://ex*mple.com",
        "https://ada@example.com",
        "http://a?x",
        "*.com",
    ],
)
def test_an_origin_that_no_http_api_takes_is_refused(origin: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"^artline:corsOrigins is .*: it may be a list of"):
        read({"corsOrigins": json.dumps(["https://example.com", origin])})


@pytest.mark.parametrize("origin", ["*", "https://*", "http://localhost:3000", "https://[::1]:8"])
def test_an_origin_may_be(origin: str) -> None:
    assert read({"corsOrigins": json.dumps([origin])}).cors_origins == (origin,)


def test_keys_of_providers_are_not_ours_to_know() -> None:
    read({"aws:profile": "ada", "docker:host": "ssh://ada@example.com"})


def test_a_renamed_project_renames_its_settings() -> None:
    assert read({"memory": "512"}, project="sketches").memory == 512
    with pytest.raises(pulumi.RunError, match=r"^sketches:memory is 64: it may be "):
        read({"memory": "64"}, project="sketches")
    for settings in ({"auth": "token"}, {"apiToken": " "}, {"warm": "ping", "warmCopies": "6"}):
        with pytest.raises(pulumi.RunError, match="sketches:") as refusal:
            read(settings, project="sketches")
        assert "artline:" not in str(refusal.value)
    with pytest.raises(pulumi.RunError) as refusal:
        read({"artline:memory": "512"}, project="sketches")
    assert str(refusal.value) == (
        "artline:memory belongs to the project artline, but Pulumi.yaml names this project"
        " sketches: rename the key to sketches:memory in Pulumi.test.yaml."
    )


@pytest.mark.parametrize("name", ["dev", "Prod-2_b"])
def test_a_stacks_name_may_be(name: str) -> None:
    read(stack=name)


@pytest.mark.parametrize("name", ["v1.0", "a b", "x" * 101])
def test_a_stacks_name_that_no_dashboard_may_have_is_refused(name: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"^The stack's name is .*: it may be up to 100 "):
        read(stack=name)


@pytest.mark.parametrize("auth", ["none", "token"])
def test_a_token_in_plain_text_is_refused_with_the_command(auth: str) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        read({"auth": auth, "apiToken": "hunter2"}, secrets=())
    assert "pulumi config set --secret artline:apiToken" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("  ", "is blank"),
        ("\n\t", "is blank"),
        ("x" * 4097, "is 4097 bytes"),
        ("pässwort", "holds a character"),
        ("a\x01b", "holds a character"),
        ("{{ssm:other}}", "holds a character"),
    ],
)
def test_a_token_that_ssm_cannot_hold_is_refused(token: str, said: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"^artline:apiToken {said}") as refusal:
        read({"apiToken": token})
    assert token.strip() == "" or token not in str(refusal.value)


def test_a_token_may_be_as_long_as_ssm_holds() -> None:
    assert read({"apiToken": "x" * 4096}).api_token is not None


ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    "uri",
    [
        f"public.ecr.aws/lambda/python@sha256:{'a' * 64}",
        f"docker.io/library/artline@sha256:{'a' * 64}",
        f"123456789012.dkr.ecr.us-east-1.amazonaws.com/artline@sha256:{'a' * 64}",
        f"{ECR}/artline:latest@sha256:{'a' * 64}",
        f"{ECR}/Artline@sha256:{'a' * 64}",
        f"12345.dkr.ecr.eu-central-1.amazonaws.com/artline@sha256:{'a' * 64}",
    ],
)
def test_an_image_that_lambda_cannot_take_is_refused(uri: str) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        read({"imageUri": uri})
    assert str(refusal.value).startswith(
        f"artline:imageUri is {uri}: it may be an image in ECR in "
    )


@pytest.mark.parametrize("name", ["artline", "team/artline-dev", "a.b_c"])
def test_an_image_in_the_regions_ecr_is_taken(name: str) -> None:
    uri = f"{ECR}/{name}@sha256:{'a' * 64}"
    assert read({"imageUri": uri}).image_uri == uri


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "ap-east-2", "ap-southeast-6"])
def test_snapstart_is_refused_where_there_is_none(region: str) -> None:
    with pytest.raises(pulumi.RunError, match=rf"^artline:warm is snapstart: .* in {region}, "):
        read({"warm": "snapstart"}, region)
    read({"warm": "ping"}, region)


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
def test_a_partition_that_the_page_cannot_reach_is_refused(region: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"^aws:region is {region}: "):
        read(region=region)


def test_a_digest_alone_is_an_image_of_an_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = f"sha256:{'a' * 64}"
    assert read({"imageUri": digest}).image_uri == digest
    monkeypatch.setattr("stack.account.get_monitor", lambda: None)
    with pytest.raises(
        pulumi.RunError, match=r"^artline:imageUri is sha256:a+: it may be an image"
    ):
        read({"imageUri": digest})
    endpoints = {"aws:endpoints": '[{"lambda": "http://127.0.0.1:4566"}]'}
    assert read({"imageUri": digest} | endpoints).image_uri == digest
