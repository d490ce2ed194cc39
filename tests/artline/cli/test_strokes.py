"""`artline --strokes`: single strokes, in millimetres, and never taken for outlines."""

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[3]
GROUP = "{http://www.w3.org/2000/svg}g"


def test_strokes_have_a_width_in_millimetres(artline: Any, samples: Path, tmp_path: Path) -> None:
    words = ("--strokes", "--width", "100mm", "--blacks", "hatch", "--local", "--max-side", "256")
    done = artline(samples / "face.jpg", "-o", "plot.svg", *words)
    assert done.returncode == 0, done.stderr
    root = ElementTree.fromstring((tmp_path / "plot.svg").read_bytes())  # noqa: S314  our own
    assert root.attrib["width"] == root.attrib["height"] == "100mm"
    assert root.find(GROUP) is not None


def test_the_same_photo_as_outlines_and_as_strokes_is_drawn_twice(
    artline: Any, samples: Path, tmp_path: Path
) -> None:
    photo, options = samples / "face.jpg", ("--local", "--max-side", "128", "-o", "art")
    for more in (["--format", "svg"], ["--strokes"], ["--strokes", "--width", "50"]):
        done = artline(photo, tmp_path / "none.jpg", *options, *more)
        assert "saved as" in done.stdout, done.stdout
    assert len(list((tmp_path / "art").glob("*.svg"))) == 3


@pytest.mark.parametrize("width", ["0mm", "-5", "wide", "1in", "nan"])
def test_a_width_that_cannot_be(artline: Any, samples: Path, width: str) -> None:
    done = artline(samples / "face.jpg", "--strokes", f"--width={width}")
    assert done.returncode == 2
    assert "--width" in done.stderr


def test_strokes_have_no_background(artline: Any, samples: Path, tmp_path: Path) -> None:
    for name, options in (("plain", []), ("transparent", ["--background", "transparent"])):
        done = artline(samples / "cat.jpg", "--strokes", *options, "-o", f"{name}.svg")
        assert done.returncode == 0, done.stderr
    plain, transparent = (
        (tmp_path / f"{name}.svg").read_bytes() for name in ("plain", "transparent")
    )
    assert plain == transparent


@pytest.mark.parametrize("missing", ["autotrace", "contourpy"])
def test_a_missing_extra_is_told_before_anything_is_drawn(
    samples: Path, artline: Any, tmp_path: Path, missing: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{missing!r}] = None\n")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = artline(samples, "--strokes", "--endpoint", "http://127.0.0.1:9", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == ("artline: Strokes need one more package: pip install 'artline[plot]'\n")
