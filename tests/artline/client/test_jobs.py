"""The jobs path, and when it is taken."""

import hashlib
import json
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from PIL import Image

from artline import (
    AnswerError,
    ArtLineError,
    Client,
    DamagedPhotoError,
    NoJobsError,
    OptionError,
    PhotoTooLargeError,
    ProblemError,
    TimedOutError,
    UnknownFormatError,
)

PHOTO = Image.new("RGB", (64, 48), "white")
SMALL = {"image_bytes": 100, "max_side": 2048, "default_side": 1024}
"""Limits under which every photo is too large for one request."""


@pytest.fixture
def jobs(scripted: Any, steps: Any, drawing: bytes) -> Any:
    """A service whose jobs are drawn at the second look."""
    scripted.on("POST /jobs", steps.answer(201, json=job(scripted, "waiting")))
    scripted.on("POST /bucket", steps.answer(204))
    scripted.on(
        "GET /jobs/abc",
        steps.answer(200, json=job(scripted, "queued"), retry_after="3"),
        steps.answer(200, json=job(scripted, "done")),
    )
    scripted.on("GET /result", steps.answer(200, drawing))
    return scripted


def job(scripted: Any, status: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"id": "abc", "status": status, "job_url": f"{scripted.url}/jobs/abc"}
    if status == "waiting":
        fields = {"key": "uploads/abc", "Content-Type": "image/jpeg", "policy": "p"}
        answer["upload"] = {"url": f"{scripted.url}/bucket", "fields": fields}
    if status == "done":
        answer["result_url"] = f"{scripted.url}/result?signature=s"
    return answer


def too_small(scripted: Any, steps: Any) -> None:
    health = {"model": {"name": "m", "version": "1"}, "limits": SMALL}
    scripted.on("GET /health", steps.answer(200, json=health))


def parts(request: Any) -> list[Message]:
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    return list(message_from_bytes(head + request.body).get_payload())


def test_a_job_from_end_to_end(jobs: Any, clock: Any, drawing: bytes) -> None:
    with Client(jobs.url, "secret") as client:
        art = client.draw(PHOTO, via="jobs", max_side=500, format="png")
    assert art.data == drawing
    (asked,) = jobs.asked("POST /jobs")
    (upload,) = jobs.asked("POST /bucket")
    *fields, file = parts(upload)
    sent = file.get_payload(decode=True)
    assert isinstance(sent, bytes)
    assert json.loads(asked.body) == {
        "sha256": hashlib.sha256(sent).hexdigest(),
        "size": len(sent),
        "type": "image/jpeg",
        "max_side": 500,
        "format": "png",
    }
    assert [
        (p.get_param("name", header="content-disposition"), p.get_payload()) for p in fields
    ] == [
        ("key", "uploads/abc"),
        ("Content-Type", "image/jpeg"),
        ("policy", "p"),
    ]
    assert file.get_param("name", header="content-disposition") == "file"
    assert file.get_content_type() == "image/jpeg"
    assert clock.pauses[1] == 3  # what Retry-After said


def test_the_token_goes_to_the_service_alone(jobs: Any, clock: Any) -> None:
    with Client(jobs.url, "secret") as client:
        client.draw(PHOTO, via="jobs")
    told = {request.key for request in jobs.requests if "authorization" in request.headers}
    assert told == {"POST /jobs", "GET /jobs/abc"}


def test_the_token_does_not_follow_a_job_elsewhere(jobs: Any, clock: Any, steps: Any) -> None:
    elsewhere = job(jobs, "queued") | {
        "job_url": jobs.url.replace("127.0.0.1", "localhost") + "/jobs/abc"
    }
    jobs.on("POST /jobs", steps.answer(201, json=elsewhere))
    with Client(jobs.url, "secret") as client:
        client.draw(PHOTO, via="jobs")
    assert [r for r in jobs.asked("GET /jobs/abc") if "authorization" in r.headers] == []


