"""The handler under every kind of event that needs no S3, and every refusal of the contract."""

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from artline import limits, version
from artline.drawing.model import Model
from artline.errors import ModelError
from function import app, model
from function.app import handler
from tests import networks
from tests.networks import negative

EVENTS = Path(__file__).parent / "events"
FORMS = sorted(path.stem for path in EVENTS.iterdir())
CONTEXT = SimpleNamespace(aws_request_id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef")


def event(form: str, body: bytes | str | None = None, **changes: Any) -> dict[str, Any]:
    """The documented event `form`; bytes come as API Gateway passes binary, text as it is."""
    result: dict[str, Any] = json.loads((EVENTS / f"{form}.json").read_text())
    if isinstance(body, bytes):
        result["body"] = base64.b64encode(body).decode()
    elif body is not None:
        result |= {"body": body, "isBase64Encoded": False}
    return result | changes


def get(path: str, method: str = "GET") -> dict[str, Any]:
    result = event("http_api", rawPath=path)
    result["requestContext"]["http"] |= {"method": method, "path": path}
    return result


def content(answer: dict[str, Any]) -> bytes:
    body: str = answer["body"]
    return base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()


def picture(answer: dict[str, Any]) -> Image.Image:
    assert answer["statusCode"] == 200, answer["body"]
    return Image.open(io.BytesIO(content(answer)))


def refused(answer: dict[str, Any], status: int) -> str:
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"]["content-type"] == "application/problem+json"
    problem = json.loads(answer["body"])
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == status
    detail: str = problem["detail"]
    return detail


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The path of the model that the handler serves in this test."""
    path = tmp_path / "model.onnx"
    monkeypatch.setattr(version, "MODEL", path)
    model.load.cache_clear()
    yield path
    model.load.cache_clear()


@pytest.mark.parametrize("form", FORMS)
def test_an_image_gives_an_image(form: str, face: bytes) -> None:
    answer = handler(event(form, face), CONTEXT)
    assert answer["headers"]["content-type"] == "image/jpeg"
    assert picture(answer).format == "JPEG"
    assert picture(answer).size == (512, 512)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrapped", [False, True])
def test_base64_text_gives_base64_text_on_one_line(form: str, wrapped: bool, face: bytes) -> None:
    text = base64.b64encode(face).decode()
    answer = handler(event(form, text.encode() if wrapped else text), CONTEXT)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "text/plain"
    assert not answer["isBase64Encoded"]
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*", answer["body"])
    assert Image.open(io.BytesIO(base64.b64decode(answer["body"]))).format == "JPEG"


@pytest.mark.parametrize(
    "write",
    [
        lambda data: base64.encodebytes(data).decode(),
        lambda data: "data:image/jpeg;base64," + base64.b64encode(data).decode(),
        lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
        lambda data: "\r\n " + base64.b64encode(data).decode() + "\n\n",
    ],
    ids=["lines", "data url", "url-safe, no padding", "blanks"],
)
def test_base64_in_the_forms_people_send(write: Any, face: bytes) -> None:
    assert handler(event("http_api", write(face)), CONTEXT)["statusCode"] == 200


def test_a_direct_invocation(face: bytes) -> None:
    answer = handler({"body": base64.b64encode(face).decode()}, CONTEXT)
    assert answer["statusCode"] == 200
    assert Image.open(io.BytesIO(base64.b64decode(answer["body"]))).size == (512, 512)


def test_a_warm_up_draws_once(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    negative(served)
    assert handler({"warmup": True}, CONTEXT).keys() == {"warmup", "start"}
    monkeypatch.delattr(Model, "run")
    assert handler({"warmup": True}, CONTEXT)["warmup"]


def test_a_warm_up_fails_until_a_photo_can_be_drawn(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.write_bytes(b"no model")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"model\.onnx cannot be served"):
            handler({"warmup": True}, CONTEXT)
    negative(served)
    with monkeypatch.context() as broken:
        broken.setattr(Model, "run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            handler({"warmup": True}, CONTEXT)
    assert handler({"warmup": True}, CONTEXT)["warmup"]


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("image/png", "image/png"),
        ("image/webp", "image/webp"),
        ("IMAGE/JPEG", "image/jpeg"),
        ("text/plain", "text/plain"),
        ("image/png;q=0.5, image/webp;q=0.9", "image/webp"),
        ("image/avif,image/webp,*/*;q=0.8", "image/webp"),
        ("image/png;q=0", "image/jpeg"),
        ("*/*", "image/jpeg"),
        ("application/json", "image/jpeg"),
        ("image/png;q=nonsense", "image/jpeg"),
        ("application/json, text/plain, */*", "image/jpeg"),  # axios and Angular
        ("text/plain, */*;q=0.8", "text/plain"),
        ("text/plain;q=0.8, */*", "image/jpeg"),
        ("text/plain, image/png, */*", "image/png"),
        ("image/*", "image/jpeg"),
        ("image/*, image/png", "image/png"),
        ("image/jpeg;q=0, image/*", "image/png"),
        ("", "image/jpeg"),
    ],
)
def test_accept_overrides(accept: str, expected: str, face: bytes) -> None:
    answer = handler(event("http_api", face, headers={"Accept": accept}), CONTEXT)
    assert answer["headers"]["content-type"] == expected
    data = content(answer) if expected != "text/plain" else base64.b64decode(answer["body"])
    formats = {"text/plain": "JPEG"}
    assert Image.open(io.BytesIO(data)).format == formats.get(expected, expected[6:].upper())


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json, text/plain, */*", "text/plain"),
        ("*/*", "text/plain"),
        ("image/*", "image/jpeg"),
        ("image/*, text/plain", "text/plain"),
        ("text/plain;q=0, */*", "image/jpeg"),
        ("application/json", "text/plain"),
    ],
)
def test_accept_of_who_sends_text(accept: str, expected: str, face: bytes) -> None:
    text = base64.b64encode(face).decode()
    answer = handler(event("http_api", text, headers={"accept": accept}), CONTEXT)
    assert answer["headers"]["content-type"] == expected


def test_max_side(samples: Path) -> None:
    photo = (samples / "landscape.jpg").read_bytes()
    assert max(picture(handler(event("http_api", photo), CONTEXT)).size) == 1024
    small = event("http_api", photo, queryStringParameters={"max_side": "200"})
    assert picture(handler(small, CONTEXT)).size == (200, 150)


@pytest.mark.parametrize("side", ["", "63", "99999", "-64", "1e3", "²", "512,512", "9" * 5000])
def test_a_wrong_max_side(side: str, face: bytes) -> None:
    answer = handler(event("http_api", face, queryStringParameters={"max_side": side}), CONTEXT)
    assert "from 64 to" in refused(answer, 400)


def test_the_rotated_photo_comes_back_upright(samples: Path) -> None:
    answer = handler(event("http_api", (samples / "rotated.jpg").read_bytes()), CONTEXT)
    width, height = picture(answer).size
    assert (height, width) == (1024, 682)
    assert not picture(answer).getexif()


def test_what_the_headers_say(face: bytes) -> None:
    answer = handler(event("http_api", face), CONTEXT)
    timing = r"decode;dur=[\d.]+, inference;dur=[\d.]+, encode;dur=[\d.]+, start;desc=(cold|warm)"
    assert re.fullmatch(timing, answer["headers"]["server-timing"])
    loaded = model.load()
    assert answer["headers"]["x-model"] == f"{loaded.name}/{loaded.version}"


def test_cold_once(monkeypatch: pytest.MonkeyPatch, face: bytes) -> None:
    monkeypatch.setattr(app, "_cold", True)
    starts = [handler(event("http_api", face), CONTEXT) for _ in range(2)]
    assert "start;desc=cold" in starts[0]["headers"]["server-timing"]
    assert "start;desc=warm" in starts[1]["headers"]["server-timing"]


def test_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_cold", False)
    answer = handler(get("/health"), CONTEXT)
    said = json.loads(answer["body"])
    assert said["status"] == "ok"
    assert said["start"] == "warm"
    assert said["auth"] == "none"
    assert said["model"]["name"] == model.load().name
    assert said["model"]["sha256"] == hashlib.sha256(version.MODEL.read_bytes()).hexdigest()
    assert said["limits"]["image_bytes"] == limits.IMAGE_BYTES
    assert said["limits"]["text_image_bytes"] == limits.TEXT_IMAGE_BYTES
    assert said["limits"]["max_side"] == model.load().max_side
    assert handler(get("/health", "HEAD"), CONTEXT)["body"] == ""


@pytest.mark.parametrize("jobs", [False, True])
def test_openapi_names_every_route(jobs: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if jobs:
        monkeypatch.setenv("JOBS_BUCKET", "jobs")
    paths = json.loads(handler(get("/openapi.json"), CONTEXT)["body"])["paths"]
    served = {
        (path, method.lower())
        for path, ways in app.routes().items()
        for method, answer in ways.items()
        if answer.__module__ != "function.static"  # the page is for people
    }
    described = {(path, method) for path in paths for method in paths[path].keys() - {"parameters"}}
    assert described == served
    assert ("/jobs" in paths) == jobs


@pytest.mark.parametrize("auth", ["none", "token", "iam"])
def test_openapi_asks_for_what_the_deployment_does(
    auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH", auth)
    monkeypatch.setenv("JOBS_BUCKET", "jobs")
    document = json.loads(handler(get("/openapi.json"), CONTEXT)["body"])
    schemes: set[str] = set() if auth == "none" else {auth}
    wanted: list[dict[str, list[str]]] | None = [{each: []} for each in schemes] or None
    assert document["components"].get("securitySchemes", {}).keys() == schemes
    for path, ways in app.routes().items():
        for method, answer in ways.items():
            if answer.__module__ == "function.static":
                continue
            operation = document["paths"][path][method.lower()]
            protected = answer in app.PROTECTED
            assert operation.get("security") == (wanted if protected else None)
            assert ("403" in operation["responses"]) == (protected and auth == "iam")
            assert ("401" in operation["responses"]) == (protected and auth == "token")
            assert "503" in operation["responses"]
            assert "protected" not in operation


@pytest.mark.parametrize("stage", ["prod", "v1"])
def test_a_named_stage_is_no_part_of_the_path(stage: str) -> None:
    named = get(f"/{stage}/health")
    named["requestContext"]["stage"] = stage
    assert handler(named, CONTEXT)["statusCode"] == 200


BASES = [
    {"rawPath": "/base/health", "routeKey": "GET /health"},
    {"rawPath": "/base/two/health", "routeKey": "GET /health"},
    {"rawPath": "/artline/health", "routeKey": "ANY /artline/{proxy+}"}
    | {"pathParameters": {"proxy": "health"}},
    {"path": "/base/health", "resource": "/{proxy+}", "pathParameters": {"proxy": "health"}},
    {"path": "/base/health", "resource": "/health"},
]


@pytest.mark.parametrize("where", BASES)
def test_a_base_path_is_no_part_of_the_path(where: dict[str, Any]) -> None:
    form = "http_api" if "rawPath" in where else "rest_api"
    asked = event(form) | {"body": None} | where
    if form == "http_api":
        asked["requestContext"]["http"]["method"] = "GET"
    asked["httpMethod"] = "GET"
    assert handler(asked, CONTEXT)["statusCode"] == 200


@pytest.mark.parametrize("path", ["/base", "/base/"])
def test_the_page_behind_a_base_path(path: str) -> None:
    asked = get(path) | {"routeKey": "GET /"}
    assert handler(asked, CONTEXT)["headers"]["content-type"].startswith("text/html")


BLANK = [None, b"", "", " \r\n ", "data:image/jpeg;base64,", "data:,"]


@pytest.mark.parametrize("body", BLANK)
def test_400_no_body(body: bytes | str | None) -> None:
    assert "no body" in refused(handler(event("http_api", body), CONTEXT), 400)


@pytest.mark.parametrize("body", ["hello, world", "ÿØÿ", "data:image/jpeg;base64,!!!!"])
def test_text_that_is_no_base64(body: str) -> None:
    status = 400 if body.isascii() else 415
    refused(handler(event("http_api", body), CONTEXT), status)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ('{"image": "aGVsbG8="}', "JSON"),
        ("<html><body>", "HTML"),
        ("image=aGVsbG8&x=%2F", "form"),
        ("photo.jpg@", "not base64"),
        ("@photo.jpg", "curl"),
        ("https://example.com/photo.jpg", "URL"),
        ("\ufeffaGVsbG8=", "byte order mark"),
        ("aGVsbG8=".encode("utf-16"), "UTF-16"),
        ("aGVsbG8=".encode("utf-16-le"), "UTF-16"),
        ("aGVsbG8=".encode("utf-16-be"), "UTF-16"),
        ("====", "nothing"),
    ],
)
def test_400_says_what_was_sent(body: bytes | str, hint: str) -> None:
    assert hint in refused(handler(event("http_api", body), CONTEXT), 400)


def test_400_a_body_that_is_not_as_the_event_says() -> None:
    refused(handler(event("http_api", "%") | {"isBase64Encoded": True}, CONTEXT), 400)
    refused(handler(event("http_api") | {"body": 5}, CONTEXT), 400)


def form(*parts: tuple[str, bytes], boundary: str = "----a1b2") -> bytes:
    """A multipart form; a name that ends in `;` and more has those parameters, too."""
    body = b""
    for name, value in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}\r\n'
        body += head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + value + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


FILE = 'file"; filename="photo.jpg"'


@pytest.mark.parametrize("payload", FORMS)
@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=----a1b2", "text/plain"])
def test_a_form_with_one_file(payload: str, content_type: str, face: bytes) -> None:
    body = form(('max_side"', b"100"), (FILE, face), ('format"', b"png"))
    answer = handler(event(payload, body, headers={"content-type": content_type}), CONTEXT)
    assert answer["headers"]["content-type"] == "image/png"
    assert picture(answer).size == (100, 100)


def test_the_query_beats_the_form(face: bytes) -> None:
    body = form(('max_side"', b"100"), (FILE, face))
    asked = event("http_api", body, queryStringParameters={"max_side": "120"})
    assert picture(handler(asked, CONTEXT)).size == (120, 120)


def test_a_form_whose_file_is_base64_text(face: bytes) -> None:
    answer = handler(event("http_api", form((FILE, base64.b64encode(face)))), CONTEXT)
    assert answer["headers"]["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([(FILE, b"\xff\xd8\xff"), (FILE, b"\xff\xd8\xff")], "2 files"),
        ([('file"', b"text")], "no file"),
        ([(FILE, b"\xff\xd8\xff"), ('nope"', b"1")], "no option 'nope'"),
        ([(FILE, b"")], "no body"),
        ([(FILE, b"\xff\xd8\xff"), ('style"', b"\xff")], "form cannot be read"),
    ],
)
def test_forms_that_are_refused(parts: list[tuple[str, bytes]], said: str) -> None:
    assert said in refused(handler(event("http_api", form(*parts)), CONTEXT), 400)


@pytest.mark.parametrize("charset", ["bogus", "zlib", "utf-16", "a\0b"])
def test_a_field_is_utf_8_whatever_charset_it_names(charset: str, face: bytes) -> None:
    """Browsers name none; a name that is no encoding is not the service's failure."""
    sent = form(('max_side"', b"100"), (FILE, face))
    named = sent.replace(b"octet-stream", b"octet-stream; charset=" + charset.encode(), 1)
    assert picture(handler(event("http_api", named), CONTEXT)).size == (100, 100)


def test_a_file_name_may_be_any_bytes(face: bytes) -> None:
    sent = form((FILE, face)).replace(b"photo.jpg", b"caf\xe9.jpg")
    assert picture(handler(event("http_api", sent), CONTEXT)).format == "JPEG"


@pytest.mark.parametrize(
    "body",
    [
        b"--x\r\n" + b"a:b\r\n" * 1000,
        b"--x\r\n" + b"a:b:c\r\n" * 1000,
        b"data:" * 200_000,
        b"<!>" * 1000 + b"x",
        b"\r\n" * 500_000 + b"x",
    ],
    ids=["headers", "headers with colons", "data URLs", "declarations", "blank lines"],
)
def test_no_body_takes_long_to_recognise(body: bytes) -> None:
    """A pattern that could be matched in many ways would be tried in all of them."""
    refused(handler(event("http_api", body), CONTEXT), 400)


def test_a_form_that_is_cut_short(face: bytes) -> None:
    whole = form((FILE, face))
    for kept in (80, 200, len(whole) // 2, len(whole) - 12):
        assert "form" in refused(handler(event("http_api", whole[:kept]), CONTEXT), 400)


def test_parsing_forms_costs_nothing_until_one_comes() -> None:
    code = "import sys, function.app; sys.exit(bool({'multipart', 'pi_heif'} & sys.modules.keys()))"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


@pytest.mark.parametrize("path", ["/nope", "/page/x", "/transform/x", "//", "/%2e%2e/etc/passwd"])
def test_404(path: str) -> None:
    refused(handler(get(path), CONTEXT), 404)


def test_405_names_what_is_allowed() -> None:
    answer = handler(get("/transform", "DELETE"), CONTEXT)
    refused(answer, 405)
    assert answer["headers"]["allow"] == "POST"
    answer = handler(get("/health", "DELETE"), CONTEXT)
    assert answer["headers"]["allow"] == "GET, HEAD"


def test_413_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = b"\xff\xd8\xff" + bytes(limits.IMAGE_BYTES)
    assert refused(handler(event("http_api", photo), CONTEXT), 413).endswith("holds: shrink it.")
    monkeypatch.setenv("JOBS_BUCKET", "bucket")
    assert "/jobs" in refused(handler(event("http_api", photo), CONTEXT), 413)


def test_413_pixels() -> None:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    assert "megapixels" in refused(handler(event("http_api", file.getvalue()), CONTEXT), 413)


def test_413_where_no_answer_holds_the_line_art(served: Path) -> None:
    negative(served, channels=3, max_side="1400")
    noise = np.random.default_rng(0).integers(0, 256, (1400, 1400, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=90)

    def draw(accept: str) -> dict[str, Any]:
        query = {"max_side": "1400"}
        headers = {"accept": accept}
        photo = event("http_api", file.getvalue(), headers=headers, queryStringParameters=query)
        return handler(photo, CONTEXT)

    assert "smaller max_side" in refused(draw("image/png"), 413)
    assert picture(draw("image/jpeg")).size == (1400, 1400)


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b"%PDF-1.7 \xe2\xe3", "JPEG, PNG or WebP"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(200), "camera raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "camera raw"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x18ftypisom\0\0\2\0", "video"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (base64.b64encode(b"no image at all"), "JPEG, PNG or WebP"),
    ],
)
def test_415_says_what_to_send(body: bytes, advice: str) -> None:
    assert advice in refused(handler(event("http_api", body), CONTEXT), 415)


@pytest.mark.parametrize("kept", [3, 20, 500, 20_000])
def test_422_cut_short(kept: int, face: bytes) -> None:
    assert "cut short" in refused(handler(event("http_api", face[:kept]), CONTEXT), 422)


def test_500_has_a_request_id_and_no_trace(monkeypatch: pytest.MonkeyPatch, face: bytes) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Model, "run", fail)
    detail = refused(handler(event("http_api", face), CONTEXT), 500)
    assert CONTEXT.aws_request_id in detail
    assert "secret" not in detail


