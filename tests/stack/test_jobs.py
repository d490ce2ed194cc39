import json
from collections.abc import Callable

import pytest

from .conftest import Program

Declare = Callable[..., Program]


def _may(program: Program, name: str) -> dict[str, list[str]]:
    """What a role may do to the bucket, and to which part of it."""
    return {
        action: [
            resource.removeprefix("arn:aws:s3:::artline-jobs-local")
            for resource in each["Resource"]
        ]
        for each in program.statements(name)
        for action in each["Action"]
        if action.startswith("s3:")
    }


def test_the_worker_is_the_same_image_with_more_time(declare: Declare) -> None:
    program = declare(memory="3008")
    function = program.named("lambda/function:Function", "artline").properties
    worker = program.named("lambda/function:Function", "artline-jobs-worker").properties
    assert worker["imageUri"] == function["imageUri"]
    assert worker["memorySize"] == 3008
    assert worker["timeout"] == 60
    assert worker["environment"]["variables"]["JOBS_BUCKET"] == "artline-jobs-local"


def test_a_message_is_hidden_for_six_times_as_long_as_the_worker_may_take(
    declare: Declare,
) -> None:
    program = declare()
    worker = program.named("lambda/function:Function", "artline-jobs-worker").properties
    queue = program.named("Queue", "artline-jobs").properties
    assert queue["visibilityTimeoutSeconds"] == 6 * worker["timeout"]


def test_what_fails_again_and_again_ends_in_the_dead_letter_queue(declare: Declare) -> None:
    program = declare()
    dead = program.named("Queue", "artline-jobs-dead")
    assert json.loads(program.named("Queue", "artline-jobs").properties["redrivePolicy"]) == {
        "deadLetterTargetArn": dead.outputs["arn"],
        "maxReceiveCount": 5,
    }
    assert dead.properties["messageRetentionSeconds"] == 14 * 24 * 60 * 60


@pytest.mark.parametrize(("settings", "workers"), [({}, 5), ({"jobConcurrency": "1000"}, 1000)])
def test_the_queue_feeds_the_workers_alias_within_the_cap(
    declare: Declare, settings: dict[str, str], workers: int
) -> None:
    program = declare(reservedConcurrency="3", **settings)
    mapping = program.one("EventSourceMapping").properties
    assert mapping["functionName"] == program.named("Alias", "artline-jobs-worker").outputs["arn"]
    assert mapping["eventSourceArn"] == program.named("Queue", "artline-jobs").outputs["arn"]
    assert mapping["batchSize"] == 1
    assert mapping["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["scalingConfig"] == {"maximumConcurrency": workers}


def test_uploads_and_nothing_else_are_put_into_the_queue(declare: Declare) -> None:
    program = declare()
    queue = program.named("Queue", "artline-jobs").outputs["arn"]
    notification = program.one("BucketNotification")
    assert notification.properties["queues"] == [
        {"queueArn": queue, "events": ["s3:ObjectCreated:Post"], "filterPrefix": "uploads/"}
    ]
    assert "aws:sqs/queuePolicy:QueuePolicy::artline-jobs" in notification.dependencies
    (statement,) = json.loads(program.one("QueuePolicy").properties["policy"])["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == queue
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::artline-jobs-local"},
        "StringEquals": {"aws:SourceAccount": "000000000000"},
    }


def test_each_function_may_do_its_own_part(declare: Declare) -> None:
    program = declare()
    kept = ["/uploads/*", "/results/*", "/errors/*"]
    assert _may(program, "artline") == {
        "s3:GetObject": kept,
        "s3:PutObject": ["/uploads/*"],
        "s3:DeleteObject": kept,
        "s3:ListBucket": [""],
    }
    assert _may(program, "artline-jobs-worker") == {
        "s3:GetObject": kept,
        "s3:PutObject": kept,
        "s3:DeleteObject": kept[1:],
        "s3:ListBucket": [""],
    }


def test_only_the_worker_takes_from_the_queue(declare: Declare) -> None:
    program = declare()
    assert "sqs" not in json.dumps(program.statements("artline"))
    (statement,) = (
        each for each in program.statements("artline-jobs-worker") if "sqs" in str(each)
    )
    assert statement["Resource"] == [program.named("Queue", "artline-jobs").outputs["arn"]]


def test_the_bucket_forgets(declare: Declare) -> None:
    rules = declare(resultDays="30").one("BucketLifecycleConfiguration").properties["rules"]
    assert {rule["filter"]["prefix"]: rule["expiration"]["days"] for rule in rules} == {
        "uploads/": 1,
        "results/": 30,
        "errors/": 30,
    }
    assert {rule["status"] for rule in rules} == {"Enabled"}


def test_the_bucket_is_closed_encrypted_and_deletable(declare: Declare) -> None:
    program = declare()
    assert program.one("s3/bucket:Bucket").properties["forceDestroy"] is True
    wall = program.one("BucketPublicAccessBlock").properties
    assert [wall[key] for key in sorted(wall) if key != "bucket"] == [True] * 4
    (rule,) = program.one("BucketServerSideEncryptionConfiguration").properties["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


@pytest.mark.parametrize("others", [[], ["https://example.com"]])
def test_the_page_may_upload_whoever_else_may(declare: Declare, others: list[str]) -> None:
    program = declare(corsOrigins=json.dumps(others))
    (rule,) = program.one("BucketCorsConfiguration").properties["corsRules"]
    page = program.one("apigatewayv2/api:Api").outputs["apiEndpoint"]
    assert rule["allowedOrigins"] == [page, *others]
    assert rule["allowedMethods"] == ["GET", "POST"]