def test_relative_links(jobs: Any, client: Client, steps: Any, drawing: bytes) -> None:
    queued = {"id": "abc", "status": "queued", "job_url": "/jobs/abc"}
    done = {"id": "abc", "status": "done", "result_url": "/result"}
    jobs.on("POST /jobs", steps.answer(201, json=queued))
    jobs.on("GET /jobs/abc", steps.answer(200, json=done))
    assert client.draw(PHOTO, via="jobs").data == drawing


@pytest.mark.parametrize("status", ["queued", "done"])
def test_what_the_service_has_is_not_sent_again(
    jobs: Any, client: Client, steps: Any, drawing: bytes, status: str
) -> None:
    jobs.on("POST /jobs", steps.answer(201, json=job(jobs, status)))
    assert client.draw(PHOTO, via="jobs").data == drawing
    assert jobs.asked("POST /bucket") == []


def test_a_done_job_without_its_link_is_looked_at(
    jobs: Any, client: Client, steps: Any, drawing: bytes
) -> None:
    bare = job(jobs, "done")
    del bare["result_url"]
    jobs.on("POST /jobs", steps.answer(201, json=bare))
    assert client.draw(PHOTO, via="jobs").data == drawing
    jobs.on("GET /jobs/abc", steps.answer(200, json=bare))
    with pytest.raises(AnswerError, match="has no result"):
        client.draw(PHOTO, via="jobs")


def test_an_upload_that_breaks_is_sent_again_whole(
    jobs: Any, client: Client, steps: Any, drawing: bytes
) -> None:
    jobs.on("POST /bucket", steps.drop, steps.answer(503), steps.answer(204))
    assert client.draw(PHOTO, via="jobs").data == drawing
    uploads = jobs.asked("POST /bucket")
    assert len(uploads) == 3
    assert len({parts(upload)[-1].get_payload(decode=True) for upload in uploads}) == 1


def test_an_upload_follows_the_bucket_to_its_region(
    jobs: Any, client: Client, steps: Any, drawing: bytes
) -> None:
    jobs.on("POST /bucket", steps.answer(307, location=f"{jobs.url}/region"))
    jobs.on("POST /region", steps.answer(204))
    assert client.draw(PHOTO, via="jobs").data == drawing
    (first,), (second,) = jobs.asked("POST /bucket"), jobs.asked("POST /region")
    assert first.body == second.body


def test_an_upload_that_is_refused(jobs: Any, client: Client, steps: Any) -> None:
    said = b"<Error><Code>EntityTooLarge</Code><Message>Your proposed upload exceeds</Message>"
    jobs.on("POST /bucket", steps.answer(400, said))
    with pytest.raises(ProblemError, match="Your proposed upload exceeds"):
        client.draw(PHOTO, via="jobs")


def test_a_job_that_fails_says_why(jobs: Any, client: Client, steps: Any) -> None:
    error = {"title": "Unprocessable Content", "status": 422, "detail": "The image is corrupt."}
    failed = {"id": "abc", "status": "failed", "error": error}
    jobs.on("GET /jobs/abc", steps.answer(200, json=failed))
    with pytest.raises(DamagedPhotoError, match=r"^The image is corrupt\.$"):
        client.draw(PHOTO, via="jobs")


def test_patience_ends_and_the_job_stays(
    jobs: Any, client: Client, clock: Any, steps: Any, drawing: bytes
) -> None:
    jobs.on("GET /jobs/abc", steps.answer(200, json=job(jobs, "queued")))
    submitted = client.submit(PHOTO)
    assert submitted.status == "queued"
    with pytest.raises(TimedOutError, match="job abc was still queued after 60 s"):
        client.wait(submitted, timeout=60)
    assert 50 < clock.time <= 60
    jobs.on("GET /jobs/abc", steps.answer(200, json=job(jobs, "done")))
    assert client.job(submitted).status == "done"
    assert client.job("abc") == client.job(submitted)
    assert client.wait(submitted).data == drawing
    assert client.wait("abc").data == drawing


def test_a_job_that_nobody_knows(jobs: Any, client: Client, steps: Any) -> None:
    jobs.on("GET /jobs/abc", steps.answer(404, json={"detail": "It has expired."}))
    with pytest.raises(ProblemError, match="It has expired"):
        client.draw(PHOTO, via="jobs")


