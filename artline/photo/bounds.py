"""How much one photo may take: pixels, and CPU time where a decoder can be stopped."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Final

from ..errors import PhotoTooLargeError
from ..limits import DECODE_SECONDS, IMAGE_PIXELS, LOCAL_PIXELS

BLOCK: Final = 16 * 1024
"""The most bytes that a decoder gets at once: plain PNM takes time that grows with the square of
a block's length."""

SCAN_BLOCK: Final = 256
"""The same, for a progressive JPEG: libjpeg decodes every scan in a block before it returns, and a
scan of 50 megapixels fits into 60 bytes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one photo may take.

    `pixels` is width times height as stored in the file; `seconds` is CPU time of the thread that
    decodes, None for as long as it takes.
    """

    pixels: int
    seconds: float | None

    def check(self, width: int, height: int, share: float = 1.0) -> None:
        """Raises `PhotoTooLargeError` where an image has more than that `share` of the pixels."""
        most = int(self.pixels * share)
        if width * height > most:
            raise PhotoTooLargeError(
                f"The photo has {_over(width * height, most)} megapixels, over the"
                f" {most / 1e6:.0f} megapixels that are read in this format: send a smaller one."
            )

    def check_bytes(self, size: int, most: int) -> None:
        """Raises `PhotoTooLargeError` for more bytes than can be decoded in time."""
        if self.seconds is not None and size > most:
            raise PhotoTooLargeError(
                f"The photo has {_over(size, most)} MB, over the {most / 1e6:.0f} MB that are read"
                " in this format: send a smaller one."
            )


def _over(found: int, most: int) -> str:
    """`found` in millions, by as many digits as show that it is more than `most`."""
    texts = [f"{found / 1e6:,.{digits}f}" for digits in range(7)]
    shown = float(f"{most / 1e6:.0f}")
    return next((text for text in texts if float(text.replace(",", "")) > shown), texts[-1])


SERVICE: Final = Bounds(IMAGE_PIXELS, DECODE_SECONDS)
"""In the function, whose caller waits and whose owner pays."""

LOCAL: Final = Bounds(LOCAL_PIXELS, None)
"""On the caller's own machine, where a photo is shrunk before it is sent."""


class Deadline:
    """A limit of CPU time. It needs no signal, so it works in any thread and on any system."""

    def __init__(self, seconds: float | None) -> None:
        self._end = float("inf") if seconds is None else time.thread_time() + seconds

    def check(self) -> None:
        """Raises `PhotoTooLargeError` once the time is over."""
        if time.thread_time() > self._end:
            raise PhotoTooLargeError(
                "The photo takes too long to decode: send a smaller one, or a JPEG."
            )


class BoundedFile(io.BytesIO):
    """A file in memory whose reader is stopped at a deadline.

    Pillow's decoders that are written in Python read a few bytes at a time, and those in C read
    block by block, so each of them comes by here often.
    """

    def __init__(self, data: bytes, deadline: Deadline) -> None:
        super().__init__(data)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check()
        return super().read(size)


class ShortReads(BoundedFile):
    """The same, for a decoder that asks for blocks and takes whatever length it gets."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(BLOCK if size is None or size < 0 else min(size, BLOCK))
