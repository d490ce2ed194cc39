"""The declared roles, enforced: each function may do its part of a job, and no more."""

import io
import json
import secrets
from collections.abc import Callable
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from PIL import Image

from function import store
from function.app import handler
from local.program import REGION, Resource
from tests.jobs.stage import Stage, look, post, request, upload

Become = Callable[[str], Any]


@pytest.fixture
def become(stage: Stage, resources: list[Resource], monkeypatch: pytest.MonkeyPatch) -> Become:
    """Has the handler run as the role of one of the functions, and gives that role's S3 client."""

    def become(function: str) -> Any:
        iam, sts = stage.cloud.client("iam"), stage.cloud.client("sts")
        (declared,) = (
            each.outputs["name"]
            for each in stage.resources
            if each.type == "aws:iam/role:Role" and each.name == function
        )
        policies = {
            each.name: each.properties["policy"]
            for each in stage.resources
            if each.type == "aws:iam/rolePolicy:RolePolicy" and each.properties["role"] == declared
        }
        name = secrets.token_hex(8)
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]
        for title, policy in policies.items():
            iam.put_role_policy(RoleName=name, PolicyName=title, PolicyDocument=policy)
        keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the keys it found first
        store._client.cache_clear()
        return boto3.client("s3", region_name=REGION)

    return become


def photo() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(file, "PNG")
    return file.getvalue()


def test_the_declared_permissions_suffice(stage: Stage, become: Become) -> None:
    become("artline")
    jobs = [post(type="image/png") for _ in range(3)]
    for job, data in zip(jobs, (photo(), b"no image"), strict=False):
        assert upload(job, data).status_code == 204
    become("artline-jobs-worker")
    while any(look(job["id"])["status"] == "queued" for job in jobs):
        assert stage.work() == {"batchItemFailures": []}
    become("artline")
    assert [look(job["id"])["status"] for job in jobs] == ["done", "failed", "waiting"]


@pytest.mark.parametrize("function", ["artline", "artline-jobs-worker"])
def test_neither_may_look_or_delete_elsewhere(stage: Stage, become: Become, function: str) -> None:
    job = post()
    s3 = become(function)
    key = f"uploads/{job['id']}"
    refusals: list[Callable[[], Any]] = [
        lambda: s3.delete_object(Bucket=stage.bucket, Key="elsewhere/x"),
        lambda: s3.put_object(Bucket=stage.bucket, Key="elsewhere/x", Body=b""),
        lambda: s3.get_object(Bucket=stage.bucket, Key="elsewhere/x"),
        lambda: s3.put_object_acl(Bucket=stage.bucket, Key=key, ACL="private"),
        lambda: s3.delete_bucket(Bucket=stage.bucket),
    ]
    assert s3.head_object(Bucket=stage.bucket, Key=key)
    for refusal in refusals:
        with pytest.raises(ClientError, match="AccessDenied"):
            refusal()


def test_requests_delete_a_job_and_the_worker_no_photo(stage: Stage, become: Become) -> None:
    job = post()
    worker = become("artline-jobs-worker")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker.delete_object(Bucket=stage.bucket, Key=f"uploads/{job['id']}")
    become("artline")
    assert handler(request("DELETE", f"/jobs/{job['id']}"))["statusCode"] == 204
    assert stage.keys() == []


def test_requests_cannot_write_results(stage: Stage, become: Become) -> None:
    s3 = become("artline")
    for key in ("results/x.jpg", "errors/x.json"):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=stage.bucket, Key=key, Body=b"")
