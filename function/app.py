"""The handler: what kind of event is this, and who answers it.

HTTP requests, in whichever form AWS hands them over, find their answer in `ROUTES`; an SQS batch is
the jobs' worker's; a warm-up is answered by being there. Routing is a table of our own because
Powertools' resolvers take one event format each and cost a tenth of a cold start to import.
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from . import __version__, auth, limits, model
from .events import Event, Reply, Request, read
from .problem import Problem
from .transform import ENCODINGS, Timings, is_image, transform

Answer = Callable[..., Reply]
"""Takes the request, and the path's parameters by name."""

logger = Logger(service="artline")
metrics = Metrics(namespace="ArtLine", service="artline")

# Copies kept ready were started before anybody waited for them.
_cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

try:
    model.load()  # while Lambda starts the function, which is when it has a whole CPU
except model.ModelError:
    logger.exception("the model cannot be loaded")  # and /health says so to whoever asks


def handler(event: Event, context: Any = None) -> dict[str, Any]:
    """Answers one Lambda invocation."""
    global _cold  # one process, one invocation at a time
    try:
        if isinstance(event, Mapping) and event.get("warmup"):
            return {"warmup": True, "start": _start()}
        request_id = str(getattr(context, "aws_request_id", "unknown"))
        logger.append_keys(request_id=request_id)
        return _answer(event, request_id).event()
    finally:
        _cold = False


def _answer(event: Event, request_id: str) -> Reply:
    request = None
    try:
        request = read(event)
        answer, parameters = _route(request)
        if answer in PROTECTED:
            auth.check(request)
        reply = answer(request, **parameters)
    except Problem as problem:
        reply = _refusal(problem)
    except Exception:
        logger.exception("fault")
        detail = f"The fault is ours: try again, and if it stays, quote request {request_id}."
        reply = _refusal(Problem(500, detail))
    reply.headers["server-timing"] = ", ".join(
        filter(None, (reply.headers.get("server-timing"), f"start;desc={_start()}"))
    )
    _record(request, reply)
    if request and request.method == "HEAD":
        reply.body = ""
    return reply


def _route(request: Request) -> tuple[Answer, dict[str, str]]:
    for template, methods in ROUTES.items():
        parameters = _match(template, request.path)
        if parameters is None:
            continue
        answer = methods.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            allowed = ", ".join(methods)
            detail = f"{request.path} takes {allowed}, not {request.method}."
            raise Problem(405, detail, allow=allowed)
        return answer, parameters
    raise Problem(404, f"There is no {request.path} here: /openapi.json lists what there is.")


def _match(template: str, path: str) -> dict[str, str] | None:
    """The path's parameters where it fits `template`, in which `{name}` stands for one segment."""
    wanted, given = template.split("/"), path.split("/")
    variable = [segment.startswith("{") for segment in wanted]
    pairs = list(zip(wanted, given, variable, strict=False))
    if len(wanted) != len(given) or any(w != g for w, g, free in pairs if not free):
        return None
    return {w[1:-1]: g for w, g, free in pairs if free}


def draw(request: Request) -> Reply:
    """`POST /transform`: an image, or the base64 text of one, as line art."""
    photo, as_text = _photo(request.body)
    if len(photo) > limits.IMAGE_BYTES:
        raise Problem(
            413,
            f"The image is {len(photo):,} bytes, over the {limits.IMAGE_BYTES:,} that one request"
            " holds: shrink it, or send it by way of /jobs.",
        )
    network = model.load()
    side = _max_side(request.query.get("max_side"), network)
    media_type = _negotiate(request.headers.get("accept", ""), as_text=as_text)
    timings = Timings()
    encoding = "image/jpeg" if media_type == "text/plain" else media_type
    art = transform(photo, network, media_type=encoding, max_side=side, timings=timings)
    headers = {
        "x-model": quote(f"{network.name}/{network.version}"),
        "server-timing": ", ".join(f"{k};dur={v:.1f}" for k, v in timings.steps.items()),
        "cache-control": "no-store",
    }
    for name, value in timings.steps.items():
        metrics.add_metric(f"{name.capitalize()}Time", MetricUnit.Milliseconds, value)
    body = base64.b64encode(art).decode() if media_type == "text/plain" else art
    return Reply(200, body, media_type, headers)


