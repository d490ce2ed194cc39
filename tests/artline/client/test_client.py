"""The request path: the real service, and one that fails as it is told."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from threading import Event
from time import perf_counter
from typing import Any

import httpx
import pytest
from PIL import Image

import artline
from artline import (
    AnswerError,
    ArtLineError,
    Client,
    ConnectError,
    DamagedPhotoError,
    Limits,
    OptionError,
    PhotoError,
    PhotoTooLargeError,
    ProblemError,
    ServiceError,
    TimedOutError,
    UnknownFormatError,
)
from local.environments import Environments
from local.program import deployment
from local.server import application, listening

PHOTO = Image.new("RGB", (64, 48), "white")
TRANSFORM = "POST /transform"


def test_a_drawing_from_the_real_service(server: str, samples: Path, tmp_path: Path) -> None:
    with Client(server) as client:
        art = client.transform(samples / "rotated.jpg")
        health = client.health()
    assert art.content_type == "image/jpeg"
    assert art.image.size == (682, 1024)
    assert {"decode", "inference", "encode"} <= art.timings.keys()
    assert art.model == health.model
    path = art.save(tmp_path)
    assert path.suffix == ".jpg"
    assert path.read_bytes() == art.data


@pytest.mark.parametrize(
    "given",
    [Path, str, Path.read_bytes, lambda path: Image.open(io.BytesIO(path.read_bytes()))],
    ids=["path", "text", "bytes", "image"],
)
def test_whatever_a_photo_is_given_as(server: str, samples: Path, given: Any) -> None:
    with Client(server) as client:
        assert client.transform(given(samples / "cat.jpg")).image.size == (451, 300)


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_formats_and_sides(server: str, samples: Path, format: Any) -> None:  # noqa: A002
    with Client(server) as client:
        art = client.transform(samples / "landscape.jpg", format=format, max_side=256)
    assert art.content_type == f"image/{format}"
    assert art.image.format == format.upper()
    assert art.image.size == (256, 192)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_side": 5000}, "max_side must be a number of pixels from 64 to 2048"),
        ({"max_side": -1}, "max_side must be"),
        ({"format": "gif"}, "format must be jpeg, png"),
        ({"style": "oil"}, "style must be default"),
        ({"via": "queue"}, "via must be auto, transform or jobs"),
        ({"colour": True}, "There is no option 'colour'"),
    ],
)
def test_options_that_there_are_not(scripted: Any, steps: Any, options: Any, said: str) -> None:
    model = {"name": "m", "version": "2", "styles": ["default"]}
    health = {"model": model, "limits": {"max_side": 2048}}
    scripted.on("GET /health", steps.answer(200, json=health))
    with Client(scripted.url) as client, pytest.raises(OptionError, match=said):
        client.draw(PHOTO, **options)
    assert len(scripted.requests) == 1


def test_health_and_limits(server: str) -> None:
    with Client(server) as client:
        health = client.health()
        assert (health.status, health.version) == ("ok", artline.__version__)
        assert client.limits == health.limits
        assert health.limits.image_bytes == Limits().image_bytes


def test_a_closed_client_sends_nothing(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with Client(scripted.url) as client:
        assert client.health().status == "ok"
    monkeypatch.setattr(client._clock, "sleep", lambda _: pytest.fail("it waits"))
    for ask in (client.health, lambda: client.draw(PHOTO), lambda: client.wait("0" * 64)):
        with pytest.raises(ServiceError, match="this client is closed"):
            ask()
    assert len(scripted.requests) == 1


def test_numbers_are_sent_as_the_service_reads_them(
    scripted: Any, client: Client, steps: Any, drawing: bytes
) -> None:
    scripted.on(TRANSFORM, steps.answer(200, drawing))
    client.draw(PHOTO, max_side=64.0)  # type: ignore[arg-type]
    (request,) = scripted.asked(TRANSFORM)
    assert request.path.endswith("max_side=64")


def test_an_image_without_pixels(client: Client) -> None:
    with pytest.raises(DamagedPhotoError, match="no pixels"):
        client.draw(Image.new("RGB", (0, 0)))


def test_closing_ends_what_is_under_way_and_does_not_repeat_it(scripted: Any, steps: Any) -> None:
    client, asked, answer = Client(scripted.url), Event(), Event()

    def think(handler: Any) -> None:
        asked.set()
        answer.wait(60)
        steps.drop(handler)

    scripted.on("GET /health", think)
    with ThreadPoolExecutor(1) as pool:
        health = pool.submit(client.health)
        assert asked.wait(60)
        client.close()
        answer.set()
        with pytest.raises(ServiceError, match="this client is closed"):
            health.result()
    assert len(scripted.requests) == 1


def test_limits_are_asked_for_and_not_guessed(scripted: Any, client: Client, steps: Any) -> None:
    model = {"name": "m", "version": "2"}
    limits = {"image_bytes": 1000, "default_side": 200, "unheard_of": 1, "max_side": "many"}
    scripted.on("GET /health", steps.answer(200, json={"model": model, "limits": limits}))
    assert client.limits == Limits(image_bytes=1000, default_side=200)
    noise = Image.effect_noise((400, 400), 90)
    with pytest.raises(PhotoTooLargeError, match=r"over the 0.0 MB"):
        client.transform(noise)
    assert scripted.asked(TRANSFORM) == []
    assert len(scripted.asked("GET /health")) == 1


@pytest.mark.parametrize("status", [404, 405, 501])
def test_another_server_without_health(
    scripted: Any, client: Client, steps: Any, status: int
) -> None:
    scripted.on("GET /health", steps.answer(status))
    with pytest.raises(AnswerError, match=f"There is no ArtLine service at {scripted.url}: "):
        client.draw(PHOTO)


def test_what_is_sent(scripted: Any, steps: Any, drawing: bytes) -> None:
    scripted.on(TRANSFORM, steps.answer(200, drawing))
    with Client(scripted.url + "/", "secret") as client:
        client.transform(PHOTO, max_side=100, format="webp")
    (request,) = scripted.asked(TRANSFORM)
    assert request.path == "/transform?max_side=100&format=webp"
    assert request.headers["accept"] == "image/webp"
    assert request.headers["content-type"] == "image/jpeg"
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["user-agent"] == f"artline/{artline.__version__}"
    assert Image.open(io.BytesIO(request.body)).size == (64, 48)


def test_what_is_read(scripted: Any, client: Client, steps: Any, drawing: bytes) -> None:
    headers = {
        "server-timing": 'decode;dur=3.5, inference;dur=200, cache;desc="hit", start;desc=cold',
        "x-model": "artline/1",
    }
    scripted.on(TRANSFORM, steps.answer(200, drawing, **headers))
    art = client.transform(PHOTO)
    assert art.timings == {"decode": 3.5, "inference": 200.0}
    assert (art.model, art.cold, art.data) == ("artline/1", True, drawing)


def test_throttling_and_a_cold_start_are_waited_out(
    scripted: Any, client: Client, clock: Any, steps: Any, drawing: bytes
) -> None:
    scripted.on(
        TRANSFORM,
        steps.answer(429, retry_after="7"),
        steps.answer(
            503,
            date="Mon, 23 Nov 2026 10:00:00 GMT",
            retry_after="Mon, 23 Nov 2026 10:00:20 GMT",
        ),
        steps.answer(502),
        steps.answer(504),
        steps.answer(200, drawing),
    )
    told: list[str] = []
    art = client.transform(PHOTO, progress=lambda doing, _: told.append(doing))
    assert art.data == drawing
    seven, twenty, third, fourth = clock.pauses
    assert 7 <= seven <= 7.25
    assert 20 <= twenty <= 20.5
    assert 1 <= third <= 2
    assert 2 <= fourth <= 4
    assert told[0] == "shrinking"
    assert sum(doing.startswith("waiting") for doing in told) == 4
    assert "waiting 7 s: too many requests" in told
    bodies = {request.body for request in scripted.asked(TRANSFORM)}
    assert len(bodies) == 1
    assert bodies != {b""}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_patience_ends_at_the_deadline(scripted: Any, clock: Any, steps: Any, status: int) -> None:
    scripted.on(TRANSFORM, steps.answer(status, json={"detail": "Busy."}))
    with (
        Client(scripted.url, timeout=60) as client,
        pytest.raises(ProblemError, match=rf"Busy. \(HTTP {status}\)") as gave_up,
    ):
        client.transform(PHOTO)
    assert gave_up.value.status == status
    assert 50 < sum(clock.pauses) <= 60
    assert max(clock.pauses) <= 8


def test_a_wait_past_the_deadline_is_not_begun(
    scripted: Any, client: Client, clock: Any, steps: Any
) -> None:
    scripted.on(TRANSFORM, steps.answer(429, retry_after="3600"))
    with pytest.raises(ProblemError) as gave_up:
        client.transform(PHOTO)
    assert gave_up.value.retry_after == 3600
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, OptionError),
        (413, PhotoTooLargeError),
        (415, UnknownFormatError),
        (422, DamagedPhotoError),
    ],
)
def test_refusals_are_the_librarys_own_errors(
    scripted: Any, client: Client, steps: Any, status: int, error: type[ArtLineError]
) -> None:
    scripted.on(TRANSFORM, steps.answer(status, json={"title": "T", "detail": "Do that."}))
    with pytest.raises(error, match=r"^Do that\.$") as refused:
        client.transform(PHOTO)
    assert type(refused.value) is error
    assert len(scripted.asked(TRANSFORM)) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_another_try_would_not_mend_is_not_tried(
    scripted: Any, client: Client, clock: Any, steps: Any, status: int
) -> None:
    problem = {"type": "about:blank", "title": "T", "status": 999, "detail": "Do that."}
    scripted.on(TRANSFORM, steps.answer(status, json=problem))
    with pytest.raises(ProblemError) as refused:
        client.transform(PHOTO)
    error = refused.value
    assert (error.status, error.title, error.detail) == (status, "T", "Do that.")
    assert str(error) == f"Do that. (HTTP {status})"
    assert len(scripted.asked(TRANSFORM)) == 1
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"message":"Forbidden"}', "Forbidden"),
        (b"<Error><Code>X</Code><Message>Too big</Message></Error>", "Too big"),
        (b"[1]", "Forbidden"),
        (b"\xff\x00", "Forbidden"),
        (b"", "Forbidden"),
    ],
)
def test_errors_in_whatever_form(
    scripted: Any, client: Client, steps: Any, body: bytes, said: str
) -> None:
    scripted.on(TRANSFORM, steps.answer(403, body))
    with pytest.raises(ProblemError, match=said):
        client.transform(PHOTO)


@pytest.mark.parametrize("charset", ["undefined", "idna", "base64", "rot13", "hex_codec"])
def test_an_error_in_whatever_charset(
    scripted: Any, client: Client, steps: Any, charset: str
) -> None:
    page = b"<html>\xff no</html>"
    scripted.on(TRANSFORM, steps.answer(403, page, content_type=f"text/html; charset={charset}"))
    with pytest.raises(ProblemError, match="HTTP 403"):
        client.transform(PHOTO)


def test_a_job_at_an_address_that_cannot_be(client: Client) -> None:
    with pytest.raises(AnswerError, match="no URL"):
        client._service._absolute("/\ud800")


@pytest.mark.parametrize("fault", ["drop", "truncate", "cut", "empty"])
def test_a_broken_answer_is_asked_for_again(
    scripted: Any, client: Client, clock: Any, steps: Any, drawing: bytes, fault: str
) -> None:
    step = {
        "drop": steps.drop,
        "truncate": steps.truncate(drawing),
        "cut": steps.answer(200, drawing[:-200]),
        "empty": steps.answer(200, b"", content_type="image/jpeg"),
    }[fault]
    scripted.on(TRANSFORM, step, step, steps.answer(200, drawing))
    assert client.transform(PHOTO).data == drawing
    assert len(clock.pauses) == 2


def test_a_connection_that_always_breaks(
    scripted: Any, client: Client, clock: Any, steps: Any
) -> None:
    scripted.on(TRANSFORM, steps.drop)
    with pytest.raises(ConnectError, match=scripted.url):
        client.transform(PHOTO)
    assert len(scripted.asked(TRANSFORM)) == 4
    assert len(clock.pauses) == 3


def test_nobody_listens(clock: Any) -> None:
    with (
        Client("http://127.0.0.1:9") as client,
        pytest.raises(ConnectError, match=r"http://127.0.0.1:9: .*refused"),
    ):
        client.transform(PHOTO)
    assert len(clock.pauses) == 3


def test_a_service_of_another_kind(scripted: Any, client: Client, steps: Any) -> None:
    scripted.on("GET /health", steps.answer(200, b"<html>", content_type="text/html"))
    with pytest.raises(AnswerError, match="There is no ArtLine service at"):
        client.health()
    scripted.on("GET /health", steps.answer(200, json={"status": "up"}))
    with pytest.raises(AnswerError, match="There is no ArtLine service at"):
        client.health()


def test_an_answer_that_never_comes(
    scripted: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artline.client._wire.ANSWER_SECONDS", 0.2)
    scripted.on(TRANSFORM, lambda handler: handler.rfile.read(1))
    with (
        Client(scripted.url, timeout=2) as client,
        pytest.raises(TimedOutError, match="did not answer within"),
    ):
        client.transform(PHOTO)
    assert len(scripted.asked(TRANSFORM)) > 1
    assert 0 < sum(clock.pauses) <= 2


def test_no_photo_is_sent_that_is_none(scripted: Any, client: Client) -> None:
    with pytest.raises(PhotoError):
        client.transform(b"text")
    assert scripted.asked(TRANSFORM) == []


def test_one_client_for_many_threads(server: str, samples: Path) -> None:
    with Client(server) as client, ThreadPoolExecutor(8) as pool:
        sides = [64 + 8 * n for n in range(16)]
        arts = pool.map(lambda side: client.transform(samples / "face.jpg", max_side=side), sides)
        assert [art.image.size for art in arts] == [(side, side) for side in sides]


@pytest.fixture
def narrow() -> Iterator[str]:
    """The endpoint of the real service, with room for two at a time and two at once."""
    declared = replace(deployment(), throttle_rate=0.5, throttle_burst=2)
    with (
        Environments(
            declared.environment | {"POWERTOOLS_METRICS_DISABLED": "true"},
            memory=declared.memory,
            timeout=declared.timeout,
            concurrency=2,
        ) as function,
        listening(application(declared, function)) as endpoint,
    ):
        yield endpoint


def test_the_real_service_cold_and_throttled(narrow: str) -> None:
    told: list[str] = []

    def draw(client: Client) -> artline.LineArt:
        return client.transform(PHOTO, progress=lambda doing, _: told.append(doing))

    with Client(narrow) as client, ThreadPoolExecutor(10) as pool:
        assert client.health().cold  # nothing was asked before
        arts = list(pool.map(draw, [client] * 10))
    assert len(arts) == 10
    assert {art.image.size for art in arts} == {PHOTO.size}
    assert not all(art.cold for art in arts)
    assert any(doing.startswith("waiting") and "too many requests" in doing for doing in told)


def test_the_package_is_installed_in_the_version_it_says() -> None:
    assert version("artline") == artline.__version__


def test_no_message_holds_a_password(scripted: Any, steps: Any) -> None:
    scripted.on(TRANSFORM, steps.answer(200, b"<html>", content_type="text/html"))
    url = scripted.url.replace("//", "//bob:s3cret@")
    with Client(url) as client, pytest.raises(AnswerError, match="gave text/html") as failed:
        client.transform(PHOTO)
    assert "s3cret" not in str(failed.value)
    scripted.on("GET /health", steps.answer(200, b"<html>", content_type="text/html"))
    with Client(url) as client, pytest.raises(AnswerError, match="no ArtLine service") as failed:
        client.health()
    assert "s3cret" not in str(failed.value)


def test_an_answer_is_waited_for_no_longer_than_the_photo(
    scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is silent: the time that is left bounds each attempt."""
    monkeypatch.setattr("artline.client._wire.LEAST_SECONDS", 0.1)
    scripted.on(TRANSFORM, lambda handler: handler.rfile.read(1))
    start = perf_counter()
    with (
        Client(scripted.url, timeout=0.6) as client,
        pytest.raises(TimedOutError, match="did not answer within"),
    ):
        client.transform(PHOTO)
    assert perf_counter() - start < 10


