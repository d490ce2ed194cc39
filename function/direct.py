"""`POST /transform`: one photo in one request, answered with its line art."""

import base64
import binascii
from urllib.parse import quote

from aws_lambda_powertools.metrics import MetricUnit

from artline import limits
from artline.drawing.transform import Timings, transform
from artline.options import MEDIA_TYPES, Options
from artline.photo.reader import is_image

from . import model
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
    """Answers an image, or the base64 text of one, with line art in the form that was sent."""
    photo, as_text = _photo(request.body)
    if len(photo) > limits.IMAGE_BYTES:
        raise _too_large(f"The image is {len(photo):,}", "request", "shrink it")
    network = model.load()
    media_type = _negotiate(request.headers.get("accept", ""), as_text=as_text)
    options = Options.parse({"format": FORMATS.get(media_type, "jpeg"), **request.query}, network)
    if media_type != "text/plain" or "format" in request.query:
        media_type = options.media_type
    timings = Timings()
    art = transform(photo, network, options, timings)
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
    body = base64.b64encode(art).decode() if media_type == "text/plain" else art
    return Reply(200, body, media_type, headers)


def _too_large(what: str, where: str, advice: str) -> ProblemError:
    most = f"{limits.IMAGE_BYTES:,}"
    return ProblemError(
        413,
        f"{what} bytes, over the {most} that one {where} holds: {advice}, or send the photo by way"
        " of /jobs.",
    )


def _photo(body: bytes) -> tuple[bytes, bool]:
    """The image in a request's body, and whether it came as base64 text. The bytes decide."""
    if not body:
        raise ProblemError(400, "There is no body: send an image file, or the base64 text of one.")
    text = b"".join(body.split())
    if is_image(body) or not (text.isascii() and text.decode().isprintable()):
        return body, False
    _, _, text = text.rpartition(b",")  # what follows data:image/jpeg;base64,
    text = text.translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True), True
    except binascii.Error as error:
        raise ProblemError(
            400, "The body is text that is not base64: send an image file, or the base64 of one."
        ) from error


def _negotiate(accept: str, *, as_text: bool) -> str:
    """The answer's media type: the best that `Accept` names, or the form that was sent."""
    ranges = []
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name in FORMATS or name == "text/plain":
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
