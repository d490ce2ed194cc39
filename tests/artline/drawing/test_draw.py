"""The library: photos to line art in this process."""

import io
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import artline
from artline import (
    Client,
    DamagedPhotoError,
    LineArt,
    Model,
    ModelError,
    OptionError,
    PhotoError,
    SaveError,
    UnknownFormatError,
)
from artline.version import MODEL
from tests.inplace import IN_PLACE, NAME

ROOT = Path(__file__).parents[3]


@pytest.fixture(params=["service", "here"])
def draw(request: pytest.FixtureRequest) -> Any:
    """`draw(photo, **options)`: the real local service's, and the library's."""
    if request.param == "here":
        yield artline.draw
        return
    with Client(request.getfixturevalue("server")) as client:
        yield client.draw


FORMS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "text": str,
    "bytes": Path.read_bytes,
    "bytearray": lambda path: bytearray(path.read_bytes()),
    "memoryview": lambda path: memoryview(path.read_bytes()),
    "file": lambda path: path.open("rb"),
    "memory": lambda path: io.BytesIO(path.read_bytes()),
    "image": Image.open,
    "array": lambda path: np.asarray(Image.open(path)),
    "alpha": lambda path: np.asarray(Image.open(path).convert("RGBA")),
    "grey": lambda path: np.asarray(Image.open(path).convert("L")),
    "channel": lambda path: np.asarray(Image.open(path).convert("L"))[..., np.newaxis],
    "palette": lambda path: Image.open(path).convert("P"),
    "cmyk": lambda path: Image.open(path).convert("CMYK"),
}


@pytest.mark.filterwarnings("ignore:unclosed file")
@pytest.mark.parametrize("form", FORMS)
def test_whatever_a_photo_is_given_as(draw: Any, samples: Path, form: str) -> None:
    art = draw(FORMS[form](samples / "cat.jpg"))
    assert isinstance(art, LineArt)
    assert (art.content_type, art.image.size) == ("image/jpeg", (451, 300))
    assert art.array.shape[:2] == (300, 451)
    assert bytes(art) == art.data
    assert {"decode", "inference", "encode"} <= art.timings.keys()
    assert art.model == NAME


