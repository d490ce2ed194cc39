"""The deployed service: whether it answers, serves the model that is here, and draws."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from time import perf_counter

import httpx
from PIL import Image, ImageDraw

from artline import Client, LineArt, version
from artline.client._endpoint import find
from artline.errors import ArtLineError, ConnectError, EndpointError, ProblemError, SigningError

from .check import Finding, failed, ok, warning
from .deployment import Deployment

PATIENCE = 60.0
"""Seconds for an answer: one cold start and another try."""


def endpoint(deployment: Deployment) -> Finding:
    """Whether a service is deployed and healthy."""
    try:
        url = _url(deployment)
    except EndpointError as error:
        if deployment.endpoint or os.environ.get("ARTLINE_ENDPOINT"):
            return failed(str(error), "pulumi stack output endpoint")
        return warning("no service is deployed yet", "pulumi up")
    start = perf_counter()
    try:
        with Client(url, timeout=PATIENCE) as client:
            health = client.health()
    except ConnectError as error:
        return failed(str(error), f"curl -i {_shown(url)}/health")
    except ArtLineError as error:
        return failed(str(error), "pulumi up")
    return ok(
        f"{_shown(url)} answers in {perf_counter() - start:.1f} s after a {_start(health.cold)}:"
        f" {health.model}, version {health.version}"
    )


def model(deployment: Deployment) -> Finding | None:
    """The model that is served, compared with the file that is here."""
    with Client(_url(deployment), timeout=PATIENCE) as client:
        served = client.health().model_sha256
    if served is None:
        return None
    found = f"sha256:{served[:12]} is served"
    try:
        here = hashlib.sha256(version.MODEL.read_bytes()).hexdigest()
    except OSError:
        return warning(f"{found}, and there is no {version.MODEL.name} here", "git restore artline")
    if here != served:
        return warning(f"{found}, sha256:{here[:12]} is here", "pulumi up")
    return ok(f"{found}, as it is here")


def photo(deployment: Deployment) -> Finding:
    """Whether a photo comes back as line art."""
    return _drawn(deployment, lambda client, sample: client.transform(sample))


def job(deployment: Deployment) -> Finding | None:
    """The same through the bucket, the queue and its worker, where the stack has them."""
    with Client(_url(deployment), timeout=PATIENCE) as client:
        if not client.health().jobs:
            return None
    return _drawn(
        deployment,
        lambda client, sample: client.wait(client.submit(sample), timeout=PATIENCE),
    )


def _drawn(deployment: Deployment, draw: Callable[[Client, Image.Image], LineArt]) -> Finding:
    sample = _sample()
    sign, start = _signs(deployment), perf_counter()
    try:
        with Client(_url(deployment), deployment.token, sign=sign, timeout=PATIENCE) as client:
            art = draw(client, sample)
    except SigningError as error:
        return failed(str(error), "aws configure sso")
    except ProblemError as error:
        if error.status in ASKED_WHO and not (deployment.token or sign):
            return warning("the service requires authentication", ASKED_WHO[error.status])
        return failed(str(error), "pulumi logs")
    except ArtLineError as error:
        return failed(str(error), "pulumi logs")
    seconds = perf_counter() - start
    darkest, lightest = art.image.convert("L").getextrema()
    if art.image.size != sample.size or darkest == lightest:
        return failed(f"what came back is not its line art: {art.image.size}", "pulumi up")
    found = f"drawn in {seconds:.1f} s"
    if art.timings:  # which a job's result does not have
        of_model = art.timings.get("inference", 0)
        found += f" after a {_start(art.cold)}, {of_model:.0f} ms of it the model's"
    return ok(found)


ASKED_WHO = {401: "make doctor ARGS='--token TOKEN'", 403: "make doctor ARGS=--sign"}


def _signs(deployment: Deployment) -> bool:
    of_iam = deployment.stack.setting("auth") == "iam"
    return deployment.sign or (of_iam and not deployment.token)


def _url(deployment: Deployment) -> str:
    """The endpoint, as the client finds it; a stack that was named goes before the selected one."""
    if deployment.endpoint or not (name := deployment.stack.name):
        return find(deployment.endpoint)
    if endpoint := deployment.stack.outputs.get("endpoint"):
        return find(endpoint)
    raise EndpointError(f"the stack {name} exports no endpoint: nothing is deployed yet")


def _sample() -> Image.Image:
    """A shape on noise, so that no two samples are the same job."""
    image = Image.effect_noise((256, 192), 20).convert("RGB")
    ImageDraw.Draw(image).ellipse((64, 32, 192, 160), fill="orange", outline="black", width=3)
    return image


def _start(cold: bool) -> str:
    return "cold start" if cold else "warm start"


def _shown(url: str) -> str:
    """The URL without the password that it may hold."""
    return str(httpx.URL(url).copy_with(username=None, password=None))
