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

    At the end, unless `reports` is false: nothing was reported to the console but `mishaps`, and
    nothing was asked of another origin but where the service itself sent the page to.
    """
    contexts = []
    ours = True
    said: list[str] = []
    asked: set[str] = set()
    storage: set[str] = set()

    def start(
        *, mishaps: bool = False, offline: bool = False, reports: bool = True, **options: Any
    ) -> Any:
        nonlocal ours
        ours = reports
        workers = "allow" if offline else "block"
        context = browser.new_context(
            **{"locale": "en-US", "service_workers": workers, **DESKTOP, **options}
        )
        contexts.append(context)
        context.add_init_script(SHIFTS)
        page = context.new_page()
        page.set_default_timeout(120_000)  # however busy the machine
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.add(request.url))
        page.on("filechooser", lambda _: None)  # else it is heard of from its first expect_ on

        def heard(message: Any) -> None:
            expected = not reports or (mishaps and MISHAP in message.text)
            if message.type == "error" and not expected:
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
    origins = ("blob:", "data:", proxy.url, *storage)
    assert not ours or [url for url in asked if not url.startswith(origins)] == []


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
"""Collects what moves without its user having done anything, but for the image in its frame."""


@pytest.fixture
def page(open_page: Open) -> Any:
    return open_page()


def choose(page: Any, *photos: Path | dict[str, Any]) -> None:
    page.set_input_files("#files", list(photos))


def wait_for(page: Any, state: str) -> None:
    page.wait_for_selector(f"body[data-state={state}]")


def until(page: Any, question: str, argument: object = None) -> None:
    """Waits for the page to say yes. Playwright's own way is eval(), which the policy forbids."""
    for _ in range(2400):
        if page.evaluate(question, argument):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {question}")


def drawn(page: Any, count: int) -> None:
    """Waits until `count` photos are drawn."""
    done = "count => document.querySelectorAll('#strip button:not(.undrawn)').length === count"
    until(page, done, count)


DATABASE = """
    const database = await new Promise((resolve) => {
        indexedDB.open("artline", 1).onsuccess = ({ target }) => resolve(target.result);
    });
    const records = database.transaction("pictures", "readwrite").objectStore("pictures");
    const written = new Promise((resolve) => { records.transaction.oncomplete = resolve; });
    const all = await new Promise((resolve) => {
        records.getAll().onsuccess = ({ target }) => resolve(target.result);
    });
"""
"""The `records` that the page keeps on the device, `all` of them, and when they are `written`."""


def kept(page: Any) -> list[dict[str, Any]]:
    """The records that the page has kept on the device, but for the images in them."""
    records: list[dict[str, Any]] = page.evaluate(
        "async () => {"
        + DATABASE
        + """
            return all.map(({ photo, file, thumb, arts, ...rest }) =>
                ({ ...rest, photo: Boolean(photo ?? file), arts: Object.keys(arts) }));
        }"""
    )
    return records


def picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def jpeg(size: tuple[int, int], *, noise: bool = False) -> bytes:
    """What passes for line art of that size; with noise it has some hundred kilobytes."""
    file = io.BytesIO()
    image = Image.effect_noise(size, 99) if noise else Image.new("L", size, 255)
    image.save(file, "JPEG", quality=95)
    return file.getvalue()
