"""`POST /transform`: one photo in one request, answered with its line art."""

import base64
from urllib.parse import quote

from aws_lambda_powertools.metrics import MetricUnit

from artline import limits
from artline.drawing.transform import Timings, transform
from artline.options import MEDIA_TYPES, Options

from . import body, model, store
from .accept import TEXT, negotiate
from .events import Reply, Request
from .problem import ProblemError
from .telemetry import metrics

SVG_HEADERS = {
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
}
"""A browser runs the scripts of an SVG image that it opens as a page. Ours holds none."""

FORMATS = {media_type: name for name, media_type in MEDIA_TYPES.items()}


def draw(request: Request) -> Reply:
    """Answers a photo with its line art, in the form that was sent or that the caller accepts."""
    sent = body.read(request.body)
    if len(sent.photo) > limits.IMAGE_BYTES:
        raise _too_large(f"The image is {len(sent.photo):,}", "request", "shrink it")
    asked = {**sent.fields, **request.query}
    network = model.load()
    media_type = negotiate(request.headers.get("accept", ""), as_text=sent.as_text)
    options = Options.parse({"format": FORMATS.get(media_type, "jpeg"), **asked}, network)
    if media_type != TEXT or "format" in asked:
        media_type = options.media_type
    timings = Timings()
    art = transform(sent.photo, network, options, timings)
    if len(art) > limits.IMAGE_BYTES:
        what = f"The line art as {options.media_type} is {len(art):,}"
        raise _too_large(what, "answer", "ask for image/jpeg or a smaller max_side")
    headers = {
        "x-model": quote(f"{network.name}/{network.version}"),
        "server-timing": ", ".join(f"{k};dur={v:.1f}" for k, v in timings.steps.items()),
        "cache-control": "no-store",
    }
    if options.format == "svg":
        headers |= SVG_HEADERS
    for name, value in timings.steps.items():
        metrics.add_metric(f"{name.capitalize()}Time", MetricUnit.Milliseconds, value)
    content = base64.b64encode(art).decode() if media_type == TEXT else art
    return Reply(200, content, media_type, headers)


def _too_large(what: str, where: str, advice: str) -> ProblemError:
    most = f"{limits.IMAGE_BYTES:,}"
    otherwise = ", or send the photo by way of /jobs" if store.enabled() else ""
    return ProblemError(
        413, f"{what} bytes, over the {most} that one {where} holds: {advice}{otherwise}."
    )
