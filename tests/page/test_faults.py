"""What goes wrong is put right by itself, or said in a person's words with the right next step."""

import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.page.conftest import Open, choose, drawn, jpeg, kept, until, wait_for
from tests.page.proxy import Answer, Proxy, Sent, gateway

BUSY = Answer(429, "Too many requests at once.", {"retry-after": "1"})
NO_JOBS = Answer(404, "There is no /jobs here.")
PORTAL = Answer(200, headers={"content-type": "text/html"}, body=b"<!doctype html>Please sign in")


@pytest.fixture
def page(open_page: Open) -> Any:
    return open_page(mishaps=True)


def doing(page: Any) -> str:
    text: str = page.inner_text("#doing")
    return text


def test_a_service_that_starts_is_said_to(open_page: Open, proxy: Proxy, samples: Path) -> None:
    asleep = proxy.hold("/health")
    page = open_page()
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Starting')")
    assert "Starting" in page.inner_text("#live")
    asleep.set()
    wait_for(page, "drawn")


def test_a_slow_start_is_explained(page: Any, proxy: Proxy, samples: Path) -> None:
    slow = proxy.hold("/transform")
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.wait_for_selector("#doing:has-text('Still drawing')")
    slow.set()
    wait_for(page, "drawn")


@pytest.mark.parametrize("answer", [Answer(413), Answer(429), Answer(503), Answer(504), PORTAL])
def test_what_one_request_cannot_do_becomes_a_job(
    page: Any, proxy: Proxy, samples: Path, answer: Answer, tmp_path: Path
) -> None:
    """The upload is a real one, to the real bucket, drawn by the real worker."""
    proxy.refuse("/transform", answer)
    width = int(answer.status or 0)
    with Image.open(samples / "cat.jpg") as cat:  # the same photo would be drawn only once
        cat.resize((width, 300)).save(tmp_path / "cat.jpg")
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
    assert page.locator("#art").evaluate(f"image => {size}") == [width, 300]
    assert kept(page)[0]["job"] is None


