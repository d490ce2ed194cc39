"""Python and the container engine: what builds the image."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from stack import builder

from .check import Finding, failed, ok, warning
from .deployment import Deployment
from .program import NotInstalledError, ProgramError, ask, ask_json

PYTHON = (3, 11)

SAME_ENGINE = "export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}')"
"""Leads the provider, which knows nothing of Docker contexts, to the engine of the context."""

PUBLIC_REGISTRY = "public.ecr.aws"
"""Where the base image is."""

LITTLE, ENOUGH = 1e9, 3e9
"""Bytes: the image and its base take a third of a gigabyte, the build's layers as much again."""

EMULATORS = {"linux/arm64": "qemu-aarch64", "linux/amd64": "qemu-x86_64"}
"""The kernel's name of the emulator for each platform."""


def python(_: Deployment) -> Finding:
    """The one with which `make` and `pulumi install` create their virtual environments."""
    fix = "install Python 3.11 or newer: https://www.python.org/downloads/"
    try:
        version = json.loads(
            ask("python3", "-c", "import sys; print(list(sys.version_info[:3]))", seconds=10)
        )
    except ProgramError as error:
        return failed(str(error), fix)
    found = ".".join(map(str, version))
    return ok(found) if tuple(version) >= PYTHON else failed(f"{found} is too old", fix)


def engine(deployment: Deployment) -> Finding:
    """Docker, or a program with its command, and whether Pulumi's provider finds the same one."""
    found, tried = builder.look(deployment.stack.setting("docker:host"))
    try:
        server = ask_json("docker", "version", "--format", "{{json .Server}}", seconds=15)
    except ProgramError as error:
        if deployment.stack.setting("imageUri"):
            needed = "needed only by a stack that once built its image"
            return warning(f"{error}; with imageUri {needed}", _start(error))
        if found and not isinstance(error, NotInstalledError):
            return warning(f"{error}; Pulumi would use {found}", "docker context use default")
        return failed(str(error), _start(error))
    here = ask("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    if found is None:
        return failed(
            f"the docker command uses {here}, Pulumi looks at {' and '.join(tried)}", SAME_ENGINE
        )
    if not _same(here, found):
        return failed(f"the docker command uses {here}, Pulumi would use {found}", SAME_ENGINE)
    return ok(f"{server.get('Version')} on {_platform()}")


def image_store(_: Deployment) -> Finding | None:
    """Whether the engine keeps images in a store with which the provider's builds fail."""
    if "io.containerd.snapshotter" not in ask("docker", "info", "--format", "{{.DriverStatus}}"):
        return None
    return warning(
        'the containerd image store, with which builds of the provider may end in "failed to read'
        ' downloaded context", and pushes in "missing content"',
        classic_store(),
    )


def registry_login(_: Deployment) -> Finding | None:
    """Whether a login to AWS's public registry, which expires, will stop the base image's pull."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        logins = json.loads((folder / "config.json").read_text()).get("auths") or {}
    except (OSError, ValueError):
        return None
    if PUBLIC_REGISTRY not in logins:
        return None
    return warning(
        f"logged in to {PUBLIC_REGISTRY}: the login expires after twelve hours and then blocks the"
        " pull of the base image, which needs no login",
        f"docker logout {PUBLIC_REGISTRY}",
    )


def classic_store() -> str:
    """How to turn the containerd image store off."""
    if sys.platform == "darwin":
        return 'Docker Desktop, Settings, General: turn off "Use containerd for … images"'
    return (
        'set {"features": {"containerd-snapshotter": false}} in /etc/docker/daemon.json &&'
        " sudo systemctl restart docker"
    )


def emulation(deployment: Deployment) -> Finding:
    """Whether the engine can build for the function's architecture."""
    wanted, own = deployment.platform, _platform()
    if wanted == own:
        return ok(f"{wanted}, the engine's own platform, as {deployment.architecture} needs")
    if wanted in _builders() or _interpreter(wanted):
        return ok(f"{wanted} by emulation, on {own}: the build takes longer")
    processor = wanted.removeprefix("linux/")
    return failed(
        f"architecture is {deployment.architecture}, and this engine runs {own} alone",
        f"docker run --privileged --rm tonistiigi/binfmt --install {processor}",
    )


def disk(_: Deployment) -> Finding:
    """Free disk space for the image, where the engine keeps it."""
    root = Path(ask("docker", "info", "--format", "{{.DockerRootDir}}"))
    # An engine in a virtual machine keeps its images on a disk that is not visible here.
    place = root if root.exists() else Path()
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free at {place.resolve()}"
    if free >= ENOUGH:
        return ok(found)
    return (failed if free < LITTLE else warning)(found, "docker system prune")


def _same(one: str, other: str) -> bool:
    """Whether two addresses are one, also by way of a symbolic link."""
    paths = [each.removeprefix("unix://") for each in (one, other)]
    return one == other or os.path.realpath(paths[0]) == os.path.realpath(paths[1])


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
