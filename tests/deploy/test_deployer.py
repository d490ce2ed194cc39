"""docs/deployer-policy.json, enforced: it is enough for a deployment, and for nothing else."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from local.program import declared

from .apply import Emulator
from .checks import NOTHING, calling, draws, left
from .test_emulator import roll_back

ROOT = Path(__file__).parents[2]
POLICY = (ROOT / "docs" / "deployer-policy.json").read_text()

WITHOUT_NAME = {
    "Effect": "Allow",
    "Action": [
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "cloudwatch:PutDashboard",
        "events:PutTargets",
        "events:RemoveTargets",
        "lambda:CreateFunction",
    ],
    "Resource": "*",
}
"""MiniStack finds no name in these calls and asks for the right to any; AWS finds it, and asks for
the right to that."""

SETTINGS = {
    "auth": "token",
    "apiToken": "secret",
    "warm": "ping",
    "reservedConcurrency": "5",
    "alarmEmail": "owner@example.com",
}
"""Every kind of resource but provisioned environments."""


@pytest.fixture
def owner(emulator: Emulator) -> dict[str, str]:
    """The keys of the account's owner. The emulator's calls are the deployer's from here on."""
    keys = dict(emulator.keys)
    iam = emulator.client("iam")
    iam.create_user(UserName="deployer")
    policies = {"deploy": json.loads(POLICY), "emulator": {"Statement": [WITHOUT_NAME]}}
    for name, policy in policies.items():
        document = json.dumps({"Version": "2012-10-17"} | policy)
        iam.put_user_policy(UserName="deployer", PolicyName=name, PolicyDocument=document)
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    names = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY"}
    emulator.as_user({names[part]: key[part] for part in names})
    return keys


def test_the_policy_is_enough_from_up_to_destroy(
    emulator: Emulator, owner: dict[str, str], next_image: str, face: bytes, tmp_path: Path
) -> None:
    resources = declared(SETTINGS)
    outputs = emulator.up(resources)
    emulator.image = next_image
    emulator.up(resources)
    roll_back(emulator, outputs, tmp_path)
    with calling(outputs["endpoint"]) as client:
        client.headers["authorization"] = "Bearer secret"
        draws(client, face)
    assert _refusals(emulator, outputs, tmp_path) == []
    emulator.destroy()
    emulator.as_user(owner)
    assert left(emulator) == NOTHING


def _refusals(emulator: Emulator, outputs: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """What AWS refuses `make doctor`."""
    environment = {
        **emulator.keys,
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        "AWS_ENDPOINT_URL": emulator.endpoint,
        "AWS_REGION": outputs["region"],
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "operate", "doctor", "--json"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = {each["name"]: each for each in json.loads(done.stdout)}
    for name in ("AWS credentials", "region", "concurrency", "ECR", "API Gateway"):
        assert found[name]["status"] != "failed", found[name]
    return [each for each in found.values() if "refused" in each["found"]]


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client("sqs").create_queue(QueueName="other"),
        lambda client: client("s3").create_bucket(Bucket="other"),
        lambda client: client("logs").create_log_group(logGroupName="/aws/lambda/other"),
        lambda client: client("iam").create_role(RoleName="other", AssumeRolePolicyDocument="{}"),
        lambda client: client("iam").attach_role_policy(
            RoleName="artline", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        ),
        lambda client: client("iam").create_user(UserName="artline"),
        lambda client: client("lambda").delete_function(FunctionName="other"),
        lambda client: client("ssm").get_parameter(Name="other"),
        lambda client: client("ecr").create_repository(repositoryName="other"),
        lambda client: _read_a_photo(client("s3")),
    ],
)
def test_the_policy_is_for_nothing_else(
    emulator: Emulator, owner: dict[str, str], call: Callable[[Callable[[str], Any]], Any]
) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
        call(emulator.client)


def _read_a_photo(s3: Any) -> None:
    s3.create_bucket(Bucket="artline")  # which the policy allows
    s3.get_object(Bucket="artline", Key="uploads/1")


def test_the_policy_is_no_longer_than_a_managed_policy_may_be() -> None:
    assert len(json.dumps(json.loads(POLICY), separators=(",", ":"))) <= 6144


def test_no_statement_allows_every_action() -> None:
    for statement in json.loads(POLICY)["Statement"]:
        for action in statement["Action"] if isinstance(statement["Action"], list) else []:
            assert "*" not in action or action == "s3:GetBucket*"
        if statement["Resource"] == "*":
            assert statement["Sid"] in ("AskTheAccount", "DeliverAccessLogs")
