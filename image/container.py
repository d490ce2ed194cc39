"""Builds the function's container image, and runs it as Lambda does."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from artline.limits import MEMORY_PER_CPU
from artline.version import __version__

from . import context
from .context import ROOT

STAND_IN = Path(__file__).with_name("base.sh")
TAG = "artline"

MEMORY = 2048
"""MB, the stack's own default."""
TIMEOUT = 29
START_SECONDS = 20
"""How long a container may take until the emulator in it listens."""
LAMBDA_USER = "993:990"
"""The user and group that Lambda runs a function as; the image has no such user."""


class MissingError(Exception):
    """Something that this machine lacks; the message says what."""


@dataclass(frozen=True, slots=True)
class Container:
    """A running container of the image, with one invocation at a time."""

    id: str
    url: str

    def invoke(self, event: object, timeout: float = 60) -> Any:
        """What the handler returns for `event`, or what the emulator says in its place.

        Waits for the emulator where the container has only just been started.
        """
        request = urllib.request.Request(self.url, json.dumps(event).encode())  # noqa: S310
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                    return _json_or_text(answer.read())
            except (ConnectionError, urllib.error.URLError):
                if time.monotonic() > deadline or not self.state()["Running"]:
                    raise
                time.sleep(0.01)

    def state(self) -> dict[str, Any]:
        """Docker's `State`: `Running`, `ExitCode`, `OOMKilled`."""
        state: dict[str, Any] = json.loads(
            docker("inspect", "--format", "{{json .State}}", self.id)
        )
        return state

    def logs(self) -> str:
        return docker("logs", self.id, stderr=subprocess.STDOUT)

    def memory(self) -> int:
        """The bytes that the function's process has resident."""
        return self._memory("VmRSS")

    def peak_memory(self) -> int:
        """The most bytes that the function's process has had resident."""
        return self._memory("VmHWM")

    def _memory(self, kind: str) -> int:
        status = docker("exec", self.id, "sh", "-c", "cat /proc/[0-9]*/status")
        return 1024 * max(int(size) for size in re.findall(rf"{kind}:\s+(\d+) kB", status))

    def stop(self, seconds: int = 10) -> None:
        """SIGTERM, and SIGKILL where that does not end it within `seconds`."""
        docker("stop", "--time", str(seconds), self.id)


def docker(*arguments: str, stderr: int = subprocess.PIPE, timeout: float | None = None) -> str:
    """Runs the Docker command line, returns what it prints. Raises `CalledProcessError`."""
    return subprocess.run(
        ["docker", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=timeout,
    ).stdout.strip()


def require_engine() -> None:
    """Raises `MissingError` where no container engine answers."""
    if not shutil.which("docker"):
        raise MissingError("no container engine: there is no docker command here")
    try:
        docker("version", "--format", "{{.Server.Version}}", timeout=20)
    except subprocess.SubprocessError as error:
        raise MissingError("no container engine: the docker command finds none running") from error


def present(image: str) -> bool:
    """Whether the engine has `image`."""
    try:
        docker("image", "inspect", image)
    except subprocess.CalledProcessError:
        return False
    return True


def base_image() -> str:
    """AWS's base image, as the Dockerfile pins it, or a stand-in where it cannot be pulled.

    Raises `MissingError` where neither can be had.
    """
    require_engine()
    pinned = re.findall(
        r"^ARG BASE_IMAGE=(.+)$", (ROOT / "function" / "Dockerfile").read_text(), re.M
    )[0]
    if present(pinned):
        return str(pinned)
    try:
        docker("pull", "--quiet", pinned)
    except subprocess.CalledProcessError:
        return stand_in()
    return str(pinned)


def stand_in() -> str:
    """A base image of AWS's shape, made once on this machine. Raises `MissingError`."""
    tag = f"artline-base:{hashlib.sha256(STAND_IN.read_bytes()).hexdigest()[:12]}"
    if present(tag):
        return tag
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        raise MissingError(
            "no base image: AWS's cannot be pulled, and making one takes root and debootstrap"
        )
    print("AWS's base image cannot be pulled: making a stand-in for it (1 min).", file=sys.stderr)
    subprocess.run(["sh", str(STAND_IN), tag], check=True, stdout=subprocess.DEVNULL)
    return tag


def build(tag: str = TAG, base: str | None = None, *, root: Path = ROOT) -> str:
    """Builds the project at `root` on `base`, by default `base_image()`, as `tag`; returns that.

    Two builds of one checkout wait for each other. Raises `MissingError` without an engine or
    no base, `CalledProcessError` where it fails.
    """
    with (root / ".image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        arguments = {
            "BASE_IMAGE": base or base_image(),
            "VERSION": __version__,
            "MODEL_SHA256": context.model_digest(root),
        }
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        folder = str(context.stage(root))
        docker("build", "--quiet", "--tag", tag, *options, folder, stderr=subprocess.STDOUT)
    return tag


@contextmanager
def run(
    image: str = TAG,
    *options: str,
    environment: Mapping[str, str] | None = None,
    memory: int = MEMORY,
    timeout: int = TIMEOUT,
    user: str = LAMBDA_USER,
    command: Sequence[str] = (),
) -> Iterator[Container]:
    """A container of `image` with a Lambda function's limits: `memory` in MB and the CPU time that
    goes with it, `timeout` in seconds, nothing writable but /tmp. `options` are for `docker run`,
    `command` names another handler than the image's own.
    """
    variables = {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": memory,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": timeout,
        **(environment or {}),
    }
    container = docker(
        "run",
        "--detach",
        "--publish=127.0.0.1::8080",
        f"--memory={memory}m",
        f"--memory-swap={memory}m",
        f"--cpus={memory / MEMORY_PER_CPU:.2f}",
        f"--user={user}",
        "--read-only",
        "--tmpfs=/tmp:size=512m",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        *(f"--env={name}={value}" for name, value in variables.items()),
        *options,
        image,
        *command,
    )
    try:
        port = docker("port", container, "8080/tcp").rpartition(":")[2]
        invocations = "2015-03-31/functions/function/invocations"
        yield Container(container, f"http://127.0.0.1:{port}/{invocations}")
    finally:
        docker("rm", "--force", "--volumes", container)


def _json_or_text(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode()
