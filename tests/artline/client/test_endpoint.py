"""The option, then the environment, then the stack."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from artline import Client, EndpointError
from artline.client._endpoint import find


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


@pytest.mark.parametrize("endpoint", ["localhost:8080", "ftp://host", "https://", "http://\n", "x"])
def test_no_url(endpoint: str) -> None:
    with pytest.raises(EndpointError, match="begins with https://"):
        find(endpoint)
