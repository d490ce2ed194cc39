"""What the account grants: a made-up AWS answers, over a real socket and a real client."""

import base64
import json
import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pulumi
import pytest

from local import monitor
from stack import account
from stack.function import allow, policy
from tests.services import CONCURRENCY

from .conftest import Aws, read

if TYPE_CHECKING:
    from local.cloud import Cloud
    from stack.settings import Settings

SETTINGS = "GET /2016-08-19/account-settings"
FUNCTIONS = "GET /2015-03-31/functions"


def limit(total: int, unreserved: int | None = None) -> dict[str, Any]:
    free = total if unreserved is None else unreserved
    concurrency = {"ConcurrentExecutions": total, "UnreservedConcurrentExecutions": free}
    return {"AccountLimit": concurrency}


def function(name: str, reserved: int | None, stack: str = "test") -> dict[str, Any]:
    tags = {"Project": "artline", "Stack": stack}
    held = {} if reserved is None else {"ReservedConcurrentExecutions": reserved}
    return {"Configuration": {"FunctionName": name}, "Tags": tags, "Concurrency": held}


PROVISIONED = {"warm": "provisioned", "warmCopies": "70"}


def holding(aws: Aws, *, reserved: int | None = None, provisioned: int = 0) -> None:
    """An account of 1000, of which 120 are free, and this stack's function holds some."""
    name = "artline-1234567"
    aws.answers = {
        SETTINGS: limit(1000, 120),
        FUNCTIONS: {"Functions": [{"FunctionName": name}]},
        f"{FUNCTIONS}/{name}": function(name, reserved),
    }
    if provisioned:
        aws.answers[f"GET /2019-09-30/functions/{name}/provisioned-concurrency"] = {
            "RequestedProvisionedConcurrentExecutions": provisioned
        }


def check(settings: "Settings", refusal: str | None) -> None:
    """The account grants the settings, or refuses them in these words."""
    with pytest.raises(pulumi.RunError, match=refusal) if refusal else nullcontext():
        account.check(settings)


def test_a_new_account_can_reserve_nothing(aws: Aws) -> None:
    aws.answers = {SETTINGS: limit(10)}
    with pytest.raises(pulumi.RunError) as refusal:
        account.check(read({"reservedConcurrency": "5"}))
    assert len(aws.asked) == 1  # whatever its functions hold, it cannot be enough
    said = str(refusal.value)
    assert said.startswith("artline:reservedConcurrency is 5: it may be unset, with")
    assert "pulumi config rm artline:reservedConcurrency" in said
    assert "10 execution environments" in said
    assert "--quota-code L-B99A9384" in said
    assert said.endswith("--region eu-central-1`.")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("total", "unreserved", "reserved", "granted"),
    [
        (1000, 1000, 900, True),
        (1000, 1000, 901, False),
        (1000, 500, 401, False),
        (50, 50, 40, True),
        (50, 50, 41, False),
        (10, 10, 1, False),
    ],
)
def test_what_may_be_reserved(
    aws: Aws, total: int, unreserved: int, reserved: int, granted: bool
) -> None:
    aws.answers = {SETTINGS: limit(total, unreserved), FUNCTIONS: {"Functions": []}}
    settings = read({"reservedConcurrency": str(reserved)})
    check(settings, None if granted else f"^artline:reservedConcurrency is {reserved}: ")


def test_what_the_stack_holds_already_counts_and_what_others_hold_does_not(aws: Aws) -> None:
    names = ("artline-1234567", "artline-7654321", "other-1234567")
    aws.answers = {
        SETTINGS: limit(50, 20),
        FUNCTIONS: {"Functions": [{"FunctionName": name} for name in names]},
        f"{FUNCTIONS}/artline-1234567": function("artline-1234567", 20),
        f"{FUNCTIONS}/artline-7654321": function("artline-7654321", 10, stack="prod"),
    }
    account.check(read({"reservedConcurrency": "30"}))
    with pytest.raises(pulumi.RunError, match="or at most 30, since"):
        account.check(read({"reservedConcurrency": "31"}))
    assert not any("other" in each for each in aws.asked)


@pytest.mark.parametrize(("copies", "granted"), [("40", True), ("41", False)])
def test_provisioned_environments_are_of_the_account_too(
    aws: Aws, copies: str, granted: bool
) -> None:
    aws.answers = {SETTINGS: limit(50)}
    settings = read({"warm": "provisioned", "warmCopies": copies})
    check(settings, None if granted else r"^artline:warmCopies is 41: .* at most 40, ")


@pytest.mark.parametrize(("copies", "granted"), [("70", True), ("71", False)])
def test_what_others_have_reserved_cannot_be_provisioned(
    aws: Aws, copies: str, granted: bool
) -> None:
    """What this stack has provisioned already is counted as taken, and can be had again."""
    holding(aws, provisioned=50)
    settings = read({"warm": "provisioned", "warmCopies": copies})
    check(settings, None if granted else r"^artline:warmCopies is 71: .* at most 70, ")


@pytest.mark.parametrize("wanted", [{"reservedConcurrency": "70"}, PROVISIONED])
@pytest.mark.parametrize(
    "held", [{"reserved": 50}, {"provisioned": 50}, {"reserved": 50, "provisioned": 40}]
)
def test_what_is_given_back_for_what_is_wanted(
    aws: Aws, wanted: dict[str, str], held: dict[str, int]
) -> None:
    """One kind is given up for the other in the same update."""
    holding(aws, **held)
    account.check(read(wanted))
    with pytest.raises(pulumi.RunError, match="at most 70, "):
        account.check(read({key: value.replace("70", "71") for key, value in wanted.items()}))


