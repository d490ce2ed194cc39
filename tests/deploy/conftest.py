"""A whole AWS emulator on this machine, which runs functions in real containers."""

import ipaddress
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from image.container import docker

from .apply import Emulator

START_SECONDS = 60

SETTINGS = {
    # It checks signatures and enforces IAM policies: what a role lacks shows here.
    "AUTH": "true",
    "LAMBDA_EXECUTOR": "docker",
    "LAMBDA_STRICT": "1",
    "LOG_LEVEL": "INFO",
    "PERSIST_STATE": "0",
    "S3_PERSIST": "0",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
}


@pytest.fixture(scope="session")
def image(image: str) -> str:
    """The function's image, by the digest of its content."""
    return docker("image", "inspect", "--format", "{{.Id}}", image)


@pytest.fixture(scope="session")
def next_image(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A new version of it, that says so in its health."""
    change = "sed -i 's/^__version__ = .*/__version__ = \"9.9.9\"/' artline/version.py"
    context = tmp_path_factory.mktemp("next")
    yield from _changed(image, f"{change} && rm artline/__pycache__/version.*", context)


@pytest.fixture(scope="session")
def broken_image(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A version that starts, and cannot draw."""
    context = tmp_path_factory.mktemp("broken")
    yield from _changed(image, "echo none > artline/model.onnx", context)


def _changed(image: str, command: str, context: Path) -> Iterator[str]:
    """What `command` makes of the image, by the digest of its content.

    Its tag is this process's own: the tests in another one may have built the same image, and use
    it when this one is gone.
    """
    (context / "Dockerfile").write_text(f"FROM {image}\nRUN {command}\n")
    tag = f"artline:{context.name}-{os.getpid()}"
    yield docker("build", "--quiet", "--tag", tag, str(context))
    docker("image", "rm", "--force", tag)


@pytest.fixture
def emulator(image: str, tmp_path: Path) -> Iterator[Emulator]:
    """An empty one: on loopback for the tests, and on Docker's own bridge for the functions."""
    pytest.importorskip("ministack", reason="MiniStack is not installed: pip install ministack")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20)}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **SETTINGS,
        **keys,
        "AWS_DEFAULT_REGION": "us-east-1",
        "GATEWAY_PORT": str(port),
    }
    command = [sys.executable, str(Path(__file__).with_name("serve.py"))]
    for address in ("127.0.0.1", *bridge()):
        command += ["--bind", f"{address}:{port}"]
        # Where functions find it. S3 puts the bucket before a name, but behind an address.
        environment["AWS_ENDPOINT_URL"] = f"http://{address}:{port}"
    log = tmp_path / "emulator.log"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            _await(f"{endpoint}/_ministack/ready", process, log)
            with closing(Emulator(endpoint, "us-east-1", image, keys)) as emulator:
                yield emulator
        finally:
            process.terminate()
            process.wait(30)
            # It removes its containers as it ends, but one that is just being started.
            mine = f"label=ministack.instance={socket.gethostname()}:{port}"
            for container in docker("ps", "--all", "--quiet", "--filter", mine).split():
                docker("rm", "--force", container)


def bridge() -> list[str]:
    """The address on Docker's own network, where that is a network of this very machine."""
    subnet = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}")
    address = str(ipaddress.ip_network(subnet)[1])
    try:
        socket.create_server((address, 0)).close()
    except OSError:  # Docker Desktop leads its containers to loopback itself
        return []
    return [address]


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the emulator does not answer:\n{log.read_text()}")
