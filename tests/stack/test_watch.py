import json
from collections.abc import Callable

from .conftest import Program

Declare = Callable[..., Program]

REQUESTS = {"artline-faults", "artline-errors", "artline-throttles", "artline-slow"}
JOBS = {"artline-job-errors", "artline-job-slow", "artline-dead-letters", "artline-oldest-job"}


def test_alarms(declare: Declare) -> None:
    assert {each.name for each in declare().all("MetricAlarm")} == REQUESTS | JOBS
    assert {each.name for each in declare(jobs="false").all("MetricAlarm")} == REQUESTS


def test_every_alarm_says_what_to_do_and_silence_is_fine(declare: Declare) -> None:
    for alarm in declare().all("MetricAlarm"):
        assert any(
            word in alarm.properties["alarmDescription"].lower() for word in ("read ", "raise ")
        )
        assert alarm.properties["treatMissingData"] == "notBreaching"
        assert ("statistic" in alarm.properties) != ("extendedStatistic" in alarm.properties)


def test_slow_is_over_four_fifths_of_the_time_limit(declare: Declare) -> None:
    alarm = declare(timeout="10").named("MetricAlarm", "artline-slow").properties
    assert (alarm["extendedStatistic"], alarm["threshold"]) == ("p99", 8_000)


def test_one_dead_letter_is_one_too_many(declare: Declare) -> None:
    program = declare()
    alarm = program.named("MetricAlarm", "artline-dead-letters").properties
    assert alarm["threshold"] == 1
    assert alarm["dimensions"] == {
        "QueueName": program.named("Queue", "artline-jobs-dead").outputs["name"]
    }


def test_alarms_go_to_whom_the_settings_name(declare: Declare) -> None:
    program = declare(alarmEmail="owner@example.com")
    topic = program.one("Topic").outputs["arn"]
    subscription = program.one("TopicSubscription").properties
    assert subscription == {"topic": topic, "protocol": "email", "endpoint": "owner@example.com"}
    for alarm in program.all("MetricAlarm"):
        assert alarm.properties["alarmActions"] == alarm.properties["okActions"] == [topic]


def test_without_an_address_there_is_no_topic(declare: Declare) -> None:
    program = declare()
    assert not program.all("Topic")
    assert all(each.properties["alarmActions"] == [] for each in program.all("MetricAlarm"))


def test_the_dashboard_shows_what_is_declared_and_overlaps_nothing(declare: Declare) -> None:
    program = declare()
    widgets = json.loads(program.one("Dashboard").properties["dashboardBody"])["widgets"]
    text = json.dumps(widgets)
    for name in (
        "api-artline-api",
        "artline-local",
        "artline-jobs-local",
        "artline-jobs-dead-local",
    ):
        assert f'"{name}"' in text
    places = [(each["x"], each["y"]) for each in widgets]
    assert len(set(places)) == len(widgets) == 6
    without = json.loads(declare(jobs="false").one("Dashboard").properties["dashboardBody"])
    assert len(without["widgets"]) == 4


def test_two_stacks_have_metrics_of_their_own(declare: Declare) -> None:
    program = declare()
    widgets = program.one("Dashboard").properties["dashboardBody"]
    for function in program.all("lambda/function:Function"):
        name = function.properties["environment"]["variables"]["POWERTOOLS_SERVICE_NAME"]
        assert name == "artline-local"
        assert f'"service", "{name}"' in widgets


def test_a_job_that_keeps_failing_is_told_while_sqs_counts_it(declare: Declare) -> None:
    """A message that was received three times is no part of the queue's oldest age."""
    program = declare()
    alarm = program.named("MetricAlarm", "artline-oldest-job").properties
    (queue,) = (each for each in program.all("Queue") if each.name == "artline-jobs")
    visible = queue.properties["visibilityTimeoutSeconds"]
    assert alarm["evaluationPeriods"] * alarm["threshold"] < 2 * visible
