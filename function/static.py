"""The web page, served by the function itself.

`page/` is a plain folder of static files. Its index goes out as one document, with the style sheet,
the scripts and the images inside: each request may start an execution environment of its own, so a
page in ten files would start ten at once, or be throttled where few are allowed. The security
policy names style and script by their hashes: no other style or script can run.
"""

import base64
import gzip
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import urlsplit

from .accept import ranges
from .events import Reply, Request
from .problem import ProblemError

FOLDER = Path(__file__).with_name("page")

HTML, JAVASCRIPT = "text/html; charset=utf-8", "text/javascript; charset=utf-8"
TYPES = {
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
}
"""Media types, by ending, of what the page fetches beside the index."""

REVALIDATED = "no-cache"
KEPT = "public, max-age=31536000, immutable"

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "vary": "accept-encoding",
}

IMAGE = re.compile(r'<img([^>]*) src="([^"]+)"')
STYLE = re.compile(r'<link rel="stylesheet" href="(.+)">')
SCRIPT = re.compile(r'<script type="module" src="(.+)"></script>')
IMPORT = re.compile(r'^import [^;]+ from "\./([^"]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)
ADDRESS = re.compile(r"[\d.]+|.*:.*")


@dataclass(frozen=True)
class File:
    """One file as it is served; each form of it is made once in an execution environment."""

    content: bytes
    content_type: str
    policy: str

    @cached_property
    def etag(self) -> str:
        """Weak, as it stands for the file and for its compressed form alike."""
        return f'W/"{_digest(self.content, self.policy.encode())}"'

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.content, mtime=0)

    def reply(self, request: Request, cache_control: str) -> Reply:
        """304 where the caller has it already; compressed where that helps and is understood."""
        headers = HEADERS | {
            "cache-control": cache_control,
            "content-security-policy": self.policy,
            "etag": self.etag,
        }
        held = {tag.strip() for tag in request.headers.get("if-none-match", "").split(",")}
        if held & {self.etag, self.etag.removeprefix("W/"), "*"}:
            return Reply(304, "", self.content_type, headers)
        understood = ranges(request.headers.get("accept-encoding", "")).get("gzip")
        if understood and len(self.compressed) < len(self.content):  # not so of an image
            headers["content-encoding"] = "gzip"
            return Reply(200, self.compressed, self.content_type, headers)
        return Reply(200, self.content, self.content_type, headers)


@dataclass(frozen=True)
class Site:
    """The folder as it is served."""

    version: str
    """Changes with any of the files, and with the policy."""
    index: File
    worker: File
    files: dict[str, File]
    """What the index and the manifest refer to, by name, beside what is inside the index."""


def index(request: Request) -> Reply:
    """`GET /`: the page."""
    return site().index.reply(request, REVALIDATED)


def worker(request: Request) -> Reply:
    """`GET /sw.js`: the service worker, beside the page because its folder is its scope."""
    return site().worker.reply(request, REVALIDATED)


def file(request: Request, version: str, name: str) -> Reply:
    """`GET /page/{version}/{name}`: what the page refers to, cached for ever under its version.

    A page that stays open across a deployment gets the new file under its old version, which is
    revalidated.
    """
    files = site().files
    if name not in files:
        raise ProblemError(404, f"The page has no file {name}: / is the page itself.")
    return files[name].reply(request, KEPT if version == site().version else REVALIDATED)


@cache
def site() -> Site:
    """Reads the folder, once in an execution environment."""
    html = (FOLDER / "index.html").read_text("utf-8")
    style = "".join((FOLDER / name).read_text("utf-8") for name in STYLE.findall(html))
    script = "".join(text for name in SCRIPT.findall(html) for text in _modules(name, set()))
    service_worker = "".join(_modules("sw.js", set()))
    files = {
        path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in TYPES
    }
    policy = _policy(style, script)
    texts = (html, style, script, service_worker, policy)
    version = _digest(*(text.encode() for text in texts), *files.values())

    html = IMAGE.sub(lambda match: f'<img{match[1]} src="{_inline(files.pop(match[2]))}"', html)
    html = STYLE.sub(lambda _: f"<style>{style}</style>", html)
    html = SCRIPT.sub(lambda _: f'<script type="module">{script}</script>', html)
    addresses = {name: f"page/{version}/{name}" for name in files}
    for name, address in addresses.items():
        html = html.replace(f'"{name}"', f'"{address}"')
    service_worker = service_worker.replace('"VERSION"', json.dumps(version))
    service_worker = service_worker.replace(
        "FILES = []", f"FILES = {json.dumps(['./', *addresses.values()])}"
    )
    return Site(
        version,
        File(html.encode(), HTML, policy),
        File(service_worker.encode(), JAVASCRIPT, policy),
        {name: File(data, TYPES[Path(name).suffix], policy) for name, data in files.items()},
    )


def _modules(name: str, seen: set[str]) -> Iterator[str]:
    """The module `name` after those that it imports, each once, in one scope."""
    if name in seen:
        return
    seen.add(name)
    text = (FOLDER / name).read_text("utf-8")
    for imported in IMPORT.findall(text):
        yield from _modules(imported, seen)
    yield EXPORT.sub("", IMPORT.sub("", text))


def _inline(image: bytes) -> str:
    """A WebP image as an address that holds it."""
    return f"data:image/webp;base64,{base64.b64encode(image).decode()}"


def _policy(style: str, script: str) -> str:
    connect = " ".join(("'self'", *_storage()))
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_source(script)}",
            f"style-src {_source(style)}",
            "img-src 'self' blob: data:",
            f"connect-src {connect}",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _source(text: str) -> str:
    """What lets exactly `text` be inline, and nothing else."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _storage() -> tuple[str, ...]:
    """The origin that photos for `/jobs` are uploaded to, as boto3 names it; none without jobs."""
    bucket = os.environ.get("JOBS_BUCKET")
    if not bucket:
        return ()
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        url = urlsplit(endpoint)
        host = url.netloc if ADDRESS.fullmatch(url.hostname or "") else f"{bucket}.{url.netloc}"
        return (f"{url.scheme}://{host}",)
    region = os.environ.get("AWS_REGION", "us-east-1")
    service = "s3" if region == "us-east-1" else f"s3.{region}"
    suffix = ".cn" if region.startswith("cn-") else ""
    return (f"https://{bucket}.{service}.amazonaws.com{suffix}",)


def _digest(*contents: bytes) -> str:
    return hashlib.sha256(b"\0".join(contents)).hexdigest()[:16]
