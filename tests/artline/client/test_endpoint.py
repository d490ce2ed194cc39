"""The option, then the environment, then the stack."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from artline import Client, EndpointError
from artline.client._endpoint import configured, find


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ARTLINE_ENDPOINT", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture
def pulumi(tmp_path: Path) -> Callable[[str], None]:
    """Puts a `pulumi` command in the path that runs `body`, in Python."""

    def install(body: str) -> None:
        script = tmp_path / "pulumi"
        script.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
        script.chmod(0o755)

    return install


def test_the_order(monkeypatch: pytest.MonkeyPatch, pulumi: Callable[[str], None]) -> None:
    pulumi(
        "assert sys.argv[1:4] == ['stack', 'output', 'endpoint']\nprint('https://stack.example/')"
    )
    assert find() == "https://stack.example"
    monkeypatch.setenv("ARTLINE_ENDPOINT", "https://variable.example")
    assert find() == "https://variable.example"
    assert find("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    with Client() as client:
        assert client.endpoint == "https://variable.example"


def test_no_pulumi() -> None:
    with pytest.raises(EndpointError, match=r"--endpoint URL.*pulumi command is not installed"):
        find()


def test_no_stack(pulumi: Callable[[str], None]) -> None:
    pulumi("sys.exit('error: no stack selected; please use `pulumi stack select`\\nmore')")
    with pytest.raises(EndpointError, match=r"says: no stack selected; please use `pulumi stack"):
        find()


@pytest.mark.parametrize("endpoint", ["ftp://host", "https://", "http://a\nb", "a b", ":8080"])
def test_no_url(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EndpointError, match=r"--endpoint is .* begins with https://"):
        find(endpoint)
    monkeypatch.setenv("ARTLINE_ENDPOINT", endpoint)
    with pytest.raises(EndpointError, match=r"ARTLINE_ENDPOINT is .* begins with https://"):
        find()


def test_a_password_is_not_shown() -> None:
    with pytest.raises(EndpointError) as error:
        find("ftp://ada:secret@host")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("192.168.1.7:8080", "http://192.168.1.7:8080"),
        ("studio:8080", "http://studio:8080"),
        ("art.example.com", "https://art.example.com"),
        ("https://art.example.com/v1/transform", "https://art.example.com/v1"),
        ("https://art.example.com/jobs?x=1", "https://art.example.com"),
        (" https://art.example.com\n", "https://art.example.com"),
    ],
)
def test_what_people_give(given: str, found: str) -> None:
    assert find(given) == found


def test_pulumi_is_asked_in_a_project_alone(
    monkeypatch: pytest.MonkeyPatch, pulumi: Callable[[str], None], tmp_path: Path
) -> None:
    pulumi("print('https://stack.example')")
    inside = tmp_path / "project" / "photos"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert configured() is None
    with pytest.raises(EndpointError, match="Which service"):
        find()
    (tmp_path / "project" / "Pulumi.yaml").touch()
    assert configured() == "https://stack.example"


@pytest.mark.parametrize("host", ["xn--.com", "xn--a.example", "http://xn--.com"])
def test_a_host_that_no_name_can_be(host: str) -> None:
    with pytest.raises(EndpointError, match="which is no URL"):
        find(host)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'warning: new' >&2; echo 'error: no stack' >&2; exit 1", "says: no stack."),
        ("printf '\\377\\376' >&2; exit 1", "says: "),
        ("exit 3", "says: exit status 3."),
        ("exit 0", "has no output `endpoint`"),
        ("/bin/cat; echo https://read.example", ""),
    ],
)
def test_whatever_pulumi_says(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!/bin/sh\n{script}\n")
    pulumi.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    if not said:
        assert find() == "https://read.example"
        return
    with pytest.raises(EndpointError, match=said):
        find()
