"""The page as the function serves it: one document, a strict policy, good caching, few bytes."""

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from function import static, store
from function.app import handler
from tests.function.test_app import content, get, refused

HOUR = timedelta(hours=1)
MOST_BYTES = 130_000
"""All that the page fetches, on the wire."""

INLINE = re.compile(r"<(style|script)[^>]*>(.*?)</\1>", re.DOTALL)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment that has no jobs and has served nothing yet."""
    monkeypatch.delenv("JOBS_BUCKET", raising=False)
    static.site.cache_clear()
    yield
    static.site.cache_clear()


def fetch(path: str, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return handler(get(path) | {"headers": named})


def text(path: str) -> str:
    return content(fetch(path)).decode()


def policy() -> dict[str, str]:
    stated = fetch("/")["headers"]["content-security-policy"]
    return dict(part.split(" ", 1) for part in stated.split("; "))


def paths() -> list[str]:
    """All that the page fetches from the function, by the service worker's own list."""
    kept = json.loads(re.findall(r"FILES = (\[.*?\]);", text("/sw.js"))[0])
    return ["/", "/sw.js", *(f"/{path}" for path in kept if path != "./")]


def test_the_policy_lets_run_what_is_in_the_page_and_nothing_else() -> None:
    inline = dict(INLINE.findall(text("/")))
    for directive, element in (("style-src", "style"), ("script-src", "script")):
        digest = base64.b64encode(hashlib.sha256(inline[element].encode()).digest()).decode()
        assert policy()[directive] == f"'sha256-{digest}'"
    assert policy()["default-src"] == "'none'"
    assert policy()["connect-src"] == "'self'"
    assert not re.search(r"unsafe|\*|https?:", fetch("/")["headers"]["content-security-policy"])


def test_no_attribute_needs_more_than_the_policy_lets() -> None:
    html = INLINE.sub("", text("/"))
    assert not re.search(r"""\s(style|on\w+)=|javascript:|https?://""", html)


