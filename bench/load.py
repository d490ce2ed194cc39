"""`make load`: the service under more and more callers, into bench/LOAD.md and bench/load.svg.

Two environments, each a container of the image, answer behind the declared API. More
callers than environments are throttled with 503, more requests than the stage lets through with
429; each waits a second and asks again.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import linear_regression, median

import numpy as np

from image.container import Container, MissingError, build

from .callers import Callers, Drawing, until, varied
from .plot import plot
from .report import ROOT, machine, mb, ms, table
from .serving import serving

RESULTS = Path(__file__).with_name("LOAD.md")
PLOT = Path(__file__).with_name("load.svg")
PHOTO = ROOT / "samples/face.jpg"

ENVIRONMENTS = 2
STAGE = {"throttleRate": 60, "throttleBurst": 60}
"""More than two environments can draw, so that these are saturated first."""
STEPS = (1, 2, 4, 8, 16, 32)
"""Callers at once."""
SINGLE = 40
"""Calls of a single caller, before the burst and after it."""
BATCH = 25
"""Photos from one look at the memory to the next."""


@dataclass(frozen=True)
class Step:
    """What so many callers at once met with, of which `rate` photos a second were drawn in time."""

    callers: int
    rate: float
    drawings: Sequence[Drawing]

    @property
    def refusals(self) -> Counter[int]:
        return sum((each.refusals for each in self.drawings), Counter())

    @property
    def faults(self) -> list[str]:
        return [each.fault for each in self.drawings if each.fault]

    def latency(self, *percentiles: int) -> list[float]:
        """Seconds of a request that was answered."""
        times = [each.request for each in self.drawings]
        return [float(each) for each in np.percentile(times, percentiles)]

    def whole(self, *percentiles: int) -> list[float]:
        """Seconds from first asking to the line art, waiting included."""
        times = [each.whole for each in self.drawings]
        return [float(each) for each in np.percentile(times, percentiles)]


@dataclass(frozen=True)
class Memory:
    """What the function's process had resident, in bytes, after so many photos."""

    photos: Sequence[int]
    resident: Sequence[int]

    @property
    def growth(self) -> float:
        """Bytes a photo, by least squares over all but the first quarter, which is the warm-up."""
        start = len(self.photos) // 4
        return linear_regression(self.photos[start:], self.resident[start:]).slope


def ramp(callers: Callers, seconds: float, steps: Iterable[int] = STEPS) -> list[Step]:
    photo = PHOTO.read_bytes()
    results = []
    for number in steps:
        end = time.monotonic() + seconds
        drawings = callers.draw(until(end, photo), at_once=number)
        in_time = sum(each.done < end and not each.fault for each in drawings)
        results.append(Step(number, in_time / seconds, drawings))
        print(table(HEAD, [row(results[-1])]).splitlines()[-1], flush=True)
    return results


def single(callers: Callers) -> float:
    """Seconds that one caller waits for one photo, at the median."""
    drawings = callers.draw([PHOTO.read_bytes()] * SINGLE)
    return median(each.whole for each in drawings)


def memory(callers: Callers, container: Container, count: int) -> tuple[Memory, list[Drawing]]:
    """The memory of `container`, which answers all calls, over `count` photos of varied sizes."""
    photos = varied(count)
    drawings: list[Drawing] = []
    looks = {}
    while len(drawings) < count:
        drawings += callers.draw(islice(photos, BATCH))
        looks[len(drawings)] = container.memory()
    return Memory(list(looks), list(looks.values())), drawings


HEAD = [
    "callers",
    "photos/s",
    *("median", "95 %", "99 %"),
    "99 % with waiting",
    *("503", "429"),
    "errors",
]


def row(step: Step) -> list[object]:
    refusals = step.refusals
    return [
        step.callers,
        f"{step.rate:.1f}",
        *(ms(each) for each in step.latency(50, 95, 99)),
        f"{step.whole(99)[0]:.1f} s",
        *(refusals[503], refusals[429]),
        len(step.faults),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="of each step (%(default)s)")
    parser.add_argument("--photos", type=int, default=2000, help="to watch memory (%(default)s)")
    options = parser.parse_args()
    where = machine()
    try:
        image = build("artline:load")
    except MissingError as missing:
        sys.exit(f"No load: {missing}.")
    with serving(image, ENVIRONMENTS, **STAGE) as service:
        callers = Callers(service.endpoint)
        before = single(callers)
        steps = ramp(callers, options.seconds)
        after = single(callers)
    with serving(image, 1, throttleRate=1000) as service:
        callers = Callers(service.endpoint)
        watched, drawings = memory(callers, service.containers[0], options.photos)
    faults = [fault for step in steps for fault in step.faults]
    faults += [each.fault for each in drawings if each.fault]
    RESULTS.write_text(_report(where, options.seconds, steps, before, after, watched, faults))
    print(RESULTS.read_text())
    plot(steps, watched, PLOT)
    if faults:
        sys.exit(f"{len(faults)} errors: {Counter(faults)}")


def _report(
    where: str,
    seconds: float,
    steps: Sequence[Step],
    before: float,
    after: float,
    watched: Memory,
    faults: Sequence[str],
) -> str:
    count, start = watched.photos[-1], len(watched.photos) // 4
    return "\n".join(
        [
            "# Load\n",
            f"Written by `make load` on {where}.\n",
            f"{ENVIRONMENTS} containers of the image, each with 2048 MB and 1.16 CPUs under AWS's"
            f" emulator, behind the declared API at {STAGE['throttleRate']} requests a second."
            f" Each step is {seconds:.0f} s of callers who send a 512 x 512 photo, wait a second"
            " when throttled, and begin with the next when it is drawn."
            " They and the API share the machine with the environments.\n",
            table(HEAD, map(row, steps)) + "\n",
            "The median, 95 % and 99 % are of the requests that were answered. A caller that gets"
            " its line art sends the next photo at once, which keeps an environment busy. A"
            " throttled caller may find no free environment until the step ends: that is the"
            " waiting time.\n",
            "![Photos a second, latency and memory](load.svg)\n",
            f"A single caller waits {ms(before)} at the median before the burst, and {ms(after)}"
            f" right after it: {after / before:.2f} times as long.\n",
            f"Memory over {count:,} photos of as many sizes, from 64 to 768 pixels a side:"
            f" {mb(watched.resident[start])} after {watched.photos[start]:,},"
            f" {mb(watched.resident[-1])} after the last. From there on it changes by"
            f" {watched.growth / 1024 * 1000:+.0f} KiB in 1,000 photos.\n",
            f"Errors, wrong or lost line art: {len(faults) or 'none'}.\n",
        ]
    )


if __name__ == "__main__":
    main()
