"""What was drawn stays: across leaving, without a network, until it is deleted."""

from pathlib import Path
from typing import Any

from tests.page.conftest import Open, choose, drawn, kept, until, wait_for
from tests.page.proxy import Answer, Proxy, Sent


def test_leaving_and_coming_back(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "cat.jpg", samples / "landscape.jpg")
    drawn(page, 2)
    page.reload()
    drawn(page, 2)
    wait_for(page, "drawn")
    assert len(proxy.to("/transform")) == 2
    with page.expect_download() as download:
        page.click("#save")
    assert download.value.path().stat().st_size > 5_000


def test_left_while_drawing(page: Any, proxy: Proxy, samples: Path) -> None:
    held = proxy.hold("/transform")
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.reload()
    wait_for(page, "failed")
    assert "Not finished" in page.inner_text("#doing")
    held.set()
    proxy.faults.clear()
    page.click("#again")
    drawn(page, 1)


def test_left_while_in_the_queue(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(mishaps=True)
    proxy.refuse("/transform", Answer(503))
    looks: list[Sent] = []

    def not_yet(sent: Sent) -> Answer | None:
        if not sent.path.startswith("/jobs/") or looks:
            return None
        looks.append(sent)
        return Answer(503, headers={"retry-after": "30"})

    proxy.faults.append(not_yet)
    choose(page, samples / "landscape.jpg")
    page.wait_for_selector("#doing:has-text('Trying again in')")
    assert kept(page)[0]["job"].startswith("jobs/")
    page.reload()
    wait_for(page, "drawn")
    assert len(proxy.to("/jobs")) == 1  # taken up again, not begun anew


def test_deleted_and_undone(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.click("#remove")
    wait_for(page, "empty")
    until(page, "document.activeElement.id === 'choose'")
    assert kept(page) == []
    page.click("#undo")
    wait_for(page, "drawn")
    page.reload()
    drawn(page, 1)
    page.click("#remove")
    page.reload()
    page.wait_for_selector("#sample", state="visible")
    assert kept(page) == []


def test_offline(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(offline=True, mishaps=True)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.context.set_offline(True)
    page.reload()
    wait_for(page, "drawn")
    drawn(page, 1)
    assert "You are offline" in page.inner_text("#line")
    until(page, "document.querySelector('#art').naturalWidth === 451")
    choose(page, samples / "face.jpg")
    wait_for(page, "failed")
    assert "offline" in page.inner_text("#doing")
    page.click("#remove")  # the failed one; then the drawing; then the sample is there, too
    page.click("#remove")
    wait_for(page, "empty")
    until(page, "document.querySelector('#photo').naturalWidth > 0")
    page.context.set_offline(False)
    page.wait_for_selector("#line:has-text('A photo in')")


def test_an_older_version_is_cleared_away(open_page: Open) -> None:
    page = open_page(offline=True)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    before = page.evaluate("caches.keys()")
    assert len(before) == 1
    page.evaluate("caches.open('an older version').then(() => true)")
    page.evaluate(
        "navigator.serviceWorker.getRegistration().then((r) => r.unregister()).then(() => true)"
    )
    page.reload()
    until(page, "caches.keys().then((names) => names.length === 1)")
    assert page.evaluate("caches.keys()") == before
