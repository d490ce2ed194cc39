"""MiniStack as AWS: what is declared is there, and it ends with the process that started it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from function import auth
from function.events import Request
from function.problem import ProblemError
from local import cloud
from local.cloud import Cloud, guarded, passed
from local.program import Resource, declared
from local.resources import make
from tests.jobs.stage import Stage, post

ROOT = Path(__file__).parents[2]

STARTED = """
import sys, time
from local.cloud import Cloud

if __name__ == "__main__":
    with Cloud() as cloud:
        cloud.client("sqs").list_queues()
        print(cloud.environment["AWS_ENDPOINT_URL"], flush=True)
        time.sleep(300)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_whoever_started_it(end: signal.Signals, tmp_path: Path) -> None:
    script = tmp_path / "start.py"
    script.write_text(STARTED)
    with subprocess.Popen(
        [sys.executable, script],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        endpoint = process.stdout.readline().strip()
        assert httpx.get(endpoint).status_code
        process.send_signal(end)
        process.wait()
    patience = time.monotonic() + 60
    while True:
        try:
            httpx.get(endpoint)
        except httpx.ConnectError:
            break
        except httpx.TransportError:
            pass  # it ends in the middle of this answer
        assert time.monotonic() < patience
        time.sleep(0.05)


def test_a_page_of_another_origin_may_send_its_photo(stage: Stage) -> None:
    url = post()["upload"]["url"]
    asked = {"origin": "https://example.org", "access-control-request-method": "POST"}
    preflight = httpx.options(url, headers=asked)
    assert preflight.status_code == 200
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-origin"] in ("*", "https://example.org")


def test_the_page_of_a_local_run_may_send_its_photo_whatever_origins_are_set(cloud: Cloud) -> None:
    """Wherever it is opened at; other origins are those of the setting."""
    made: dict[str, Any] = {}
    client = SimpleNamespace(put_bucket_cors=lambda **call: made.update(call))
    (resource,) = _named(
        declared({"corsOrigins": '["https://example.com"]'}),
        "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    )
    make(lambda _: client, resource, resource.properties)
    (rule,) = made["CORSConfiguration"]["CORSRules"]
    assert rule["AllowedOrigins"] == ["http://*", "https://example.com"]
    bucket = f"cors-{os.getpid()}"
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_cors(**made | {"Bucket": bucket})
    for origin, allowed in (
        ("http://192.168.1.5:8080", True),
        ("http://127.0.0.1:8203", True),
        ("https://example.com", True),
        ("https://example.org", False),
    ):
        asked = {"origin": origin, "access-control-request-method": "POST"}
        answer = httpx.options(f"{cloud.environment['AWS_ENDPOINT_URL']}/{bucket}", headers=asked)
        assert ("access-control-allow-origin" in answer.headers) == allowed


def test_the_token_is_where_the_function_looks(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = declared({"auth": "token", "apiToken": "one two"})
    cloud.make(_named(resources, "aws:ssm/parameter:Parameter"))
    (function,) = (each for each in resources if "API_TOKEN_PARAMETER" in str(each.properties))
    variables = function.properties["environment"]["variables"] | cloud.environment
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for token in ("one", "two"):
        auth.check(_request(token))
    with pytest.raises(ProblemError, match="A valid token is needed"):
        auth.check(_request("three"))


def _named(resources: list[Resource], type_: str) -> list[Resource]:
    return [each for each in resources if each.type == type_]


def _request(token: str) -> Request:
    return Request("POST", "/transform", {}, {"authorization": f"Bearer {token}"}, b"")


SIGNED = "&".join(f"{name}=0" for name in cloud.SIGNED)
ART = f"/a-bucket/results/{'0' * 64}.jpg"


def scope(
    method: str, path: str, caller: str, query: str = "", kind: str = "", **headers: str
) -> dict[str, Any]:
    given = {"content-type": kind, "host": "sqs.amazonaws.com"} | headers
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        "client": (caller, 5000),
        "server": ("192.0.2.7", 4566),
    }


FORM = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        (("POST", "/_ministack/reset", "127.0.0.1"), True),
        (("POST", "/", "192.0.2.7"), True),  # this machine, by the address it serves at
        (("POST", "/", "192.0.2.8"), False),
        (("POST", "/_ministack/reset", "192.0.2.8", "", FORM), False),
        (("POST", "/000000000000/queue", "192.0.2.8", "", FORM), False),
        (("POST", "/a-bucket", "192.0.2.8", "", "application/x-amz-json-1.1"), False),
        (("POST", "/a-bucket", "192.0.2.8", "delete", FORM), False),
        (("POST", "/a-bucket", "192.0.2.8", "Action=CreateUser", FORM), False),
        (("POST", "/a-bucket", "192.0.2.8", "", FORM), True),
        (("OPTIONS", "/a-bucket", "192.0.2.8"), True),
        (("GET", "/", "192.0.2.8", SIGNED), False),
        (("GET", "/a-bucket/", "192.0.2.8", f"list-type=2&{SIGNED}"), False),
        (("GET", "/_ministack/sqs/messages", "192.0.2.8", SIGNED), False),
        (("GET", f"/a-bucket/uploads/{'0' * 64}", "192.0.2.8", SIGNED), False),
        (("GET", ART, "192.0.2.8"), False),
        (("GET", ART, "192.0.2.8", "X-Amz-Signature=0"), False),
        (("GET", ART, "192.0.2.8", SIGNED), True),
        (("PUT", ART, "192.0.2.8", SIGNED), False),
        (("DELETE", ART, "192.0.2.8", SIGNED), False),
    ],
)
def test_others_upload_forms_and_fetch_signed_links_only(
    asked: tuple[str, ...], passes: bool
) -> None:
    assert (passed(scope(*asked), "192.0.2.7") is not None) is passes


def test_no_header_of_others_chooses_a_service_or_says_who_calls() -> None:
    said = {"x-amz-target": "AmazonSSM.GetParameter", "authorization": "AWS4-HMAC-SHA256 x"}
    asked = scope("POST", "/a-bucket", "192.0.2.8", "", FORM, origin="http://a", **said)
    given = passed(asked, "192.0.2.7")
    assert given is not None
    assert dict(given["headers"]) == {
        b"content-type": FORM.encode(),
        b"origin": b"http://a",
        b"host": b"192.0.2.7:4566",
    }


def test_what_may_not_pass_is_a_403() -> None:
    sent: list[dict[str, Any]] = []

    async def collect(message: dict[str, Any]) -> None:
        sent.append(message)

    async def never(*_: Any) -> None:
        raise AssertionError("it passed")

    asyncio.run(guarded(never, "192.0.2.7")(scope("POST", "/", "192.0.2.8"), never, collect))
    assert sent[0]["status"] == 403
