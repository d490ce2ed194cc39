"""Photos are found in packages of every kind, and laid out for training."""

import io
import re
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from PIL import Image

from models.training import photos, qtresource
from models.training.packages import HELD_OUT, SOURCES, Source


def picture(size: tuple[int, int], mode: str = "RGB", color: int | tuple[int, ...] = 0) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, color).save(file, "PNG")
    return file.getvalue()


def resource(files: dict[str, bytes]) -> bytes:
    """A compiled Qt resource, version 3, of files in its root; every other one compressed."""
    names, contents = b"", b""
    root = struct.pack(">IHIIQ", 0, 2, len(files), 1, 0)
    tree = root
    for index, (name, data) in enumerate(files.items()):
        packed = struct.pack(">I", len(data)) + zlib.compress(data) if index % 2 else data
        tree += struct.pack(">IHHHIQ", len(names), index % 2, 0, 0, len(contents), 0)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        contents += struct.pack(">I", len(packed)) + packed
    header = 20
    sections = (3, header, header + len(tree), header + len(tree) + len(contents))
    return b"qres" + struct.pack(">4I", *sections) + tree + contents + names


def test_reads_a_qt_resource() -> None:
    files = {"a.webp": b"plain", "b.webp": b"compressed" * 9}
    assert dict(qtresource.read(resource(files))) == files


def test_refuses_what_is_no_resource() -> None:
    with pytest.raises(ValueError, match="qres"):
        list(qtresource.read(b"PK\3\4"))


def test_finds_files_in_every_kind_of_package(tmp_path: Path) -> None:
    wheel, archive = tmp_path / "x.whl", tmp_path / "x.tar.gz"
    with zipfile.ZipFile(wheel, "w") as zipped:
        zipped.writestr("data/one.rcc", resource({"inner.png": b"1"}))
        zipped.writestr("two.txt", b"2")
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("x/three.txt")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"3"))
    assert list(photos.members(wheel)) == [("inner.png", b"1"), ("two.txt", b"2")]
    assert list(photos.members(archive)) == [("x/three.txt", b"3")]


def test_chooses_shrinks_and_puts_on_white(tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as zipped:
        zipped.writestr("p/large one.png", picture((2048, 1024)))
        zipped.writestr("p/clear.png", picture((300, 300), "RGBA", color=(0, 0, 0, 0)))
        zipped.writestr("p/small.png", picture((199, 300)))
        zipped.writestr("p/drawing.png", picture((300, 300)))
        zipped.writestr("q/other.png", picture((300, 300)))
    source = Source("pack==1.0", "wheel", ("*/p/*.png",), ("*/drawing.png",))
    found = dict(photos.photos(source, wheel))
    assert found.keys() == {"pack-large_one", "pack-clear"}
    assert found["pack-large_one"].size == (1024, 512)
    assert found["pack-clear"].getpixel((5, 5)) == (255, 255, 255)


def test_held_out_photos_come_from_the_sources() -> None:
    packages = {source.package.partition("==")[0] for source in SOURCES}
    assert len(HELD_OUT) >= 12
    assert all(any(name.startswith(f"{package}-") for package in packages) for name in HELD_OUT)


def test_the_readme_names_every_package() -> None:
    readme = (Path(__file__).parents[3] / "models" / "README.md").read_text("utf-8")
    named = {cell.strip() for line in readme.splitlines() for cell in line.split("|")[1:2]}
    joined = ", ".join(sorted(named))
    for source in SOURCES:
        package = source.package.replace("==", " ").removeprefix("lomiri-wallpapers")
        package = re.sub(r"(?<=.)@", " ", package)
        assert package in joined, source.package
