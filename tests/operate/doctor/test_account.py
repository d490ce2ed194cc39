"""An AWS account: an emulated one, and such answers as that does not give."""

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operate.doctor import account as checks
from operate.doctor.aws import INSTALL, RIGHTS
from operate.doctor.deployment import Deployment
from stack.account import raise_quota

CALLER = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ada"
    "</Arn><UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
    "</GetCallerIdentityResponse>"
)


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


@pytest.fixture
def refusing(
    bare: Path, scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], None]:
    """AWS, where keys are known in us-east-1, and elsewhere refused with an error's code."""

    def script(here: str, elsewhere: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", scripted.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

        def answer(handler: Any) -> None:
            code = here if "/us-east-1/" in handler.headers["authorization"] else elsewhere
            error = f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>"
            content = (error if code else CALLER).encode()
            handler.send_response(403 if code else 200)
            handler.send_header("content-length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

        scripted.on("POST /", answer)

    return script


def test_who_asks(aws: Any, deployment: Deployment) -> None:
    finding = checks.credentials(deployment)
    assert finding is not None
    assert finding.status == "ok"
    assert finding.found == "account 000000000000, root"


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("InvalidClientTokenId", "aws configure"),
        ("SignatureDoesNotMatch", "aws configure"),
        ("ExpiredToken", "aws sso login"),
        ("AccessDenied", RIGHTS),
        ("Unheard", "make doctor"),
    ],
)
def test_who_is_refused(refusing: Any, deployment: Deployment, code: str, fix: str) -> None:
    refusing(code, code)
    finding = checks.credentials(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", fix)


def test_no_credentials(bare: Path, deployment: Deployment) -> None:
    finding = checks.credentials(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", "aws configure sso")


def test_half_of_the_credentials(
    bare: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    finding = checks.credentials(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", "aws configure")
    assert "cannot be used" in finding.found


def test_no_such_profile(project: Any, bare: Path, deployment: Deployment) -> None:
    project()
    (bare / "Pulumi.dev.yaml").write_text("config: {'aws:profile': ada, 'aws:region': us-east-1}")
    finding = checks.credentials(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", "aws configure list-profiles")
    assert "ada" in finding.found


def test_a_sign_in_that_has_expired(
    bare: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "config").write_text(
        "[default]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://sso.example\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(bare / "config"))
    monkeypatch.setenv("HOME", str(bare))
    finding = checks.credentials(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", "aws sso login")


def test_aws_is_out_of_reach(
    aws: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    finding = checks.credentials(deployment)
    assert finding is not None
    assert finding.status == "failed"
    assert finding.found.startswith("AWS cannot be reached")


def test_no_botocore(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("botocore"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    finding = checks.credentials(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("failed", INSTALL)


def test_regions(
    aws: Any, bare: Path, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def status(name: str | None) -> tuple[str, str]:
        if name is None:
            monkeypatch.delenv("AWS_DEFAULT_REGION")
        else:
            monkeypatch.setenv("AWS_DEFAULT_REGION", name)
        finding = checks.region(deployment)
        assert finding is not None
        return finding.status, finding.found

    assert status("eu-central-1") == ("ok", "eu-central-1")
    assert status("cn-north-1") == ("ok", "cn-north-1")
    assert status("mars-east-1") == ("failed", "AWS has no region mars-east-1")
    assert status(None) == ("failed", "unset")


def test_a_region_that_is_not_enabled(
    refusing: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing("", "InvalidClientTokenId")
    monkeypatch.setenv("AWS_REGION", "af-south-1")
    assert (finding := checks.credentials(deployment))
    assert finding.status == "ok"
    assert (finding := checks.region(deployment))
    assert (finding.status, finding.fix) == (
        "failed",
        "aws account enable-region --region-name af-south-1",
    )


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({}, "ok", "200 environments at once, none for this stack, 200 left"),
        ({"reservedConcurrency": 100}, "ok", "100 for this stack, 100 left"),
        ({"reservedConcurrency": 101}, "warning", "99 left: AWS may keep 100"),
        ({"reservedConcurrency": 190}, "warning", "10 left"),
        ({"reservedConcurrency": 191}, "failed", "9 left: AWS keeps 10 unreserved"),
        ({"warm": "provisioned", "warmCopies": 3}, "ok", "3 for this stack, 197 left"),
        ({"warm": "provisioned", "warmCopies": 195}, "failed", "5 left"),
        ({"warm": "ping", "warmCopies": 3}, "ok", "none for this stack"),
    ],
)
def test_concurrency(
    aws: Any,
    project: Any,
    deployment: Deployment,
    settings: dict[str, Any],
    status: str,
    said: str,
) -> None:
    project(**settings)
    finding = checks.concurrency(deployment)
    assert finding is not None
    assert finding.status == status
    assert said in finding.found
    needless = status == "failed" and "reservedConcurrency" in settings
    fix = checks.UNRESERVE if needless else raise_quota(1000, 0, "us-east-1")
    assert finding.fix == (None if status == "ok" else fix)


def test_what_the_stack_has_reserved_is_not_reserved_twice(
    aws: Any, make: Any, project: Any, program: Any, deployment: Deployment
) -> None:
    lambda_ = aws.client("lambda")
    make("reserved")
    lambda_.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=150)
    try:
        project(reservedConcurrency=150)
        finding = checks.concurrency(deployment)
        assert finding
        assert finding.status == "failed"
        program("pulumi", stack_output=json.dumps({"functionName": "reserved"}))
        finding = checks.concurrency(Deployment())
        assert finding
        assert (finding.status, "50 left" in finding.found) == ("warning", True)
    finally:
        lambda_.delete_function(FunctionName="reserved")


def test_a_new_account(
    bare: Path,
    scripted: Any,
    steps: Any,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}
    scripted.on("GET /2016-08-19/account-settings", steps.answer(200, json={"AccountLimit": limit}))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", scripted.url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    finding = checks.concurrency(deployment)
    assert finding is not None
    assert (finding.status, finding.fix) == ("warning", raise_quota(10, 0, "us-east-1"))
    assert "a new account's quota" in finding.found


def test_services_answer(aws: Any, deployment: Deployment) -> None:
    for check in (checks.ecr, checks.api_gateway):
        finding = check(deployment)
        assert finding
        assert (finding.status, finding.found) == ("ok", "answers")


def test_a_user_without_rights(
    aws: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    for check in (checks.ecr, checks.api_gateway):
        finding = check(deployment)
        assert finding
        assert (finding.status, finding.fix) == ("failed", RIGHTS)
