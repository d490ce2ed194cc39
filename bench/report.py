"""Tables of measurements, in Markdown."""

import os
import platform
import re
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; all columns but the first are figures, to the right."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"


def ratio(ours: float, other: float) -> str:
    return f"1/{other / ours:.1f}" if other >= ours else f"{ours / other:.1f} to 1"


def peak_memory() -> int:
    """The most bytes that this process has had resident."""
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0])


def machine() -> str:
    """The machine, in a line; the load says how far its timings can be believed."""
    name = next(iter(re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())), "CPUs")
    day = time.strftime("%Y-%m-%d")
    python = platform.python_version()
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {name}, Python {python}, {day},"
        f" load average {load:.1f} at the start"
    )
