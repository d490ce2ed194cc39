"""Draws docs/throughput.svg, environments and limits by photos a minute.

`python -m docs.throughput`, with matplotlib, which the extra `test` has.
"""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from operate.throughput import (
    MEASURED,
    MINUTE,
    NEW_ACCOUNT,
    STANDARD_ACCOUNT,
    Capacity,
    job_limits,
    request_limits,
)

PICTURE = Path(__file__).with_suffix(".svg")
LOWEST, HIGHEST = 1, 1_000_000
RATES = (10, 1_000, 100_000)


def main() -> None:
    mpl.rcParams.update({"svg.hashsalt": "artline", "font.size": 9})
    figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
    for seconds, style in ((MEASURED, "-"), (1.0, "--")):
        rates = (LOWEST, HIGHEST)
        at_work = [rate / MINUTE * seconds for rate in rates]
        axes.plot(rates, at_work, style, color="black", label=f"{seconds:g} s a photo")
    at_work = [rate / MINUTE * MEASURED for rate in RATES]
    axes.plot(RATES, at_work, "o", color="black")
    for count, name in (
        (Capacity().job_concurrency, "jobConcurrency, by default"),
        (NEW_ACCOUNT, "a new account"),
        (STANDARD_ACCOUNT, "the standard account"),
    ):
        axes.axhline(count, color="tab:blue", linewidth=0.8)
        axes.text(LOWEST * 1.3, count * 1.12, f"{count:,} {name}", color="tab:blue")
    marks = {
        "throttleRate, by default": request_limits(Capacity())[0].photos,
        "throttleRate, jobs": job_limits(Capacity())[0].photos,
        "API Gateway": _named("API Gateway's rate"),
        "S3, jobs": _named("S3's writes a prefix"),
    }
    for name, photos in marks.items():
        axes.axvline(photos, color="tab:red", linewidth=0.8)
        place, side = (12_000, "top") if photos < STANDARD_ACCOUNT else (0.012, "bottom")
        axes.text(photos * 0.93, place, name, color="tab:red", rotation=90, ha="right", va=side)
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(LOWEST, HIGHEST),
        ylim=(0.01, 20_000),
        xlabel="photos a minute",
        ylabel="execution environments at work",
    )
    axes.legend(loc="upper left")
    figure.savefig(PICTURE, metadata={"Date": None})


def _named(name: str) -> float:
    limits = (*job_limits(Capacity()), *request_limits(Capacity()))
    return max(limit.photos for limit in limits if limit.name == name)


if __name__ == "__main__":
    main()
