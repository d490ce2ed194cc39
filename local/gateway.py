"""What API Gateway does between HTTP and a function: routes, payload 2.0 events, limits.

Source: AWS, "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway".
"""

import base64
import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from artline.limits import EVENT_BYTES

TEXT = re.compile(r"text/|application/([\w.-]+\+)?(json|xml)\b|application/javascript\b")
"""Media types whose body an HTTP API passes on as text."""


def route(routes: Iterable[str], method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The route key that answers `method` on `path`, with its path parameters.

    The most specific wins, as in API Gateway: fixed segments, then variables, then `$default`.
    """
    for key in sorted(routes, key=lambda key: (key == "$default", "+}" in key, key.count("{"))):
        if key == "$default":
            return key, {}
        verb, _, template = key.partition(" ")
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", _segment, re.escape(template))
        if verb in (method, "ANY") and (match := re.fullmatch(pattern, path)):
            return key, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def _segment(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})"


def event(
    key: str,
    parameters: Mapping[str, str],
    *,
    method: str,
    path: str,
    query: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    source_ip: str,
    host: str,
) -> dict[str, Any]:
    """The payload 2.0 event for a request that the route `key` takes; absent things are absent."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    cookies = joined.pop("cookie", None)
    now = time.time()
    result: dict[str, Any] = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": joined.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
    }
    if cookies:
        result["cookies"] = re.split(r"[;,]\s*", cookies)
    if query:
        result["queryStringParameters"] = _query(query)
    if parameters:
        result["pathParameters"] = dict(parameters)
    result |= _body(body, joined.get("content-type", ""))
    return result


def _query(query: str) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    if not body:
        return {"isBase64Encoded": False}
    if TEXT.match(content_type.lower()):
        try:
            return {"body": body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass  # not the text that it was called
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def too_large(payload: Mapping[str, Any]) -> bool:
    """Whether Lambda would refuse `payload` as a synchronous invocation's event or answer."""
    return len(json.dumps(payload)) > EVENT_BYTES


@dataclass(slots=True)
class TokenBucket:
    """A stage's throttle: `rate` requests a second, and `burst` at once."""

    rate: float
    burst: int
    _tokens: float = field(init=False)
    _then: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = float(self.burst)
        self._then = time.monotonic()

    def take(self) -> bool:
        """Takes one token; False where none is left."""
        now = time.monotonic()
        self._tokens = min(self.burst, self._tokens + (now - self._then) * self.rate)
        self._then = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
