"""Python and the container engine: what builds the image."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from .check import Finding, failed, ok, warning
from .deployment import Deployment
from .program import NotInstalledError, ProgramError, ask, ask_json

PYTHON = (3, 11)

LITTLE, ENOUGH = 1e9, 3e9
"""Bytes: the image and its base are a third of a gigabyte, and the build's layers as much again."""

EMULATORS = {"linux/arm64": "qemu-aarch64", "linux/amd64": "qemu-x86_64"}
"""The kernel's name of the interpreter for each platform."""


def python(_: Deployment) -> Finding:
    """The one that `make` and `pulumi install` set up their environments with."""
    mend = "install Python 3.11 or newer: https://www.python.org/downloads/"
    try:
        version = json.loads(
            ask("python3", "-c", "import sys; print(list(sys.version_info[:3]))", seconds=10)
        )
    except ProgramError as error:
        return failed(str(error), mend)
    found = ".".join(map(str, version))
    return ok(found) if tuple(version) >= PYTHON else failed(f"{found} is too old", mend)


def engine(deployment: Deployment) -> Finding:
    """Docker, or what has its command."""
    try:
        server = ask_json("docker", "version", "--format", "{{json .Server}}", seconds=15)
    except ProgramError as error:
        if deployment.stack.setting("imageUri"):
            return warning(f"{error}; not needed with artline:imageUri", _start(error))
        return failed(str(error), _start(error))
    return ok(f"{server.get('Version')} on {_platform()}")


def emulation(deployment: Deployment) -> Finding:
    """Whether the engine can build for the function's processor."""
    wanted, own = deployment.platform, _platform()
    if wanted == own:
        return ok(f"{wanted}, the engine's own, is what {deployment.architecture} needs")
    if wanted in _builders() or _interpreter(wanted):
        return ok(f"{wanted} by emulation, on {own}: the build takes longer")
    processor = wanted.removeprefix("linux/")
    return failed(
        f"artline:architecture is {deployment.architecture}, and this engine runs {own} alone",
        f"docker run --privileged --rm tonistiigi/binfmt --install {processor}",
    )


def disk(_: Deployment) -> Finding:
    """Room for the image where the engine keeps it."""
    root = Path(ask("docker", "info", "--format", "{{.DockerRootDir}}"))
    # An engine in a virtual machine keeps its images on a disk that is not seen from here.
    place = root if root.exists() else Path()
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free at {place.resolve()}"
    if free >= ENOUGH:
        return ok(found)
    return (failed if free < LITTLE else warning)(found, "docker system prune")


def _platform() -> str:
    return ask("docker", "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")


def _builders() -> list[str]:
    """The platforms that the engine's builder names."""
    try:
        lines = ask("docker", "buildx", "inspect").splitlines()
    except ProgramError:
        return []
    named = [line.partition(":")[2] for line in lines if line.startswith("Platforms:")]
    return [each.strip(" *") for each in ",".join(named).split(",")]


def _interpreter(platform: str) -> bool:
    """Whether this machine's kernel runs programs of `platform`."""
    try:
        handler = Path("/proc/sys/fs/binfmt_misc", EMULATORS.get(platform, "none")).read_text()
    except OSError:
        return False
    return handler.startswith("enabled")


def _start(error: ProgramError) -> str:
    if isinstance(error, NotInstalledError):
        return "install Docker: https://docs.docker.com/get-started/get-docker/"
    if "permission denied" in str(error).lower():
        return "sudo usermod -aG docker $USER && newgrp docker"
    return "open -a Docker" if sys.platform == "darwin" else "sudo systemctl start docker"