def test_a_corrupt_model_is_told_by_health(served: Path, face: bytes) -> None:
    served.write_bytes(b"no model")
    answer = handler(get("/health"), CONTEXT)
    assert "model.onnx cannot be served" in refused(answer, 503)
    assert answer["headers"]["retry-after"]
    for request in (event("http_api", face), get("/openapi.json")):
        answer = handler(request, CONTEXT)
        assert "model.onnx cannot be served" in refused(answer, 503)
        assert answer["headers"]["retry-after"]


def test_a_photo_that_the_engine_cannot_run_is_a_fault(served: Path, face: bytes) -> None:
    """Repeating it does not help, so it is no 503."""
    negative(served)
    loaded = model.load()
    loaded.fixed_size = (64, 80)
    loaded._outputs = {"default": "elsewhere"}
    detail = refused(handler(event("http_api", face), CONTEXT), 500)
    assert "elsewhere" not in detail


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({"multiple": "0"}, "a size below 1"),
        ({"fixed_size": "500x0"}, "a size below 1"),
        ({"max_side": "large"}, "invalid literal"),
        ({"license": ""}, "no license"),
    ],
)
def test_a_model_that_says_too_little_of_itself(
    served: Path, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, str], said: str
) -> None:
    for name in [name for name, value in metadata.items() if not value]:
        monkeypatch.delitem(networks.METADATA, name)
        del metadata[name]
    negative(served, channels=3, **metadata)
    assert said in refused(handler(get("/health"), CONTEXT), 503)