@pytest.mark.parametrize("memory", [3009, 4096])
def test_memory_that_the_account_does_not_grant(aws: Aws, memory: int) -> None:
    quotas = [{"QuotaName": "Other", "Value": 1.0}]
    quotas.append({"QuotaName": "Function memory maximum", "Value": 3008.0})
    aws.answers = {"ListServiceQuotas": {"Quotas": quotas}}
    settings = read({"memory": str(memory)})
    with pytest.raises(pulumi.RunError) as refusal:
        account.check(settings)
    assert re.match(
        rf"artline:memory is {memory}: it may be up to 3008 in this ", str(refusal.value)
    )
    aws.answers = {"ListServiceQuotas": {"Quotas": quotas[:1]}}
    account.check(settings)


def test_memory_that_every_account_grants_is_not_asked_for(aws: Aws) -> None:
    account.check(read({"memory": "3008"}))
    assert aws.asked == []


@pytest.mark.parametrize(
    "config", [{"reservedConcurrency": "900"}, {"memory": "10240"}, {"warm": "provisioned"}]
)
def test_whoever_may_not_ask_goes_on(
    aws: Aws, config: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = (403, {"__type": "AccessDeniedException", "message": "no"})
    aws.answers = {SETTINGS: denied, "ListServiceQuotas": denied}
    account.check(read(config))
    assert aws.asked
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    account.check(read(config))


def test_no_credentials_are_no_refusal(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "none")
    account.check(read({"reservedConcurrency": "900"}))


def test_an_account_that_only_the_provider_reaches_is_not_asked(aws: Aws) -> None:
    settings = read({"reservedConcurrency": "900", "aws:profile": "nobody"})
    assert account.client("lambda", settings) is None
    account.check(settings)
    assert aws.asked == []


ROLE = {"roleArn": "arn:aws:iam::000000000000:role/deploy", "sessionName": "one"}
CLAIMS = base64.urlsafe_b64encode(b'{"iss": "https://accounts.google.com"}').decode().rstrip("=")
IDENTITY = {"webIdentityToken": f"e30.{CLAIMS}.c2lnbmVk"}


@pytest.mark.parametrize(
    "config",
    [
        {"aws:assumeRoles": json.dumps([ROLE | {"sessionName": "before"}, ROLE])},
        {"aws:assumeRoleWithWebIdentity": json.dumps(ROLE | IDENTITY)},
    ],
)
def test_the_providers_role_is_assumed(
    emulated: "Cloud", config: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in emulated.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(account, "get_monitor", lambda: None)
    iam = emulated.client("iam")
    trusted = policy(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "*", "Federated": "accounts.google.com"},
            "Action": ["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"],
        }
    )
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trusted))
    rights = json.dumps(policy(allow(["sts:AssumeRole"], ["*"])))
    iam.put_role_policy(RoleName="deploy", PolicyName="sts", PolicyDocument=rights)
    try:
        sts = account.client("sts", read(config, "us-east-1"))
        assert sts.get_caller_identity()["Arn"].endswith(":assumed-role/deploy/one")
    finally:
        iam.delete_role_policy(RoleName="deploy", PolicyName="sts")
        iam.delete_role(RoleName="deploy")


def test_a_request_for_a_quota_asks_for_more_than_there_is() -> None:
    assert "--desired-value 1000 " in account.raise_quota(10, 5, "eu-central-1")
    assert "--desired-value 1050 " in account.raise_quota(1000, 50, "eu-central-1")


def test_a_default_stack_asks_for_nothing(aws: Aws) -> None:
    account.check(read())
    assert aws.asked == []


def test_the_providers_own_configuration_is_taken(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{aws.server_address[1]}"
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    settings = read(
        {
            "reservedConcurrency": "5",
            "aws:accessKey": "key",
            "aws:secretKey": "secret",
            "aws:endpoints": f'[{{"lambda": "{url}"}}]',
        }
    )
    aws.answers = {SETTINGS: limit(10), FUNCTIONS: {"Functions": []}}
    with pytest.raises(pulumi.RunError, match=r"^artline:reservedConcurrency is 5: "):
        account.check(settings)


def test_the_account_refuses_before_any_resource(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = monitor.Monitor()
    monkeypatch.setattr(monitor, "Monitor", lambda: recorded)
    aws.answers = {SETTINGS: limit(10), FUNCTIONS: {"Functions": []}}
    with pytest.raises(pulumi.RunError, match=r"^artline:reservedConcurrency is 5: "):
        monitor.run({"reservedConcurrency": "5"})
    assert recorded.resources_in_order == []


def test_an_emulated_account_counts_what_this_stack_has_reserved(
    emulated: "Cloud", monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in emulated.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(account, "get_monitor", lambda: None)
    iam, lambda_ = emulated.client("iam"), emulated.client("lambda")
    role = iam.create_role(RoleName="held", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    most = str(CONCURRENCY - 10)
    account.check(read({"reservedConcurrency": most}, "us-east-1"))
    lambda_.create_function(
        FunctionName="artline-1234567",
        Role=role,
        PackageType="Image",
        Code={"ImageUri": f"000000000000.dkr.ecr.us-east-1.amazonaws.com/a@sha256:{'1' * 64}"},
        Tags={"Project": "artline", "Stack": "test"},
    )
    lambda_.put_function_concurrency(
        FunctionName="artline-1234567", ReservedConcurrentExecutions=100
    )
    try:
        account.check(read({"reservedConcurrency": most}, "us-east-1"))
        with pytest.raises(pulumi.RunError, match=r"^artline:reservedConcurrency is "):
            account.check(read({"reservedConcurrency": most}, "us-east-1", stack="prod"))
    finally:
        lambda_.delete_function(FunctionName="artline-1234567")
        iam.delete_role(RoleName="held")
