"""How the page looks and reads, to everybody: small and large, light and dark, in two languages, by
keyboard and by ear. The screenshots are kept under out/screenshots/, to be looked at.
"""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.conftest import ROOT
from tests.inplace import only_the_default
from tests.page.conftest import DESKTOP, PHONE, Open, choose, drawn, until, wait_for
from tests.page.proxy import Answer, Proxy

SHOTS = ROOT / "out" / "screenshots"
LOOKS = [
    ("phone", "light", "en-US"),
    ("phone", "dark", "ko-KR"),
    ("desktop", "light", "ko-KR"),
    ("desktop", "dark", "en-US"),
]
"""Every two of the three together."""

SMALLEST_TARGET = 44
"""CSS pixels, of what a finger has to hit."""


def check(page: Any, name: str) -> None:
    """Keeps a screenshot, and asks axe and a tape measure."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.evaluate("Promise.all(document.getAnimations().map((a) => a.finished.catch(() => 0)))")
    page.screenshot(path=SHOTS / f"{name}.png", caret="initial")
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than it is"
    small = page.evaluate(
        """(least) => [...document.querySelectorAll("button")]
            .filter((button) => button.checkVisibility({ visibilityProperty: true }))
            .filter((button) => Math.min(button.offsetWidth, button.offsetHeight) < least)
            .map((button) => button.outerHTML)""",
        SMALLEST_TARGET,
    )
    assert small == []


@only_the_default
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_show_what_is_chosen(open_page: Open, samples: Path, scheme: str) -> None:
    page = open_page(forced_colors="active", color_scheme=scheme, locale="en-US", **PHONE)
    choose(page, samples / "face.jpg")
    drawn(page, 1)
    page.wait_for_selector(".chip[aria-pressed=true]")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"phone-forced-{scheme}.png")
    look = "(e) => { const s = getComputedStyle(e); return [s.color, s.backgroundColor]; }"
    pressed, other = (
        page.locator(f".chip[aria-pressed={on}]").first.evaluate(look) for on in ("true", "false")
    )
    assert pressed[1] != other[1], "the chosen style is filled"
    assert pressed[0] != pressed[1]
    page.click("#compare")
    page.hover("#compare")
    pressed = page.locator("#compare").evaluate(look)
    assert pressed[0] != pressed[1], "so is what is pressed, with the mouse on it"
    unseen = page.evaluate(
        """[...document.querySelectorAll("button")]
            .filter((b) => b.checkVisibility({ visibilityProperty: true }))
            .filter((b) => !b.closest("#strip") && !parseFloat(getComputedStyle(b).borderTopWidth))
            .map((b) => b.outerHTML)"""
    )
    assert unseen == [], "every button has an edge"


@pytest.mark.parametrize(("device", "scheme", "locale"), LOOKS)
def test_every_state(
    open_page: Open, proxy: Proxy, samples: Path, device: str, scheme: str, locale: str
) -> None:
    options = PHONE | {"device_scale_factor": 2} if device == "phone" else DESKTOP
    page = open_page(mishaps=True, color_scheme=scheme, locale=locale, **options)
    name = f"{device}-{scheme}-{locale[:2]}"
    until(page, "document.querySelector('#range').value === '38'")  # the seam is on the face
    assert page.locator("#seam svg").is_visible()
    check(page, f"{name}-1-empty")

    held = proxy.hold("/transform")
    choose(page, samples / "face.jpg", samples / "cat.jpg", samples / "landscape.jpg")
    page.wait_for_selector("#photo", state="visible")
    page.emulate_media(reduced_motion="reduce")
    check(page, f"{name}-2-drawing")

    held.set()
    drawn(page, 3)
    page.click("#strip li:last-child button")
    until(page, "!document.querySelector('.revealing')")
    check(page, f"{name}-3-drawn")
    page.click("#more")
    page.wait_for_selector("#forms button")
    check(page, f"{name}-4-saving")
    page.keyboard.press("Escape")
    page.click("#code")
    page.wait_for_selector("#curl:has-text('curl')")
    check(page, f"{name}-5-code")
    page.keyboard.press("Escape")
    assert page.evaluate("window.shifted") == []

    proxy.refuse("/transform", Answer(500, "The fault is ours: try again."))
    choose(page, samples / "rotated.jpg")
    wait_for(page, "failed")
    check(page, f"{name}-6-failed")

    proxy.faults.clear()
    proxy.refuse("/transform", Answer(401))
    page.click("#again")
    page.wait_for_selector("#asking[open]")
    check(page, f"{name}-7-token")


def test_korean(open_page: Open) -> None:
    page = open_page(locale="ko-KR")
    assert page.get_attribute("html", "lang") == "ko"
    assert "사진 찍기" in page.inner_text("#camera")
    assert page.get_attribute("#range", "aria-label") == "사진과 선화 비교"


def test_a_language_it_does_not_speak_is_english(open_page: Open) -> None:
    page = open_page(locale="fi-FI")
    assert page.get_attribute("html", "lang") == "en"
    assert "Take a photo" in page.inner_text("#camera")


@pytest.mark.parametrize(("scheme", "paper"), [("light", 251), ("dark", 23)])
def test_light_and_dark(open_page: Open, scheme: str, paper: int) -> None:
    page = open_page(color_scheme=scheme)
    color = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert color.startswith(f"rgb({paper},")


def test_reduced_motion(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(reduced_motion="reduce")
    proxy.hold("/transform")
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    assert page.evaluate("document.getAnimations().length") == 0


def test_motion_where_it_is_welcome(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(reduced_motion="no-preference")
    proxy.hold("/transform")
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    assert page.evaluate("document.getAnimations().length") > 0


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.id"))


def tab_to(page: Any, wanted: str) -> None:
    for _ in range(20):
        if focused(page) == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {wanted} by Tab")


def test_keyboard_only(page: Any, proxy: Proxy, samples: Path) -> None:
    tab_to(page, "choose")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([samples / "cat.jpg", samples / "face.jpg"])
    drawn(page, 2)
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "compare")
    page.keyboard.press("Enter")
    assert focused(page) == "compare"
    assert page.get_attribute("#compare", "aria-pressed") == "true"
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "range")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert page.input_value("#range") == "53"
    assert page.get_attribute("#range", "aria-valuetext") == "53 % photo"
    page.keyboard.press("Home")
    assert page.locator("#picture").evaluate("e => e.style.getPropertyValue('--at')") == "0%"
    ring = "e => getComputedStyle(e).outlineStyle"
    assert page.locator("#seam svg").evaluate(ring) == "solid"
    tab_to(page, "save")
    with page.expect_download():
        page.keyboard.press("Enter")
    tab_to(page, "remove")
    page.keyboard.press("Enter")
    drawn(page, 1)
    assert focused(page) == "remove"
    page.keyboard.press("Enter")
    drawn(page, 0)
    assert focused(page) == "choose"


def test_it_can_be_installed(page: Any) -> None:
    """Chromium's own criteria, but for the service worker that test_keeping.py shows."""
    session = page.context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"].endswith("/manifest.webmanifest")
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [each["errorId"] for each in errors] in ([], ["in-incognito"])


