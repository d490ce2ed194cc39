"""What was chosen and drawn stays: across leaving, without a network, until it is deleted."""

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.page.conftest import DATABASE, Open, choose, drawn, jpeg, kept, until, wait_for
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


def test_reloaded_in_the_middle_nothing_is_lost(page: Any, proxy: Proxy, samples: Path) -> None:
    """Six photos, left during the second: every one is drawn, and the first one only once."""
    gate = threading.Event()

    def second(sent: Sent) -> None:
        if sent.path == "/transform" and len(proxy.to("/transform")) == 2:
            gate.wait(60)

    proxy.faults.append(second)
    names = ("cat", "face", "landscape", "rotated", "cat", "face")
    choose(page, *(samples / f"{name}.jpg" for name in names))
    drawn(page, 1)
    page.wait_for_selector("#turn:text('2 of 6')")
    page.reload()
    gate.set()
    drawn(page, 6)
    assert len(kept(page)) == 6
    assert len(proxy.to("/transform")) <= 7


def test_left_at_once(page: Any, proxy: Proxy, samples: Path) -> None:
    """Before one of them was made smaller, even."""
    proxy.hold("/transform")
    choose(page, samples / "landscape.jpg", samples / "rotated.jpg", samples / "cat.jpg")
    until(page, "document.querySelectorAll('#strip li').length === 3")
    for _ in range(100):
        if len(kept(page)) == 3:
            break
        page.wait_for_timeout(20)
    proxy.faults.clear()
    page.reload()
    drawn(page, 3)


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


