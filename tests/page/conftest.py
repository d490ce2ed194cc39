"""The page in a real Chromium, before the real local server."""

import io
import re
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.page.proxy import Proxy

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
MISSING = [
    name
    for name, found in {
        "Chromium": CHROMIUM,
        "playwright": find_spec("playwright"),
        "axe-playwright-python": find_spec("axe_playwright_python"),
    }.items()
    if not found
]
collect_ignore_glob = ["test_*.py"] if MISSING else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line in place of one for each test."""
    if MISSING:
        lacking = " and ".join(MISSING)
        terminalreporter.write_line(f"SKIPPED tests/page: {lacking} not found")


ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}

MISHAP = "Failed to load resource"
"""How Chromium reports every answer over 399, whatever the page makes of it."""


# Not the session's: while it runs there is an event loop in this thread, which others need.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def front(server: str) -> Iterator[Proxy]:
    with Proxy(server) as proxy:
        yield proxy


@pytest.fixture
def proxy(front: Proxy) -> Proxy:
    front.sent.clear()
    front.faults.clear()
    return front


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, proxy: Proxy) -> Iterator[Open]:
    """Opens the page, in a browser that has never seen it, as `options` say.

    At the end: nothing was reported to the console, and nothing was asked of another origin but
    where the service itself sent the page to.
    """
    contexts = []
    said: list[str] = []
    asked: set[str] = set()
    storage: set[str] = set()

    def start(*, mishaps: bool = False, offline: bool = False, **options: Any) -> Any:
        workers = "allow" if offline else "block"
        context = browser.new_context(
            **{"locale": "en-US", "service_workers": workers, **DESKTOP, **options}
        )
        contexts.append(context)
        context.add_init_script(SHIFTS)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.add(request.url))
        page.on("filechooser", lambda _: None)  # else it is heard of from its first expect_ on

        def heard(message: Any) -> None:
            if message.type == "error" and not (mishaps and MISHAP in message.text):
                said.append(message.text)

        page.on("console", heard)
        policy = page.goto(proxy.url).headers["content-security-policy"]
        storage.update(re.findall(r"connect-src 'self' (\S+);", policy))
        page.wait_for_selector("body[data-state]")
        return page

    yield start
    for context in contexts:
        context.close()
    assert said == []
    origins = ("blob:", proxy.url, *storage)
    assert [url for url in asked if not url.startswith(origins)] == []


SHIFTS = """
window.shifted = [];
new PerformanceObserver((list) => {
  for (const shift of list.getEntries()) {
    if (shift.hadRecentInput) continue;
    for (const { node, previousRect, currentRect } of shift.sources) {
      const element = node?.nodeType === Node.TEXT_NODE ? node.parentElement : node;
      if (element?.closest("#stage")) continue;
      const [from, to] = [previousRect, currentRect].map(({ x, y }) => `${x}, ${y}`);
      window.shifted.push(`${element?.id || element?.outerHTML}: ${from} to ${to}`);
    }
  }
}).observe({ type: "layout-shift", buffered: true });
"""
"""Collects what moves without its user having done anything, but for the picture in its frame."""


@pytest.fixture
def page(open_page: Open) -> Any:
    return open_page()


def choose(page: Any, *photos: Path | dict[str, Any]) -> None:
    page.set_input_files("#files", list(photos))


def wait_for(page: Any, state: str) -> None:
    page.wait_for_selector(f"body[data-state={state}]")


def until(page: Any, question: str, argument: object = None) -> None:
    """Waits for the page to say yes. Playwright's own way is eval(), which the policy forbids."""
    for _ in range(600):
        if page.evaluate(question, argument):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {question}")


def drawn(page: Any, count: int) -> None:
    """Waits until `count` pictures are drawn."""
    done = "count => document.querySelectorAll('#strip button:not(.undrawn)').length === count"
    until(page, done, count)


def kept(page: Any) -> list[dict[str, Any]]:
    """The records that the page has kept on the device, without their pictures."""
    records: list[dict[str, Any]] = page.evaluate(
        """() => new Promise((resolve) => {
            indexedDB.open("artline", 1).onsuccess = ({ target }) => {
                const all = target.result.transaction("pictures").objectStore("pictures").getAll();
                all.onsuccess = () => resolve(all.result.map(({ photo, art, ...rest }) => rest));
            };
        })"""
    )
    return records


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))
