"""Environments start, stay warm, are throttled, time out and end as Lambda's do."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import environments
from local.environments import CrashedError, Environments, ExpiredError, ThrottledError

HANDLER = """
import os, time

cold = True

def handler(event, context):
    global cold
    start, cold = cold, False
    time.sleep(event.get("sleep", 0))
    if event.get("exit"):
        os._exit(1)
    if event.get("fail"):
        raise ValueError("no")
    return {
        "cold": start,
        "pid": os.getpid(),
        "memory": os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        "id": context.aws_request_id,
        "setting": os.environ.get("SETTING"),
    }
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small function in place of the real one, in the processes that the workers spawn."""
    package = tmp_path / "function"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "app.py").write_text(HANDLER)
    monkeypatch.setattr(environments, "CODE", (package,))
    monkeypatch.syspath_prepend(str(tmp_path))
    return package


@pytest.fixture
def function(code: Path) -> Iterator[Environments]:
    with Environments({"SETTING": "on"}, memory=512, timeout=1.5, concurrency=2) as function:
        yield function


def test_a_copy_is_cold_once_and_then_reused(function: Environments) -> None:
    first, second = function.invoke({}), function.invoke({})
    assert (first["cold"], second["cold"]) == (True, False)
    assert first["pid"] == second["pid"] != os.getpid()
    assert first["id"] != second["id"]
    assert first["memory"] == "512"
    assert first["setting"] == "on"


def test_a_second_request_at_once_gets_a_copy_of_its_own(function: Environments) -> None:
    function.invoke({})
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(function.invoke({"sleep": 0.5})))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["pid"] for answer in answers}) == 2


def test_past_the_concurrency_callers_are_throttled(function: Environments) -> None:
    outcomes: list[object] = []

    def call() -> None:
        try:
            outcomes.append(function.invoke({"sleep": 1})["setting"])
        except ThrottledError as refusal:
            outcomes.append(type(refusal))

    threads = [threading.Thread(target=call) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [ThrottledError, "on", "on"]
    assert function.invoke({})["setting"] == "on"


def test_out_of_time(function: Environments) -> None:
    pid = function.invoke({})["pid"]
    with pytest.raises(ExpiredError):
        function.invoke({"sleep": 30})
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert function.invoke({})["cold"]


@pytest.mark.parametrize("event", [{"exit": True}, {"fail": True}])
def test_a_crash_costs_one_request(function: Environments, event: dict[str, bool]) -> None:
    function.invoke({})
    with pytest.raises(CrashedError):
        function.invoke(event)
    assert function.invoke({})["setting"] == "on"


def test_a_copy_killed_while_idle_is_replaced(function: Environments) -> None:
    pid = function.invoke({})["pid"]
    (process,) = [each for each in multiprocessing.active_children() if each.pid == pid]
    os.kill(pid, signal.SIGKILL)
    process.join()
    assert function.invoke({})["pid"] != pid


def test_changed_code_is_served_at_once(function: Environments, code: Path) -> None:
    function.invoke({})
    (code / "app.py").write_text("def handler(event, context):\n    return {'new': True}\n")
    os.utime(code / "app.py", (2_000_000_000, 2_000_000_000))
    assert function.invoke({}) == {"new": True}


def test_a_copy_that_is_busy_at_the_end_is_stopped_after_its_answer(code: Path) -> None:
    answers: list[dict[str, object]] = []
    with Environments({}, memory=512, timeout=5, concurrency=2) as function:
        function.invoke({})  # warm
        busy = threading.Thread(target=lambda: answers.append(function.invoke({"sleep": 1})))
        busy.start()
        time.sleep(0.3)
    busy.join()
    (answer,) = answers
    assert not any(each.pid == answer["pid"] for each in multiprocessing.active_children())