def test_undo_brings_back_all_that_was_just_deleted(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg", samples / "face.jpg", samples / "rotated.jpg")
    drawn(page, 3)
    page.dblclick("#remove")
    drawn(page, 1)
    page.click("#undo")
    drawn(page, 3)
    page.reload()
    drawn(page, 3)


def test_no_other_word_takes_undo_away(page: Any, proxy: Proxy, samples: Path) -> None:
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    drawn(page, 2)
    page.click("#remove")
    with page.expect_download():
        page.click("#save")
    page.wait_for_timeout(300)
    page.click("#undo")
    drawn(page, 2)
    page.wait_for_selector("#notice.shown:has-text('Saved as')")


def test_undo_stays_while_it_has_the_focus(page: Any, samples: Path) -> None:
    """And it is the next thing that Tab comes to."""
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    drawn(page, 2)
    page.focus("#remove")
    page.keyboard.press("Enter")
    drawn(page, 1)
    page.wait_for_selector("#undo", state="visible")
    page.keyboard.press("Tab")
    until(page, "document.activeElement.id === 'undo'")
    page.wait_for_timeout(9_000)
    assert page.locator("#notice.shown").count() == 1
    page.keyboard.press("Enter")
    drawn(page, 2)
    until(page, "document.activeElement.closest('#below') !== null")


def test_a_job_is_deleted_with_its_photo(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(mishaps=True)
    proxy.refuse("/transform", Answer(413))
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    (job,) = {sent.path for sent in proxy.sent if sent.path.startswith("/jobs/")}
    page.click("#remove")
    until(page, "path => fetch(path).then(({ status }) => status === 404)", job)
    page.click("#undo")
    drawn(page, 1)


def test_a_job_that_was_cancelled_is_deleted_with_its_photo(
    open_page: Open, proxy: Proxy, samples: Path
) -> None:
    page = open_page(mishaps=True)
    proxy.refuse("/transform", Answer(413))
    job = b'{"id": "1", "status": "queued", "job_url": "/jobs/1"}'
    asked = Answer(200, headers={"content-type": "application/json"}, body=job)
    for path in ("/jobs", "/jobs/1"):
        proxy.refuse(path, asked)
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('In the queue')")
    page.click("#cancel")
    page.reload()
    page.wait_for_selector("#doing:has-text('Cancelled')")
    page.click("#dismiss")
    for _ in range(100):
        if any(sent.method == "DELETE" for sent in proxy.to("/jobs/1")):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the service keeps the photo")


def test_all_deleted_and_undone(page: Any, samples: Path) -> None:
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    drawn(page, 2)
    page.click("#more")
    page.click("#remove_all")
    wait_for(page, "empty")
    page.click("#undo")
    drawn(page, 2)
    page.reload()
    drawn(page, 2)


def reload_offline(page: Any) -> None:
    """Load the page again without a network, and have Chromium say so: a new page may not know."""
    page.reload()
    page.context.set_offline(False)
    page.context.set_offline(True)


def test_offline(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(offline=True, mishaps=True)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.context.set_offline(True)
    reload_offline(page)
    wait_for(page, "drawn")
    drawn(page, 1)
    page.wait_for_selector("#line:has-text('You are offline')")
    until(page, "document.querySelector('#art').naturalWidth === 451")
    choose(page, samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('offline')")
    reload_offline(page)
    page.click("#strip .undrawn")
    page.wait_for_selector("#doing:has-text('offline')")
    page.context.set_offline(False)
    drawn(page, 2)  # by itself
    page.wait_for_selector("#line:has-text('Photo in')")


def test_a_lock_screen(open_page: Open, proxy: Proxy, samples: Path) -> None:
    """What breaks while nobody looks goes on when somebody does."""
    page = open_page(mishaps=True)
    hidden = """value => {
        Object.defineProperty(document, "hidden", { value, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    gate = proxy.hold("/transform")
    proxy.refuse("/transform", Answer(None))
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.evaluate(hidden, True)
    gate.set()
    page.wait_for_selector("#doing:has-text('Getting')")
    assert page.get_attribute("body", "data-state") == "working"
    proxy.faults.clear()
    page.evaluate(hidden, False)
    wait_for(page, "drawn")


NO_STORAGE = {
    "refused": """const get = () => { throw new DOMException("", "SecurityError"); };
        IDBFactory.prototype.open = get;
        for (const name of ["localStorage", "sessionStorage", "caches"])
            Object.defineProperty(window, name, { get });""",
    "failing": """IDBFactory.prototype.open = () => {
            const request = {};
            setTimeout(() => request.onerror());
            return request;
        };""",
    "full": """IDBObjectStore.prototype.put = () => {
            throw new DOMException("", "QuotaExceededError");
        };""",
    "silent": "IDBFactory.prototype.open = () => ({});",
}


@pytest.mark.parametrize("script", NO_STORAGE.values(), ids=NO_STORAGE)
def test_works_in_memory_where_nothing_is_kept(
    open_page: Open, proxy: Proxy, samples: Path, script: str
) -> None:
    page = open_page(mishaps=True)
    page.add_init_script(script)
    page.reload()
    page.wait_for_selector("#sample", state="visible", timeout=2_000)
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.wait_for_selector("#none:has-text('cannot store')")
    choose(page, samples / "face.jpg")
    drawn(page, 2)
    with page.expect_download():
        page.click("#save")


def test_bytes_are_kept_where_blobs_are_not(page: Any, samples: Path) -> None:
    page.add_init_script(
        """const put = IDBObjectStore.prototype.put;
        const holds = (value) => value instanceof Blob
            || (value?.constructor === Object && Object.values(value).some(holds));
        IDBObjectStore.prototype.put = function (record) {
            if (holds(record)) throw new DOMException("", "DataCloneError");
            return put.call(this, record);
        };"""
    )
    page.reload()
    choose(page, samples / "cat.jpg")
    wait_for(page, "drawn")
    page.reload()
    drawn(page, 1)
    until(page, "document.querySelector('#art').naturalWidth === 451")


def in_two_tabs(page: Any, proxy: Proxy, *photos: Path) -> tuple[Any, threading.Event]:
    """Another tab, which waits while `page` draws, and the event that lets the service answer."""
    gate = proxy.hold("/transform")
    choose(page, *photos)
    page.wait_for_selector("#doing:has-text('Drawing')")
    other = page.context.new_page()
    other.goto(page.url)
    until(other, "count => document.querySelectorAll('#strip li').length === count", len(photos))
    other.wait_for_selector("#doing:has-text('Another tab')")
    return other, gate


def test_two_tabs_draw_each_photo_once(page: Any, proxy: Proxy, samples: Path) -> None:
    names = ("cat", "face", "landscape")
    other, gate = in_two_tabs(page, proxy, *(samples / f"{name}.jpg" for name in names))
    gate.set()
    drawn(page, 3)
    drawn(other, 3)
    assert len(proxy.to("/transform")) == 3
    other.click("#remove")
    drawn(page, 2)
    choose(other, samples / "rotated.jpg")
    drawn(other, 3)
    drawn(page, 3)
    assert len(kept(page)) == 3


def test_two_tabs_draw_two_styles_of_one_photo(page: Any, proxy: Proxy, samples: Path) -> None:
    page.wait_for_selector(".chip")
    other, gate = in_two_tabs(page, proxy, samples / "cat.jpg")
    other.click(".chip[aria-pressed=false]")
    gate.set()
    for tab in (page, other):
        drawn(tab, 1)
    for _ in range(200):
        if kept(page)[0]["arts"] == ["", "line"]:
            break
        page.wait_for_timeout(50)
    assert sorted(kept(page)[0]["arts"]) == ["", "line"]
    assert len(proxy.to("/transform")) == 2


def test_what_a_closed_tab_was_to_draw_the_other_draws(
    page: Any, proxy: Proxy, samples: Path
) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    gate = proxy.hold("/transform")
    choose(other, samples / "cat.jpg", samples / "face.jpg")
    other.wait_for_selector("#doing:has-text('Drawing')")
    until(page, "document.querySelectorAll('#strip li').length === 2")
    other.close()
    gate.set()
    drawn(page, 2)


def test_a_photo_that_the_network_kept_another_page_from_stays_in_the_queue(
    page: Any, proxy: Proxy, samples: Path
) -> None:
    """A page that is being left may still note that its requests broke."""
    gate = proxy.hold("/transform")
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    until(page, "document.querySelectorAll('#strip li').length === 2")
    left = page.context.new_page()
    left.goto(f"{page.url}health")
    left.evaluate(
        "async () => {"
        + DATABASE
        + """
            for (const record of all) records.put({ ...record, trouble: { status: 0 } });
            const last = { ...all[0], id: all[0].id + 1, trouble: { status: "stopped" } };
            records.put(last);
            await written;
            const channel = new BroadcastChannel("artline");
            for (const { id } of [...all, last]) channel.postMessage(id);
        }"""
    )
    until(page, "document.querySelectorAll('#strip li').length === 3")  # it has heard of all
    gate.set()
    drawn(page, 2)


def test_what_one_tab_cancels_the_other_leaves(page: Any, proxy: Proxy, samples: Path) -> None:
    other, _ = in_two_tabs(page, proxy, samples / "cat.jpg")
    page.click("#cancel")
    for tab in (page, other):
        tab.wait_for_selector("#doing:has-text('Cancelled')")
    page.wait_for_timeout(500)
    assert other.get_attribute("body", "data-state") == "failed"


def test_three_hundred_are_light(page: Any) -> None:
    """Thumbnails are as small as they are shown, not the line art itself."""
    art = list(jpeg((1024, 1024)))
    page.evaluate(
        """async (bytes) => {
            const art = new Blob([Uint8Array.from(bytes)], { type: "image/jpeg" });
            const canvas = new OffscreenCanvas(192, 192);
            canvas.getContext("2d").fillRect(0, 0, 192, 192);
            const thumb = await canvas.convertToBlob({ type: "image/jpeg" });
            """
        + DATABASE
        + """
            for (let id = 1; id <= 300; id++) {
                const arts = { "": { art, drawn: 1e12 + id } };
                records.put({ id, photo: art, thumb, width: 1024, height: 1024, style: "", arts });
            }
            await written;
        }""",
        art,
    )
    page.reload()
    drawn(page, 300)
    until(page, "[...document.querySelectorAll('#strip img')].every((i) => i.complete)")
    pixels = page.evaluate(
        """[...document.images].reduce((sum, i) => sum + i.naturalWidth * i.naturalHeight, 0)"""
    )
    assert pixels * 4 < 64_000_000


def worker(page: Any) -> None:
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    until(page, "navigator.serviceWorker.controller !== null")


def test_the_network_comes_first(open_page: Open, proxy: Proxy) -> None:
    """So that no page from before a deployment stays; but it is not waited for long."""
    page = open_page(offline=True, mishaps=True)
    worker(page)
    new = Answer(200, headers={"content-type": "text/html"}, body=b"<title>new</title>")
    proxy.refuse("/", new)
    page.reload()
    assert page.title() == "new"
    proxy.faults.clear()
    proxy.hold("/")
    page.reload()
    assert page.title() == "ArtLine"
    proxy.faults.clear()
    proxy.refuse("/", Answer(503))
    page.reload()
    assert page.title() == "ArtLine"


def test_a_page_from_before_a_deployment_is_loaded_anew(
    open_page: Open, proxy: Proxy, samples: Path
) -> None:
    """The service now stores photos at an origin that the open page's policy does not know."""
    page = open_page(mishaps=True, reports=False)
    proxy.refuse("/transform", Answer(503), Answer(503), None)
    upload = b'{"url": "http://127.0.0.1:9/", "fields": {}}'
    job = b'{"id": "1", "status": "waiting", "job_url": "/jobs/1", "upload": %s}' % upload
    proxy.refuse("/jobs", Answer(201, headers={"content-type": "application/json"}, body=job))
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('ArtLine was updated')")
    assert len(proxy.to("/")) == 2  # once, not for ever
    proxy.faults.clear()
    page.click("#again")
    wait_for(page, "drawn")


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


def test_a_photo_shared_from_another_app(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(offline=True)
    worker(page)
    page.evaluate(
        """() => {
            const form = document.createElement("form");
            form.method = "post";
            form.action = "transform";
            form.enctype = "multipart/form-data";
            form.innerHTML = '<input type="file" name="photo" multiple id="given">';
            document.body.append(form);
        }"""
    )
    page.set_input_files("#given", [samples / "cat.jpg", samples / "face.jpg"])
    with page.expect_navigation():
        page.evaluate("setTimeout(() => document.querySelector('#given').form.submit())")
    drawn(page, 2)
    assert page.url == proxy.url


def test_a_portal_is_not_kept_for_the_page(open_page: Open, proxy: Proxy) -> None:
    proxy.refuse("/", None, Answer(200, headers={"content-type": "text/html"}, body=b"sign in"))
    page = open_page(offline=True)
    page.wait_for_timeout(500)
    states = "navigator.serviceWorker.getRegistration().then((r) => r?.active?.state ?? null)"
    assert page.evaluate(states) is None
