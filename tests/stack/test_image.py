import json
from collections.abc import Callable

import pytest

from .conftest import Program

Declare = Callable[..., Program]

DIGEST = "123456789012.dkr.ecr.us-east-1.amazonaws.com/artline@sha256:" + "b" * 64


@pytest.mark.parametrize(
    ("architecture", "platform"), [("x86_64", "linux/amd64"), ("arm64", "linux/arm64")]
)
def test_one_setting_gives_both_the_build_and_the_function(
    declare: Declare, architecture: str, platform: str
) -> None:
    program = declare(architecture=architecture)
    assert program.one("image:Image").properties["build"]["platform"] == platform
    for function in program.all("lambda/function:Function"):
        assert function.properties["architectures"] == [architecture]


def test_the_context_is_the_staged_folder(declare: Declare) -> None:
    build = declare().one("image:Image").properties["build"]
    assert (build["context"], build["dockerfile"]) == (".image", ".image/Dockerfile")


def test_the_repository_is_scanned_deletable_and_expires_by_count(declare: Declare) -> None:
    program = declare()
    repository = program.one("Repository").properties
    assert repository["forceDelete"] is True
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    rules = json.loads(program.one("LifecyclePolicy").properties["policy"])["rules"]
    assert [rule["rulePriority"] for rule in rules] == [1, 2]
    live, others = (rule["selection"] for rule in rules)
    assert others == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
    assert live == {
        "tagStatus": "tagged",
        "tagPrefixList": ["live-"],
        "countType": "imageCountMoreThan",
        "countNumber": 10,
    }


def test_lambda_may_pull_before_either_function_exists(declare: Declare) -> None:
    program = declare()
    policy = program.one("RepositoryPolicy")
    (statement,) = json.loads(policy.properties["policy"])["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Action"] == ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    assert statement["Condition"] == {
        "StringLike": {"aws:SourceArn": "arn:aws:lambda:us-east-1:000000000000:function:*"},
    }
    functions = program.all("lambda/function:Function")
    assert len(functions) == 2
    assert all(policy.key in each.dependencies for each in functions)


def test_the_registrys_password_is_a_secret(declare: Declare) -> None:
    image = declare().one("image:Image")
    assert image.secrets == ["registry"]
    assert image.properties["registry"]["username"] == "AWS"


def test_functions_run_what_was_pushed(declare: Declare) -> None:
    program = declare()
    pushed = program.one("image:Image").outputs["repoDigest"]
    functions = program.all("lambda/function:Function")
    assert {each.properties["imageUri"] for each in functions} == {pushed}
    assert all("docker:index/image:Image::artline" in each.dependencies for each in functions)


def test_an_image_that_is_named_is_not_built_but_may_be_of_the_repository(
    declare: Declare,
) -> None:
    program = declare(imageUri=DIGEST)
    assert not program.all("image:Image")
    assert program.one("Repository")
    for function in program.all("lambda/function:Function"):
        assert function.properties["imageUri"] == DIGEST
    assert program.outputs["imageUri"] == DIGEST
