"""The main path in the other two engines: choose, draw, reload in mid-queue, save."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.drivers import FIREFOX, MINI_BROWSERS, WEBKIT, XVFB, Driver, Firefox, WebKit, until
from tests.page.proxy import Proxy, Sent

DRAWN = "document.querySelectorAll('#strip button:not(.undrawn)').length === {}"


@pytest.fixture(params=["firefox", "webkit"])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Driver]:
    opened: Any
    if request.param == "firefox":
        if not FIREFOX:
            pytest.skip("Firefox not found")
        pytest.importorskip("websockets", reason="websockets not found")
        opened = Firefox(tmp_path)
    else:
        found = {"WebKitWebDriver": WEBKIT, "MiniBrowser": MINI_BROWSERS, "Xvfb": XVFB}
        if missing := [name for name, path in found.items() if not path]:
            pytest.skip(f"{' and '.join(missing)} not found")
        opened = WebKit(tmp_path)
    yield opened
    opened.close()


def test_choose_draw_reload_save(driver: Driver, proxy: Proxy, samples: Path) -> None:
    gate = threading.Event()

    def second(sent: Sent) -> None:
        if sent.path == "/transform" and len(proxy.to("/transform")) == 2:
            gate.wait(60)

    proxy.faults.append(second)
    driver.open(proxy.url)
    until(driver, "document.body.dataset.state === 'empty'")
    driver.choose("#files", [samples / f"{name}.jpg" for name in ("cat", "rotated", "face")])
    until(driver, "document.querySelector('#turn').textContent.startsWith('2')")
    until(driver, DRAWN.format(1))
    driver.open(proxy.url)
    gate.set()
    until(driver, DRAWN.format(3))
    assert len(proxy.to("/transform")) <= 4  # the second was begun once more, and nothing else

    until(driver, "document.querySelector('#art').naturalWidth > 0")
    driver.ask(
        "HTMLAnchorElement.prototype.click = function () { window.saved = this.download }, 1"
    )
    driver.ask("document.querySelector('#save').click()")
    assert re.fullmatch(r"\d{14}\.jpg", driver.ask("window.saved"))

    driver.open(proxy.url)
    until(driver, DRAWN.format(3))
    assert len(proxy.to("/transform")) <= 4
