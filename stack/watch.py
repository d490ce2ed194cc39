"""Alarms, each of which says what to do, and a dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from .api import Api
from .function import Function, service
from .jobs import WORKER_TIMEOUT, Jobs
from .names import renamed, setting
from .settings import Settings

CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}

MINUTES = 60

WAITING, AGE = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
"""SQS's metrics of how many messages wait, and for how many seconds the oldest has."""


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch, over five minutes."""

    namespace: str
    name: str
    statistic: str
    """`Sum`, `Maximum` or a percentile as `p99`."""
    dimensions: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Alarm:
    name: str
    metric: Metric
    threshold: float
    """The value from which the alarm goes off."""
    what_to_do: str
    periods: int = 1
    """Periods in a row that have to reach it."""


class Watch(pulumi.ComponentResource):
    """Alarms for what callers notice, sent by e-mail where `alarmEmail` is set, and a dashboard."""

    dashboard_url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        api: Api,
        function: Function,
        jobs: Jobs | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("artline:stack:Watch", name, None, renamed(opts, "watch"))
        child = pulumi.ResourceOptions(parent=self)
        actions = _recipients(name, settings, child)
        alarms = _request_alarms(api, function, settings) + (_job_alarms(jobs) if jobs else [])
        for alarm in alarms:
            metric = alarm.metric
            percentile = metric.statistic.startswith("p")
            aws.cloudwatch.MetricAlarm(
                f"{name}-{alarm.name}",
                alarm_description=alarm.what_to_do,
                namespace=metric.namespace,
                metric_name=metric.name,
                dimensions=metric.dimensions,
                extended_statistic=metric.statistic if percentile else None,
                statistic=None if percentile else metric.statistic,
                comparison_operator="GreaterThanOrEqualToThreshold",
                threshold=alarm.threshold,
                period=5 * MINUTES,
                evaluation_periods=alarm.periods,
                treat_missing_data="notBreaching",
                alarm_actions=actions,
                ok_actions=actions,
                tags=settings.tags,
                opts=child,
            )
        dashboard = aws.cloudwatch.Dashboard(
            name,
            # Dashboards are global in an account; the function's name makes this one unique.
            dashboard_name=pulumi.Output.concat(function.name, "-", pulumi.get_stack()),
            dashboard_body=pulumi.Output.json_dumps(
                {"widgets": _widgets(settings, api, function, jobs)}
            ),
            opts=child,
        )
        console = CONSOLES[settings.partition]
        self.dashboard_url = pulumi.Output.format(
            "https://{0}.{1}/cloudwatch/home?region={0}#dashboards/dashboard/{2}",
            settings.region,
            console,
            dashboard.dashboard_name,
        )
        self.register_outputs({"dashboardUrl": self.dashboard_url})


def _recipients(
    name: str, settings: Settings, child: pulumi.ResourceOptions
) -> list[pulumi.Output[str]]:
    if not settings.alarm_email:
        return []
    topic = aws.sns.Topic(name, tags=settings.tags, opts=child)
    aws.sns.TopicSubscription(
        name, topic=topic.arn, protocol="email", endpoint=settings.alarm_email, opts=child
    )
    return [topic.arn]


def _request_alarms(api: Api, function: Function, settings: Settings) -> list[Alarm]:
    of = {"FunctionName": function.name}
    return [
        Alarm(
            "faults",
            Metric("AWS/ApiGateway", "5xx", "Sum", {"ApiId": api.id}),
            threshold=1,
            what_to_do="Callers got a 500 or 503: read the function's log for 'fault', and the"
            " API's for integrationErrorMessage.",
        ),
        Alarm(
            "errors",
            Metric("AWS/Lambda", "Errors", "Sum", of),
            threshold=1,
            what_to_do="Calls ended without an answer: read the function's log for 'Task timed"
            f" out' or 'signal: killed', and raise {setting('memory')}.",
        ),
        Alarm(
            "throttles",
            Metric("AWS/Lambda", "Throttles", "Sum", of),
            threshold=1,
            what_to_do="Requests throttled, concurrency limit reached: raise"
            f" {setting('reservedConcurrency')}, or the account's quota of concurrent executions.",
        ),
        Alarm(
            "slow",
            Metric("AWS/Lambda", "Duration", "p99", of),
            threshold=_most(settings.timeout),
            periods=3,
            what_to_do=f"One call in a hundred takes over 80 % of {setting('timeout')}: raise"
            f" {setting('memory')}, which brings more CPU, or keep environments warm with"
            f" {setting('warm')}.",
        ),
    ]


def _job_alarms(jobs: Jobs) -> list[Alarm]:
    worker = {"FunctionName": jobs.worker.name}
    queue, dead = {"QueueName": jobs.queue.name}, {"QueueName": jobs.dead_letters.name}
    return [
        Alarm(
            "job-errors",
            Metric("AWS/Lambda", "Errors", "Sum", worker),
            threshold=1,
            what_to_do="The worker function crashed or timed out on a job, which is retried: read"
            " the worker's log for 'Task timed out' or 'signal: killed', and raise"
            f" {setting('memory')}.",
        ),
        Alarm(
            "job-slow",
            Metric("AWS/Lambda", "Duration", "p99", worker),
            threshold=_most(WORKER_TIMEOUT),
            periods=3,
            what_to_do="Jobs take over 80 % of the worker function's timeout: raise"
            f" {setting('memory')}, which brings more CPU.",
        ),
        Alarm(
            "dead-letters",
            Metric("AWS/SQS", WAITING, "Maximum", dead),
            threshold=1,
            what_to_do="Jobs failed in every attempt: read the worker's log, fix the cause, and"
            " start a redrive of the dead-letter queue.",
        ),
        Alarm(
            "oldest-job",
            Metric("AWS/SQS", AGE, "Maximum", queue),
            # SQS leaves out a message that was received three times: here, after 12 minutes.
            threshold=10 * MINUTES,
            what_to_do="A job has waited for ten minutes: read the worker's log for 'fault', and"
            f" raise {setting('jobConcurrency')} if more jobs come than are drawn.",
        ),
    ]


def _most(timeout: int) -> float:
    """80 % of `timeout`, in milliseconds, as Lambda measures."""
    return timeout * 1000 * 8 / 10


def _widgets(
    settings: Settings, api: Api, function: Function, jobs: Jobs | None
) -> list[dict[str, Any]]:
    of_api = ["ApiId", api.id]
    of_function = ["FunctionName", function.name]
    of_service = ["service", service()]
    graphs: list[tuple[str, str, list[list[Any]]]] = [
        ("Requests", "Sum", [["AWS/ApiGateway", m, *of_api] for m in ("Count", "4xx", "5xx")]),
        (
            "Latency of requests, p50 and p99, ms",
            "p99",
            [["AWS/ApiGateway", "Latency", *of_api, {"stat": p}] for p in ("p50", "p99")],
        ),
        (
            "Where a photo's time goes, ms",
            "p50",
            [["ArtLine", f"{step}Time", *of_service] for step in ("Decode", "Inference", "Encode")],
        ),
        (
            "The function's errors, throttles and environments",
            "Maximum",
            [
                ["AWS/Lambda", "Errors", *of_function, {"stat": "Sum"}],
                ["AWS/Lambda", "Throttles", *of_function, {"stat": "Sum"}],
                ["AWS/Lambda", "ConcurrentExecutions", *of_function],
            ],
        ),
    ]
    if jobs:
        of_queue, of_dead = ["QueueName", jobs.queue.name], ["QueueName", jobs.dead_letters.name]
        graphs += [
            (
                "Jobs waiting, and in the dead-letter queue",
                "Maximum",
                [["AWS/SQS", WAITING, *of_queue], ["AWS/SQS", WAITING, *of_dead]],
            ),
            ("Age of the oldest job, s", "Maximum", [["AWS/SQS", AGE, *of_queue]]),
        ]
    return [_graph(settings.region, place, *graph) for place, graph in enumerate(graphs)]


def _graph(
    region: str, place: int, title: str, statistic: str, metrics: Sequence[Sequence[Any]]
) -> dict[str, Any]:
    """One of CloudWatch's metric widgets, two to a row of its grid of 24 columns."""
    return {
        "type": "metric",
        "x": 12 * (place % 2),
        "y": 6 * (place // 2),
        "width": 12,
        "height": 6,
        "properties": {
            "title": title,
            "stat": statistic,
            "metrics": metrics,
            "region": region,
            "period": 5 * MINUTES,
            "view": "timeSeries",
        },
    }
