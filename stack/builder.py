"""Where the Docker provider looks for the daemon that builds the image."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pulumi

from .account import is_mocked
from .names import setting

DEFAULT_SOCKETS = (
    "/var/run/docker.sock",
    "~/.docker/run/docker.sock",
    "~/.docker/desktop/docker.sock",
)
"""What the provider tries in this order, and never the engine of a Docker context."""

SECONDS = 5.0


def require() -> None:
    """Raises `pulumi.RunError`, in one sentence, where the provider would find no daemon."""
    if is_mocked() or os.name == "nt":
        return
    host, tried = look(pulumi.Config("docker").get("host"))
    if host:
        return
    raise pulumi.RunError(
        f"No Docker daemon answers at {' or '.join(tried)}: start it, or set DOCKER_HOST to the"
        " address that `docker context inspect --format '{{.Endpoints.docker.Host}}'` prints, or"
        f" deploy an image that is in ECR with {setting('imageUri')}."
    )


def look(configured: str | None) -> tuple[str | None, list[str]]:
    """The address where the provider finds a daemon, and those before it with why it does not.

    `configured` is the setting `docker:host`.
    """
    tried: list[str] = []
    for host in hosts(configured):
        problem = _problem(host)
        if problem is None:
            return host, tried
        tried.append(f"{host} ({problem})")
    return None, tried


def hosts(configured: str | None) -> Iterator[str]:
    """The addresses that the provider tries, in order."""
    if only := configured or os.environ.get("DOCKER_HOST"):
        yield only
    else:
        yield from (f"unix://{Path(path).expanduser()}" for path in DEFAULT_SOCKETS)


def _problem(host: str) -> str | None:
    """Why no daemon answers at `host`; None where one does, or where it is not to be tried."""
    url = urlsplit(host)
    if url.scheme not in ("unix", "tcp", "http"):
        return None  # ssh:// is not tried before it is used
    if url.scheme != "unix" and os.environ.get("DOCKER_TLS_VERIFY"):
        return None
    try:
        connection = http.client.HTTPConnection("localhost", timeout=SECONDS)
        connection.sock = _connected(host)
        try:
            connection.request("GET", "/_ping")
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return None if status == http.HTTPStatus.OK else f"HTTP {status}"


def _connected(host: str) -> socket.socket:
    url = urlsplit(host)
    if url.scheme != "unix":
        return socket.create_connection((url.hostname or "localhost", url.port or 2375), SECONDS)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(SECONDS)
    try:
        connection.connect(url.path)
    except OSError:
        connection.close()
        raise
    return connection