def test_late_becomes_a_job(open_page: Open, proxy: Proxy, samples: Path) -> None:
    page = open_page(mishaps=True)
    held = proxy.hold("/transform")
    page.clock.install()
    choose(page, samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.clock.fast_forward(26_000)
    page.wait_for_selector("#doing:has-text('In the queue')")
    for _ in range(100):
        if page.get_attribute("body", "data-state") == "drawn":
            break
        page.clock.run_for(2_000)
        page.wait_for_timeout(100)
    held.set()
    assert page.get_attribute("body", "data-state") == "drawn"
    assert len(proxy.to("/jobs")) == 1


def test_a_job_that_never_ends_lets_others_go_on(
    open_page: Open, proxy: Proxy, samples: Path
) -> None:
    page = open_page(mishaps=True)
    page.clock.install()
    proxy.refuse("/transform", Answer(413), None)
    job = b'{"id": "1", "status": "queued", "job_url": "/jobs/1"}'
    asked = Answer(200, headers={"content-type": "application/json"}, body=job)
    proxy.refuse("/jobs", asked, None)  # the other photo may be late too, and become a job
    proxy.refuse("/jobs/1", asked)
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('In the queue')")
    for _ in range(60):
        if page.locator("#strip .failed").count():
            break
        page.clock.run_for(30_000)
        page.wait_for_timeout(100)
    drawn(page, 1)
    page.click("#strip .failed")
    page.wait_for_selector("#doing:has-text('It took too long')")


def test_slow_but_steady_is_waited_for(page: Any, proxy: Proxy, samples: Path) -> None:
    """A minute for one answer, of which some comes every twenty seconds."""
    parts = threading.Semaphore(0)
    with Image.open(samples / "cat.jpg") as cat:
        body = jpeg(cat.size, noise=True)
    headers = {"content-type": "image/jpeg"}
    proxy.refuse("/transform", Answer(200, headers=headers, body=body, parts=parts))
    page.clock.install()
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    for n in (10, 20, 30):
        parts.release()
        until(page, "n => document.querySelector('#sent').value >= n - 1", n)
        assert "Receiving" in doing(page)
        page.clock.fast_forward(20_000)
    parts.release(10)
    wait_for(page, "drawn")
    assert len(proxy.to("/transform")) == 1
    assert proxy.to("/jobs") == []


LIES = {
    "a portal's page": PORTAL,
    "nothing": Answer(200, body=b""),
    "204": Answer(204, body=b""),
    "JSON": Answer(200, headers={"content-type": "application/json"}, body=b'{"status": "ok"}'),
    "a third": Answer(200, headers={"content-type": "image/jpeg"}, body=jpeg((451, 300))[:900]),
    "another shape": Answer(200, headers={"content-type": "image/jpeg"}, body=jpeg((300, 300))),
    "a JPEG's ends": Answer(200, body=b"\xff\xd8\xff\xe0 and nothing between \xff\xd9"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_not_taken_for_line_art(
    page: Any, proxy: Proxy, samples: Path, lie: Answer
) -> None:
    proxy.refuse("/jobs", NO_JOBS)
    proxy.refuse("/transform", lie)
    page.clock.install()
    choose(page, samples / "cat.jpg")
    for _ in range(100):
        if page.get_attribute("body", "data-state") != "working":
            break
        page.clock.run_for(2_000)
        page.wait_for_timeout(50)
    wait_for(page, "failed")
    assert "not line art" in doing(page)
    assert kept(page)[0]["arts"] == []
    proxy.faults.clear()
    page.click("#again")
    wait_for(page, "drawn")


@pytest.mark.parametrize("path", ["/health", "/jobs"])
@pytest.mark.parametrize("lie", [PORTAL, Answer(200, body=b"null"), Answer(200, body=b"[]")])
def test_a_lie_elsewhere_is_survived(
    open_page: Open, proxy: Proxy, samples: Path, path: str, lie: Answer
) -> None:
    proxy.refuse(path, lie)
    page = open_page(mishaps=True)
    if path == "/jobs":
        proxy.refuse("/transform", Answer(503), None)
    choose(page, samples / "cat.jpg")
    until(page, "['drawn', 'failed'].includes(document.body.dataset.state)")
    if path == "/jobs":
        assert "not line art" in doing(page)
        page.click("#again")
    wait_for(page, "drawn")


WORDS = [
    (Answer(400), "did not accept", "again"),
    (gateway(403, "Forbidden"), "does not allow", "again"),
    (Answer(404), "not at this address", "again"),
    (gateway(413, "Request Entity Too Large"), "too large", "another"),
    (Answer(415, "Not an image: send a JPEG."), "not a photo", "another"),
    (Answer(422, "The image is cut short."), "damaged", "another"),
    (gateway(429, "Too Many Requests", retry_after="3600"), "busy until", "again"),
    (gateway(503, "Service Unavailable", retry_after="3600"), "busy until", "again"),
    (gateway(500, "Internal Server Error"), "went wrong", "again"),
    (Answer(302, headers={"location": "/"}), "not line art", "again"),
    (Answer(418), "did not accept", "again"),
    (Answer(None), "cannot be reached", "again"),
]


@pytest.mark.parametrize(("answer", "words", "step"), WORDS)
def test_true_words_and_the_right_next_step(
    page: Any, proxy: Proxy, samples: Path, answer: Answer, words: str, step: str
) -> None:
    proxy.refuse("/jobs", NO_JOBS)
    proxy.refuse("/transform", answer)
    page.clock.install()
    choose(page, samples / "cat.jpg")
    for _ in range(100):
        if page.get_attribute("body", "data-state") != "working":
            break
        page.clock.run_for(2_000)
        page.wait_for_timeout(50)
    wait_for(page, "failed")
    assert words in doing(page)
    assert page.inner_text("#detail") == ""
    assert words in page.inner_text("#live")
    assert page.locator(f"#{step}").is_visible()
    other = {"again": "another", "another": "again"}[step]
    assert page.locator(f"#{other}").is_hidden()


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_gateway_refusals_without_retry_after(
    page: Any, proxy: Proxy, samples: Path, status: int
) -> None:
    proxy.refuse("/jobs", NO_JOBS)
    refusal = gateway(status, "Service Unavailable")
    proxy.refuse("/transform", refusal, refusal, None)
    page.clock.install()
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Trying again in')")
    page.clock.run_for(3_000)
    wait_for(page, "drawn")


def test_throttled_where_there_are_no_jobs(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/jobs", NO_JOBS)
    proxy.refuse("/transform", BUSY, BUSY, None)
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#doing:has-text('Trying again in 1 s')")
    wait_for(page, "drawn")
    assert len(proxy.to("/transform")) == 3


def test_one_button_is_for_one_photo(page: Any, proxy: Proxy, samples: Path) -> None:
    proxy.refuse("/transform", Answer(None))
    choose(page, samples / "cat.jpg", samples / "face.jpg", samples / "rotated.jpg")
    until(page, "document.querySelectorAll('#strip .failed').length === 3")
    proxy.faults.clear()
    proxy.sent.clear()
    page.click("#again")
    drawn(page, 1)
    page.click("#strip li .failed")
    assert len(proxy.to("/transform")) == 1
    assert page.inner_text("#again-all") == "Try all 2 again"
    page.click("#again-all")
    drawn(page, 3)


def test_cancel_is_for_one_photo_too(page: Any, proxy: Proxy, samples: Path) -> None:
    held = proxy.hold("/transform")
    photos = [samples / f"{name}.jpg" for name in ("cat", "face", "landscape", "rotated")]
    choose(page, *photos)
    page.wait_for_selector("#turn:text('1 of 4')")
    page.click("#strip li:first-child button")  # the last of them, which waits
    assert "Waiting" in doing(page)
    page.click("#cancel")
    page.wait_for_selector("#doing:has-text('Cancelled')")
    assert page.locator("#strip .failed").count() == 1
    page.click("#strip li:last-child button")  # the first, which is being drawn
    page.wait_for_selector("#turn:text('1 of 3')")
    page.click("#cancel")
    page.wait_for_selector("#turn:text('2 of 3')")
    assert page.inner_text("#cancel-all") == "Cancel all 2"
    page.click("#cancel-all")
    until(page, "document.querySelectorAll('#strip .failed').length === 4")
    held.set()
    assert page.evaluate("document.activeElement.id") in ("again", "again-all")
    page.click("#again")
    drawn(page, 1)


def test_not_an_image(page: Any, proxy: Proxy, samples: Path) -> None:
    notes = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"buy milk, call home"}
    choose(page, notes)
    wait_for(page, "failed")
    assert "JPEG, PNG, WebP" in doing(page)
    assert page.locator("#strip img[src]").count() == 0  # and no broken one
    assert page.locator("#photo").is_hidden()
    with page.expect_file_chooser() as chooser:
        page.click("#another")
    chooser.value.set_files(samples / "cat.jpg")
    drawn(page, 1)
    page.click("#strip .failed")
    page.click("#dismiss")
    wait_for(page, "drawn")
    assert len(kept(page)) == 1


def test_one_bad_photo_among_several(page: Any, samples: Path) -> None:
    bad = {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0 cut short"}
    face = {**bad, "buffer": (samples / "face.jpg").read_bytes()}
    choose(page, bad, face)
    drawn(page, 1)
    assert page.locator("#strip .failed").count() == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, "The fault is ours: try again, and if it stays, quote request 8f-42."),
        gateway(500, "Internal Server Error", apigw_requestid="8f-42"),
    ],
)
def test_a_fault_of_the_service_has_a_number_to_quote(
    open_page: Open, proxy: Proxy, samples: Path, answer: Answer
) -> None:
    page = open_page(mishaps=True, locale="ko-KR")
    proxy.refuse("/transform", answer)
    choose(page, samples / "cat.jpg")
    wait_for(page, "failed")
    assert page.inner_text("#detail") == "요청 번호 8f-42"


def test_cancelled_while_it_wakes(open_page: Open, proxy: Proxy, samples: Path) -> None:
    proxy.hold("/health")
    page = open_page()
    choose(page, samples / "cat.jpg")
    page.click("#cancel")
    wait_for(page, "failed")
    proxy.faults.clear()
    page.reload()
    wait_for(page, "failed")  # what was canceled stays so
    page.click("#again")
    wait_for(page, "drawn")


def test_deleted_while_it_is_drawn(page: Any, proxy: Proxy, samples: Path) -> None:
    held = proxy.hold("/transform")
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.wait_for_selector("#doing:has-text('Drawing')")
    page.evaluate("document.querySelector('#remove').click()")
    held.set()
    drawn(page, 1)
    assert len(kept(page)) == 1


def test_a_lapsed_job_is_begun_anew(page: Any, proxy: Proxy, samples: Path, tmp_path: Path) -> None:
    proxy.refuse("/transform", Answer(503))
    lost: list[Sent] = []

    def forgets(sent: Sent) -> Answer | None:
        if not sent.path.startswith("/jobs/") or lost:
            return None
        lost.append(sent)
        return Answer(404, "There is no such job.")

    proxy.faults.append(forgets)
    with Image.open(samples / "cat.jpg") as cat:
        cat.resize((404, 301)).save(tmp_path / "cat.jpg")
    choose(page, tmp_path / "cat.jpg")
    wait_for(page, "drawn")
    assert len(proxy.to("/jobs")) == 2


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
    choose(page, samples / "landscape.jpg", samples / "rotated.jpg")
    page.wait_for_selector("#asking[open]")
    page.keyboard.press("Escape")
    until(page, "document.querySelectorAll('#strip .failed').length === 2")  # asked only once
    assert "token is needed" in doing(page)


@pytest.mark.parametrize(
    "pasted",
    ["right", " right\u200b", "\u201cright\u201d", "Bearer right", '"right"', "ri\ufeffght"],
)
def test_a_token_is_pasted_with_what_was_around_it(
    page: Any, proxy: Proxy, samples: Path, pasted: str
) -> None:
    proxy.faults.append(asks_for_token)
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#asking[open]")
    page.fill("#token", pasted)
    page.keyboard.press("Enter")
    wait_for(page, "drawn")


@pytest.mark.parametrize("pasted", ["토큰", "tök€n", "😀"])
def test_what_cannot_be_a_token_is_said(
    page: Any, proxy: Proxy, samples: Path, pasted: str
) -> None:
    proxy.faults.append(asks_for_token)
    choose(page, samples / "cat.jpg")
    page.wait_for_selector("#asking[open]")
    page.fill("#token", pasted)
    page.keyboard.press("Enter")
    page.wait_for_selector("#asking [role=alert]:has-text('not a token')")
    page.fill("#token", "right")
    page.keyboard.press("Enter")
    wait_for(page, "drawn")


def test_the_token_goes_to_the_service_alone(page: Any, proxy: Proxy, samples: Path) -> None:
    page.evaluate("localStorage.setItem('token', 'secret')")
    proxy.refuse("/transform", Answer(413))
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request))
    choose(page, samples / "rotated.jpg")
    wait_for(page, "drawn")
    assert proxy.to("/jobs")[0].headers["authorization"] == "Bearer secret"
    elsewhere = [each for each in asked if not each.url.startswith((proxy.url, "blob:", "data:"))]
    assert len(elsewhere) >= 2  # the upload, and the result
    assert not any("authorization" in each.all_headers() for each in elsewhere)


