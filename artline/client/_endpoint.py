"""Which service to ask."""

from __future__ import annotations

import os
import re
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import httpx

from ..errors import EndpointError

PULUMI: Final = ("pulumi", "stack", "output", "endpoint", "--non-interactive")

PROJECTS: Final = ("Pulumi.yaml", "Pulumi.yml")
"""The file that makes a directory a Pulumi project."""

WHICH: Final = (
    "Which service? Give --endpoint URL, set ARTLINE_ENDPOINT, or run this where the Pulumi"
    " project is."
)

ROUTES: Final = ("/transform", "/jobs")
"""What the stack's other outputs add to its endpoint."""


def find(given: str | None = None) -> str:
    """The service's base URL: `given`, else `ARTLINE_ENDPOINT`, else the Pulumi stack's output.

    An address without a scheme is one of https, or of http where it is of this machine or network.
    Raises `EndpointError` where none of them says, or what they say is no URL.
    """
    endpoint = configured(given)
    if endpoint is None:
        raise EndpointError(WHICH)
    return endpoint


def configured(given: str | None = None) -> str | None:
    """As `find`, and None where no service is named and this is no Pulumi project."""
    named = {"--endpoint": given, "ARTLINE_ENDPOINT": os.environ.get("ARTLINE_ENDPOINT")}
    for source, endpoint in named.items():
        if endpoint and endpoint.strip():
            return _base(endpoint.strip(), source)
    if _in_a_project():
        return _base(_stack_output(), "`pulumi stack output endpoint`")
    return None


def _in_a_project() -> bool:
    try:
        here = Path.cwd()
        folders = (here, *here.parents)
        return any((folder / name).is_file() for folder in folders for name in PROJECTS)
    except OSError:  # it was deleted, or may not be looked into
        return False


def _base(endpoint: str, source: str) -> str:
    url = _url(endpoint)
    if url is None or re.search(r"\s", endpoint) or url.scheme not in ("http", "https"):
        shown = re.sub(r"//[^/@]*@", "//…@", endpoint)  # there may be a password
        raise EndpointError(f"{source} is {shown!r}, which is no URL that begins with https://.")
    base = str(url.copy_with(query=None, fragment=None)).rstrip("/")
    for route in ROUTES:
        base = base.removesuffix(route)
    return base


def _url(endpoint: str) -> httpx.URL | None:
    try:
        if "://" in endpoint:
            url = httpx.URL(endpoint)
        else:
            scheme = "http" if _is_near(httpx.URL(f"//{endpoint}").host) else "https"
            url = httpx.URL(f"{scheme}://{endpoint}")
        return url if url.host else None  # decoded, which may fail
    except (httpx.InvalidURL, UnicodeError):
        return None


def _is_near(host: str) -> bool:
    """Whether a host is this machine or one of its own network, where https is seldom spoken."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost"))


def _stack_output() -> str:
    try:
        pulumi = subprocess.run(
            PULUMI,
            stdin=subprocess.DEVNULL,  # which may be a photo
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
        said = next((line for line in lines if line.startswith("error: ")), lines[0])
        said = said.removeprefix("error: ").rstrip(".")
        raise _unknown(f"`pulumi stack output endpoint` says: {said}.") from error
    except subprocess.TimeoutExpired as error:
        raise _unknown("`pulumi stack output endpoint` did not answer.") from error
    except FileNotFoundError as error:
        raise _unknown("The pulumi command is not installed.") from error
    except OSError as error:
        raise _unknown(f"The pulumi command cannot be run: {error.strerror}.") from error
    if not pulumi.stdout.strip():
        raise _unknown("The stack has no output `endpoint`: is it deployed?")
    return pulumi.stdout.strip()


def _unknown(why: str) -> EndpointError:
    return EndpointError(f"{WHICH} {why}")
