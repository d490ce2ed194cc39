"""The function's container image: built, pushed to a repository, and known by its digest."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws
import pulumi_docker as docker

from image import context

from . import builder
from .release import LIVE_TAG
from .settings import Settings

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}

KEPT_IMAGES = 10

KEPT_LIVE = 10
"""Images that are live: of one stack two at most, and stacks may share a repository by `imageUri`.
Functions that are gone leave their tags, so there is an end to it."""


class Image(pulumi.ComponentResource):
    """Builds the image and pushes it, unless the settings name an image to deploy instead."""

    uri: pulumi.Output[str]
    """The image by its digest. Lambda resolves a tag once, when the function is updated, so a tag
    that moves would neither show in a preview nor reach the function."""

    access: aws.ecr.RepositoryPolicy
    """What lets Lambda pull the image; a function has to come after it."""

    def __init__(
        self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("artline:stack:Image", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        if not settings.image_uri:
            builder.require()
        # Also where an image is named: it may be in there, kept to roll back to.
        repository = _repository(name, settings, child)
        self.access = _let_lambda_pull(name, repository, settings, child)
        if settings.image_uri:
            self.uri = pulumi.Output.from_input(settings.image_uri)
        else:
            self.uri = _build(name, repository, settings, child)
        self.register_outputs({"uri": self.uri})


def _repository(name: str, settings: Settings, child: pulumi.ResourceOptions) -> aws.ecr.Repository:
    repository = aws.ecr.Repository(
        name,
        force_delete=True,  # a repository that holds images would stop `pulumi destroy`
        image_scanning_configuration={"scan_on_push": True},
        tags=settings.tags,
        opts=child,
    )
    aws.ecr.LifecyclePolicy(
        name, repository=repository.name, policy=json.dumps(_keep(KEPT_IMAGES)), opts=child
    )
    return repository


def _let_lambda_pull(
    name: str, repository: aws.ecr.Repository, settings: Settings, child: pulumi.ResourceOptions
) -> aws.ecr.RepositoryPolicy:
    """Lambda adds such a statement itself, once and best effort: two new functions race for it."""
    account = repository.registry_id
    lambda_ = f"arn:{settings.partition}:lambda:{settings.region}"
    functions = pulumi.Output.concat(lambda_, ":", account, ":function:*")
    statement = {
        "Sid": "LambdaECRImageRetrievalPolicy",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        # As AWS documents it: by the ARN, which holds the account.
        "Condition": {"StringLike": {"aws:SourceArn": functions}},
    }
    return aws.ecr.RepositoryPolicy(
        name,
        repository=repository.name,
        policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]}),
        opts=child,
    )


def _build(
    name: str,
    repository: aws.ecr.Repository,
    settings: Settings,
    child: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    token = aws.ecr.get_authorization_token_output(
        registry_id=repository.registry_id, opts=pulumi.InvokeOutputOptions(parent=repository)
    )
    context.stage()
    image = docker.Image(
        name,
        image_name=pulumi.Output.format("{0}:latest", repository.repository_url),
        # Paths are relative to Pulumi.yaml: Pulumi keeps them in its state, where an absolute one
        # would differ from machine to machine and show as a change.
        build={
            "context": context.FOLDER,
            "dockerfile": f"{context.FOLDER}/Dockerfile",
            # One platform, the function's own: Lambda takes no image index, and an image built
            # for the laptop's processor ends as `exec format error`.
            "platform": PLATFORMS[settings.architecture],
            "args": {"VERSION": settings.tags["Version"], "MODEL_SHA256": context.model_digest()},
        },
        registry={
            "server": repository.repository_url,
            "username": token.user_name,
            "password": pulumi.Output.secret(token.password),
        },
        opts=child,
    )
    return image.repo_digest


def _keep(count: int) -> dict[str, object]:
    """An ECR lifecycle policy. It counts, because a rule by age deletes the image that runs.

    An image that one rule selects is out of reach of those after it, so the first rule, which never
    has too many, protects the images behind the alias `live`.
    """
    return {
        "rules": [
            _rule(1, "Keep the images that are live", KEPT_LIVE, "tagged", [LIVE_TAG]),
            _rule(2, f"Keep the last {count} images, to roll back to", count, "any"),
        ]
    }


def _rule(
    priority: int, description: str, count: int, status: str, prefixes: Sequence[str] = ()
) -> dict[str, object]:
    return {
        "rulePriority": priority,
        "description": description,
        "selection": {
            "tagStatus": status,
            **({"tagPrefixList": list(prefixes)} if prefixes else {}),
            "countType": "imageCountMoreThan",
            "countNumber": count,
        },
        "action": {"type": "expire"},
    }