def test_throttled_looks_are_repeated(
    jobs: Any, client: Client, clock: Any, steps: Any, drawing: bytes
) -> None:
    jobs.on(
        "GET /jobs/abc",
        steps.answer(429, retry_after="11"),
        steps.drop,
        steps.answer(200, json=job(jobs, "done")),
    )
    assert client.draw(PHOTO, via="jobs").data == drawing
    assert any(11 <= pause < 12 for pause in clock.pauses)


def test_what_is_sent_is_told(jobs: Any, client: Client) -> None:
    told: list[tuple[str, float | None]] = []
    noise = Image.effect_noise((1000, 1000), 90)
    client.draw(noise, via="jobs", progress=lambda *what: told.append(what))
    shares = [part for doing, part in told if doing == "sending" and part is not None]
    assert shares == sorted(shares)
    assert len(shares) > 3
    assert [doing for doing, part in told if part is None] == [
        "shrinking",
        "drawing",
        "queued",
        "queued",
        "fetching",
    ]


def test_a_service_without_jobs(client: Client) -> None:
    with pytest.raises(NoJobsError, match="no jobs path"):
        client.draw(PHOTO, via="jobs")


# What `auto` does: one request where that will do.


def test_a_photo_that_fits_makes_no_job(
    jobs: Any, client: Client, steps: Any, drawing: bytes
) -> None:
    jobs.on("POST /transform", steps.answer(200, drawing))
    assert client.draw(PHOTO).data == drawing
    assert jobs.asked("POST /jobs") == []


def test_a_photo_that_is_too_large_is_queued_at_once(
    jobs: Any, client: Client, steps: Any, drawing: bytes
) -> None:
    too_small(jobs, steps)
    assert client.draw(PHOTO).data == drawing
    assert jobs.asked("POST /transform") == []


def test_full_size_is_sent_as_it_is_and_drawn_large(
    jobs: Any, client: Client, samples: Any
) -> None:
    client.draw(samples / "landscape.jpg", full_size=True, via="jobs")
    asked = json.loads(jobs.asked("POST /jobs")[0].body)
    data = (samples / "landscape.jpg").read_bytes()
    assert asked["sha256"] == hashlib.sha256(data).hexdigest()
    assert asked["max_side"] == 2048


@pytest.mark.parametrize("status", [413, 502, 503, 504])
def test_what_the_request_path_cannot_do_is_queued(
    jobs: Any, client: Client, clock: Any, steps: Any, drawing: bytes, status: int
) -> None:
    jobs.on("POST /transform", steps.answer(status))
    assert client.draw(PHOTO).data == drawing
    tries = len(jobs.asked("POST /transform"))
    assert tries == 1 if status == 413 else tries > 3
    assert clock.time < 30 + 10  # thirty of patience, then a few looks at the job


def test_no_answer_in_time_is_queued(
    jobs: Any, client: Client, clock: Any, drawing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artline.client._wire.ANSWER_SECONDS", 0.5)

    def hang(handler: Any) -> None:
        clock.time += 35
        handler.rfile.read(1)

    jobs.on("POST /transform", hang)
    with Client(jobs.url) as impatient:
        assert impatient.draw(PHOTO).data == drawing
    assert len(jobs.asked("POST /transform")) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, OptionError),
        (401, ProblemError),
        (415, UnknownFormatError),
        (422, DamagedPhotoError),
        (500, ProblemError),
    ],
)
def test_what_the_queue_cannot_do_either_is_not_queued(
    jobs: Any, client: Client, steps: Any, status: int, error: type[ArtLineError]
) -> None:
    jobs.on("POST /transform", steps.answer(status))
    with pytest.raises(error):
        client.draw(PHOTO)
    assert jobs.asked("POST /jobs") == []


def test_throttling_is_waited_out_and_not_queued(
    jobs: Any, client: Client, clock: Any, steps: Any, drawing: bytes
) -> None:
    jobs.on("POST /transform", steps.answer(429, retry_after="50"), steps.answer(200, drawing))
    assert client.draw(PHOTO).data == drawing
    assert clock.time >= 50
    assert jobs.asked("POST /jobs") == []


