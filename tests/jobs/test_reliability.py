"""Nothing is lost: worker processes of the real handler, killed, cut off and misled.

The queue, the bucket and the notifications are MiniStack's; the worker is the function in processes
of its own, behind the event source mapping that the stack declares.
"""

import hashlib
import io
import json
import multiprocessing
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from PIL import Image

from artline.drawing.transform import transform
from artline.errors import PhotoError
from function import model
from function.problem import ProblemError
from local.environments import Environments
from local.event_source import Poller
from tests.jobs.stage import Stage, look, post, request, upload

PATIENCE = 300.0
"""Seconds within which even a busy machine gets to the end."""


class Counting(Environments):
    """A function that remembers which messages it was handed, in order."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.handed: list[str] = []

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self.handed += [record["messageId"] for record in event.get("Records", ())]
        return super().invoke(event)


def environments(stage: Stage, **environment: str) -> Counting:
    """The real handler in processes of its own, on the stage."""
    source = stage.source
    quiet = {"POWERTOOLS_METRICS_DISABLED": "true", "LOG_LEVEL": "CRITICAL"}
    return Counting(
        stage.environment | quiet | environment,
        memory=source.memory,
        timeout=source.timeout,
        concurrency=source.concurrency,
    )


@contextmanager
def working(stage: Stage, **environment: str) -> Iterator[Counting]:
    """Workers on the stage's queue, as many as its mapping says."""
    with (
        environments(stage, **environment) as function,
        Poller(stage.cloud, stage.source, function),
    ):
        yield function


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.2)


