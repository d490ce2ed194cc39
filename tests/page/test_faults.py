"""What goes wrong is put right by itself, or said in a person's words with one tap to try again."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.page.conftest import Open, choose, drawn, kept, until, wait_for
from tests.page.proxy import Answer, Proxy, Sent

BUSY = Answer(429, "Too many requests at once.", {"retry-after": "1"})
NO_JOBS = Answer(404, "There is no /jobs here.")


@pytest.fixture
def page(open_page: Open) -> Any:
    return open_page(mishaps=True)


def doing(page: Any) -> str:
    text: str = page.inner_text("#doing")
    return text


def test_waking_up_is_said(open_page: Open, proxy: Proxy, samples: Path) -> None:
    asleep = proxy.hold("/health")
    page = open_page()
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Waking up')")
    assert "Waking up" in page.inner_text("#live")
    asleep.set()
    wait_for(page, "drawn")


def test_a_slow_start_is_explained(page: Any, proxy: Proxy, samples: Path) -> None:
    slow = proxy.hold("/transform")
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.wait_for_selector("#doing:has-text('Still drawing')")
    slow.set()
    wait_for(page, "drawn")


@pytest.mark.parametrize("status", [413, 429, 503, 504])
def test_what_one_request_cannot_do_becomes_a_job(
    page: Any, proxy: Proxy, samples: Path, status: int, tmp_path: Path
) -> None:
    """The upload is a real one, to the real bucket, drawn by the real worker."""
    proxy.refuse("/transform", Answer(status))
    with Image.open(samples / "cat.jpg") as cat:  # the same photo would be drawn only once
        cat.resize((status, 300)).save(tmp_path / "cat.jpg")
    uploaded: list[int] = []

    def heard(answer: Any) -> None:
        if answer.request.method == "POST" and not answer.url.startswith(proxy.url):
            uploaded.append(answer.status)

    page.on("response", heard)
    choose(page, tmp_path / "cat.jpg")
    wait_for(page, "drawn")
    assert uploaded == [204]
    assert len(proxy.to("/jobs")) == 1
    size = "[image.naturalWidth, image.naturalHeight]"
    assert page.locator("#art").evaluate(f"image => {size}") == [status, 300]
    assert kept(page)[0]["job"] is None


def test_late_becomes_a_job(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(mishaps=True)
    held = proxy.hold("/transform")
    page.clock.install()
    choose(page, samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.clock.fast_forward(26_000)
    page.wait_for_selector("#doing:has-text('queue')")
    for _ in range(100):
        if page.get_attribute("body", "data-state") == "drawn":
            break
        page.clock.run_for(2_000)
        page.wait_for_timeout(100)
    held.set()
    assert page.get_attribute("body", "data-state") == "drawn"
    assert len(proxy.to("/jobs")) == 1


def test_throttled_where_there_are_no_jobs(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/jobs", NO_JOBS)
    proxy.refuse("/transform", BUSY, BUSY, None)
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Trying again in 1 s')")
    wait_for(page, "drawn")
    assert len(proxy.to("/transform")) == 3


def test_throttled_for_good(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/jobs", NO_JOBS)
    proxy.refuse("/transform", BUSY)
    choose(page, samples / "cat.jpg")
    wait_for(page, "failed")
    assert "Try again in a minute" in doing(page)
    proxy.faults.clear()
    page.click("#again")
    wait_for(page, "drawn")


def test_the_server_is_down(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/transform", Answer(None))
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    until(page, "document.querySelectorAll('#strip .failed').length === 2")
    assert "cannot be reached" in doing(page)
    assert "cannot be reached" in page.inner_text("#live")
    proxy.faults.clear()
    page.click("#again")  # one tap for both
    drawn(page, 2)


def test_not_an_image(page: Any, proxy: Proxy) -> None:
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"buy milk, call home"}
    choose(page, notes)
    wait_for(page, "failed")
    assert "JPEG, PNG or WebP" in doing(page)
    assert page.inner_text("#detail")  # what the service says of it
    page.click("#dismiss")
    wait_for(page, "empty")
    assert kept(page) == []


def test_one_bad_photo_among_several(page: Any, samples: Path) -> None:
    bad = {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0 cut short"}
    face = {**bad, "buffer": (samples / "face.jpg").read_bytes()}
    choose(page, bad, face)
    drawn(page, 1)
    assert page.locator("#strip .failed").count() == 1


def test_a_fault_of_the_service(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/transform", Answer(500, "The fault is ours: quote request 42."))
    choose(page, samples / "cat.jpg")
    wait_for(page, "failed")
    assert "on our side" in doing(page)
    assert "request 42" in page.inner_text("#detail")


def test_cancelled_and_tried_again(page: Any, proxy: Proxy, samples: Path) -> None:
    held = proxy.hold("/transform")
    choose(page, samples / "cat.jpg", samples / "face.jpg", samples / "landscape.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.click("#cancel")
    wait_for(page, "failed")
    assert "Stopped" in doing(page)
    held.set()
    proxy.faults.clear()
    page.click("#again")
    drawn(page, 3)


def test_cancelled_while_it_wakes(open_page: Open, proxy: Proxy, samples: Path) -> None:
    asleep = proxy.hold("/health")
    page = open_page()
    choose(page, samples / "cat.jpg")
    page.click("#cancel")
    wait_for(page, "failed")
    asleep.set()
    page.click("#again")
    wait_for(page, "drawn")


def test_deleted_while_it_is_drawn(page: Any, proxy: Proxy, samples: Path) -> None:
    held = proxy.hold("/transform")
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.click("#remove")
    held.set()
    drawn(page, 1)
    assert len(kept(page)) == 1


def asks_for_token(sent: Sent) -> Answer | None:
    wrong = sent.headers.get("authorization") != "Bearer right"
    return Answer(401, "A token is needed.") if wrong and sent.path == "/transform" else None


def test_a_token_is_asked_for_and_kept(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.faults.append(asks_for_token)
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#asking[open]")
    page.fill("#token", "wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("#asking [role=alert]:has-text('not accepted')")
    page.fill("#token", "right")
    page.click("#asking .main")
    wait_for(page, "drawn")
    page.reload()
    choose(page, samples / "face.jpg")
    drawn(page, 2)
    page.click("#forget")
    choose(page, samples / "landscape.jpg")
    page.wait_for_selector("#asking[open]")
    page.keyboard.press("Escape")
    wait_for(page, "failed")
    assert "token is needed" in doing(page)


def test_the_token_goes_to_the_service_alone(page: Any, proxy: Proxy, samples: Path) -> None:
    page.evaluate("localStorage.setItem('token', 'secret')")
    proxy.refuse("/transform", Answer(413))
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request))
    choose(page, samples / "rotated.jpg")
    wait_for(page, "drawn")
    assert proxy.to("/jobs")[0].headers["authorization"] == "Bearer secret"
    elsewhere = [each for each in asked if not each.url.startswith((proxy.url, "blob:"))]
    assert len(elsewhere) >= 2  # the upload, and the result
    assert not any("authorization" in each.all_headers() for each in elsewhere)


def test_what_the_browser_cannot_keep_is_said(open_page: Open, samples: Path) -> None:
    page = open_page()
    page.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); };"
    )
    page.reload()
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#notice.shown:has-text('keeps nothing')")
    wait_for(page, "drawn")
