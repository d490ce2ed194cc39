"""Python and the engine: the real ones, and such as a test makes up."""

import json
import re
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from operate.doctor import machine
from operate.doctor.deployment import Deployment
from operate.doctor.stack import Stack


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def server(arch: str = "amd64", **answers: Any) -> dict[str, Any]:
    """What a made-up engine answers."""
    return {
        "version format {{json": json.dumps({"Version": "29.1", "Arch": arch}),
        "version format {{.Server": f"linux/{arch}",
        **answers,
    }


HERE = "unix:///run/user/1000/docker.sock"


def engine_at(monkeypatch: pytest.MonkeyPatch, found: str | None, *tried: str) -> None:
    monkeypatch.setattr("stack.builder.look", lambda _: (found, list(tried)))


def test_this_python(bare: Path, monkeypatch: pytest.MonkeyPatch, deployment: Deployment) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    finding = machine.python(deployment)
    assert finding.status == "ok"
    assert finding.found == "{}.{}.{}".format(*sys.version_info)


@pytest.mark.parametrize(
    ("answers", "said"),
    [({"c": "[3, 10, 12]"}, "3.10.12 is too old"), ({}, "there is no python3 command here")],
)
def test_no_python_to_speak_of(
    program: Any, deployment: Deployment, answers: dict[str, str], said: str
) -> None:
    if answers:
        program("python3", **answers)
    finding = machine.python(deployment)
    assert (finding.status, finding.found) == ("failed", said)
    assert "3.11" in (finding.fix or "")


def test_the_real_engine(real: None, deployment: Deployment) -> None:
    finding = machine.engine(deployment)
    assert finding.status == "ok"
    assert " on linux/" in finding.found


