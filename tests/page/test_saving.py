"""Line art out: as a file in each form, on paper, to a program; and in another style."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.inplace import only_the_default
from tests.page.conftest import Open, choose, drawn, jpeg, kept, picture, until, wait_for
from tests.page.proxy import Answer, Proxy, Sent, gateway

NAME = re.compile(r"\d{14}(-\d+)?\.jpg")


def saved(page: Any, button: str) -> tuple[str, bytes]:
    page.click("#more")
    with page.expect_download() as download:
        page.click(button)
    return download.value.suggested_filename, download.value.path().read_bytes()


def test_png_is_made_here(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    name, data = saved(page, "#as_png")
    assert re.fullmatch(r"\d{14}\.png", name)
    assert (picture(data).format, picture(data).size) == ("PNG", (451, 300))
    assert len(proxy.to("/transform")) == 1


@only_the_default
def test_two_thousand_pixels(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "landscape.jpg")
    wait_for(page, "drawn")
    _, data = saved(page, "#as_large")
    assert picture(data).size == (2048, 1536)
    assert proxy.to("/transform")[1].query == "max_side=2048"
    choose(page, samples / "cat.jpg")  # has no more pixels than are drawn
    drawn(page, 2)
    page.click("#more")
    page.wait_for_selector("#as_png")
    assert page.locator("#as_large").count() == 0


@only_the_default
def test_svg_and_no_background(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    name, data = saved(page, "#as_svg")
    assert name.endswith(".svg")
    assert b"<svg" in data[:300]
    name, data = saved(page, "#as_clear")
    assert name.endswith(".png")
    assert picture(data).convert("RGBA").getchannel("A").getextrema() == (0, 255)


def test_only_what_the_service_offers(open_page: Open, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/health", gateway(503, "Service Unavailable"))
    page = open_page(mishaps=True)
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.click("#more")
    page.wait_for_selector("#as_png")
    assert page.locator("#forms button").count() == 1


def test_a_form_that_fails_is_explained(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(mishaps=True)
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    proxy.refuse("/transform", Answer(500))
    page.click("#more")
    page.click("#as_svg")
    page.wait_for_selector("#rendering:has-text('went wrong')")
    proxy.faults.clear()
    with page.expect_download():
        page.click("#as_svg")
    page.wait_for_selector("#saving", state="hidden")


def test_saved_in_one_second_under_two_names(page: Any, samples: Path) -> None:
    page.clock.set_fixed_time("2026-05-06T07:08:09")
    choose(page, samples / "cat.jpg", samples / "face.jpg", samples / "rotated.jpg")
    drawn(page, 3)
    name, data = saved(page, "#save_all")
    assert name == "line-art.zip"
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    names = [f"20260506070809{suffix}.jpg" for suffix in ("", "-2", "-3")]
    assert sorted(archive.namelist()) == sorted(names)
    sizes = [picture(archive.read(name)).size for name in names]
    assert sizes == [(451, 300), (512, 512), (682, 1024)]


def test_paper_has_the_line_art_alone(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.emulate_media(media="print")
    seen = page.evaluate(
        """[...document.querySelectorAll("body *")]
            .filter((e) => e.children.length === 0 && e.getClientRects().length > 0)
            .filter((e) => e.checkVisibility())
            .map((e) => e.id)"""
    )
    assert seen == ["art"]
    box = page.locator("#art").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(451 / 300, rel=0.01)


def test_code_is_for_this_very_endpoint(page: Any, proxy: Proxy, samples: Path) -> None:
    page.click("#code")
    page.wait_for_selector("#curl:has-text('curl')")
    for name in ("curl", "python"):
        text = page.inner_text(f"#{name}")
        assert f"{proxy.url}transform" in text
        assert "ARTLINE_TOKEN" not in text


@pytest.mark.parametrize(
    ("auth", "said"),
    [("token", ("$ARTLINE_TOKEN", "ARTLINE_TOKEN")), ("iam", ("--aws-sigv4", "SigV4Auth"))],
)
def test_code_for_who_may_call(
    open_page: Open, proxy: Proxy, auth: str, said: tuple[str, str]
) -> None:
    health = json.dumps({"status": "ok", "auth": auth}).encode()
    answer = Answer(200, headers={"content-type": "application/json"}, body=health)
    proxy.refuse("/health", answer)
    page = open_page()
    page.click("#code")
    for name, words in zip(("curl", "python"), said, strict=True):
        page.wait_for_selector(f"#{name}:has-text('{words}')")
    compile(page.inner_text("#python"), "python", "exec")


def test_the_code_runs(page: Any, samples: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    page.click("#code")
    page.wait_for_selector("#python:has-text('urlopen')")
    (tmp_path / "photo.jpg").write_bytes((samples / "cat.jpg").read_bytes())
    for command in (
        [sys.executable, "-c", page.inner_text("#python")],
        ["sh", "-c", page.inner_text("#curl")],
    ):
        (tmp_path / "line-art.jpg").unlink(missing_ok=True)
        subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
        assert picture((tmp_path / "line-art.jpg").read_bytes()).size == (451, 300)


def healthy(*styles: str) -> Answer:
    """The health of a service without jobs whose model has `styles`."""
    body = json.dumps({"status": "ok", "model": {"styles": styles}, "jobs": False}).encode()
    return Answer(200, headers={"content-type": "application/json"}, body=body)


def two_styles(sent: Sent) -> Answer | None:
    """A model that has two; the second comes as a plain sheet."""
    if sent.path == "/health":
        return healthy("ink", "line")
    if sent.path == "/transform" and sent.query == "style=line":
        size = picture(sent.body).size
        return Answer(200, headers={"content-type": "image/jpeg"}, body=jpeg(size))
    return None


def test_styles(open_page: Open, proxy: Proxy, samples: Path) -> None:
    proxy.faults.append(two_styles)
    page = open_page()
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    chips = page.locator("#styles button")
    assert chips.all_inner_texts() == ["Ink", "Outline"]
    assert chips.nth(0).get_attribute("aria-pressed") == "true"
    chips.nth(1).click()
    until(page, "document.body.dataset.state === 'drawn'")
    until(page, "document.querySelector('#styles [value=line]').ariaPressed === 'true'")
    assert [sent.query for sent in proxy.to("/transform")] == ["", "style=line"]
    assert sorted(kept(page)[0]["arts"]) == ["", "line"]
    chips.nth(0).click()  # drawn already
    wait_for(page, "drawn")
    chips.nth(1).click()
    choose(page, samples / "face.jpg")  # is drawn in the style that was chosen last
    drawn(page, 2)
    assert [sent.query for sent in proxy.to("/transform")] == ["", "style=line", "style=line"]


def one_style(sent: Sent) -> Answer | None:
    """A model that lists no styles has one."""
    return healthy("default") if sent.path == "/health" else None


def test_styles_where_the_service_said_nothing_at_first(
    open_page: Open, proxy: Proxy, samples: Path
) -> None:
    proxy.refuse("/health", Answer(503), healthy("ink", "line"))
    page = open_page(mishaps=True)
    assert page.locator("#styles").is_hidden()
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.wait_for_selector("#styles button >> nth=1")


def test_what_is_dropped_leaves_what_is_being_saved(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.click("#more")
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["x"], "a.jpg", { type: "image/jpeg" }));
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }"""
    )
    page.wait_for_selector("#as_png")
    assert page.locator("#strip li").count() == 1


def test_one_style_is_no_choice(open_page: Open, proxy: Proxy, samples: Path) -> None:
    proxy.faults.append(one_style)
    page = open_page()
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    assert page.locator("#styles").is_hidden()


def test_a_form_without_scripts(open_page: Open, proxy: Proxy, samples: Path) -> None:
    context = open_page().context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(proxy.url)
    assert page.locator("#art").is_visible()
    assert page.locator("#choose").is_hidden()
    page.set_input_files("noscript input", samples / "cat.jpg")
    page.click("noscript button")
    page.wait_for_url("**/transform")
    (sent,) = proxy.to("/transform")
    assert sent.headers["content-type"].startswith("multipart/form-data")
    assert b'name="photo"' in sent.body
    context.close()
