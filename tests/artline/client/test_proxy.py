"""Proxies, in whatever words the environment has for them."""

import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from PIL import Image

from artline import Client, ConnectError, EndpointError
from artline.client._proxy import proxy

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, *map(str.lower, VARIABLES), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def forwarding() -> Iterator[Any]:
    """A proxy that forwards GET and POST, and notes what for."""
    seen: list[str] = []

    class Forward(BaseHTTPRequestHandler):
        def forward(self) -> None:
            seen.append(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {"content-type": self.headers.get("content-type", "")}
            answer = httpx.request(
                self.command, self.path, content=body, headers=headers, trust_env=False
            )
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = forward  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Tests have no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forward) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}", seen
        server.shutdown()


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_photo_through_a_proxy(
    scripted: Any,
    steps: Any,
    drawing: bytes,
    forwarding: Any,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    address, seen = forwarding
    monkeypatch.setenv(variable, address)
    scripted.on("POST /transform", steps.answer(200, drawing))
    with Client(scripted.url) as client:
        assert client.draw(Image.new("RGB", (64, 64))).data == drawing
    assert seen == [f"{scripted.url}/health", f"{scripted.url}/transform"]
    monkeypatch.setenv("NO_PROXY", "example.com, 127.0.0.0/8")
    with Client(scripted.url) as client:
        assert client.draw(Image.new("RGB", (64, 64))).data == drawing
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("[::1]", "http://[::1]:8080", True),
        ("::1", "http://[::1]:8080", True),
        ("[::1]", "http://[::2]:8080", False),
        ("fe80::/10", "http://[fe80::7]", True),
        ("fe80::/10", "http://example.com", False),
        ("10.0.0.0/8,localhost", "http://10.1.2.3", True),
        ("10.0.0.0/8,localhost", "http://localhost:8080", True),
        ("10.0.0.0/8", "http://11.1.2.3", False),
        ("example.com", "https://example.com", True),
        ("example.com", "https://art.example.com", True),
        (".example.com", "https://art.example.com", True),
        ("*.example.com", "https://art.example.com", True),
        ("example.com", "https://anexample.com", False),
        ("example.com:443", "https://example.com", True),
        ("example.com:8443", "https://example.com", False),
        ("https://example.com", "https://example.com", True),
        ("*", "https://example.com", True),
        (",,", "https://example.com", False),
    ],
)
def test_exceptions(
    monkeypatch: pytest.MonkeyPatch, exceptions: str, url: str, direct: bool
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert proxy(url) == (None if direct else "http://proxy:3128")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("socks5://proxy:1080", "socks5://proxy:1080"),
        ("socks5h://proxy:1080", "socks5h://proxy:1080"),
        ("socks://proxy:1080/", "socks5://proxy:1080/"),
        ("proxy:3128", "http://proxy:3128"),
    ],
)
def test_schemes(monkeypatch: pytest.MonkeyPatch, given: str, meant: str) -> None:
    monkeypatch.setenv("ALL_PROXY", given)
    assert proxy("https://example.com") == meant


@pytest.mark.parametrize("given", ["socks5://127.0.0.1:9", "socks://127.0.0.1:9", "127.0.0.1:9"])
def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch, clock: Any, given: str) -> None:
    monkeypatch.setenv("ALL_PROXY", given)
    with Client("http://example.com") as client, pytest.raises(ConnectError, match="refused"):
        client.health()


@pytest.mark.parametrize(
    "given", ["ftp://proxy", "socks4://proxy", "http://", "http://ada:secret@:x"]
)
def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    with (
        Client("https://example.com") as client,
        pytest.raises(EndpointError, match=r"^HTTPS_PROXY is no proxy") as error,
    ):
        client.health()
    assert "secret" not in str(error.value)


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    with pytest.raises(EndpointError, match=r"^SSL_CERT_FILE=/nowhere.pem cannot be read: No such"):
        Client("https://example.com")
    default = ssl.get_default_verify_paths().cafile
    if default:
        monkeypatch.setenv("SSL_CERT_FILE", default)
        Client("https://example.com").close()


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_does_not_answer_is_named(
    scripted: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("http_proxy", f"{scheme}://ada:hunter2@127.0.0.1:1")
    with Client(scripted.url, timeout=1) as client, pytest.raises(ConnectError) as refusal:
        client.health()
    assert f"{scripted.url} through the proxy {scheme}://127.0.0.1:1: " in str(refusal.value)
