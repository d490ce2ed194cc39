"""Jobs through the handler: real objects, real presigned forms, real notifications."""

import base64
import hashlib
import io
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artline import limits
from artline.drawing.transform import transform
from artline.errors import OptionError
from function import jobs, model, store
from function.app import handler
from function.problem import ProblemError
from tests.jobs.stage import Stage, look, post, request, upload


@pytest.fixture(scope="module")
def photo(face: bytes) -> bytes:
    """A small one, quick to draw."""
    file = io.BytesIO()
    Image.open(io.BytesIO(face)).resize((96, 80)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def sha256(photo: bytes) -> str:
    return hashlib.sha256(photo).hexdigest()


def finish(stage: Stage, job: dict[str, Any], photo: bytes) -> dict[str, Any]:
    """Uploads `photo`, has the queue worked off, and looks at the job."""
    assert upload(job, photo).status_code == 204
    while look(job["id"])["status"] == "queued":
        assert stage.work() == {"batchItemFailures": []}
    return look(job["id"])


def refused(answer: dict[str, Any], status: int) -> str:
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"]["content-type"] == "application/problem+json"
    detail: str = json.loads(answer["body"])["detail"]
    return detail


def test_a_photo_all_the_way(stage: Stage, photo: bytes, sha256: str) -> None:
    job = post(sha256=sha256, size=len(photo), type="image/jpeg")
    assert job["status"] == "waiting"
    assert look(job["id"]) == {"id": job["id"], "status": "waiting"}
    left = datetime.fromisoformat(job["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=58) < left <= timedelta(hours=1)
    assert upload(job, photo).status_code == 204
    assert look(job["id"]) == {"id": job["id"], "status": "queued"}
    assert post(sha256=sha256)["status"] == "queued"
    stage.work()
    done = look(job["id"])
    assert done.keys() == {"id", "status", "result_url"}
    result = httpx.get(done["result_url"])
    assert result.headers["content-type"] == "image/jpeg"
    assert result.content == transform(photo, model.load())
    assert sorted(stage.keys()) == [f"results/{job['id']}.jpg", f"uploads/{job['id']}"]


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp"])
def test_options(stage: Stage, photo: bytes, format_: str) -> None:
    done = finish(stage, post(format=format_, max_side=64, type="image/jpeg"), photo)
    result = httpx.get(done["result_url"])
    assert result.headers["content-type"] == f"image/{format_}"
    assert Image.open(io.BytesIO(result.content)).format == format_.upper()
    assert max(Image.open(io.BytesIO(result.content)).size) == 64


def test_asking_again_is_answered_from_what_is_stored(
    stage: Stage, photo: bytes, sha256: str
) -> None:
    first = finish(stage, post(sha256=sha256), photo)
    again = post(sha256=sha256.upper(), format="jpeg", max_side=model.load().default_side)
    assert (again["id"], again["status"]) == (first["id"], "done")
    assert "upload" not in again
    assert httpx.get(again["result_url"]).content == transform(photo, model.load())


def test_an_id_follows_from_content_options_and_model(
    stage: Stage, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[dict[str, object]] = [
        {"sha256": sha256},
        {"sha256": sha256, "format": "png"},
        {"sha256": sha256, "max_side": 512},
        {"sha256": hashlib.sha256(b"another").hexdigest()},
        {},
        {},
    ]
    ids = [post(**order)["id"] for order in orders]
    monkeypatch.setattr(model.load(), "sha256", "another file's")
    ids.append(post(sha256=sha256)["id"])
    assert len(set(ids)) == len(ids)
    assert all(jobs.ID.fullmatch(id_) for id_ in ids)
    assert sha256 not in ids


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda photo: photo[: len(photo) // 2], 422),
        (lambda _: b"%PDF-1.7", 415),
        (lambda _: _many_pixels(), 413),
    ],
    ids=["cut short", "no image", "too many pixels"],
)
def test_a_photo_that_cannot_be_drawn(stage: Stage, photo: bytes, make: Any, status: int) -> None:
    wrong = make(photo)
    order = {"sha256": hashlib.sha256(wrong).hexdigest()}
    failed = finish(stage, post(**order), wrong)
    assert failed["status"] == "failed"
    assert failed["error"].keys() == {"type", "title", "status", "detail"}
    assert failed["error"]["status"] == status
    assert json.loads(stage.read(f"errors/{failed['id']}.json")) == failed["error"]
    assert post(**order)["error"] == failed["error"]
    assert stage.receive(wait=2) == []


def _many_pixels() -> bytes:
    file = io.BytesIO()
    Image.new("1", (8000, 7000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("not json", 400),
        ("[" * 100_000, 400),
        ("[]", 400),
        ('{"size": 0}', 400),
        ('{"size": "5"}', 400),
        ('{"size": true}', 400),
        ('{"size": 50000001}', 413),
        ('{"type": "application/pdf"}', 415),
        ('{"type": "image/jpeg\\r\\nx: y"}', 415),
        ('{"type": 5}', 415),
        ('{"sha256": "abc"}', 400),
        ('{"sha256": []}', 400),
        ('{"sha256": null}', 400),
        ('{"size": 1.5}', 400),
        ('{"size": null}', 400),
        ('{"type": null}', 415),
        ('{"type": "image/"}', 415),
        ('{"format": "gif"}', 400),
        ('{"format": {}}', 400),
        ('{"max_side": 63}', 400),
        ('{"max_side": 100000}', 400),
        ('{"max_side": "512"}', 400),
        ('{"max_side": null}', 400),
    ],
)
def test_orders_that_are_refused(stage: Stage, body: str, status: int) -> None:
    assert refused(handler(request("POST", "/jobs", body)), status)
    assert stage.keys() == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
ORDERS = st.dictionaries(st.sampled_from(["sha256", "size", "type", "format", "max_side"]), JSON)


@given(ORDERS | JSON, st.dictionaries(st.sampled_from(["max_side", "style", "a"]), st.text()))
@settings(deadline=None)
def test_any_order_is_read_or_refused(order: object, query: dict[str, str]) -> None:
    status = 200
    try:
        read = jobs.Order.read(json.dumps(order).encode(), query)
        assert jobs.ID.fullmatch(read.id())
    except (OptionError, ProblemError) as problem:
        status = problem.status
    assert status in (200, 400, 413, 415)


def test_options_come_in_the_query_too_which_wins() -> None:
    body = json.dumps({"format": "webp", "max_side": 64}).encode()
    options = jobs.Order.read(body, {"max_side": "128"}).options
    assert (options.format, options.max_side) == ("webp", 128)
    with pytest.raises(OptionError, match="There is no option 'max_sides'"):
        jobs.Order.read(body, {"max_sides": "128"})
    with pytest.raises(ProblemError, match="size goes into the JSON body"):
        jobs.Order.read(body, {"size": "128"})


def test_json_writes_integers_with_a_point_too(stage: Stage) -> None:
    assert post(size=512.0, max_side=512.0)["status"] == "waiting"


def test_without_a_body_the_defaults_hold(stage: Stage) -> None:
    answer = handler(request("POST", "/jobs", ""))
    assert json.loads(answer["body"])["status"] == "waiting"
    assert int(answer["headers"]["retry-after"]) > 0


@pytest.mark.parametrize(
    "id_",
    ["0" * 64, "F" * 64, "0" * 63, "0" * 65, "x", "..", "%2e%2e", "results%2f" + "0" * 64],
)
def test_an_id_that_was_never_issued(stage: Stage, id_: str) -> None:
    refused(handler(request("GET", f"/jobs/{id_}")), 404)


def delete(id_: str) -> dict[str, Any]:
    return handler(request("DELETE", f"/jobs/{id_}"))


def test_a_photo_can_be_taken_back_at_any_time(stage: Stage, photo: bytes) -> None:
    waiting, queued, done, failed = post(), post(), post(), post()
    assert finish(stage, done, photo)["status"] == "done"
    assert finish(stage, failed, b"no photo")["status"] == "failed"
    upload(queued, photo)
    for job in (waiting, queued, done, failed):
        answer = delete(job["id"])
        assert (answer["statusCode"], answer["body"]) == (204, "")
        assert "content-type" not in answer["headers"]
        assert look(job["id"])["status"] == 404
        refused(delete(job["id"]), 404)
    assert stage.keys() == []
    assert stage.work() == {"batchItemFailures": []}  # the message of the one that was queued
    assert stage.keys() == []


def test_a_photo_that_is_taken_back_while_it_is_drawn(
    stage: Stage, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for body in (photo, b"no photo"):
        job = post()
        upload(job, body)

        def drawn(*arguments: Any, job: dict[str, Any] = job) -> bytes:
            assert delete(job["id"])["statusCode"] == 204
            return transform(*arguments)

        monkeypatch.setattr("function.worker.transform", drawn)
        stage.work()
        assert stage.keys() == []


@pytest.mark.parametrize("id_", ["0" * 64, "x", "results%2f" + "0" * 64])
def test_deleting_what_is_not_there(stage: Stage, id_: str) -> None:
    refused(delete(id_), 404)


def test_a_job_behind_a_base_path(stage: Stage) -> None:
    asked = request("POST", "/base/jobs", {}) | {"routeKey": "POST /jobs"}
    job = json.loads(handler(asked)["body"])
    assert job["job_url"] == f"jobs/{job['id']}"
    url = httpx.URL("https://example.com/base/jobs").join(job["job_url"])
    asked = request("GET", url.path) | {"routeKey": "GET /jobs/{id}"}
    asked["pathParameters"] = {"id": job["id"]}
    assert json.loads(handler(asked)["body"])["status"] == "waiting"


def test_an_upload_that_never_comes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = post()
    assert look(job["id"])["status"] == "waiting"
    monkeypatch.setattr(jobs, "UPLOAD_LIFE", timedelta(0))
    assert look(job["id"])["status"] == 404


def test_an_expired_form_is_refused_and_another_to_be_had(
    stage: Stage, photo: bytes, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as hour_later:
        hour_later.setattr(jobs, "UPLOAD_LIFE", timedelta(seconds=-1))
        job = post(sha256=sha256)
        answer = upload(job, photo)
        assert (answer.status_code, "expired" in answer.text) == (403, True)
    again = post(sha256=sha256)
    assert again["id"] == job["id"]
    assert finish(stage, again, photo)["status"] == "done"


def test_a_photo_that_waited_too_long_may_be_sent_anew(
    stage: Stage, photo: bytes, sha256: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = post(sha256=sha256)
    upload(job, photo)
    stage.notifications(1)  # and so nobody will draw it
    assert post(sha256=sha256)["status"] == "queued"
    with monkeypatch.context() as hour_later:
        hour_later.setattr(jobs, "UPLOAD_LIFE", timedelta(0))
        job = post(sha256=sha256)
        assert job["status"] == "waiting"
    assert finish(stage, post(sha256=sha256), photo)["status"] == "done"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": "uploads/" + "0" * 64}, "Policy"),
        ({"key": "results/" + "0" * 64 + ".jpg"}, "Policy"),
        ({"Content-Type": "text/html"}, "Policy"),
        ({"x-amz-meta-max-side": "9999"}, "Policy"),
        ({"x-amz-meta-sha256": "0" * 64}, "Policy"),
        ({"acl": "public-read"}, "Policy"),
        ({"x-amz-signature": "0" * 64}, "signature"),
    ],
)
def test_a_form_that_was_changed_is_refused(
    stage: Stage, photo: bytes, sha256: str, changes: dict[str, str], said: str
) -> None:
    job = post(sha256=sha256)
    answer = upload(job, photo, **changes)
    assert (answer.status_code, said in answer.text) == (403, True), answer.text
    assert look(job["id"])["status"] == "waiting"


def test_a_policy_of_one_s_own_is_refused(stage: Stage, photo: bytes) -> None:
    job = post()
    key = "results/" + "0" * 64 + ".jpg"
    policy = {
        "expiration": "2100-01-01T00:00:00Z",
        "conditions": [["starts-with", f"${name}", ""] for name in job["upload"]["fields"]],
    }
    forged = base64.b64encode(json.dumps(policy).encode()).decode()
    answer = upload(job, photo, key=key, policy=forged)
    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


@pytest.mark.parametrize(("size", "said"), [(1001, "EntityTooLarge"), (0, "EntityTooSmall")])
def test_an_upload_out_of_the_limits_is_refused(
    stage: Stage, size: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UPLOAD_BYTES", 1000)
    job = post()
    assert upload(job, bytes(1000)).status_code == 204
    answer = upload(job, bytes(size))
    assert (answer.status_code, said in answer.text) == (400, True)


def test_the_limit_is_the_contract_s(stage: Stage) -> None:
    policy = json.loads(base64.b64decode(post()["upload"]["fields"]["policy"]))
    assert ["content-length-range", 1, 50_000_000] in policy["conditions"]


def test_another_photo_under_a_known_hash_is_refused(
    stage: Stage, photo: bytes, sha256: str
) -> None:
    job = post(sha256=sha256)
    # S3 compares this with what comes; MiniStack does not, and leaves it to the worker.
    checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
    assert job["upload"]["fields"]["x-amz-checksum-sha256"] == checksum
    upload(job, b"\xff\xd8\xff" + photo)
    assert finish(stage, job, b"anything")["status"] == "waiting"
    assert not stage.keys("results/") + stage.keys("errors/")
    assert finish(stage, post(sha256=sha256), photo)["status"] == "done"


def test_a_result_needs_its_own_url(stage: Stage, photo: bytes) -> None:
    url = finish(stage, post(), photo)["result_url"]
    assert httpx.get(url).status_code == 200
    assert httpx.get(url.partition("?")[0]).status_code == 403
    other = finish(stage, post(), photo)["result_url"]
    crossed = url.partition("?")[0] + "?" + other.partition("?")[2]
    assert httpx.get(crossed).status_code == 403


def test_a_token_is_asked_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = post()
    monkeypatch.setenv("API_TOKEN_PARAMETER", "/artline/token")
    monkeypatch.setattr("function.auth._tokens", lambda _: [b"right"])
    right = {"authorization": "Bearer right"}
    one = f"/jobs/{job['id']}"
    for method, path in (("POST", "/jobs"), ("GET", one), ("DELETE", one)):
        refused(handler(request(method, path, {})), 401)
        assert handler(request(method, path, {}, **right))["statusCode"] < 300


def test_without_jobs_there_are_no_routes() -> None:
    for method, path in (("POST", "/jobs"), ("GET", "/jobs"), ("GET", "/jobs/" + "0" * 64)):
        refused(handler(request(method, path, {})), 404)
    assert json.loads(handler(request("GET", "/health"))["body"])["jobs"] is False


def test_health_tells_of_jobs(stage: Stage) -> None:
    assert json.loads(handler(request("GET", "/health"))["body"])["jobs"] is True


def test_s3_that_does_not_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    job = post()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    store._client.cache_clear()
    for event in (request("POST", "/jobs", {}), request("GET", f"/jobs/{job['id']}")):
        answer = handler(event)
        refused(answer, 503)
        assert int(answer["headers"]["retry-after"]) > 0
    refused(handler(request("GET", "/jobs/of-no-form")), 404)  # S3 need not be asked


def test_links_on_aws_lead_to_the_region_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "JOBS_BUCKET": "bucket",
    }.items():
        monkeypatch.setenv(name, value)
    store._client.cache_clear()
    host = "https://bucket.s3.eu-central-1.amazonaws.com/"
    assert store.form("uploads/x", timedelta(hours=1), {}, [])["url"] == host
    assert store.link("results/x.jpg", timedelta(hours=1)).startswith(f"{host}results/x.jpg?")
    store._client.cache_clear()


def test_nothing_of_aws_is_loaded_before_it_is_needed() -> None:
    code = "import sys, function.app; sys.exit('botocore.session' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
