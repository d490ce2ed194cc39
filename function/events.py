"""HTTP requests in the forms that AWS passes to a function, and answers in the form it takes.

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
    """What was asked: `headers` have lower-case names, `body` is as the caller sent it.

    `path` is the service's own. `prefix` is what came before it in the URL: a stage's name, or the
    base path of a custom domain.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    prefix: str = ""
    signed: bool = False
    """Whether API Gateway has checked the signature of an AWS account."""


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
        content_type = {"content-type": self.content_type} if self.content_type else {}
        return {
            "statusCode": int(self.status),
            "headers": content_type | self.headers,
            "body": text,
            "isBase64Encoded": not isinstance(self.body, str),
        }


def read(event: Event) -> Request:
    """The request in `event`. Raises `ProblemError` 400 for a body that contradicts the event."""
    event = _mapping(event)
    http = _mapping(_mapping(event.get("requestContext")).get("http"))
    method = http.get("method") or event.get("httpMethod") or "POST"
    prefix, path = _path(event)
    headers = _mapping(event.get("headers"))
    return Request(
        method=str(method).upper(),
        path=path if path == "/" else path.rstrip("/"),
        query={str(k): str(v) for k, v in _mapping(event.get("queryStringParameters")).items()},
        headers={str(k).lower(): str(v) for k, v in headers.items()},
        body=_body(event),
        prefix=prefix,
        signed=_is_signed(_mapping(event.get("requestContext"))),
    )


def _is_signed(context: Mapping[str, Any]) -> bool:
    """Payload 2.0 names who has signed under `authorizer`, payload 1.0 under `identity`."""
    authorizer, identity = (_mapping(context.get(name)) for name in ("authorizer", "identity"))
    return bool(authorizer.get("iam") or identity.get("userArn"))


def _path(event: Event) -> tuple[str, str]:
    """The prefix and the service's own path.

    Payload 2.0 has the stage's name in the path where that is not $default, and both payloads have
    a custom domain's base path in it. What follows is the path of the route that was taken.
    """
    # Payload 1.0 and 2.0 give the path decoded at different depths.
    path = unquote(str(event.get("rawPath") or event.get("path") or "/transform"))
    stage = f"/{_mapping(event.get('requestContext')).get('stage')}"
    prefix = stage if "rawPath" in event and f"{path}/".startswith(f"{stage}/") else ""
    path = path.removeprefix(prefix) or "/"
    routed = _routed(event)
    if routed == "/":
        return prefix + path.rstrip("/"), routed
    if routed and path.rstrip("/").endswith(routed):
        return prefix + path.rstrip("/").removesuffix(routed), routed
    return prefix, path


def _routed(event: Event) -> str:
    """The path that the route stands for, nothing where none was named.

    Of a route such as `/artline/{proxy+}` it is what the variable holds.
    """
    template = str(event.get("resource") or event.get("routeKey") or "").rpartition(" ")[2]
    for name, value in _mapping(event.get("pathParameters")).items():
        if template.endswith(f"{{{name}+}}"):
            return f"/{value}"
        template = template.replace(f"{{{name}}}", str(value))
    return template if template.startswith("/") else ""


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