@pytest.mark.parametrize(("width", "text"), [(390, 24), (360, 24), (320, 20), (640, 32)])
def test_larger_text_needs_no_sideways_scrolling(
    open_page: Open, samples: Path, width: int, text: int
) -> None:
    """All that can be done with line art stays in view, and nothing covers it."""
    page = open_page(viewport={"width": width, "height": 800 if width < 600 else 400})
    page.add_init_script(
        f"addEventListener('DOMContentLoaded', () => {{"
        f" document.documentElement.style.fontSize = '{text}px'; }});"
    )
    page.reload()
    choose(page, samples / "face.jpg")
    drawn(page, 1)
    page.wait_for_selector(".chip")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"text-{width}-{text}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.wait_for_selector("#notice.shown")
    page.wait_for_selector("#notice:not(.shown)", state="attached")
    covered = page.evaluate(
        """[...document.querySelectorAll("#actions button")].filter((button) => {
            if (button.hidden) return false;
            button.scrollIntoView({ block: "center" });
            const { left, top, width, height } = button.getBoundingClientRect();
            return !button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
        }).map(({ id }) => id)"""
    )
    assert covered == []


@pytest.mark.parametrize("size", [(390, 600), (320, 256), (1280, 800)])
def test_focus_goes_down_the_page(open_page: Open, samples: Path, size: tuple[int, int]) -> None:
    width, height = size
    page = open_page(viewport={"width": width, "height": height})
    choose(page, samples / "face.jpg")
    drawn(page, 1)
    page.wait_for_selector(".chip")
    page.focus("#remove")
    tops = []
    for _ in range(12):
        page.keyboard.press("Tab")
        top, column = page.evaluate(
            """(() => {
                const { top, left } = document.activeElement.getBoundingClientRect();
                return [top + scrollY, document.activeElement.closest("#below") ? 0 : 1];
            })()"""
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        if column:
            tops.append(top)
    assert len(tops) > 4
    assert tops == sorted(tops)
