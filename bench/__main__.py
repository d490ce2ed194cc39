"""`make bench`: the benchmark tables, printed and written to bench/RESULTS.md.

What is missing on a machine (a container engine, the original's Python) is said in its place. The
original stack takes part where `ORIGINAL_PYTHON` names a Python 3.8 that has its packages and
`ORIGINAL_LEARNER` a fastai 1 export.
"""

from importlib import import_module
from pathlib import Path

from .report import machine

RESULTS = Path(__file__).with_name("RESULTS.md")
SECTIONS = ("transform", "photos", "coldstart", "outlines")


def main() -> None:
    parts = [f"# Results\n\nWritten by `make bench` on {machine()}.\n"]
    print(parts[0], flush=True)
    for name in SECTIONS:
        section = import_module(f"bench.{name}").report()
        print(section, flush=True)
        parts.append(section)
    RESULTS.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