def health(_: Request) -> Reply:
    """`GET /health`: what runs here, and what it takes."""
    try:
        network = model.load()
    except model.ModelError as error:
        raise Problem(503, f"{error}.", retry_after="60") from error
    return _json(
        {
            "status": "ok",
            "model": {
                "name": network.name,
                "version": network.version,
                "license": network.license,
                "source": network.source,
            },
            "version": __version__,
            "start": _start(),
            "limits": {
                "image_bytes": limits.IMAGE_BYTES,
                "image_pixels": limits.IMAGE_PIXELS,
                "upload_bytes": limits.UPLOAD_BYTES,
                "min_side": limits.MIN_SIDE,
                "max_side": network.max_side,
                "default_side": network.default_side,
            },
        }
    )


def openapi(_: Request) -> Reply:
    """`GET /openapi.json`"""
    from .openapi import document  # a description is seldom asked for

    return _json(document(model.load()))


ROUTES: dict[str, dict[str, Answer]] = {
    "/transform": {"POST": draw},
    "/health": {"GET": health},
    "/openapi.json": {"GET": openapi},
}

PROTECTED = {draw}
"""What a token is asked for: all that costs its owner money."""


def _photo(body: bytes) -> tuple[bytes, bool]:
    """The image in a request's body, and whether it came as base64 text. The bytes decide."""
    if not body:
        raise Problem(400, "There is no body: send an image file, or the base64 text of one.")
    text = b"".join(body.split())
    if is_image(body) or not (text.isascii() and text.decode().isprintable()):
        return body, False
    _, _, text = text.rpartition(b",")  # what follows data:image/jpeg;base64,
    text = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True), True
    except binascii.Error as error:
        raise Problem(
            400, "The body is text that is not base64: send an image file, or the base64 of one."
        ) from error


def _max_side(asked: str | None, network: model.Model) -> int | None:
    if asked is None:
        return None
    if asked.isascii() and asked.isdigit() and len(asked) < 6:
        side = int(asked)
        if limits.MIN_SIDE <= side <= network.max_side:
            return side
    raise Problem(
        400, f"max_side is a number of pixels from {limits.MIN_SIDE} to {network.max_side}."
    )


def _negotiate(accept: str, *, as_text: bool) -> str:
    """The answer's media type: the best that `Accept` names, or the form that was sent."""
    ranges = []
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name in ENCODINGS or name == "text/plain":
            ranges.append((_quality(parameters), name))
    best = max(ranges, key=lambda range_: range_[0], default=(0.0, ""))
    return best[1] if best[0] > 0 else "text/plain" if as_text else "image/jpeg"


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _refusal(problem: Problem) -> Reply:
    document = json.dumps(problem.document())
    return Reply(problem.status, document, "application/problem+json", dict(problem.headers))


def _json(value: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(value), "application/json", {"cache-control": "no-store"})


def _start() -> str:
    return "cold" if _cold else "warm"


def _record(request: Request | None, reply: Reply) -> None:
    """One log line and one embedded metric document a request; never what it carried."""
    metrics.add_metric("Refused" if reply.status >= 400 else "Answered", MetricUnit.Count, 1)
    metrics.add_metric("ColdStart", MetricUnit.Count, int(_cold))
    metrics.flush_metrics()
    logger.info(
        "answered",
        method=request and request.method,
        path=request and request.path,
        bytes_in=len(request.body) if request else 0,
        bytes_out=len(reply.body),
        status=int(reply.status),
        timing=reply.headers["server-timing"],
    )
