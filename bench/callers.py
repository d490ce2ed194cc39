"""Callers that do as the service asks: one photo after another, each until it is drawn."""

import io
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from PIL import Image

from .report import ROOT

REFUSED = {429, 503}
PATIENCE = 300.0
"""Seconds after which a photo that is still throttled counts as lost."""


@dataclass(slots=True)
class Drawing:
    """Drawing one photo; times in seconds."""

    request: float = 0.0
    """The request that was answered."""
    whole: float = 0.0
    """From the first attempt, pauses included."""
    done: float = 0.0
    """When, on the clock of `time.monotonic`."""
    refusals: Counter[int] = field(default_factory=Counter)
    """How often it was throttled, by status."""
    fault: str = ""
    """What went wrong, if anything did: no answer, another status, not the right line art."""


class Callers:
    """Those that call `endpoint`. A photo's line art has to be of its size, and the same each time,
    whichever environment draws it.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._art: dict[bytes, bytes] = {}

    def draw(self, photos: Iterable[bytes], *, at_once: int = 1) -> list[Drawing]:
        """Has `photos` drawn by `at_once` callers, each of whom takes the next when one is done."""
        supply, taking = iter(photos), threading.Lock()
        drawings: list[Drawing] = []

        def call() -> None:
            with httpx.Client(base_url=self._endpoint, timeout=PATIENCE) as client:
                while True:
                    with taking:
                        photo = next(supply, None)
                    if photo is None:
                        return
                    drawings.append(self._drawn(client, photo))

        with ThreadPoolExecutor(at_once) as pool:
            for caller in [pool.submit(call) for _ in range(at_once)]:
                caller.result()
        return drawings

    def _drawn(self, client: httpx.Client, photo: bytes) -> Drawing:
        drawing = Drawing()
        asked = begin = time.monotonic()
        while begin - asked < PATIENCE:
            try:
                answer = client.post("/transform", content=photo)
            except httpx.HTTPError as error:
                drawing.fault = repr(error)
                return drawing
            if answer.status_code not in REFUSED:
                drawing.done = time.monotonic()
                drawing.request, drawing.whole = drawing.done - begin, drawing.done - asked
                drawing.fault = self._fault(photo, answer)
                return drawing
            drawing.refusals[answer.status_code] += 1
            time.sleep(float(answer.headers.get("retry-after", 1)))  # API Gateway does not say
            begin = time.monotonic()
        drawing.fault = "lost: refused for too long"
        return drawing

    def _fault(self, photo: bytes, answer: httpx.Response) -> str:
        if answer.status_code != 200:
            return f"{answer.status_code}: {answer.text}"
        if self._art.setdefault(photo, answer.content) != answer.content:
            return "different line art than before"
        with Image.open(io.BytesIO(photo)) as before, Image.open(io.BytesIO(answer.content)) as art:
            return "" if art.size == before.size else f"{art.size} pixels of {before.size}"


def until(deadline: float, photo: bytes) -> Iterator[bytes]:
    """`photo` again and again, until `time.monotonic()` says `deadline`."""
    while time.monotonic() < deadline:
        yield photo


def varied(count: int) -> Iterator[bytes]:
    """`count` photos of 64 to 768 pixels a side, by turns JPEG, PNG and WebP; the same each time.

    Nearly each is of a size of its own: what is kept for a size shows in the memory.
    """
    chance = random.Random(0)
    with Image.open(ROOT / "samples/landscape.jpg") as landscape:
        landscape.thumbnail((768, 768))
        for number in range(count):
            size = chance.randint(64, 768), chance.randint(64, 768)
            file = io.BytesIO()
            quickly = {"compress_level": 1, "method": 0}
            landscape.resize(size).save(file, ("JPEG", "PNG", "WEBP")[number % 3], **quickly)
            yield file.getvalue()
