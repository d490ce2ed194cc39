"""Firefox and WebKit, as far as the page's main path needs them.

Firefox speaks WebDriver BiDi itself, so that no geckodriver has to be found; WebKit is Debian's
WebKitGTK, by its own driver, on a virtual screen.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WEBKIT = shutil.which("WebKitWebDriver")
XVFB = shutil.which("Xvfb")
MINI_BROWSERS = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))


class Driver(Protocol):
    """One tab of a browser."""

    def open(self, url: str) -> None:
        """Loads the page, or loads it anew."""

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression, as JSON carries it."""

    def choose(self, selector: str, photos: Sequence[Path]) -> None:
        """Gives the file input these files."""

    def close(self) -> None:
        """Ends the browser."""


class Firefox:
    def __init__(self, profile: Path) -> None:
        from websockets.sync.client import connect

        command = [str(FIREFOX), "--headless", "--no-remote", "--remote-debugging-port", "0"]
        self._process = subprocess.Popen(
            [*command, "--profile", str(profile)], stderr=subprocess.DEVNULL
        )
        server = _written(profile / "WebDriverBiDiServer.json")
        address = f"ws://{server['ws_host']}:{server['ws_port']}"
        self._open = ExitStack()
        self._socket = self._open.enter_context(connect(f"{address}/session", max_size=None))
        self._calls = 0
        self._call("session.new", capabilities={})
        self._tab = self._call("browsingContext.getTree")["contexts"][0]["context"]

    def _call(self, method: str, **parameters: Any) -> Any:
        self._calls += 1
        call = {"id": self._calls, "method": method, "params": parameters}
        self._socket.send(json.dumps(call))
        while (answer := json.loads(self._socket.recv())).get("id") != self._calls:
            pass  # an event
        assert answer["type"] == "success", answer
        return answer["result"]

    def open(self, url: str) -> None:
        self._call("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def ask(self, expression: str) -> Any:
        code = f"Promise.resolve({expression}).then(JSON.stringify)"
        target = {"context": self._tab}
        answer = self._call("script.evaluate", expression=code, target=target, awaitPromise=True)
        assert answer["type"] == "success", answer
        return json.loads(answer["result"].get("value", "null"))

    def choose(self, selector: str, photos: Sequence[Path]) -> None:
        locator = {"type": "css", "value": selector}
        (node,) = self._call("browsingContext.locateNodes", context=self._tab, locator=locator)[
            "nodes"
        ]
        element = {"sharedId": node["sharedId"]}
        files = [str(photo) for photo in photos]
        self._call("input.setFiles", context=self._tab, element=element, files=files)

    def close(self) -> None:
        self._open.close()
        self._process.terminate()
        self._process.wait(30)


class WebKit:
    def __init__(self, profile: Path) -> None:
        read, write = os.pipe()
        self._screen = subprocess.Popen(
            [str(XVFB), "-displayfd", str(write), "-nolisten", "tcp"], pass_fds=[write]
        )
        os.close(write)
        with os.fdopen(read) as display:
            number = display.readline().strip()
        environment = {
            **os.environ,
            "DISPLAY": f":{number}",
            "HOME": str(profile),
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # as root and in containers
        }
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        self._process = subprocess.Popen([str(WEBKIT), f"--port={port}"], env=environment)
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            timeout=120,
            transport=httpx.HTTPTransport(retries=10),  # until it listens
        )
        browser = {"binary": str(MINI_BROWSERS[-1]), "args": ["--automation"]}
        capabilities = {"alwaysMatch": {"webkitgtk:browserOptions": browser}}
        session = self._call("/session", capabilities=capabilities)["sessionId"]
        self._session = f"/session/{session}"

    def _call(self, path: str, **parameters: Any) -> Any:
        answer = self._http.post(path, json=parameters)
        assert answer.is_success, answer.text
        return answer.json()["value"]

    def open(self, url: str) -> None:
        self._call(f"{self._session}/url", url=url)

    def ask(self, expression: str) -> Any:
        code = f"Promise.resolve({expression}).then(arguments[0])"
        return self._call(f"{self._session}/execute/async", script=code, args=[])

    def choose(self, selector: str, photos: Sequence[Path]) -> None:
        found = self._call(f"{self._session}/element", using="css selector", value=selector)
        (element,) = found.values()
        files = "\n".join(map(str, photos))
        self._call(f"{self._session}/element/{element}/value", text=files)

    def close(self) -> None:
        self._http.delete(self._session)
        self._http.close()
        for process in (self._process, self._screen):
            process.terminate()
            process.wait(30)


def _written(path: Path) -> Any:
    """The JSON in a file that is being waited for."""
    for _ in range(1200):
        try:
            return json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            time.sleep(0.1)
    raise AssertionError(f"{path.name} was never written")


def until(driver: Driver, question: str) -> None:
    """Waits for the page to say yes."""
    for _ in range(900):
        if driver.ask(question):
            return
        time.sleep(0.1)
    raise AssertionError(f"never true: {question}")
