"""The daemon that the Docker provider would find, on real sockets."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from stack import builder

from .conftest import read


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No daemon anywhere, and a program that runs as under the engine."""
    monkeypatch.setattr(builder, "is_mocked", lambda: False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    default = (str(tmp_path / "docker.sock"), *builder.DEFAULT_SOCKETS[1:])
    monkeypatch.setattr(builder, "DEFAULT_SOCKETS", default)
    read()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Path]:
    """A socket that answers a ping, at the second of the places that are tried."""
    path = tmp_path / ".docker" / "run" / "docker.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield path


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")


def test_no_daemon_is_refused_with_every_address_and_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(pulumi.RunError) as refusal:
        builder.require()
    said = str(refusal.value)
    assert "\n" not in said
    for part in (
        f"unix://{tmp_path}/docker.sock (No such file or directory)",
        f"unix://{tmp_path}/.docker/run/docker.sock",
        "start it",
        "DOCKER_HOST",
        "artline:imageUri",
    ):
        assert part in said


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:9", "unix:///nowhere/docker.sock", "http://127.0.0.1:9"]
)
def test_an_address_that_is_given_is_the_only_one_tried(
    host: str, daemon: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(pulumi.RunError, match=rf"^No Docker daemon answers at {host} \([^)]+\): "):
        builder.require()


def test_a_daemon_at_a_fixed_socket_is_found(daemon: Path) -> None:
    builder.require()


def test_a_daemon_is_found_where_docker_host_leads(
    daemon: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builder, "DEFAULT_SOCKETS", ("/nowhere/docker.sock",))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon}")
    builder.require()


def test_the_stacks_own_address_comes_first(daemon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{daemon}")
    read({"docker:host": "tcp://127.0.0.1:9"})
    with pytest.raises(pulumi.RunError, match="answers at tcp://127"):
        builder.require()


def test_a_socket_without_a_daemon_is_none(daemon: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "docker.sock"))
    builder.require()  # by the next address
    daemon.unlink()
    with pytest.raises(pulumi.RunError, match=r"docker\.sock \(Connection refused\) or "):
        builder.require()


def test_a_machine_behind_ssh_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://unused@localhost")
    builder.require()
