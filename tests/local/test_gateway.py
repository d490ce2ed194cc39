"""The events and routes that API Gateway's documentation shows."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from function import events
from local import gateway
from local.gateway import TokenBucket

ROUTES = ("GET /", "GET /health", "POST /transform", "GET /jobs/{id}", "GET /page/{file+}")


def made(**changes: object) -> dict[str, object]:
    request: dict[str, object] = {
        "method": "POST",
        "path": "/transform",
        "query": "",
        "headers": [("host", "localhost")],
        "body": b"",
        "source_ip": "127.0.0.1",
        "host": "localhost",
    }
    return gateway.event("POST /transform", {}, **(request | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", ("GET /", {})),
        ("POST", "/transform", ("POST /transform", {})),
        ("GET", "/jobs/a%2Fb", ("GET /jobs/{id}", {"id": "a/b"})),
        ("GET", "/page/css/a.css", ("GET /page/{file+}", {"file": "css/a.css"})),
        ("GET", "/transform", None),
        ("GET", "/jobs/", None),
        ("GET", "/jobs/a/b", None),
        ("GET", "/healthy", None),
    ],
)
def test_routes(method: str, path: str, expected: object) -> None:
    assert gateway.route(ROUTES, method, path) == expected
    assert gateway.route((*ROUTES, "$default"), method, path) == (expected or ("$default", {}))


def test_the_most_specific_route_wins() -> None:
    routes = ("ANY /{all+}", "GET /jobs/{id}", "GET /jobs/recent")
    assert gateway.route(routes, "GET", "/jobs/recent") == ("GET /jobs/recent", {})
    assert gateway.route(routes, "GET", "/jobs/7") == ("GET /jobs/{id}", {"id": "7"})
    assert gateway.route(routes, "PUT", "/jobs/7") == ("ANY /{all+}", {"all": "jobs/7"})


@pytest.mark.parametrize(
    ("content_type", "as_text"),
    [
        ("text/plain", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("application/xml", True),
        ("application/javascript", True),
        ("application/x-www-form-urlencoded", False),
        ("application/octet-stream", False),
        ("image/jpeg", False),
        ("image/svg+xml", False),
        ("", False),
    ],
)
def test_which_bodies_are_text(content_type: str, as_text: bool) -> None:
    event = made(body=b"abcd", headers=[("content-type", content_type)])
    assert event["isBase64Encoded"] is not as_text
    assert event["body"] == ("abcd" if as_text else "YWJjZA==")


def test_what_is_absent_is_absent() -> None:
    event = made()
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & event.keys()
    assert event["isBase64Encoded"] is False


def test_what_comes_twice_is_joined() -> None:
    event = made(
        query="a=1&a=2&b=&c=%2C",
        headers=[("accept", "image/png"), ("accept", "*/*"), ("cookie", "x=1; y=2")],
    )
    assert event["headers"] == {"accept": "image/png,*/*"}
    assert event["cookies"] == ["x=1", "y=2"]
    assert event["queryStringParameters"] == {"a": "1,2", "b": "", "c": ","}
    assert event["rawQueryString"] == "a=1&a=2&b=&c=%2C"


@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(["text/plain", "image/jpeg", "application/json", ""]),
)
def test_the_function_reads_the_body_that_was_sent(body: bytes, content_type: str) -> None:
    event = made(body=body, headers=[("content-type", content_type)])
    assert events.read(event).body == body


def test_payloads_over_six_mebibytes_are_too_large() -> None:
    assert not gateway.too_large(made(body=b"x" * 4_000_000))
    assert gateway.too_large(made(body=b"x" * 4_720_000))


def test_the_throttle(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    bucket = TokenBucket(rate=2, burst=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now += 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now += 60
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_a_binary_body_called_text_is_not_spoilt() -> None:
    event = made(body=b"\xff\xd8\xff", headers=[("content-type", "text/plain")])
    assert base64.b64decode(str(event["body"])) == b"\xff\xd8\xff"