def test_the_wait_for_the_service_is_part_of_the_photos_time_and_is_told(
    scripted: Any, clock: Any, steps: Any
) -> None:
    scripted.on("GET /health", steps.answer(503))
    told: list[str] = []
    with Client(scripted.url, timeout=20) as client, pytest.raises(ProblemError):
        client.draw(PHOTO, progress=lambda doing, _: told.append(doing))
    assert 10 < sum(clock.pauses) <= 20
    assert len(told) > len(clock.pauses) > 1
    assert all(doing.startswith("waiting ") for doing in told)


def test_threads_do_not_wait_for_the_service_one_after_another(scripted: Any, steps: Any) -> None:
    scripted.on("GET /health", steps.answer(503))

    def seconds(client: Client) -> float:
        start = perf_counter()
        with pytest.raises(ServiceError):
            client.draw(PHOTO)
        return perf_counter() - start

    with Client(scripted.url, timeout=1.5) as client, ThreadPoolExecutor(6) as pool:
        assert max(pool.map(seconds, [client] * 6)) < 2 * 1.5 + 1


@pytest.mark.parametrize("size", [(70_000, 20), (20, 70_000)])
def test_a_photo_longer_than_a_jpeg_can_be(scripted: Any, size: tuple[int, int]) -> None:
    with Client(scripted.url) as client, pytest.raises(PhotoTooLargeError, match="70000 pixels"):
        client.draw(Image.new("1", size), full_size=True)