def test_without_jobs_the_request_path_gets_all_the_time(
    scripted: Any, client: Client, clock: Any, steps: Any, drawing: bytes
) -> None:
    def until_a_minute(handler: Any) -> None:
        steps.answer(*((503,) if clock.time < 60 else (200, drawing)))(handler)

    scripted.on("POST /transform", until_a_minute)
    assert client.draw(PHOTO).data == drawing
    assert len(scripted.asked("POST /jobs")) == 1
    assert client.draw(PHOTO).data == drawing
    assert len(scripted.asked("POST /jobs")) == 1  # it is known now


def test_a_service_that_says_so_is_not_asked_for_jobs(
    scripted: Any, client: Client, steps: Any
) -> None:
    health = {"model": {"name": "m", "version": "1"}, "limits": SMALL, "jobs": False}
    scripted.on("GET /health", steps.answer(200, json=health))
    with pytest.raises(PhotoTooLargeError, match="without full_size"):
        client.draw(PHOTO)
    assert scripted.asked("POST /jobs") == []


def test_too_large_and_no_jobs(scripted: Any, client: Client, steps: Any) -> None:
    too_small(scripted, steps)
    with pytest.raises(PhotoTooLargeError, match="without full_size"):
        client.draw(PHOTO)


def test_too_large_for_jobs_as_well(jobs: Any, client: Client, steps: Any) -> None:
    health = {"model": {"name": "m", "version": "1"}, "limits": SMALL | {"upload_bytes": 200}}
    jobs.on("GET /health", steps.answer(200, json=health))
    with pytest.raises(PhotoTooLargeError, match="that the service takes"):
        client.draw(PHOTO, via="jobs")
    assert jobs.asked("POST /jobs") == []


@pytest.mark.parametrize(
    "part",
    [
        {"upload": "x"},
        {"upload": {"url": 5}},
        {"upload": {"url": "/u", "fields": ["a"]}},
        {"upload": {"url": "/u", "fields": {"a": {"b": 1}}}},
        {"result_url": 5},
    ],
    ids=str,
)
def test_a_job_in_another_form(client: Client, scripted: Any, steps: Any, part: Any) -> None:
    document = {"id": "j", "status": "waiting"} | part
    scripted.on("POST /jobs", steps.answer(202, json=document))
    with pytest.raises(AnswerError):
        client.submit(PHOTO)


def test_an_answer_of_endless_depth(client: Client, scripted: Any, steps: Any) -> None:
    scripted.on("GET /jobs/j", steps.answer(200, b"[" * 100_000, content_type="application/json"))
    with pytest.raises(AnswerError):
        client.job("j")


def test_a_job_that_an_earlier_attempt_deleted(client: Client, scripted: Any, steps: Any) -> None:
    scripted.on("DELETE /jobs/j", steps.drop, steps.answer(404, json={"detail": "Gone."}))
    client.delete("j")
    assert len(scripted.asked("DELETE /jobs/j")) == 2
    for before in ((), (steps.answer(429),)):
        scripted.on("DELETE /jobs/j", *before, steps.answer(404, json={"detail": "Gone."}))
        with pytest.raises(ProblemError, match="Gone"):
            client.delete("j")


def test_looks_are_never_without_a_pause(
    client: Client, clock: Any, scripted: Any, steps: Any
) -> None:
    queued = {"id": "j", "status": "queued"}
    scripted.on("GET /jobs/j", steps.answer(200, json=queued, retry_after="0"))
    with pytest.raises(TimedOutError):
        client.wait("j", timeout=30)
    assert min(clock.pauses) >= 0.5
    assert len(scripted.asked("GET /jobs/j")) < 70


def test_the_queue_has_its_own_time_after_the_request_path(
    jobs: Any, clock: Any, steps: Any, drawing: bytes
) -> None:
    def late(handler: Any) -> None:
        clock.time += 20
        steps.answer(503)(handler)

    jobs.on("POST /transform", late)
    jobs.on("POST /jobs", steps.answer(503), steps.answer(503), *jobs.script["POST /jobs"])
    with Client(jobs.url, timeout=15) as client:
        assert client.draw(PHOTO).data == drawing
