"""Photos in: every way in, and how they and their line art are shown."""

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
    until(page, "!document.querySelector('.revealing')")
    assert page.input_value("#range") == "0"  # all of it is line art
    assert page.locator("#seam").is_hidden()
    box = page.locator("#picture").bounding_box()
    assert box["width"] / box["height"] == pytest.approx(4 / 3, rel=0.01)
    page.click("#compare")
    assert page.input_value("#range") == "50"
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
    page.click("#compare")
    assert page.input_value("#range") == "0"


def test_the_line_follows_a_finger(open_page: Open, samples: Path) -> None:
    page = open_page(**PHONE)
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.tap("#compare")
    box = page.locator("#picture").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.8, box["y"] + 40)
    assert float(page.input_value("#range")) == pytest.approx(80, abs=1)


def clipped(page: Any) -> str:
    return str(page.locator("#photo").evaluate("image => getComputedStyle(image).clipPath"))


def test_a_press_shows_the_photo(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    until(page, "!document.querySelector('.revealing')")
    assert clipped(page) == "inset(0px 100% 0px 0px)"
    page.hover("#picture")
    page.mouse.down()
    page.wait_for_selector("#picture.peeking")
    assert clipped(page) == "none"
    page.mouse.up()
    assert clipped(page) == "inset(0px 100% 0px 0px)"
    assert page.locator("#large").is_hidden()


def test_a_press_that_ends_beside_the_picture(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    until(page, "!document.querySelector('.revealing')")
    page.hover("#picture")
    page.mouse.down()
    page.wait_for_selector("#picture.peeking")
    page.mouse.move(5, 5)
    page.mouse.up()
    page.wait_for_selector("#picture:not(.peeking)")


def test_there_is_nothing_to_enlarge_before_there_is_line_art(
    page: Any, proxy: Proxy, samples: Path
) -> None:
    gate = proxy.hold("/transform")
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.click("#picture", position={"x": 60, "y": 60})
    assert page.locator("#large").is_hidden()
    gate.set()
    wait_for(page, "drawn")


def scale(page: Any) -> float:
    shown = "image => image.getBoundingClientRect().width / image.clientWidth"
    return float(page.locator("#large img").evaluate(shown))


def test_a_tap_enlarges_and_two_fingers_more(open_page: Open, samples: Path) -> None:
    page = open_page(**PHONE)
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.tap("#picture")
    page.wait_for_selector("#large[open]")
    assert scale(page) == 1
    touch = page.context.new_cdp_session(page)
    for kind, apart in (("Start", 40), ("Move", 80), ("Move", 120)):
        points = [{"x": 195 - apart, "y": 400, "id": 0}, {"x": 195 + apart, "y": 400, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert scale(page) == pytest.approx(3, abs=0.1)
    page.touchscreen.tap(195, 400)
    assert scale(page) == 1
    page.tap("#large button")
    page.wait_for_selector("#large", state="hidden")


def test_enlarged_by_keyboard(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.focus("#enlarge")
    page.keyboard.press("Enter")
    page.wait_for_selector("#large[open]")
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(1.5)
    page.keyboard.press("Escape")
    page.wait_for_selector("#large", state="hidden")
    assert page.evaluate("document.activeElement.id") == "enlarge"


def test_the_photo_is_seen_while_it_waits_and_nothing_covers_it(
    open_page: Open, proxy: Proxy, samples: Path
) -> None:
    page = open_page(viewport={"width": 390, "height": 664}, is_mobile=True, has_touch=True)
    proxy.hold("/transform")
    choose(page, samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    box = page.locator("#picture").bounding_box()
    assert box["width"] == 390
    over = """([x, y]) => document.elementsFromPoint(x, y).map((e) => e.id).filter((id) => id)"""
    for part in (0.2, 0.5, 0.8):
        at = [box["x"] + box["width"] * part, box["y"] + box["height"] * part]
        assert page.evaluate(over, at)[0] in ("photo", "picture")


@pytest.mark.parametrize("size", [(360, 640), (390, 664), (390, 844)])
@pytest.mark.parametrize("sides", [(3, 4), (4, 3), (1, 1), (2, 3)])
def test_line_art_is_as_wide_as_a_phone(
    open_page: Open, tmp_path: Path, size: tuple[int, int], sides: tuple[int, int]
) -> None:
    width, height = size
    page = open_page(viewport={"width": width, "height": height}, is_mobile=True, has_touch=True)
    Image.linear_gradient("L").resize((sides[0] * 60, sides[1] * 60)).save(tmp_path / "a.png")
    choose(page, tmp_path / "a.png")
    wait_for(page, "drawn")
    assert page.locator("#picture").bounding_box()["width"] == width
    save = page.locator("#save").bounding_box()
    assert save["y"] + save["height"] <= height  # in view, however tall the line art


def test_a_panorama_scrolls(open_page: Open, tmp_path: Path) -> None:
    page = open_page(viewport={"width": 390, "height": 664}, is_mobile=True, has_touch=True)
    Image.linear_gradient("L").resize((900, 180)).save(tmp_path / "a.png")
    choose(page, tmp_path / "a.png")
    wait_for(page, "drawn")
    box = page.locator("#picture").bounding_box()
    assert box["height"] > 200
    assert page.locator("#sheet").evaluate("sheet => sheet.scrollWidth") == round(box["width"])
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_several_at_once(page: Any, proxy: Proxy, samples: Path) -> None:
    gate = proxy.hold("/transform")
    choose(page, samples / "face.jpg", samples / "cat.jpg", samples / "landscape.jpg")
    page.wait_for_selector("#turn:text('1 of 3')")
    assert page.title() == "1/3 · ArtLine"
    until(page, "document.querySelectorAll('#strip img[src]').length === 3")  # each is seen
    assert page.locator("#strip .drawing").get_attribute("aria-current") == "true"
    gate.set()
    drawn(page, 3)
    assert page.title() == "ArtLine"
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


@pytest.mark.parametrize(
    "size", [(1080, 6000), (6000, 1080), (1, 3000), (1179, 9999), (333, 2048), (77, 4000)]
)
def test_long_photos_are_drawn(
    page: Any, proxy: Proxy, tmp_path: Path, size: tuple[int, int]
) -> None:
    """However the sides are rounded on the way, it is one request."""
    Image.effect_noise(size, 50).save(tmp_path / "long.png")
    choose(page, tmp_path / "long.png")
    wait_for(page, "drawn")
    assert [sent.path for sent in proxy.sent if sent.method == "POST"] == ["/transform"]


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
    page.click("#more")
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


def test_a_camera_that_starts_after_it_was_closed(page: Any, proxy: Proxy) -> None:
    """It is opened again meanwhile: both are answered at once, as one question to the user is."""
    page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            const answered = new Promise((resolve) => (window.answer = resolve));
            navigator.mediaDevices.getUserMedia = (what) => answered.then(() => ask(what));
        }"""
    )
    page.click("#camera")
    page.click("#viewfinder [data-do=close]")
    page.click("#camera")
    page.evaluate("answer()")
    page.click("#viewfinder [data-do=shutter]:enabled")
    wait_for(page, "drawn")
    assert len(proxy.to("/transform")) == 1
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_a_phone_takes_photos_with_its_own_app(open_page: Open) -> None:
    page = open_page(**PHONE)
    with page.expect_file_chooser() as chooser:
        page.tap("#camera")
    assert chooser.value.element.get_attribute("capture") == "environment"
    assert not chooser.value.is_multiple()