def photo(number: int) -> bytes:
    """One of many small photos, each its own; every tenth is cut short."""
    chance = random.Random(number)
    image = Image.new("RGB", (chance.randint(16, 64), chance.randint(16, 64)))
    image.putdata([tuple(chance.randbytes(3)) for _ in range(image.width * image.height)])
    file = io.BytesIO()
    image.resize((96, 96)).save(file, "PNG")
    data = file.getvalue()
    return data[: len(data) // 2] if number % 10 == 9 else data


def undisturbed(data: bytes) -> bytes | dict[str, Any]:
    """What drawing `data` gives where nothing goes wrong: the line art, or the problem."""
    try:
        return transform(data, model.load())
    except PhotoError as error:
        return ProblemError.of(error).document()


def submit(data: bytes) -> str:
    """Issues and uploads; the job's id."""
    job = post(sha256=hashlib.sha256(data).hexdigest(), type="image/png")
    assert upload(job, data).status_code == 204
    id_: str = job["id"]
    return id_


def ended(stage: Stage, id_: str) -> bytes | dict[str, Any]:
    """What the job came to: the line art, or the problem."""
    job = look(id_)
    if job["status"] == "failed":
        problem: dict[str, Any] = job["error"]
        return problem
    assert job["status"] == "done"
    return stage.read(f"results/{id_}.jpg")


def settled(stage: Stage) -> int:
    return len(stage.keys("results/")) + len(stage.keys("errors/"))


@contextmanager
def killing(function: Counting, others: set[Any]) -> Iterator[list[int]]:
    """Kills a process that is none of `others` at random points; yields the killed.

    It goes by the messages handed out: a machine that is slow to start processes would otherwise
    never get further than that.
    """
    killed: list[int] = []
    stopped = threading.Event()

    def kill() -> None:
        due = 0
        while not stopped.wait(random.uniform(0, 0.2)):
            environments = [
                each for each in multiprocessing.active_children() if each not in others
            ]
            if environments and len(function.handed) > due:
                process = random.choice(environments)
                process.kill()
                killed.append(process.pid or 0)
                due = len(function.handed) + random.randint(5, 40)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stopped.set()
        thread.join()


patient = pytest.mark.parametrize(
    "stage", [{"visibility": 3, "attempts": 100, "batch_size": 5, "concurrency": 4}], indirect=True
)
"""Four workers, and deliveries enough to outlive any number of faults."""


@patient
def test_killed_workers_lose_nothing_and_draw_nothing_wrong(stage: Stage) -> None:
    photos = [photo(number) for number in range(300)]
    others = set(multiprocessing.active_children())
    with working(stage) as function, killing(function, others) as killed:
        ids = [submit(data) for data in photos]
        eventually(lambda: settled(stage) == len(photos))
    assert len(killed) > 2
    assert len(function.handed) > len(photos)
    for id_, data in zip(ids, photos, strict=True):
        assert ended(stage, id_) == undisturbed(data)
    assert stage.receive(stage.dead_url, wait=0) == []


def test_deliveries_doubled_shuffled_and_delayed(stage: Stage) -> None:
    photos = [photo(number) for number in range(20)]
    ids = [submit(data) for data in photos]
    messages = stage.notifications(len(photos))
    again = [each["Body"] for each in messages] * 3
    random.shuffle(again)
    for body in again:
        stage.sqs.send_message(
            QueueUrl=stage.source.queue_url, MessageBody=body, DelaySeconds=random.randint(0, 2)
        )
    with working(stage) as function:
        eventually(lambda: len(function.handed) >= len(again) and settled(stage) == len(photos))
    for id_, data in zip(ids, photos, strict=True):
        assert ended(stage, id_) == undisturbed(data)


def test_poison_goes_to_the_dead_letters_after_its_deliveries_and_not_before(
    stage: Stage,
) -> None:
    poison = stage.sqs.send_message(QueueUrl=stage.source.queue_url, MessageBody="poison")
    data = photo(0)
    with working(stage) as function:
        id_ = submit(data)
        dead: list[dict[str, Any]] = []

        def is_dead() -> bool:
            dead.extend(stage.receive(stage.dead_url, wait=0))
            assert not dead or function.handed.count(poison["MessageId"]) == 3
            return bool(dead)

        eventually(is_dead)
        eventually(lambda: settled(stage) == 1)
    assert [each["Body"] for each in dead] == ["poison"]
    assert Counter(function.handed)[poison["MessageId"]] == 3
    assert ended(stage, id_) == undisturbed(data)


class Gate:
    """A way to MiniStack that can be closed: connections are refused until it is open again."""

    def __init__(self, endpoint: str) -> None:
        host, _, port = endpoint.rpartition("/")[2].partition(":")
        self._target = host, int(port)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._address = probe.getsockname()
        self.endpoint = f"http://127.0.0.1:{self._address[1]}"
        self._listener: socket.socket | None = None

    def open(self) -> None:
        self._listener = socket.create_server(self._address)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        if self._listener:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            back = threading.Thread(target=_copy, args=(server, client))
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@patient
def test_s3_that_refuses_for_a_while(stage: Stage) -> None:
    gate = Gate(stage.environment["AWS_ENDPOINT_URL"])
    photos = [photo(number) for number in range(12)]
    ids = [submit(data) for data in photos]
    with working(stage, AWS_ENDPOINT_URL=gate.endpoint) as function:
        eventually(lambda: max(Counter(function.handed).values(), default=0) > 1)
        assert settled(stage) == 0
        gate.open()
        eventually(lambda: settled(stage) == len(photos))
    gate.close()
    for id_, data in zip(ids, photos, strict=True):
        assert ended(stage, id_) == undisturbed(data)
    assert stage.receive(stage.dead_url, wait=0) == []


@patient
def test_the_same_photo_from_many_at_once_is_one_job(stage: Stage) -> None:
    data = photo(1)
    order = {"sha256": hashlib.sha256(data).hexdigest(), "type": "image/png"}

    def ask(api: Environments) -> dict[str, Any]:
        job: dict[str, Any] = json.loads(api.invoke(request("POST", "/jobs", order))["body"])
        if job["status"] == "waiting":
            assert upload(job, data).status_code == 204
        return job

    with working(stage), environments(stage) as api, ThreadPoolExecutor(4) as clients:
        made = list(clients.map(ask, [api] * 24))
        eventually(lambda: look(made[0]["id"])["status"] == "done")
    assert len({job["id"] for job in made}) == 1
    assert ended(stage, made[0]["id"]) == undisturbed(data)
    assert len(stage.keys()) == 2