def test_the_same_line_art_as_over_http(server: str, samples: Path) -> None:
    for name, options in {"face.jpg": {}, "cat.jpg": {"format": "png", "max_side": 200}}.items():
        photo = (samples / name).read_bytes()
        with Client(server) as client:
            there = client.draw(photo, **options)  # type: ignore[arg-type]
        here = artline.draw(photo, **options)  # type: ignore[arg-type]
        if max(there.image.size) == max(Image.open(io.BytesIO(photo)).size):
            assert here.data == there.data  # sent as it is
        else:
            assert np.abs(here.array.astype(int) - there.array).mean() < 8


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "gif"}, "format must be jpeg, png"),
        ({"max_side": -1}, f"max_side must be a number of pixels from 64 to {IN_PLACE.max_side}"),
        ({"max_side": "large"}, "max_side must be"),
        ({"style": "oil"}, f"style must be {' or '.join(IN_PLACE.styles)}"),
        ({"colour": 1}, "There is no option 'colour'"),
    ],
)
def test_options_that_there_are_not(
    draw: Any, samples: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        draw(samples / "cat.jpg", **options)


@pytest.mark.parametrize(
    ("photo", "error"),
    [
        (b"", PhotoError),
        (b"no photo", UnknownFormatError),
        (b"\xff\xd8\xff\xe0", DamagedPhotoError),
        (7, UnknownFormatError),
        (None, UnknownFormatError),
        (io.StringIO("text"), UnknownFormatError),
        (np.zeros((4, 4)), UnknownFormatError),
        (np.zeros((4, 4, 7), np.uint8), UnknownFormatError),
        (np.zeros((0, 4, 3), np.uint8), DamagedPhotoError),
        ("none.jpg", PhotoError),
        ("a\0b.jpg", PhotoError),
        (ROOT, PhotoError),
    ],
)
def test_what_is_no_photo(draw: Any, photo: Any, error: type[PhotoError]) -> None:
    with pytest.raises(error):
        draw(photo)


def test_a_damaged_photo(draw: Any, samples: Path) -> None:
    with pytest.raises(DamagedPhotoError):
        draw((samples / "cat.jpg").read_bytes()[:9000])


def test_a_missing_file_is_named() -> None:
    with pytest.raises(PhotoError, match=r"^none\.jpg cannot be read: No such file or directory$"):
        artline.draw("none.jpg")


def test_a_model_stays_loaded(samples: Path) -> None:
    model = Model(str(MODEL), providers=["CPUExecutionProvider"], threads=2)
    assert f"{model.name}/{model.version}" == NAME
    with ThreadPoolExecutor(4) as pool:
        arts = list(pool.map(lambda side: model.draw(samples / "cat.jpg", max_side=side), [64, 99]))
    assert [max(art.image.size) for art in arts] == [64, 99]


@pytest.mark.parametrize("given", ["none.onnx", ROOT, ROOT / "README.md"])
def test_what_is_no_model(given: Any) -> None:
    with pytest.raises(ModelError) as error:
        Model(given)
    assert "[Errno" not in str(error.value)
    assert Path(given).name in str(error.value)


def test_transparent_line_art_as_an_array(face: bytes) -> None:
    art = artline.draw(face, format="png", background="transparent")
    assert art.array.shape == (*art.image.size[::-1], 4)


def test_svg_has_no_pixels(face: bytes) -> None:
    art = artline.draw(face, format="svg")
    for pixels in ("image", "array"):
        with pytest.raises(artline.UnknownFormatError, match="SVG has no pixels"):
            getattr(art, pixels)


@pytest.mark.parametrize("name", ["art.gif", "art.JFIF"])
def test_no_directory_is_made_of_another_format(face: bytes, tmp_path: Path, name: str) -> None:
    with pytest.raises(artline.SaveError, match=r"line art is saved as \.jpg"):
        artline.draw(face).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_providers_are_a_list() -> None:
    with pytest.raises(ModelError, match="providers must be a list"):
        Model(providers="CPUExecutionProvider")


@pytest.mark.parametrize("provider", ["NoExecutionProvider", 1, (), None])
def test_a_provider_that_there_is_not(provider: Any) -> None:
    with pytest.raises(ModelError, match=f"no provider {re.escape(repr(provider))}: this"):
        Model(providers=[provider])


@pytest.mark.parametrize("settings", [(), ({}, {}), ("x",)])
def test_what_are_no_settings_of_a_provider(settings: Any) -> None:
    with pytest.raises(ModelError, match="a name and its settings: not"):
        Model(providers=[("CPUExecutionProvider", *settings)])


@pytest.mark.parametrize("threads", [-1, 1.5, "2", None, False, 10**12])
def test_what_is_no_number_of_threads(threads: Any) -> None:
    with pytest.raises(ModelError, match=r"^threads must be a whole number from 1 to"):
        Model(threads=threads)


@pytest.mark.parametrize("threads", [0, np.int64(2)])
def test_numbers_of_threads(threads: Any, samples: Path) -> None:
    Model(threads=threads).draw(samples / "cat.jpg", max_side=64)


def test_memory_does_not_grow(face: bytes) -> None:
    model = Model()
    model.draw(face)
    tracemalloc.start()
    for _ in range(3):
        model.draw(face)
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(20):
        model.draw(face)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 100_000


def test_saving(face: bytes, tmp_path: Path) -> None:
    art = artline.draw(face)
    assert art.save(tmp_path / "out").parent == tmp_path / "out"
    assert art.save(tmp_path / "art.jpg") == tmp_path / "art.jpg"
    assert (tmp_path / "art.jpg").read_bytes() == art.data
    with pytest.raises(SaveError, match="exists already"):
        art.save(tmp_path / "art.jpg")
    with pytest.raises(SaveError, match="wrong suffix for image/jpeg"):
        art.save(tmp_path / "art.png")
    with pytest.raises(SaveError, match="cannot be written: Not a directory"):
        art.save(tmp_path / "art.jpg" / "x.jpg")


def test_importing_the_library_loads_nothing() -> None:
    heavy = ("PIL", "httpx", "numpy", "onnxruntime", "rich", "typer")
    program = f"import sys, artline; print([m for m in sys.modules if m in {heavy}])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
