"""The load test's plot: photos a second, latency and memory, side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot
from matplotlib.axes import Axes

if TYPE_CHECKING:
    from .load import Memory, Step

STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "font.size": 9,
    "legend.frameon": False,
    "svg.hashsalt": "artline",
}
INK = ("#1b1b1b", "#c2571a", "#3b6ea5")


def plot(steps: "Sequence[Step]", memory: "Memory", path: Path) -> None:
    """Draws the results to `path`, in the format that its name says."""
    with pyplot.rc_context(STYLE):
        figure, (rate, latency, resident) = pyplot.subplots(
            1, 3, figsize=(11, 3.4), layout="constrained"
        )
        _rate(rate, steps)
        _latency(latency, steps)
        _resident(resident, memory)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=120)
        pyplot.close(figure)


def _callers(axes: Axes, steps: "Sequence[Step]") -> list[int]:
    numbers = [step.callers for step in steps]
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(number) for number in numbers])
    axes.set_xlabel("callers at once")
    return numbers


def _rate(axes: Axes, steps: "Sequence[Step]") -> None:
    numbers = _callers(axes, steps)
    axes.set_title("Photos drawn a second")
    axes.plot(numbers, [step.rate for step in steps], "o-", color=INK[0])
    axes.set_ylim(bottom=0)


def _latency(axes: Axes, steps: "Sequence[Step]") -> None:
    numbers = _callers(axes, steps)
    axes.set_title("Seconds to a drawing")
    for name, color, figures in (
        ("median request", INK[0], [step.latency(50)[0] for step in steps]),
        ("99 % of requests", INK[2], [step.latency(99)[0] for step in steps]),
        ("99 %, with the waiting", INK[1], [step.whole(99)[0] for step in steps]),
    ):
        axes.plot(numbers, figures, "o-", color=color, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylim(0.02, 500)  # with room for the legend
    axes.legend(loc="upper left")


def _resident(axes: Axes, memory: "Memory") -> None:
    axes.set_title("Memory of an environment, MB")
    axes.plot(memory.photos, [size / 1e6 for size in memory.resident], color=INK[0])
    axes.set_xlabel("photos drawn")
    axes.set_ylim(bottom=0)
