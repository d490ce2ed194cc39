"""The handler: tells the kinds of events apart.

`ROUTES` answers HTTP requests, of whichever event format. `worker` takes an SQS batch. A warm-up is
answered once the model has drawn. Routing is a table of our own because Powertools' resolvers take
one event format each, and take a tenth of a cold start to import.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from artline import limits
from artline.drawing.model import RunError
from artline.drawing.transform import prove
from artline.errors import ModelError, OptionError, PhotoError
from artline.options import schemas
from artline.version import __version__

from . import auth, jobs, model, static, store, worker
from .direct import draw
from .events import Event, Reply, Request, read
from .problem import ProblemError
from .telemetry import flush, logger, metrics

Answer = Callable[..., Reply]
"""Takes the request, and the path's parameters by name."""

# Provisioned environments initialise before the first request: no caller meets their cold start.
_cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

try:
    model.load()  # during initialisation, when Lambda grants a whole CPU
except ModelError:
    logger.exception("the model cannot be loaded")  # answers are 503 with the reason


def handler(event: Event, context: Any = None) -> dict[str, Any]:
    """Answers one Lambda invocation."""
    global _cold  # one process, one invocation at a time
    try:
        if isinstance(event, Mapping) and event.get("warmup"):
            prove(model.load())  # a deployment that cannot draw fails here
            return {"warmup": True, "start": _start()}
        request_id = str(getattr(context, "aws_request_id", "unknown"))
        logger.append_keys(request_id=request_id)
        if _is_batch(event):
            return worker.work(event)
        return _answer(event, request_id).event()
    finally:
        _cold = False


def _is_batch(event: Event) -> bool:
    records = event.get("Records") if isinstance(event, Mapping) else None
    first = records[0] if isinstance(records, list) and records else None
    return isinstance(first, Mapping) and first.get("eventSource") == "aws:sqs"


def _answer(event: Event, request_id: str) -> Reply:
    request = None
    try:
        request = read(event)
        answer, parameters = _route(request)
        if answer in PROTECTED:
            auth.check(request)
        reply = answer(request, **parameters)
    except ProblemError as problem:
        reply = _refusal(problem)
    except (OptionError, PhotoError) as error:
        reply = _refusal(ProblemError.of(error))
    except Exception as error:
        logger.exception("fault")
        reply = _refusal(_fault(error, request_id))
    reply.headers["server-timing"] = ", ".join(
        filter(None, (reply.headers.get("server-timing"), f"start;desc={_start()}"))
    )
    _record(request, reply)
    if request and request.method == "HEAD":
        reply.body = ""
    return reply


def _route(request: Request) -> tuple[Answer, dict[str, str]]:
    for template, methods in routes().items():
        parameters = _match(template, request.path)
        if parameters is None:
            continue
        answer = methods.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
            detail = f"{request.path} takes {allowed}, not {request.method}."
            raise ProblemError(405, detail, allow=allowed)
        return answer, parameters
    raise ProblemError(404, f"There is no {request.path} here: /openapi.json lists what there is.")


def _match(template: str, path: str) -> dict[str, str] | None:
    """The path's parameters where it fits `template`, in which `{name}` stands for one segment."""
    wanted, given = template.split("/"), path.split("/")
    variable = [segment.startswith("{") for segment in wanted]
    pairs = list(zip(wanted, given, variable, strict=False))
    if len(wanted) != len(given) or any(w != g for w, g, free in pairs if not free):
        return None
    return {w[1:-1]: g for w, g, free in pairs if free}


def health(_: Request) -> Reply:
    """`GET /health`: the model, the version, and the limits."""
    network = model.load()
    return _json(
        {
            "status": "ok",
            "model": {
                "name": network.name,
                "version": network.version,
                "license": network.license,
                "source": network.source,
                "sha256": network.sha256,
                "styles": network.styles,
            },
            "version": __version__,
            "start": _start(),
            "auth": auth.setting(),
            "jobs": store.enabled(),
            "limits": {
                "image_bytes": limits.IMAGE_BYTES,
                "text_image_bytes": limits.TEXT_IMAGE_BYTES,
                "image_pixels": limits.IMAGE_PIXELS,
                "upload_bytes": limits.UPLOAD_BYTES,
                "min_side": limits.MIN_SIDE,
                "max_side": network.max_side,
                "default_side": network.default_side,
            },
            "options": schemas(network),
        }
    )


def openapi(_: Request) -> Reply:
    """`GET /openapi.json`"""
    from .openapi import document  # seldom needed

    return _json(document(model.load(), jobs=store.enabled(), auth=auth.setting()))


ROUTES: dict[str, dict[str, Answer]] = {
    "/transform": {"POST": draw},
    "/health": {"GET": health},
    "/openapi.json": {"GET": openapi},
    "/": {"GET": static.index},
    "/sw.js": {"GET": static.worker},
    "/page/{version}/{name}": {"GET": static.file},
}

JOBS: dict[str, dict[str, Answer]] = {
    "/jobs": {"POST": jobs.create},
    "/jobs/{id}": {"GET": jobs.look, "DELETE": jobs.delete},
}

PROTECTED = {draw, jobs.create, jobs.look, jobs.delete}
"""What needs a token, where the stack has one: everything that costs money or shows a photo."""


def routes() -> dict[str, dict[str, Answer]]:
    """The routes of this stack, with jobs or without."""
    return ROUTES | JOBS if store.enabled() else ROUTES


def _refusal(problem: ProblemError) -> Reply:
    document = json.dumps(problem.document())
    return Reply(problem.status, document, "application/problem+json", dict(problem.headers))


def _fault(error: Exception, request_id: str) -> ProblemError:
    if isinstance(error, ModelError) and not isinstance(error, RunError):
        return ProblemError(503, f"{error}.", retry_after="60")
    return ProblemError(
        500, f"The service failed: try again, and if that fails too, quote request {request_id}."
    )


def _json(value: Mapping[str, Any]) -> Reply:
    return Reply(200, json.dumps(value), "application/json", {"cache-control": "no-store"})


def _start() -> str:
    return "cold" if _cold else "warm"


def _record(request: Request | None, reply: Reply) -> None:
    """Writes one log line and one metric document a request, and nothing of the photo."""
    name = f"Refused{int(reply.status)}" if reply.status >= 400 else "Answered"
    metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.add_metric("ColdStart", MetricUnit.Count, int(_cold))
    flush()
    logger.info(
        "answered",
        method=request and request.method,
        path=request and request.path,
        bytes_in=len(request.body) if request else 0,
        bytes_out=len(reply.body),
        status=int(reply.status),
        model=reply.headers.get("x-model"),
        timing=reply.headers["server-timing"],
    )