def test_the_script_is_all_modules_in_one_scope() -> None:
    script = dict(INLINE.findall(text("/")))["script"]
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    modules = [path for path in static.FOLDER.glob("*.js") if path.name != "sw.js"]
    for module in modules:
        assert script.count(module.read_text().splitlines()[0]) == 1
    names = re.findall(r"^(?:async )?(?:function|class|const|let) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names))


def test_headers() -> None:
    for path in paths():
        headers = fetch(path)["headers"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "camera=(self)" in headers["permissions-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("icon-192.png", "image/png"),
        ("manifest.webmanifest", "application/manifest+json"),
    ],
)
def test_types(name: str, content_type: str) -> None:
    answer = fetch(f"/page/{static.site().version}/{name}")
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == content_type
    assert content(answer) == (static.FOLDER / name).read_bytes()


def test_every_reference_leads_somewhere() -> None:
    named = re.findall(r'(?:src|href)="(?!data:)([^#"]+)"', text("/"))
    assert len(named) >= 3
    manifest = f"/page/{static.site().version}/manifest.webmanifest"
    icons = [icon["src"] for icon in json.loads(text(manifest))["icons"]]
    for path in [*named, *(f"page/{static.site().version}/{icon}" for icon in icons)]:
        assert fetch(f"/{path}")["statusCode"] == 200, path


@pytest.mark.parametrize("name", ["app.js", "index.html", "..", "", "x.png", "%2e%2e%2fapp.py"])
def test_nothing_else_is_served(name: str) -> None:
    refused(fetch(f"/page/{static.site().version}/{name}"), 404)


def test_what_is_named_by_its_version_is_kept_and_the_rest_asked_for_again() -> None:
    version = static.site().version
    assert "immutable" in fetch(f"/page/{version}/icon-192.png")["headers"]["cache-control"]
    for path in ("/", "/sw.js", "/page/0123456789abcdef/icon-192.png"):
        answer = fetch(path)
        assert answer["statusCode"] == 200
        assert answer["headers"]["cache-control"] == "no-cache"


def test_what_the_caller_has_is_not_sent_again() -> None:
    for path in paths():
        etag = fetch(path)["headers"]["etag"]
        answer = fetch(path, If_None_Match=f'"other", {etag}')
        assert answer["statusCode"] == 304
        assert answer["body"] == ""
        assert answer["headers"]["etag"] == etag
        assert fetch(path, If_None_Match='"other"')["statusCode"] == 200


def test_the_version_and_the_validator_change_with_the_policy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version, etag = static.site().version, static.site().index.etag
    monkeypatch.setenv("JOBS_BUCKET", "photos")
    static.site.cache_clear()
    assert static.site().version != version
    assert static.site().index.etag != etag


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.8, *;q=0.1", "deflate , gzip"])
def test_compressed(accepted: str) -> None:
    answer = fetch("/", Accept_Encoding=accepted)
    assert answer["headers"]["content-encoding"] == "gzip"
    assert "accept-encoding" in answer["headers"]["vary"]
    assert gzip.decompress(content(answer)).decode() == text("/")


@pytest.mark.parametrize(
    "accepted", ["", "br", "gzip;q=0", "identity", "gzip; q=0", "gzip;q=0.000, identity"]
)
def test_not_compressed_where_it_is_not_understood(accepted: str) -> None:
    answer = fetch("/", Accept_Encoding=accepted)
    assert "content-encoding" not in answer["headers"]
    assert content(answer).startswith(b"<!doctype html>")


def test_images_are_not_compressed_twice() -> None:
    answer = fetch(f"/page/{static.site().version}/icon-512.png", Accept_Encoding="gzip")
    assert "content-encoding" not in answer["headers"]


def test_the_samples_are_inside_the_page() -> None:
    """So that the first impression asks nothing more of a service that may be cold."""
    images = re.findall(r'<img [^>]*src="data:image/webp;base64,([^"]+)"', text("/"))
    files = [(static.FOLDER / f"sample-{name}.webp").read_bytes() for name in ("art", "photo")]
    assert [base64.b64decode(image) for image in images] == files


def test_without_scripts_there_is_a_form_that_the_policy_lets_through() -> None:
    (form,) = re.findall(r"<noscript>(.*?)</noscript>", text("/"), re.DOTALL)
    assert 'action="transform" method="post" enctype="multipart/form-data"' in form
    assert policy()["form-action"] == "'self'"


def test_the_service_worker_is_one_script() -> None:
    script = text("/sw.js")
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    assert static.site().version in script


def test_few_bytes() -> None:
    sizes = {path: len(content(fetch(path, Accept_Encoding="gzip"))) for path in paths()}
    assert sum(sizes.values()) < MOST_BYTES, sizes


@pytest.mark.parametrize(
    "environment",
    [
        {"AWS_REGION": "eu-central-1"},
        {"AWS_REGION": "us-east-1"},
        {"AWS_REGION": "cn-north-1"},
        {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
        {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": "http://s3.localhost:4566/"},
    ],
    ids=lambda environment: " ".join(environment.values()),
)
def test_the_page_may_upload_where_the_forms_lead_to_and_nowhere_else(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    fixed = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "JOBS_BUCKET": "photos"}
    for name, value in (environment | fixed).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", environment["AWS_REGION"])
    store._client.cache_clear()
    form = urlsplit(store.form("uploads/x", HOUR, {}, [])["url"])
    link = urlsplit(store.link("results/x.jpg", HOUR))
    store._client.cache_clear()
    assert policy()["connect-src"] == f"'self' {form.scheme}://{form.netloc}"
    assert link.netloc == form.netloc


@pytest.mark.parametrize("path", ["/", "/sw.js"])
def test_304_for_each_way_to_name_what_is_held(path: str) -> None:
    tag = fetch(path)["headers"]["etag"]
    for held in (tag, tag.removeprefix("W/"), "*", f'"other", {tag}'):
        assert fetch(path, If_None_Match=held)["statusCode"] == 304
    assert fetch(path, If_None_Match='W/"other"')["statusCode"] == 200
