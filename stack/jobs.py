"""Photos too large or too slow for one request: a bucket, a queue, and a worker between them."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from .api import Api
from .function import Function, Grant, allow, policy
from .image import Image
from .names import renamed
from .settings import Settings

DAY = 24 * 60 * 60

WORKER_TIMEOUT = 60
"""Seconds that one job may take, twice as long as the API waits. A failed job is delivered again
after six times as long, so a client that waits a quarter of an hour sees two more attempts."""

KEPT = ("uploads/*", "results/*", "errors/*")
"""Photos until they are drawn, line art, and the errors of photos."""

ATTEMPTS = 5
"""AWS advises at least five, as throttled deliveries count too."""


class Jobs(pulumi.ComponentResource):
    """Draws a photo uploaded under uploads/ to results/, or writes its error to errors/.

    The worker is a function of its own, from the same image: a job may take longer than the API
    waits, its queue's visibility follows from its time limit, and `jobConcurrency` keeps two
    hundred photos at once from taking every environment. It costs nothing while there are no jobs.
    """

    bucket: aws.s3.Bucket
    queue: aws.sqs.Queue
    dead_letters: aws.sqs.Queue
    worker: Function
    grant: Grant
    """For the function that creates jobs and reports their status."""

    def __init__(
        self,
        name: str,
        image: Image,
        settings: Settings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("artline:stack:Jobs", name, None, renamed(opts, "jobs"))
        child = pulumi.ResourceOptions(parent=self)
        self.bucket = _bucket(name, settings, child)
        self.dead_letters = aws.sqs.Queue(
            f"{name}-dead",
            message_retention_seconds=14 * DAY,
            sqs_managed_sse_enabled=True,
            tags=settings.tags,
            opts=child,
        )
        self.queue = aws.sqs.Queue(
            name,
            visibility_timeout_seconds=6 * WORKER_TIMEOUT,  # as AWS advises
            message_retention_seconds=DAY,  # no longer than the upload it is about
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self.dead_letters.arn, "maxReceiveCount": ATTEMPTS}
            ),
            sqs_managed_sse_enabled=True,
            tags=settings.tags,
            opts=child,
        )
        _notify(name, self.bucket, self.queue, child)
        self.grant = self._grant(writes=KEPT[:1], deletes=KEPT)
        self.worker = Function(
            f"{name}-worker",
            image,
            settings,
            timeout=WORKER_TIMEOUT,
            grants=[self._grant(writes=KEPT, deletes=KEPT[1:]), _receive(self.queue)],
            opts=child,
        )
        aws.lambda_.EventSourceMapping(
            name,
            event_source_arn=self.queue.arn,
            function_name=self.worker.alias.arn,
            batch_size=1,  # a photo that ends the worker function fails no other photo
            # The worker reports failed messages in its answer, which would mean success otherwise.
            function_response_types=["ReportBatchItemFailures"],
            scaling_config={"maximum_concurrency": settings.job_concurrency},
            tags=settings.tags,
            opts=child,
        )
        self.register_outputs({"bucket": self.bucket.bucket, "queue": self.queue.url})

    def _grant(self, writes: Sequence[str], deletes: Sequence[str]) -> Grant:
        arn = self.bucket.arn
        allowed = {"s3:GetObject": KEPT, "s3:PutObject": writes, "s3:DeleteObject": deletes}
        return Grant(
            name="bucket",
            environment={"JOBS_BUCKET": self.bucket.bucket},
            statements=[
                *(
                    allow([action], [pulumi.Output.concat(arn, "/", key) for key in keys])
                    for action, keys in allowed.items()
                ),
                # Without the right to list, a missing object is a 403 in place of a 404.
                allow(["s3:ListBucket"], [arn]),
            ],
        )


def allow_origins(name: str, jobs: Jobs, api: Api, settings: Settings) -> None:
    """Lets the page, which the API serves, and `corsOrigins` upload to the bucket and read from it.

    The bucket is another origin than the API, so the page's own origin is named as well.
    """
    aws.s3.BucketCorsConfiguration(
        name,
        bucket=jobs.bucket.bucket,
        cors_rules=[
            {
                "allowed_origins": [api.endpoint, *settings.cors_origins],
                "allowed_methods": ["GET", "POST"],
                "allowed_headers": ["content-type"],
                "expose_headers": ["ETag"],
                "max_age_seconds": DAY,
            }
        ],
        opts=pulumi.ResourceOptions(parent=jobs),
    )


def _bucket(name: str, settings: Settings, child: pulumi.ResourceOptions) -> aws.s3.Bucket:
    bucket = aws.s3.Bucket(
        name,
        force_destroy=True,  # a bucket that holds objects would stop `pulumi destroy`
        tags=settings.tags,
        opts=child,
    )
    aws.s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.bucket,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        opts=child,
    )
    days = {"uploads/": 1, "results/": settings.result_days, "errors/": settings.result_days}
    aws.s3.BucketLifecycleConfiguration(
        name,
        bucket=bucket.bucket,
        rules=[
            {
                "id": prefix.rstrip("/"),
                "status": "Enabled",
                "filter": {"prefix": prefix},
                "expiration": {"days": count},
            }
            for prefix, count in days.items()
        ],
        opts=child,
    )
    return bucket


def _notify(
    name: str, bucket: aws.s3.Bucket, queue: aws.sqs.Queue, child: pulumi.ResourceOptions
) -> None:
    """Lets this bucket alone put a message into the queue for every upload.

    Uploads are form posts. The empty object that marks an id as issued is not, and sends none.
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": bucket.arn},
            "StringEquals": {"aws:SourceAccount": queue.arn.apply(lambda arn: arn.split(":")[4])},
        },
    }
    permission = aws.sqs.QueuePolicy(
        name, queue_url=queue.url, policy=pulumi.Output.json_dumps(policy(statement)), opts=child
    )
    aws.s3.BucketNotification(
        name,
        bucket=bucket.bucket,
        queues=[
            {
                "queue_arn": queue.arn,
                "events": ["s3:ObjectCreated:Post"],
                "filter_prefix": "uploads/",
            }
        ],
        # S3 sends a test message before it accepts the configuration.
        opts=pulumi.ResourceOptions(parent=child.parent, depends_on=[permission]),
    )


def _receive(queue: aws.sqs.Queue) -> Grant:
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    return Grant(name="queue", environment={}, statements=[allow(actions, [queue.arn])])