def test_an_image_of_too_many_pixels_is_not_sent_whole(scripted: Any) -> None:
    with Client(scripted.url) as client, pytest.raises(PhotoTooLargeError, match="megapixels"):
        client.draw(Image.new("1", (8000, 7000)), full_size=True)
    assert not scripted.asked(TRANSFORM)


def test_a_token_is_that_of_the_environment_unless_requests_are_signed(
    scripted: Any, steps: Any, drawing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTLINE_TOKEN", "hunter2\n")
    scripted.on(TRANSFORM, steps.answer(200, drawing))
    for given, sent in ((None, "Bearer hunter2"), ("mine", "Bearer mine"), ("", None)):
        with Client(scripted.url, given) as client:
            client.transform(PHOTO)
        assert scripted.asked(TRANSFORM)[-1].headers["authorization"] == sent
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    with Client(scripted.url, sign=True) as client:
        client.transform(PHOTO)
    assert scripted.asked(TRANSFORM)[-1].headers["authorization"].startswith("AWS4-HMAC-SHA256 ")


@pytest.mark.parametrize("timeout", [0.0, float("inf")])
def test_a_photos_time_may_be_any_number(
    scripted: Any, steps: Any, drawing: bytes, timeout: float
) -> None:
    scripted.on(TRANSFORM, steps.answer(200, drawing))
    with Client(scripted.url, timeout=timeout) as client:
        assert client.transform(PHOTO).data == drawing


@pytest.mark.parametrize("timeout", [-1, float("nan"), None, "5"])
def test_a_timeout_is_a_number_of_seconds(timeout: Any) -> None:
    with pytest.raises(OptionError, match="timeout must be a number of seconds"):
        Client("http://127.0.0.1:9", timeout=timeout)


def test_passwords_and_presigned_queries_are_in_no_log(
    scripted: Any, steps: Any, drawing: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    done = {"id": "1", "status": "done", "result_url": f"{scripted.url}/art?X-Amz-Signature=s3cr3t"}
    scripted.on("GET /jobs/1", steps.answer(200, json=done))
    scripted.on("GET /art", steps.answer(200, drawing))
    url = scripted.url.replace("http://", "http://ada:hunter2@")
    with caplog.at_level("INFO", "httpx"), Client(url) as client:
        assert client.wait("1").data == drawing
    with caplog.at_level("INFO", "httpx"):
        httpx.get(f"{scripted.url}/health?mine=1")  # somebody else's request
    job, art, other = [each.getMessage() for each in caplog.records if each.name == "httpx"]
    assert "/jobs/1" in job
    assert "/art" in art
    assert "hunter2" not in caplog.text
    assert "s3cr3t" not in caplog.text
    assert "mine=1" in other


def test_line_art_and_jobs_can_be_in_a_set() -> None:
    art = artline.LineArt(b"", "image/png", {"decode": 1.0})
    job = artline.Job("a", "queued", "b", upload_fields={"c": "d"})
    assert {art, replace(art)} == {art}
    assert {job, replace(job)} == {job}
