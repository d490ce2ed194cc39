"""Whatever is sent, the answer is the contract's: a picture or a 4xx, never a fault of ours."""

import base64
import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from function.app import handler

REFUSALS = {400, 404, 405, 413, 415, 422}
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "QOI")

thorough = settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _whole(name: str) -> bytes:
    image = Image.effect_mandelbrot((48, 40), (-2, -1.5, 1, 1.5), 20).convert("RGB")
    file = io.BytesIO()
    image.save(file, name)
    return file.getvalue()


WHOLE = {name: _whole(name) for name in FORMATS}


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    assert not list(tmp_path.iterdir())


def survives(event: Any) -> None:
    answer = handler(event)
    status = answer["statusCode"]
    assert status == 200 or status in REFUSALS, answer["body"]
    if status == 200 and answer["headers"]["content-type"].startswith("image/"):
        data = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"]
        if answer["headers"]["content-type"].startswith("image/svg"):
            assert ElementTree.fromstring(data).tag.endswith("svg")  # noqa: S314  our own
        else:
            assert Image.open(io.BytesIO(data)).size
    elif status != 200:
        assert json.loads(answer["body"])["status"] == status


def posted(body: bytes, **changes: Any) -> dict[str, Any]:
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True} | changes


@st.composite
def damaged(draw: Callable[[Any], Any]) -> bytes:
    """An image file that was cut, overwritten, or had a piece of it doubled or taken out."""
    data = bytearray(WHOLE[draw(st.sampled_from(FORMATS))])
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, max(0, len(data) - 1)))
        end = min(len(data), start + draw(st.integers(1, 64)))
        match draw(st.sampled_from(["cut", "overwrite", "double", "remove", "flip"])):
            case "cut":
                del data[start:]
            case "overwrite":
                data[start:end] = draw(st.binary(min_size=1, max_size=64))
            case "double":
                data[start:start] = data[start:end]
            case "remove":
                del data[start:end]
            case "flip" if data:
                data[start] ^= draw(st.integers(1, 255))
    return bytes(data)


@thorough
@given(damaged())
def test_damaged_images(body: bytes) -> None:
    survives(posted(body))


@thorough
@given(st.sampled_from(FORMATS), st.data())
def test_lying_headers(name: str, data: st.DataObject) -> None:
    """Sizes, lengths and counts live in the first bytes: each is told to be huge, or nothing."""
    body = bytearray(WHOLE[name])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, min(len(body), 200) - 4))
        lie = data.draw(st.sampled_from([0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF]))
        body[at : at + 4] = struct.pack(data.draw(st.sampled_from([">I", "<I"])), lie)
    survives(posted(bytes(body)))


@thorough
@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda t: t.encode())))
def test_any_bytes(body: bytes) -> None:
    survives(posted(body))


@thorough
@given(
    st.one_of(
        st.text(max_size=300),
        st.text("ABCabc019+/-_= \r\n,", max_size=300),
        st.sampled_from(FORMATS)
        .map(lambda name: base64.b64encode(WHOLE[name]).decode())
        .flatmap(lambda t: st.integers(0, len(t)).map(lambda n: t[:n] + "=" + t[n:])),
    ),
    st.booleans(),
)
def test_any_text(body: str, wrapped: bool) -> None:
    survives({"body": body, "isBase64Encoded": wrapped})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
fields = ["version", "rawPath", "path", "httpMethod", "headers", "requestContext", "body"]
fields += ["isBase64Encoded", "queryStringParameters", "cookies", "rawQueryString"]


@thorough
@given(st.dictionaries(st.sampled_from(fields), json_values) | json_values)
def test_any_event(event: Any) -> None:
    survives(event)


@thorough
@given(
    st.dictionaries(
        st.sampled_from(["accept", "content-type", "authorization", "content-length", "x"]),
        st.text(max_size=60),
    ),
    st.dictionaries(st.sampled_from(["max_side", "MAX_SIDE", "x"]), st.text(max_size=12)),
)
@example({"accept": "image/svg+xml"}, {})
def test_any_headers_and_options(headers: dict[str, str], query: dict[str, str]) -> None:
    survives(posted(WHOLE["PNG"], headers=headers, queryStringParameters=query))


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def _png(width: int, height: int, *chunks: bytes) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IEND", b"")


def _huge_exif() -> bytes:
    file = io.BytesIO()
    segments = b"".join(b"\xff\xe1\xff\xff" + b"Exif\0\0" + b"M" * 65527 for _ in range(60))
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    return file.getvalue()[:2] + segments + file.getvalue()[2:]


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (_png(20_000, 20_000, _chunk(b"IDAT", zlib.compress(bytes(10_000_000)))), {413}),
        (_png(0xFFFFFFFF, 0xFFFFFFFF), {413, 422}),
        (_png(0, 0, _chunk(b"IDAT", b"")), {422}),
        (_png(0, 100), {422}),
        (_png(16, 16, _chunk(b"IDAT", zlib.compress(bytes(50_000_000)))), {200, 422}),
        (_png(16, 16, _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(90_000_000)))), {422}),
        (_png(16, 16, _chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(90_000_000)))), {422}),
        (_png(7000, 7000, _chunk(b"IDAT", zlib.compress(bytes(1000)))), {422}),
        (_huge_exif(), {200}),
        (b"\xff\xd8\xff\xe0\xff\xff", {422}),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\xff", {422}),
        (b"GIF89a" + b"\xff" * 40, {413, 422}),
        (b"P6\n1000000000000 1000000000000\n255\n", {413, 422}),
        (b"P6\n" + b"9" * 100_000, {415, 422}),
        (b"\x00" * 4_000_000, {415}),
    ],
    ids=lambda value: None if isinstance(value, set) else f"{value[:12]!r}…{len(value)}",
)
def test_known_traps(body: bytes, statuses: set[int]) -> None:
    answer = handler(posted(body))
    assert answer["statusCode"] in statuses, answer["body"]
