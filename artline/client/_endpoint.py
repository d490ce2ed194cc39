"""Which service to ask."""

from __future__ import annotations

import os
import subprocess

import httpx

from ..errors import EndpointError

PULUMI = ("pulumi", "stack", "output", "endpoint", "--non-interactive")


def find(given: str | None = None) -> str:
    """The service's base URL: `given`, else `ARTLINE_ENDPOINT`, else the Pulumi stack's output.

    Raises `EndpointError` where none of them says, or what they say is no URL.
    """
    endpoint = given or os.environ.get("ARTLINE_ENDPOINT") or _stack_output()
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise EndpointError(f"The endpoint {endpoint!r} is no URL that begins with https://")
    return endpoint.rstrip("/")


def _stack_output() -> str:
    try:
        pulumi = subprocess.run(PULUMI, capture_output=True, text=True, timeout=60, check=True)
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().removeprefix("error: ").partition("\n")[0]
        raise _unknown(f"`pulumi stack output endpoint` says: {said}") from error
    except subprocess.TimeoutExpired as error:
        raise _unknown("`pulumi stack output endpoint` did not answer.") from error
    except OSError as error:
        raise _unknown("The pulumi command is not installed.") from error
    return pulumi.stdout.strip()


def _unknown(why: str) -> EndpointError:
    return EndpointError(
        "Which service? Give --endpoint URL, set ARTLINE_ENDPOINT, or run this where the Pulumi"
        f" project is. {why}"
    )