def test_another_model_is_served_as_it_says_it_is(served: Path, face: bytes) -> None:
    negative(served, channels=3, max_side="300", name="négatif")
    answer = handler(event("http_api", face, headers={"accept": "image/png"}), CONTEXT)
    assert picture(answer).mode == "RGB"
    assert picture(answer).size == (300, 300)
    assert unquote(answer["headers"]["x-model"]).startswith("négatif/")


def test_a_signature_that_nobody_checked(monkeypatch: pytest.MonkeyPatch, face: bytes) -> None:
    """As while the stack changes to signatures: the function is new, and its routes are not."""
    monkeypatch.setenv("AUTH", "iam")
    call = event("http_api", face)
    refused(handler(call, CONTEXT), 403)
    assert handler(get("/health"), CONTEXT)["statusCode"] == 200
    context = call["requestContext"]
    signed = call | {"requestContext": context | {"authorizer": {"iam": {"accountId": "1"}}}}
    assert handler(signed, CONTEXT)["statusCode"] == 200
    rest = call | {"requestContext": context | {"identity": {"userArn": "arn:aws:iam::1:user/a"}}}
    assert handler(rest, CONTEXT)["statusCode"] == 200


def test_a_token(monkeypatch: pytest.MonkeyPatch, face: bytes) -> None:
    monkeypatch.setenv("API_TOKEN_PARAMETER", "/artline/token")
    monkeypatch.setattr("function.auth._tokens", lambda _: [b"new", b"old"])

    def call(headers: dict[str, str]) -> dict[str, Any]:
        return handler(event("http_api", face, headers=headers), CONTEXT)

    for wrong in ({}, {"authorization": "Bearer other"}, {"authorization": "Basic old"}):
        answer = call(wrong)
        refused(answer, 401)
        assert answer["headers"]["www-authenticate"] == "Bearer"
    for right in ("Bearer new", "bearer old"):
        assert call({"Authorization": right})["statusCode"] == 200
    assert handler(get("/health"), CONTEXT)["statusCode"] == 200


def test_damaged_base64_of_a_jpeg_is_no_path(face: bytes) -> None:
    text = base64.b64encode(face)
    assert text.startswith(b"/9j/")
    for damaged in (text + b"!!", text[:1001], text[:500] + b"*" + text[500:]):
        assert "text that is not base64" in refused(handler(event("http_api", damaged)), 400)
