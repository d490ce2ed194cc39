"""Declared resources of S3, SQS and SSM, created over boto3.

Each function creates a resource of one type from its declared properties and returns what AWS added
to it. A property that it does not know is an error of the API, so nothing declared goes unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from .program import Resource

Outputs = dict[str, Any]
Make = Callable[[Any, str, Outputs], Outputs]
"""Takes a client, the resource's name and its properties, which it may use up."""

EXECUTE_API = re.compile(r"https://[^/]+\.execute-api\.[^/]+")

FREE_KEYS = {"tags", "variables", "dimensions"}
"""Properties whose keys are the user's own, not the API's."""


def make(
    client: Callable[[str], Any], resource: Resource, properties: Mapping[str, Any]
) -> Outputs:
    """Creates `resource` with `properties`. Raises `KeyError` for a type not in `MAKERS`."""
    service, create = MAKERS[resource.type]
    name = resource.outputs.get("name", resource.name)
    return create(client(service), name, deepcopy(dict(properties)))


def spelled(properties: Any, **renamed: str) -> Any:
    """Properties as most of AWS's APIs spell them: `memorySize` is `MemorySize`."""
    if isinstance(properties, list):
        return [spelled(each) for each in properties]
    if not isinstance(properties, dict):
        return properties
    return {
        renamed.get(key) or key[0].upper() + key[1:]: value if key in FREE_KEYS else spelled(value)
        for key, value in properties.items()
    }


def listed(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags or dimensions as a list of pairs."""
    return [{key: name, value: text} for name, text in tags.items()]


def _bucket(s3: Any, name: str, p: Outputs) -> Outputs:
    p.pop("forceDestroy")
    tags = listed(p.pop("tags"))
    s3.create_bucket(Bucket=name, **spelled(p))
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    return {"arn": f"arn:aws:s3:::{name}", "bucket": name}


def _public_access(s3: Any, _: str, p: Outputs) -> Outputs:
    bucket = p.pop("bucket")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=spelled(p))
    return {}


def _encryption(s3: Any, _: str, p: Outputs) -> Outputs:
    (rule,) = p.pop("rules")
    algorithm = rule.pop("applyServerSideEncryptionByDefault")
    default = spelled(algorithm, sseAlgorithm="SSEAlgorithm")
    rules = [{"ApplyServerSideEncryptionByDefault": default, **spelled(rule)}]
    s3.put_bucket_encryption(
        Bucket=p.pop("bucket"), ServerSideEncryptionConfiguration={"Rules": rules}, **p
    )
    return {}


def _lifecycle(s3: Any, _: str, p: Outputs) -> Outputs:
    rules = [spelled(rule, id="ID") for rule in p.pop("rules")]
    s3.put_bucket_lifecycle_configuration(
        Bucket=p.pop("bucket"), LifecycleConfiguration={"Rules": rules}, **p
    )
    return {}


def _cors(s3: Any, _: str, p: Outputs) -> Outputs:
    rules = spelled(p.pop("corsRules"))
    for rule in rules:
        # The mock API's address stands for the page's own origin, which is plain http here.
        rule["AllowedOrigins"] = [
            "http://*" if EXECUTE_API.fullmatch(origin) else origin
            for origin in rule["AllowedOrigins"]
        ]
    s3.put_bucket_cors(Bucket=p.pop("bucket"), CORSConfiguration={"CORSRules": rules}, **p)
    return {}


def _notification(s3: Any, _: str, p: Outputs) -> Outputs:
    queues = [
        {
            "QueueArn": queue.pop("queueArn"),
            "Filter": {
                "Key": {"FilterRules": [{"Name": "prefix", "Value": queue.pop("filterPrefix")}]}
            },
            **spelled(queue),
        }
        for queue in p.pop("queues")
    ]
    s3.put_bucket_notification_configuration(
        Bucket=p.pop("bucket"), NotificationConfiguration={"QueueConfigurations": queues}, **p
    )
    return {}


def _queue(sqs: Any, name: str, p: Outputs) -> Outputs:
    tags = p.pop("tags")
    renamed = {
        "messageRetentionSeconds": "MessageRetentionPeriod",
        "visibilityTimeoutSeconds": "VisibilityTimeout",
    }
    attributes = {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in spelled(p, **renamed).items()
    }
    url = sqs.create_queue(QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return {"url": url, "arn": found["Attributes"]["QueueArn"]}


def _queue_policy(sqs: Any, _: str, p: Outputs) -> Outputs:
    sqs.set_queue_attributes(
        QueueUrl=p.pop("queueUrl"), Attributes={"Policy": p.pop("policy")}, **p
    )
    return {}


def _parameter(ssm: Any, name: str, p: Outputs) -> Outputs:
    tags = listed(p.pop("tags"))
    ssm.put_parameter(Name=name, Tags=tags, **spelled(p))
    return {"arn": ssm.get_parameter(Name=name)["Parameter"]["ARN"]}


_S3 = "aws:s3/bucket"
_ENCRYPTION = "ServerSideEncryptionConfiguration"

MAKERS: dict[str, tuple[str, Make]] = {
    f"{_S3}:Bucket": ("s3", _bucket),
    f"{_S3}PublicAccessBlock:BucketPublicAccessBlock": ("s3", _public_access),
    f"{_S3}{_ENCRYPTION}:Bucket{_ENCRYPTION}": ("s3", _encryption),
    f"{_S3}LifecycleConfiguration:BucketLifecycleConfiguration": ("s3", _lifecycle),
    f"{_S3}CorsConfiguration:BucketCorsConfiguration": ("s3", _cors),
    f"{_S3}Notification:BucketNotification": ("s3", _notification),
    "aws:sqs/queue:Queue": ("sqs", _queue),
    "aws:sqs/queuePolicy:QueuePolicy": ("sqs", _queue_policy),
    "aws:ssm/parameter:Parameter": ("ssm", _parameter),
}
"""The service and the function of each type."""
