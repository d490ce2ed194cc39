"""A minute of more callers than the service takes: the image's containers behind the API."""

from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from bench.callers import Callers, Drawing, varied
from bench.serving import serving

ENVIRONMENTS, CALLERS = 2, 8
PHOTOS, SIZES = 480, 420
"""Three quarters of the later half's photos have not been drawn before."""
ROUNDS = 8
GROWTH = 18e6
"""Bytes that the environments may gain in the second half. Its new photos' files are 20 MB."""


def test_overload_loses_nothing_and_leaves_nothing_behind(
    image: str, face: bytes, samples: Path, tmp_path: Path
) -> None:
    largest = tmp_path / "largest.jpg"
    with Image.open(samples / "landscape.jpg") as landscape:
        landscape.resize((768, 768)).save(largest)
    photos = cycle(varied(SIZES))
    drawings: list[Drawing] = []
    memory: list[int] = []
    with serving(image, ENVIRONMENTS) as service:  # with the stage's own throttle
        callers = Callers(service.endpoint)
        # The allocator keeps what the largest took, so that both environments draw some first.
        first = callers.draw([largest.read_bytes()] * 2 * CALLERS, at_once=CALLERS)
        for _ in range(ROUNDS):
            drawings += callers.draw(islice(photos, PHOTOS // ROUNDS), at_once=CALLERS)
            memory.append(sum(container.memory() for container in service.containers))
        (alone,) = callers.draw([face])

    assert len(drawings) == PHOTOS
    assert [drawing.fault for drawing in first + drawings if drawing.fault] == []
    assert sum(drawing.refusals.total() for drawing in drawings) > 0, "it was never saturated"
    assert memory[-1] - memory[ROUNDS // 2 - 1] < GROWTH, memory
    assert alone.fault == ""