def test_an_engine_that_does_not_run(
    real: None, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    finding = machine.engine(deployment)
    assert finding.status == "failed"
    assert "docker" in (finding.fix or "").lower()
    assert "install" not in (finding.fix or "")


def test_no_engine(bare: Path, deployment: Deployment) -> None:
    finding = machine.engine(deployment)
    assert (finding.status, finding.found) == ("failed", "there is no docker command here")
    assert (finding.fix or "").startswith("install Docker: https://")


def test_an_engine_that_is_not_ours_to_use(
    program: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_at(monkeypatch, None, "unix:///var/run/docker.sock (Permission denied)")
    program("docker", error="permission denied while trying to connect to the Docker daemon")
    finding = machine.engine(deployment)
    assert finding.status == "failed"
    assert "usermod -aG docker" in (finding.fix or "")


def test_no_engine_and_none_needed(project: Any, deployment: Deployment) -> None:
    project(imageUri=f"registry.example/artline@sha256:{'0' * 64}")
    finding = machine.engine(deployment)
    assert finding.status == "warning"
    assert "needed only by a stack that once built its image" in finding.found


@pytest.fixture
def listening(scripted: Any) -> str:
    """The address of a daemon."""
    scripted.on("GET /_ping", lambda handler: (handler.send_response(200), handler.end_headers()))
    return str(scripted.url.replace("http:", "tcp:"))


def test_an_engine_that_pulumi_finds_as_well(
    program: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("docker", **server(), context=HERE)
    engine_at(monkeypatch, HERE)
    assert machine.engine(deployment).status == "ok"


def test_an_engine_that_the_stack_names(
    program: Any, bare: Path, deployment: Deployment, listening: str
) -> None:
    program("docker", **server(), context=listening)
    (bare / "Pulumi.yaml").write_text("name: artline\n")
    assert machine.engine(deployment).status == "failed"
    (bare / "Pulumi.dev.yaml").write_text(f"config: {{'docker:host': '{listening}'}}\n")
    assert machine.engine(Deployment()).status == "ok"


def test_an_engine_of_a_context_that_pulumi_does_not_find(
    program: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("docker", **server(), context=HERE)
    engine_at(monkeypatch, None, "unix:///var/run/docker.sock (No such file or directory)")
    finding = machine.engine(deployment)
    assert finding.status == "failed"
    assert HERE in finding.found
    assert "unix:///var/run/docker.sock" in finding.found
    assert finding.fix == (
        "export DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}')"
    )


def test_an_engine_of_a_context_beside_another_that_pulumi_finds(
    program: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("docker", **server(), context=HERE)
    engine_at(monkeypatch, "unix:///var/run/docker.sock")
    finding = machine.engine(deployment)
    assert (finding.status, finding.fix) == ("failed", machine.SAME_ENGINE)


def test_a_dead_context_beside_an_engine_that_pulumi_finds(
    program: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("docker", error="error: cannot connect")
    engine_at(monkeypatch, "unix:///var/run/docker.sock")
    finding = machine.engine(deployment)
    assert (finding.status, finding.fix) == ("warning", "docker context use default")
    assert "Pulumi would use unix:///var/run/docker.sock" in finding.found


def test_a_socket_by_another_name_is_the_same(
    program: Any, deployment: Deployment, bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare / "colima.sock").touch()
    (bare / "docker.sock").symlink_to(bare / "colima.sock")
    program("docker", **server(), context=f"unix://{bare}/colima.sock")
    engine_at(monkeypatch, f"unix://{bare}/docker.sock")
    assert machine.engine(deployment).status == "ok"


@pytest.mark.parametrize(
    ("driver", "known"),
    [("[[driver-type io.containerd.snapshotter.v1]]", True), ("[[Backing Filesystem ext]]", False)],
)
def test_the_containerd_image_store_is_known_to_fail(
    program: Any, deployment: Deployment, driver: str, known: bool
) -> None:
    program("docker", info=driver)
    finding = machine.image_store(deployment)
    assert (finding is not None) is known
    assert finding is None or "containerd" in (finding.fix or "").lower()


@pytest.mark.parametrize(
    ("config", "stale"),
    [
        ('{"auths": {"public.ecr.aws": {}}}', True),
        ('{"auths": {"ghcr.io": {}}}', False),
        ("{}", False),
        ("{", False),
        (None, False),
    ],
)
def test_a_login_to_the_public_registry_expires(
    bare: Path,
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    config: str | None,
    stale: bool,
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(bare))
    if config is not None:
        (bare / "config.json").write_text(config)
    finding = machine.registry_login(deployment)
    assert (finding is not None) is stale
    assert finding is None or finding.fix == "docker logout public.ecr.aws"


def test_no_cure_is_offered_that_changes_nothing() -> None:
    for path in (Path(machine.__file__).parent).glob("*.py"):
        assert "BUILDX_NO_DEFAULT_ATTESTATIONS" not in path.read_text()


def test_the_engines_own_platform(program: Any, deployment: Deployment) -> None:
    program("docker", **server())
    finding = machine.emulation(deployment)
    assert finding.status == "ok"
    assert "linux/amd64" in finding.found


def test_a_builder_that_emulates(program: Any, project: Any, deployment: Deployment) -> None:
    project(architecture="arm64")
    program(
        "docker",
        **server("amd64", **{"buildx inspect": "Name: x\nPlatforms: linux/amd64*, linux/arm64"}),
    )
    finding = machine.emulation(deployment)
    assert finding.status == "ok"
    assert finding.found.startswith("linux/arm64 by emulation, on linux/amd64")


@pytest.mark.parametrize(("handler", "status"), [("enabled\n", "ok"), ("disabled\n", "failed")])
def test_a_kernel_that_emulates(
    program: Any,
    deployment: Deployment,
    bare: Path,
    monkeypatch: pytest.MonkeyPatch,
    handler: str,
    status: str,
) -> None:
    (bare / "handler").write_text(handler)
    monkeypatch.setitem(machine.EMULATORS, "linux/amd64", str(bare / "handler"))
    program("docker", **server("arm64"))
    assert machine.emulation(deployment).status == status


def test_no_emulation(
    program: Any, project: Any, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(machine.EMULATORS, "linux/arm64", "none")
    project(architecture="arm64")
    program("docker", **server("amd64", buildx="Platforms: linux/amd64"))
    finding = machine.emulation(deployment)
    assert finding.status == "failed"
    assert "architecture is arm64" in finding.found
    assert (finding.fix or "").endswith("--install arm64")


def test_the_real_disk(real: None, deployment: Deployment) -> None:
    assert re.fullmatch(r"\d+\.\d GB free at /.*", machine.disk(deployment).found)


@pytest.mark.parametrize(
    ("free", "status"), [(3e9, "ok"), (2.9e9, "warning"), (1e9, "warning"), (0.9e9, "failed")]
)
def test_disks(
    program: Any,
    deployment: Deployment,
    bare: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: float,
    status: str,
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(free))
    program("docker", info=str(bare))
    finding = machine.disk(deployment)
    assert finding.status == status
    assert f"GB free at {bare}" in finding.found


def test_a_disk_in_a_virtual_machine(program: Any, deployment: Deployment, bare: Path) -> None:
    program("docker", info="/nowhere/docker")
    assert f"free at {bare}" in machine.disk(deployment).found


def test_a_stack_by_its_name(bare: Path, project: Any) -> None:
    project()
    (bare / "Pulumi.prod.yaml").write_text("config: {artline:architecture: arm64}")
    assert Deployment(Stack("prod")).platform == "linux/arm64"
    assert Deployment(Stack("dev")).platform == "linux/amd64"