def test_tried_again_while_it_is_still_prepared(page: Any, samples: Path) -> None:
    """Preparing takes long here: the photo is cancelled and tried again before it is over."""
    page.evaluate(
        """() => {
            const decode = window.createImageBitmap;
            const ready = new Promise((resolve) => (window.ready = resolve));
            window.createImageBitmap = (...all) => ready.then(() => decode(...all));
        }"""
    )
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.click("#cancel-all")
    page.click("#again-all")
    page.click("#styles button >> nth=1")
    page.evaluate("ready()")
    drawn(page, 2)


def test_plain_http_is_loaded_anew_too(open_page: Open, proxy: Proxy, samples: Path) -> None:
    """There are no caches to clear on plain http; and the next photo is drawn, whatever happens."""
    page = open_page(mishaps=True, reports=False)
    page.add_init_script("delete window.caches; delete Navigator.prototype.serviceWorker;")
    page.reload()
    upload = b'{"url": "http://127.0.0.1:9/", "fields": {}}'
    job = b'{"id": "1", "status": "waiting", "job_url": "/jobs/1", "upload": %s}' % upload
    proxy.refuse("/jobs", Answer(201, headers={"content-type": "application/json"}, body=job))
    proxy.refuse("/transform", Answer(413), Answer(413), None)
    choose(page, samples / "cat.jpg", samples / "face.jpg")
    page.click("#strip .failed")
    page.wait_for_selector("#doing:has-text('ArtLine was updated')")
    drawn(page, 1)
    assert len(proxy.to("/")) == 3  # opened, made plain, and loaded anew


def test_plain_http_has_no_hashes(open_page: Open, proxy: Proxy, tmp_path: Path) -> None:
    """As a browser is on a LAN, where the page comes from no secure origin."""
    page = open_page(mishaps=True)
    page.add_init_script(
        """delete Crypto.prototype.subtle; delete Navigator.prototype.locks;
        delete Navigator.prototype.serviceWorker; delete Navigator.prototype.storage;
        delete Navigator.prototype.clipboard; delete Navigator.prototype.mediaDevices;"""
    )
    page.reload()
    proxy.refuse("/transform", Answer(503))
    Image.linear_gradient("L").resize((420, 310)).save(tmp_path / "a.png")
    choose(page, tmp_path / "a.png")
    wait_for(page, "drawn")
    (sent,) = proxy.to("/jobs")
    assert b"sha256" not in sent.body
