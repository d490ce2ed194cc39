"""The load test's own figures, and that its callers miss nothing that goes wrong."""

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from PIL import Image

from bench.callers import Callers, Drawing, varied
from bench.load import HEAD, Memory, Step, row
from bench.report import table

Answer = tuple[int, Mapping[str, str], bytes]
SOON = {"Retry-After": "0"}


def photo(width: int = 8, height: int = 6, colour: str = "white") -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def service() -> Iterator[Callable[..., Callers]]:
    """Callers of a service that gives the answers that it is told to, one after another."""
    answers: list[Answer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status, headers, body = answers.pop(0)
            if not status:
                return  # hangs up
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def start(*script: Answer) -> Callers:
            answers.extend(script)
            return Callers(f"http://127.0.0.1:{server.server_port}")

        yield start
        server.shutdown()
        thread.join()


def test_a_refused_caller_waits_and_asks_again(service: Callable[..., Callers]) -> None:
    callers = service((503, SOON, b""), (429, SOON, b""), (200, {}, photo()))
    (drawing,) = callers.draw([photo()])
    assert drawing.refusals == {503: 1, 429: 1}
    assert drawing.fault == ""
    assert drawing.whole > drawing.request > 0


def test_a_refusal_that_does_not_say_when_to_ask_again(service: Callable[..., Callers]) -> None:
    (drawing,) = service((503, {}, b""), (200, {}, photo())).draw([photo()])
    assert drawing.refusals == {503: 1}
    assert 1 <= drawing.whole - drawing.request < 5


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ((500, {}, b"oh"), "500: oh"),
        ((0, {}, b""), "RemoteProtocolError"),
        ((200, {}, photo(6, 8)), "(6, 8) pixels of (8, 6)"),
        ((200, {}, photo(colour="black")), "different line art than before"),
    ],
    ids=["status", "cut off", "size", "changed"],
)
def test_what_goes_wrong_is_told(
    service: Callable[..., Callers], answer: Answer, fault: str
) -> None:
    callers = service((200, {}, photo()), answer)
    sent = photo()
    other = sent if "before" in fault else photo(colour="red")
    first, second = callers.draw([sent, other])
    assert first.fault == ""
    assert fault in second.fault


def test_every_photo_is_drawn_once_however_many_call(service: Callable[..., Callers]) -> None:
    callers = service(*[(200, {}, photo())] * 30)
    drawings = callers.draw([photo()] * 30, at_once=8)
    assert [drawing.fault for drawing in drawings] == [""] * 30


def test_a_step_in_a_row() -> None:
    times = [number / 100 for number in range(1, 101)]
    drawings = [Drawing(request=each, whole=each + 1) for each in times]
    drawings[0].refusals = Counter({503: 3})
    drawings[1].refusals = Counter({503: 1, 429: 2})
    drawings[3].fault = "500: oh"
    cells = row(Step(4, 12.34, drawings))
    assert cells == [4, "12.3", "505 ms", "950 ms", "990 ms", "2.0 s", 4, 2, 1]
    assert len(cells) == len(HEAD)


def test_growth_is_what_follows_the_warm_up() -> None:
    photos = range(25, 2001, 25)
    warm_up = [5_000_000 * number for number in range(20)]
    assert Memory(photos, [*warm_up, *[100_000_000] * 60]).growth == pytest.approx(0)
    leak = [100_000_000 + 300 * number for number in photos]
    assert Memory(photos, leak).growth == pytest.approx(300)


def test_a_table() -> None:
    assert table(["a", "b"], [["x", 1], ["y", 2]]) == (
        "| a | b |\n| --- | ---: |\n| x | 1 |\n| y | 2 |"
    )


def test_varied_photos() -> None:
    photos = list(varied(6))
    images = [Image.open(io.BytesIO(photo)) for photo in photos]
    assert len({image.size for image in images}) == 6
    assert [image.format for image in images] == ["JPEG", "PNG", "WEBP"] * 2
    assert list(varied(6)) == photos
