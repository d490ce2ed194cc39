"""Rules for resources, as functions of a resource's type and properties.

Each yields a sentence for every violation. The tests apply them to what the program declares, and
the policy pack beside this file to what a user is about to deploy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Properties = Mapping[str, Any]
Rule = Callable[[str, Properties], Iterator[str]]

TAGGABLE = {
    "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/stage:Stage",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:ecr/repository:Repository",
    "aws:iam/role:Role",
    "aws:lambda/eventSourceMapping:EventSourceMapping",
    "aws:lambda/function:Function",
    "aws:s3/bucket:Bucket",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
    "aws:ssm/parameter:Parameter",
}

CALLS = {
    "aws:apigatewayv2/integration:Integration": "integrationUri",
    "aws:cloudwatch/eventTarget:EventTarget": "arn",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "functionName",
}
"""Resources that call a function, and the property that names it."""


NAMED = re.compile(r"arn(:[^*:]*){4}:([^*]+|log-group:[^*]+:\*|[^*/]+/[^*]+/\*)")
"""One resource, or the streams of one log group, or the objects under one prefix of a bucket."""


def tagged(type_: str, properties: Properties) -> Iterator[str]:
    """A resource that takes tags names its project, stack and version."""
    if type_ in TAGGABLE:
        for tag in ("Project", "Stack", "Version"):
            if not (properties.get("tags") or {}).get(tag):
                yield f"has no tag {tag}"


def least_privilege(type_: str, properties: Properties) -> Iterator[str]:
    """A role names the actions that it may take, and the resources for each."""
    if type_ == "aws:iam/role:Role" and properties.get("managedPolicyArns"):
        yield "takes managed policies, which others may change"
    if type_ == "aws:iam/rolePolicy:RolePolicy":
        for statement in json.loads(properties["policy"])["Statement"]:
            for action in _listed(statement["Action"]):
                if "*" in action:
                    yield f"may take any action that matches {action}"
            for resource in _listed(statement["Resource"]):
                if not NAMED.fullmatch(resource) and not _nameless(statement["Action"]):
                    yield f"may act on anything that matches {resource}"


def _nameless(actions: Any) -> bool:
    """Whether the actions belong to a service that has no resources to name."""
    return all(action.startswith("xray:") for action in _listed(actions))


def image_by_digest(type_: str, properties: Properties) -> Iterator[str]:
    """A function runs an image by its digest, never by a tag, which may move."""
    if type_ == "aws:lambda/function:Function":
        repository, _, digest = properties.get("imageUri", "").rpartition("sha256:")
        if len(digest) != 64 or (repository and not repository.endswith("@")):
            yield "runs an image without a digest"


def logs_expire(type_: str, properties: Properties) -> Iterator[str]:
    """Log groups expire, and every function has a declared one."""
    if type_ == "aws:cloudwatch/logGroup:LogGroup" and not properties.get("retentionInDays"):
        yield "keeps its logs forever"
    logging = properties.get("loggingConfig") or {}
    if type_ == "aws:lambda/function:Function" and not logging.get("logGroup"):
        yield "has no log group of its own"


def deletable(type_: str, properties: Properties) -> Iterator[str]:
    """`pulumi destroy` leaves nothing behind."""
    force = {
        "aws:ecr/repository:Repository": "forceDelete",
        "aws:s3/bucket:Bucket": "forceDestroy",
    }.get(type_)
    if force and not properties.get(force):
        yield f"cannot be destroyed while it holds anything: set {force}"
    if properties.get("skipDestroy"):
        yield "is left behind by a destroy"


def by_alias(type_: str, properties: Properties) -> Iterator[str]:
    """Callers see the alias, which moves to a new version and back in one step."""
    if type_ in CALLS:
        target = properties[CALLS[type_]].removesuffix("/invocations")
        if ":function:" in target and not target.endswith(":live"):
            yield f"calls {target}, not the alias"
    if type_ == "aws:lambda/permission:Permission":
        if properties.get("qualifier") != "live":
            yield "lets callers bypass the alias"
        if not properties.get("sourceArn"):
            yield "lets resources of any account call"


def payload(type_: str, properties: Properties) -> Iterator[str]:
    """The API sends events of payload format 2.0."""
    version = properties.get("payloadFormatVersion")
    if type_ == "aws:apigatewayv2/integration:Integration" and version != "2.0":
        yield f"sends payload format {version or '1.0'}"


def images_by_count(type_: str, properties: Properties) -> Iterator[str]:
    """A repository's images expire by count: by age, the one that runs would expire too."""
    if type_ == "aws:ecr/lifecyclePolicy:LifecyclePolicy":
        for rule in json.loads(properties["policy"])["rules"]:
            if rule["selection"]["countType"] != "imageCountMoreThan":
                yield "expires images by their age"


def private(type_: str, properties: Properties) -> Iterator[str]:
    """Buckets are closed to the public; queues and parameters are encrypted."""
    if type_ == "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock":
        for wall in (
            "blockPublicAcls",
            "blockPublicPolicy",
            "ignorePublicAcls",
            "restrictPublicBuckets",
        ):
            if not properties.get(wall):
                yield f"leaves {wall} off"
    encrypted = {
        "aws:sqs/queue:Queue": properties.get("sqsManagedSseEnabled"),
        "aws:ssm/parameter:Parameter": properties.get("type") == "SecureString",
    }
    if not encrypted.get(type_, True):
        yield "is not encrypted"


RULES: tuple[Rule, ...] = (
    tagged,
    least_privilege,
    image_by_digest,
    logs_expire,
    deletable,
    by_alias,
    payload,
    images_by_count,
    private,
)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
