"""Ctrl-C, and going on from there."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artline.cli._artists import AT_ONCE
from artline.cli._resume import NAME, Record

ROOT = Path(__file__).parents[3]


def folder(path: Path, count: int) -> Path:
    """A directory of `count` photos, no two alike."""
    path.mkdir()
    for n in range(count):
        Image.new("RGB", (80, 60), (n % 256, n // 256, 99)).save(path / f"{n:03}.png")
    return path


def pictures(directory: Path) -> list[Path]:
    return sorted(directory.glob("[0-9]*.jpg"))


def saved(directory: Path, enough: int) -> bool:
    return len(pictures(directory)) >= enough


def whole(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
    return True


class Run:
    """The command, started and left to run."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "artline", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )

    def interrupt_when(self, ready: Callable[[], bool]) -> tuple[int, str]:
        """Ctrl-C as soon as `ready` says; the exit status and what was said on stderr."""
        while not ready():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)
        self.process.send_signal(signal.SIGINT)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture
def held() -> Any:
    """Set when the answers that a service holds back may go."""
    event = threading.Event()
    yield event
    event.set()


def test_a_record_that_cannot_be_written_fails_no_photo(
    artline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, out = folder(tmp_path / "photos", 2), tmp_path / "out"
    (out / NAME).mkdir(parents=True)  # which no user may write, root neither
    (tmp_path / "sitecustomize.py").write_text(
        "from artline.cli import _resume\n_resume._load = lambda _: {}\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = artline(photos, "-o", out, "--local", PYTHONPATH=path)
    assert done.returncode == 0
    assert done.stderr.startswith("artline: the same command again may draw some anew: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout.count(": saved as ") == 2
    assert len(pictures(out)) == 2


def test_a_line_that_was_left_half_written_costs_no_other(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"key": "half')
    (tmp_path / "a.jpg").touch()
    Record(tmp_path).add("one", tmp_path / "a.jpg")
    Record(tmp_path).add("two", tmp_path / "a.jpg")
    assert [Record(tmp_path).get(key) for key in ("one", "two")] == [tmp_path / "a.jpg"] * 2


def test_a_signal_that_was_ignored_is_ignored(tmp_path: Path) -> None:
    """As of a job in the background of a script."""
    photos, out = folder(tmp_path / "photos", 30), tmp_path / "out"
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = Run(photos, "-o", out, "--local", "-j", 1)
    finally:
        signal.signal(signal.SIGINT, previous)
    status, said = run.interrupt_when(lambda: saved(out, 1))
    assert (status, said) == (0, "")
    assert len(pictures(out)) == 30


def test_interrupted_while_waiting_for_answers(
    scripted: Any, steps: Any, drawing: bytes, held: Any, tmp_path: Path
) -> None:
    photos, out = folder(tmp_path / "photos", 8), tmp_path / "out"
    answer = steps.answer(200, drawing)

    def hold(handler: Any) -> None:
        held.wait(60)
        answer(handler)

    scripted.on("POST /transform", answer, answer, answer, hold)
    run = Run(photos, "-o", out, "--endpoint", scripted.url)
    status, said = run.interrupt_when(
        lambda: len(pictures(out)) == 3 and len(scripted.asked("POST /transform")) == 3 + AT_ONCE
    )
    assert status == 130
    assert said == "Interrupted: the same command again continues from here.\n"
    assert len(pictures(out)) == 3
    assert all(map(whole, pictures(out)))
    assert {path.name for path in out.iterdir()} == {p.name for p in pictures(out)} | {NAME}

    drawn = [request.body for request in scripted.asked("POST /transform")][:3]
    before = len(scripted.requests)
    held.set()
    scripted.on("POST /transform", answer)
    again = Run(photos, "-o", out, "--endpoint", scripted.url)
    said, _ = again.process.communicate(timeout=60)
    assert again.process.returncode == 0
    assert said.count("saved before as") == 3
    assert said.count(" saved as ") == 5
    asked = [r.body for r in scripted.requests[before:] if r.key == "POST /transform"]
    assert len(asked) == 5
    assert not set(asked) & set(drawn)
    assert len(pictures(out)) == 8
    assert not (out / NAME).exists()


@pytest.mark.parametrize("attempt", range(5))
def test_interrupted_while_the_engine_draws(samples: Path, tmp_path: Path, attempt: int) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for number in range(12):  # no two alike
        data = (samples / "landscape.jpg").read_bytes() + bytes([number])
        (photos / f"{number}.jpg").write_bytes(data)
    run = Run(photos, "-o", out, "--local", "--full-size", "-j", 1 + attempt % 3)

    def ready() -> bool:
        if not saved(out, 1):
            return False
        time.sleep(0.05 * attempt)
        return True

    status, said = run.interrupt_when(ready)
    assert status == 130, said
    assert said.splitlines()[-1] == "Interrupted: the same command again continues from here."
    assert all(map(whole, pictures(out)))


def test_two_hundred_jobs_interrupted_at_random(scripted: Any, steps: Any, tmp_path: Path) -> None:
    """The service's half is played here: an id follows from the photo, a result stays."""
    photos, out = folder(tmp_path / "photos", 200), tmp_path / "out"
    uploaded: Counter[str] = Counter()
    fetched: Counter[str] = Counter()

    def submit(handler: Any) -> None:
        name = json.loads(handler.body)["sha256"][:16]
        answer = {"id": name, "status": "queued" if uploaded[name] else "waiting"}
        answer["job_url"] = f"/jobs/{name}"
        upload = {"url": f"/bucket/{name}", "fields": {"key": name}}
        steps.answer(201, json=answer | {"upload": upload}, retry_after="0")(handler)

    def upload(handler: Any) -> None:
        uploaded[handler.path.rpartition("/")[2]] += 1
        steps.answer(204)(handler)

    def look(handler: Any) -> None:
        name = handler.path.rpartition("/")[2]
        job = {"id": name, "status": "done", "result_url": f"/results/{name}"}
        steps.answer(200, json=job)(handler)

    def result(handler: Any) -> None:
        name = handler.path.rpartition("/")[2]
        fetched[name] += 1
        colour = tuple(hashlib.sha256(name.encode()).digest()[:3])
        file = io.BytesIO()
        Image.new("RGB", (8, 8), colour).save(file, "JPEG")
        steps.answer(200, file.getvalue())(handler)

    scripted.on("POST /jobs", submit)
    scripted.on("POST /bucket/*", upload)
    scripted.on("GET /jobs/*", look)
    scripted.on("GET /results/*", result)
    arguments = (photos, "-o", out, "--endpoint", scripted.url, "--via", "jobs", "-j", 8)
    for enough in (20, 90, 150):
        run = Run(*arguments)
        status, _ = run.interrupt_when(partial(saved, out, enough))
        assert status == 130
        assert list(out.glob(".*")) == [out / NAME]
    last = Run(*arguments)
    said, failures = last.process.communicate(timeout=120)
    assert (last.process.returncode, failures) == (0, "")
    assert said.count("saved before as") >= 150
    assert len(pictures(out)) == 200
    assert len({path.read_bytes() for path in pictures(out)}) == 200
    assert len(uploaded) == 200
    # What was under way at a Ctrl-C may be sent or fetched once more, and nothing else.
    assert sum(uploaded.values()) <= 200 + 3 * 8
    assert sum(fetched.values()) <= 200 + 3 * 8
    assert list(out.glob(".*")) == []


def test_failures_alone_are_tried_again(
    scripted: Any, steps: Any, drawing: bytes, artline: Any, tmp_path: Path
) -> None:
    photos = folder(tmp_path / "photos", 3)
    bad = steps.answer(422, json={"detail": "Corrupt."})
    scripted.on("POST /transform", bad, steps.answer(200, drawing))
    arguments = (photos, "-o", "out", "--endpoint", scripted.url, "-j", 1)
    first = artline(*arguments)
    assert first.returncode == 1
    assert first.stderr == f"{photos}/000.png: Corrupt.\n"
    second = artline(*arguments)
    assert second.returncode == 0
    assert len(scripted.asked("POST /transform")) == 4
    assert len(pictures(tmp_path / "out")) == 3
    assert artline(*arguments).returncode == 0  # finished: the same again is a new run
    assert len(pictures(tmp_path / "out")) == 6


def test_other_options_are_other_drawings(
    scripted: Any, steps: Any, drawing: bytes, artline: Any, tmp_path: Path
) -> None:
    photos = folder(tmp_path / "photos", 2)
    ok, bad = steps.answer(200, drawing), steps.answer(422)
    arguments = (photos, "-o", "out", "--endpoint", scripted.url, "-j", 1)
    scripted.on("POST /transform", ok, bad, ok)
    artline(*arguments)
    assert "saved before" not in artline(*arguments, "--format", "png").stdout
    health = {"model": {"name": "another", "version": "1"}, "limits": {}}
    scripted.on("GET /health", steps.answer(200, json=health))
    assert "saved before" not in artline(*arguments).stdout


def test_a_picture_that_was_deleted_is_drawn_again(tmp_path: Path) -> None:
    picture = tmp_path / "1.jpg"
    picture.touch()
    Record(tmp_path).add("key", picture)
    assert Record(tmp_path).get("key") == picture
    picture.unlink()
    assert Record(tmp_path).get("key") is None


def test_a_record_that_was_cut_short(tmp_path: Path) -> None:
    picture = tmp_path / "1.jpg"
    picture.touch()
    Record(tmp_path).add("key", picture)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'[]\n{"key": 7, "file": null}\n{"key": "k", "fi\xff')
    assert Record(tmp_path).get("key") == picture


def test_a_record_names_no_file_outside(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    out = tmp_path / "out"
    out.mkdir()
    (out / NAME).write_text('{"key": "key", "file": "../secret"}\n')
    assert Record(out).get("key") is None


def test_one_runs_end_leaves_anothers_record(tmp_path: Path) -> None:
    record = Record(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).touch()
        record.add(name, tmp_path / name)
    record.drop({"a"})
    assert Record(tmp_path).get("a") is None
    assert Record(tmp_path).get("b") == tmp_path / "b"
    record.drop({"b"})
    assert not (tmp_path / NAME).exists()


def test_two_runs_into_one_folder_keep_both_records(tmp_path: Path) -> None:
    first, second = Record(tmp_path), Record(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).touch()
    first.add("a", tmp_path / "a")
    second.add("b", tmp_path / "b")
    first.drop({"a"})
    assert Record(tmp_path).get("b") == tmp_path / "b"
    second.add("a", tmp_path / "a")
    assert Record(tmp_path).get("a") == tmp_path / "a"


def test_two_runs_at_once(tmp_path: Path) -> None:
    """Each adds and drops its own keys while the other does: nothing of the other's is lost."""
    program = """
import sys
from pathlib import Path
from artline.cli._resume import Record
name, directory = sys.argv[1], Path(sys.argv[2])
(directory / name).touch()
for n in range(100):
    record = Record(directory)
    record.add(f"{name}{n}", directory / name)
    if n % 2:
        record.drop({f"{name}{n}"})
"""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, name, tmp_path],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        for name in "ab"
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    record = Record(tmp_path)
    for name in "ab":
        assert [bool(record.get(f"{name}{n}")) for n in range(100)] == [True, False] * 50
