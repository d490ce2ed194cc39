"""HTTP requests as AWS hands them to a function, and answers as AWS takes them back.

One `Request` and one `Reply` stand for API Gateway's payload 2.0 (HTTP API, function URL), its
payload 1.0 (REST API, `sam local`) and a direct invocation `{"body": "<base64>"}`.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from .problem import ProblemError

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: `headers` have lower-case names, `body` is as the caller sent it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """What is answered: text as it is, bytes as the event formats carry them, in base64."""

    status: int
    body: str | bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        """The answer in the form that all three event formats share."""
        text = self.body if isinstance(self.body, str) else base64.b64encode(self.body).decode()
        return {
            "statusCode": int(self.status),
            "headers": {"content-type": self.content_type, **self.headers},
            "body": text,
            "isBase64Encoded": not isinstance(self.body, str),
        }


def read(event: Event) -> Request:
    """The request in `event`. Raises `ProblemError` 400 for a body that contradicts the event."""
    event = _mapping(event)
    http = _mapping(_mapping(event.get("requestContext")).get("http"))
    method = http.get("method") or event.get("httpMethod") or "POST"
    # Payload 1.0 and 2.0 give the path decoded at different depths, and 2.0 with the stage's name
    # in front of it where the stage is not $default.
    path = unquote(str(event.get("rawPath") or event.get("path") or "/transform"))
    stage = _mapping(event.get("requestContext")).get("stage")
    if "rawPath" in event and stage not in (None, "$default"):
        path = path.removeprefix(f"/{stage}") or "/"
    headers = _mapping(event.get("headers"))
    return Request(
        method=str(method).upper(),
        path=path if path == "/" else path.rstrip("/"),
        query={str(k): str(v) for k, v in _mapping(event.get("queryStringParameters")).items()},
        headers={str(k).lower(): str(v) for k, v in headers.items()},
        body=_body(event),
    )


def _body(event: Event) -> bytes:
    body = event.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise ProblemError(400, "The event's body must be a string.")
    if not event.get("isBase64Encoded"):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError) as error:
        raise ProblemError(
            400, "The event says that its body is base64, which it is not."
        ) from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
