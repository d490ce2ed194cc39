"""Photos in, drawings out: every way in, every way out, and what is done to them on the way."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.page.conftest import PHONE, Open, choose, drawn, kept, picture, until, wait_for
from tests.page.proxy import Proxy

NAME = re.compile(r"\d{14}\.jpg")


def save(page: Any) -> tuple[str, Image.Image]:
    with page.expect_download() as download:
        page.click("#save")
    return download.value.suggested_filename, picture(download.value.path().read_bytes())


def test_choose_draw_compare_save(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "landscape.jpg")
    wait_for(page, "drawn")
    until(page, "document.querySelector('#range').value === '50'")
    box = page.locator("#picture").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(4 / 3, rel=0.01)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle, steps=4)
    page.mouse.up()
    assert float(page.input_value("#range")) == pytest.approx(25, abs=1)
    seam = page.locator("#seam").bounding_box()
    assert seam["x"] == pytest.approx(box["x"] + box["width"] / 4, abs=2)

    name, art = save(page)
    assert NAME.fullmatch(name)
    assert art.format == "JPEG"
    assert art.size == (1024, 768)
    page.wait_for_selector(f"#notice.shown:has-text('{name}')")


def test_the_line_follows_a_finger(open_page: Open, samples: Path) -> None:
    page = open_page(**PHONE)
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    box = page.locator("#picture").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.8, box["y"] + 40)
    assert float(page.input_value("#range")) == pytest.approx(80, abs=1)


def test_several_at_once(page: Any, proxy: Proxy, samples: Path) -> None:
    gate = proxy.hold("/transform")
    choose(page, samples / "face.jpg", samples / "cat.jpg", samples / "landscape.jpg")
    page.wait_for_selector("#turn:text('Photo 1 of 3')")
    gate.set()
    drawn(page, 3)
    assert len(proxy.to("/transform")) == 3
    assert len({record["id"] for record in kept(page)}) == 3
    page.click("#strip li:last-child button")
    assert save(page)[1].size == (512, 512)


def test_a_rotated_photo_is_sent_and_drawn_upright(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "rotated.jpg")
    wait_for(page, "drawn")
    (sent,) = proxy.to("/transform")
    assert picture(sent.body).size == (682, 1024)
    assert not picture(sent.body).getexif()
    with Image.open(samples / "rotated.jpg") as stored:
        corner = stored.transpose(Image.Transpose.ROTATE_270).resize((8, 8)).getpixel((0, 0))
    seen = picture(sent.body).resize((8, 8)).getpixel((0, 0))
    assert seen == pytest.approx(corner, abs=12)
    assert save(page)[1].size == (682, 1024)


def test_twelve_megapixels_leave_the_phone_small(
    open_page: Open, proxy: Proxy, samples: Path, tmp_path: Path
) -> None:
    with Image.open(samples / "landscape.jpg") as photo:
        photo.resize((4032, 3024)).save(tmp_path / "IMG_0001.JPG", quality=97)
    assert (tmp_path / "IMG_0001.JPG").stat().st_size > 3_000_000
    page = open_page(**PHONE)
    choose(page, tmp_path / "IMG_0001.JPG")
    wait_for(page, "drawn")
    (sent,) = proxy.to("/transform")
    assert picture(sent.body).size == (1024, 768)
    assert len(sent.body) < 400_000


def test_transparency_is_paper(page: Any, proxy: Proxy) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (90, 60), (255, 0, 0, 0)).save(file, "PNG")
    choose(page, {"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()})
    wait_for(page, "drawn")
    (sent,) = proxy.to("/transform")
    assert picture(sent.body).getpixel((45, 30)) == (255, 255, 255)


def test_dropped(page: Any, proxy: Proxy, face: bytes) -> None:
    transfer = page.evaluate_handle(
        """async (data) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            transfer.items.add(new File([bytes], "face.jpg", { type: "image/jpeg" }));
            return transfer;
        }""",
        base64.b64encode(face).decode(),
    )
    page.dispatch_event("#stage", "dragover", {"dataTransfer": transfer})
    page.wait_for_selector("#dropping", state="visible")
    page.dispatch_event("#stage", "drop", {"dataTransfer": transfer})
    page.wait_for_selector("#dropping", state="hidden")
    wait_for(page, "drawn")
    assert len(proxy.to("/transform")) == 1


def test_what_is_copied_can_be_pasted(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.click("#copy")
    page.wait_for_selector("#notice.shown:has-text('Copied')")
    page.keyboard.press("Control+V")
    drawn(page, 2)
    assert picture(proxy.to("/transform")[1].body).size == (451, 300)


def test_shared(open_page: Open, samples: Path) -> None:
    page = open_page()  # a desktop Linux has nothing to share with
    page.add_init_script(
        """Object.assign(Navigator.prototype, {
            canShare: ({ files }) => files.length > 0,
            share: async ({ files: [file] }) => {
                window.shared = [file.name, file.type, file.size];
                throw new DOMException("closed", "AbortError");
            },
        });"""
    )
    page.reload()
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.click("#share")
    name, media_type, size = page.evaluate("window.shared")
    assert NAME.fullmatch(name)
    assert media_type == "image/jpeg"
    assert size > 1000


def test_nothing_to_share_with_is_not_offered(page: Any) -> None:
    assert page.locator("#share").is_hidden()


def test_a_photo_from_the_camera(page: Any, proxy: Proxy) -> None:
    page.click("#camera")
    page.click("#viewfinder [data-do=shutter]:enabled")
    wait_for(page, "drawn")
    (sent,) = proxy.to("/transform")
    assert picture(sent.body).size[0] > 600
    assert page.locator("#viewfinder").is_hidden()
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_a_camera_that_is_closed_takes_nothing(page: Any, proxy: Proxy) -> None:
    page.click("#camera")
    page.wait_for_selector("[data-do=shutter]:enabled")
    page.keyboard.press("Escape")
    page.wait_for_selector("#viewfinder", state="hidden")
    assert page.get_attribute("body", "data-state") == "empty"
    assert proxy.to("/transform") == []


def test_a_phone_takes_photos_with_its_own_app(open_page: Open) -> None:
    page = open_page(**PHONE)
    with page.expect_file_chooser() as chooser:
        page.tap("#camera")
    assert chooser.value.element.get_attribute("capture") == "environment"
    assert not chooser.value.is_multiple()
