"""The command line, as a user meets it."""

import hashlib
import io
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artline import Client, Model, __version__
from artline.cli._arguments import SHIPPED, parse
from tests.inplace import IN_PLACE, NAME

ROOT = Path(__file__).parents[3]
SAVED = re.compile(r"(.+): saved as (.+/\d{14}(?:-\d+)?\.jpg) in \d+\.\d s")


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def different(photo: Path, directory: Path, count: int) -> None:
    """So many photos of their own, large enough to take a while."""
    with Image.open(photo) as image:
        large = image.resize((2048, 1536))
        for number in range(count):
            large.save(directory / f"{number}.jpg", quality=80 + number)


def piped(
    *arguments: str, cwd: Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "artline", *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=120,
    )


def test_samples(at: list[str], samples: Path, artline: Any, tmp_path: Path) -> None:
    names = ["face.jpg", "cat.jpg", "rotated.jpg", "landscape.jpg"]
    done = artline(*(samples / name for name in names), "-o", "out", *at)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [SAVED.fullmatch(line) for line in done.stdout.splitlines()]
    sizes = {Path(line[1]).name: size(tmp_path / line[2]) for line in lines if line}
    assert sizes == {
        "face.jpg": (512, 512),
        "cat.jpg": (451, 300),
        "rotated.jpg": (682, 1024),
        "landscape.jpg": (1024, 768),
    }
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_samples_through_the_real_queue(
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    with Client(server) as client:
        if not client.health().jobs:
            pytest.skip("the local service has no queue: MiniStack is missing")
    call = (samples / "rotated.jpg", "--via", "jobs", "-o", "out", "--endpoint", server)
    assert (first := artline(*call)).returncode == 0, first.stderr
    assert (second := artline(*call)).returncode == 0, second.stderr
    one, two = sorted((tmp_path / "out").iterdir())
    assert size(one) == (682, 1024)
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(("format", "suffix"), [("png", ".png"), ("webp", ".webp")])
def test_formats(
    at: list[str],
    samples: Path,
    artline: Any,
    tmp_path: Path,
    format: str,  # noqa: A002
    suffix: str,
) -> None:
    done = artline(samples / "cat.jpg", "--format", format, *at)
    assert done.returncode == 0, done.stderr
    (picture,) = tmp_path.iterdir()
    assert picture.suffix == suffix
    with Image.open(picture) as image:
        assert image.format == format.upper()


def test_full_size_is_as_large_as_the_model_draws(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    done = artline(samples / "landscape.jpg", "--full-size", *at)
    assert done.returncode == 0, done.stderr
    (picture,) = tmp_path.iterdir()
    side = IN_PLACE.max_side
    assert size(picture) == (side, side * 3 // 4)


def test_pipes_and_devices_in_a_directory_are_no_photos(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.jpg")
    (tmp_path / "in" / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "in" / "broken.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "in" / "cat.jpg").symlink_to(samples / "cat.jpg")
    done = artline("in", "-o", "out", *at)
    assert done.returncode == 1
    assert "broken.jpg: No such file or directory" in done.stderr
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 1


def test_each_failure_is_named_and_the_rest_is_drawn(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "cut.jpg").write_bytes((samples / "landscape.jpg").read_bytes()[:5000])
    (tmp_path / "[bold]empty[").mkdir()
    done = artline(
        *("notes.txt", "cut.jpg", "none.jpg", "[bold]empty[", samples / "cat.jpg"),
        *("-o", "out", *at),
    )
    assert done.returncode == 1
    assert {line.partition(": ")[0] for line in done.stderr.splitlines()} == {
        *("notes.txt", "cut.jpg", "none.jpg", "[bold]empty["),
    }
    assert "none.jpg: No such file or directory\n" in done.stderr
    assert "[bold]empty[: the directory holds no photos: -r looks into" in done.stderr
    saved, summary = done.stdout.splitlines()
    assert SAVED.fullmatch(saved)
    assert summary.startswith("Photos: 1 drawn, 4 failed, in ")


def test_the_services_refusal_is_shown(server: str, artline: Any, tmp_path: Path) -> None:
    photo = tmp_path / "cut.jpg"
    Image.effect_noise((200, 200), 90).save(photo)
    photo.write_bytes(photo.read_bytes()[:2000])  # small, so that it is sent as it is
    done = artline("cut.jpg", "--endpoint", server)
    assert done.returncode == 1
    assert re.fullmatch(r"cut\.jpg: .*(corrupt|damaged).*\n", done.stderr)


def test_a_directory_and_its_own_drawings(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    for name in ("b.jpg", "a.JPG", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes((samples / "cat.jpg").read_bytes() + name.encode())
    done = artline(".", *at, "-j", 1)
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:-1]] == ["a.JPG", "b.jpg"]
    again = artline(".", *at)
    assert len(again.stdout.splitlines()) == 2 + 1
    assert len(list(tmp_path.glob("[0-9]*.jpg"))) == 4


def test_the_same_photo_twice_is_drawn_once(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "copy.jpg").write_bytes((samples / "cat.jpg").read_bytes())
    done = artline(samples / "cat.jpg", "copy.jpg", "-o", "out", *at)
    assert f"copy.jpg: the same photo as {samples / 'cat.jpg'}, drawn once" in done.stdout
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_a_copy_of_what_could_not_be_drawn_has_failed_too(
    at: list[str], artline: Any, tmp_path: Path
) -> None:
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_bytes(b"\xff\xd8\xff no more")
    done = artline("1.jpg", "2.jpg", "-o", "out", *at)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert "2 failed" in done.stdout


def test_a_directory_with_the_name_of_line_art(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "out" / "cat.jpg").mkdir(parents=True)
    done = artline(samples / "cat.jpg", "-o", "out", "--name", "photo", *at)
    assert done.returncode == 1
    assert "out/cat.jpg cannot be written: it is a directory" in done.stderr
    assert not any((tmp_path / "out" / "cat.jpg").iterdir())


def test_names_in_whatever_bytes(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    name = os.fsdecode("phøto \udcff.jpg".encode("utf-8", "surrogateescape"))
    (tmp_path / name).write_bytes((samples / "cat.jpg").read_bytes())
    done = artline(name, *at)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("phøto ?.jpg: saved as")


def test_the_token_is_sent_and_asked_for(
    scripted: Any, steps: Any, drawing: bytes, samples: Path, artline: Any
) -> None:
    def guarded(handler: Any) -> None:
        known = handler.headers.get("authorization") == "Bearer right"
        step = steps.answer(200, drawing) if known else steps.answer(401, json={"detail": "Token."})
        step(handler)

    scripted.on("POST /transform", guarded)
    call = (samples / "cat.jpg", "--endpoint", scripted.url)
    assert artline(*call).stderr == f"{samples / 'cat.jpg'}: Token. (HTTP 401)\n"
    assert artline(*call, "--token", "right").returncode == 0
    assert artline(*call, ARTLINE_TOKEN="right").returncode == 0
    assert artline(*call, "--token", "wrong", ARTLINE_TOKEN="right").returncode == 1


def test_as_many_at_once_as_asked(
    scripted: Any, steps: Any, drawing: bytes, artline: Any, tmp_path: Path
) -> None:
    together = threading.Barrier(3)

    def meet(handler: Any) -> None:
        together.wait(60)  # broken, and so no answer, unless three are here at a time
        steps.answer(200, drawing)(handler)

    for n in range(6):
        Image.new("RGB", (64, 64), (n, 0, 0)).save(tmp_path / f"{n}.png")
    scripted.on("POST /transform", meet)
    done = artline(".", "-o", "out", "-j", 3, "--endpoint", scripted.url)
    assert (done.returncode, done.stderr) == (0, "")


def test_nobody_there(artline: Any, samples: Path) -> None:
    photos = [samples / "cat.jpg", samples / "face.jpg"]
    done = artline(*photos, "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [str(p) for p in photos]
    assert done.stderr.count("cannot get an answer from http://127.0.0.1:9") == 2


def test_a_photo_of_a_commands_name(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "doctor").write_bytes((samples / "cat.jpg").read_bytes())
    done = artline("./doctor", "-o", "out", *at)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("./doctor: saved as out/")


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--version"], ["httpx", "numpy", "onnxruntime", "rich", "typer"]),
        (["--local"], ["httpx", "rich", "typer", "botocore", "yaml"]),
        (["--endpoint", "http://127.0.0.1:9"], ["onnxruntime", "typer", "botocore"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(
    arguments: list[str], unused: list[str], samples: Path, tmp_path: Path
) -> None:
    program = f"""
import atexit, sys
import artline.cli
atexit.register(lambda: print("loaded", [m for m in {unused} if m in sys.modules]))
artline.cli.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, samples / "cat.jpg", *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "loaded []\n" in done.stdout, done


def test_nothing_is_configured(artline: Any, samples: Path, tmp_path: Path) -> None:
    done = artline(samples / "cat.jpg", "-o", "art.png", PATH="/nowhere")
    assert done.returncode == 0
    assert done.stderr == ("No service is configured: drawing on this machine, as --local does.\n")
    assert size(tmp_path / "art.png") == (451, 300)
    done = artline(samples / "cat.jpg", "-o", "art.jpg", "--local", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_service_that_is_configured_wins(
    scripted: Any, steps: Any, drawing: bytes, samples: Path, artline: Any
) -> None:
    scripted.on("POST /transform", steps.answer(200, drawing))
    address = scripted.url.removeprefix("http://")
    assert artline(samples / "cat.jpg", ARTLINE_ENDPOINT=address).returncode == 0
    assert len(scripted.asked("POST /transform")) == 1
    assert artline(samples / "cat.jpg", "--local", ARTLINE_ENDPOINT=address).returncode == 0
    assert len(scripted.asked("POST /transform")) == 1


def test_without_the_extra_and_a_service(artline: Any, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'onnxruntime' else find(name)\n"
        "sys.modules['onnxruntime'] = None\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = artline(samples / "cat.jpg", PATH="/nowhere", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr.startswith("artline: Which service? Give --endpoint URL")
    assert "pip install 'artline[draw]'" in done.stderr
    done = artline(samples / "cat.jpg", "--local", PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr == (
        "artline: Drawing on this machine needs one more package: pip install 'artline[draw]'\n"
    )


def test_what_an_extra_brings_can_be_imported_without_it(tmp_path: Path) -> None:
    """And refuses, with the command that installs it, when it is used."""
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import artline; from artline import *; from artline import draw, Model\n"
        "import pydoc; pydoc.render_doc(artline)\n"
        "assert hasattr(artline, 'draw')\n"
        "for use in (draw, Model):\n"
        "    try: use('photo.jpg', max_side=512)\n"
        "    except artline.MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.stderr == ""
    assert (
        done.stdout.splitlines()
        == ["Drawing on this machine needs one more package: pip install 'artline[draw]'"] * 2
    )


def test_a_file_that_is_no_photo_for_its_size_fails_alone(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(1 << 40)
    done = artline("huge.jpg", samples / "cat.jpg", "-o", "out", "-j", "1", *at)
    assert done.returncode == 1
    assert done.stderr.endswith("huge.jpg: The file is too large for a photo.\n")
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 1


def test_what_cannot_be_saved_is_refused_before_it_is_drawn(
    scripted: Any, samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "there.jpg").write_bytes(b"mine")
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    (sealed / "sitecustomize.py").write_text("import os; os.access = lambda *_: False\n")
    for name, said, path in (
        ("there.jpg", "there.jpg exists already: delete it, or choose another name", ROOT),
        ("out", "out cannot be written: Permission denied", sealed),
    ):
        done = artline(
            samples / "cat.jpg",
            *("-o", name, "--endpoint", scripted.url),
            PYTHONPATH=os.pathsep.join([str(path), str(ROOT)]),
        )
        assert (done.returncode, done.stderr) == (1, f"artline: {said}\n")
    assert scripted.requests == []
    assert (tmp_path / "there.jpg").read_bytes() == b"mine"


def test_the_help_says_what_each_option_takes(artline: Any) -> None:
    said = " ".join(artline("-h").stdout.split())
    for words in ("jpeg, png, webp or svg", ": ink or line", ": white or transparent"):
        assert words in said
    assert Model().styles == SHIPPED.styles


def test_another_model_file(artline: Any, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "other.onnx").write_bytes((ROOT / "artline" / "model.onnx").read_bytes())
    done = artline(samples / "cat.jpg", "--model", "other.onnx", ARTLINE_ENDPOINT="http://x:1")
    assert done.returncode == 0, done.stderr
    done = artline(samples / "cat.jpg", "--model", "none.onnx")
    assert (done.returncode, done.stderr) == (
        *(1, "artline: none.onnx cannot be read: No such file or directory\n"),
    )
    done = artline(samples / "cat.jpg", "--model", samples / "cat.jpg")
    assert done.returncode == 1
    assert done.stderr.startswith("artline: cat.jpg cannot be served")


@pytest.mark.parametrize("option", [["--style", "oil"], ["--max-side", "5000"]])
def test_options_that_the_model_has_not(
    at: list[str], option: list[str], artline: Any, samples: Path
) -> None:
    done = artline(samples / "cat.jpg", *option, *at)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(r"artline: (style|max_side) must be ", done.stderr)


@pytest.mark.parametrize("name", ["art.jpg", "new/art.png", "art.WEBP"])
def test_one_file(at: list[str], samples: Path, artline: Any, tmp_path: Path, name: str) -> None:
    done = artline(samples / "cat.jpg", "-o", name, *at)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{samples / 'cat.jpg'}: saved as {name} in ")
    with Image.open(tmp_path / name) as image:
        assert (
            image.format
            == {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}[name.rpartition(".")[2].lower()]
        )
    before = (tmp_path / name).read_bytes()
    again = artline(samples / "face.jpg", "-o", name, *at)
    assert again.returncode == 1
    assert f"{name} exists already" in again.stderr
    assert (tmp_path / name).read_bytes() == before


def test_standard_input_and_output(at: list[str], samples: Path, tmp_path: Path) -> None:
    done = piped("-", "-o", "-", *at, stdin=(samples / "rotated.jpg").read_bytes(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.size == (682, 1024)
    assert list(tmp_path.iterdir()) == []
    done = piped("-", "-o", "-", *at, stdin=b"no photo", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"-: ")


def test_pipes_are_read_once(at: list[str], samples: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for output in ([], ["-o", "art.jpg"], ["--name", "photo"]):
        fill = threading.Thread(
            target=pipe.write_bytes, args=((samples / "cat.jpg").read_bytes(),), daemon=True
        )
        fill.start()
        done = piped("pipe", *output, *at, cwd=tmp_path)
        fill.join(60)
        assert (done.returncode, done.stderr) == (0, b"")
    assert {path.name for path in tmp_path.glob("*.jpg")} >= {"art.jpg", "pipe-art.jpg"}


def test_names_after_the_photos(at: list[str], samples: Path, artline: Any, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for name in ("a.jpg", "a.png", "b/a.jpg", "b/c.JPG"):
        (photos / name).parent.mkdir(exist_ok=True, parents=True)
        with Image.open(samples / "cat.jpg") as image:
            image.save(photos / name, "PNG" if name.endswith("png") else "JPEG")
    call = ("-r", "photos", "-o", "art", "--name", "photo", "-j", 2, *at)
    done = artline(*call)
    assert (done.returncode, done.stderr) == (0, "")
    art = {str(path.relative_to(tmp_path / "art")) for path in (tmp_path / "art").rglob("*.jpg")}
    jpeg, png = (
        hashlib.sha256((photos / name).read_bytes()).hexdigest()[:8] for name in ("a.jpg", "a.png")
    )
    assert art == {f"a-{jpeg}.jpg", f"a-{png}.jpg", "b/a.jpg", "b/c.jpg"}
    (tmp_path / "art" / "b" / "a.jpg").unlink()
    again = artline(*call)
    assert again.stdout.count("drawn already as") == 3
    assert again.stdout.count("saved as art/b/a.jpg") == 1


def test_photos_of_one_name_are_each_drawn_whichever_comes_first(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    cat, other = samples / "cat.jpg", samples / "rotated.jpg"
    for folder in "ab":
        (tmp_path / folder).mkdir()
    call = ("a", "b", "b/1.jpg", "-o", "art", "--name", "photo", *at)
    shutil.copy(cat, tmp_path / "b" / "1.jpg")
    assert artline(*call).stdout.count(" saved as art/1.jpg") == 1
    shutil.copy(other, tmp_path / "a" / "1.jpg")
    done = artline(*call)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(" saved as art/1-") == 2
    assert {size(path) for path in (tmp_path / "art").glob("1-*")} == {(451, 300), (682, 1024)}
    assert artline(*call).stdout.count("drawn already as art/1-") == 3
    assert artline(*call[1:]).stdout.count("drawn already as art/1.jpg") == 2
    shutil.copy(cat, tmp_path / "a" / "1.jpg")
    (tmp_path / "art" / f"1-{hashlib.sha256(cat.read_bytes()).hexdigest()[:8]}.jpg").unlink()
    done = artline(*call)
    assert done.stdout.count(" saved as art/1-") == 1
    assert done.stdout.count("the same photo as a/1.jpg, drawn once") == 2


def test_one_file_by_two_paths_is_one_photo(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    shutil.copy(samples / "cat.jpg", tmp_path / "cat.jpg")
    (tmp_path / "link").symlink_to(tmp_path)
    done = artline("cat.jpg", "link/cat.jpg", "-o", "art", "--name", "photo", "-j", 1, *at)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (tmp_path / "art").iterdir()] == ["cat.jpg"]


def test_a_name_too_long_for_line_art_fails_alone(
    samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for name in ("b.jpg", f"{'x' * 246}.jpg", f"{'x' * 246}.png"):
        shutil.copy(samples / "cat.jpg", tmp_path / "photos" / name)
    done = artline("photos", "-o", "art", "--name", "photo", "--local", "-q")
    assert done.returncode == 1
    assert done.stderr.count("cannot be written: File name too long") == 2
    assert [path.name for path in (tmp_path / "art").iterdir()] == ["b.jpg"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["", "-o", "out"], "a photo's name is empty"),
        (
            ["cat.jpg", "-o", "cat.gif"],
            "line art is saved as .jpg, .png, .webp, .svg, .jpeg, not as .gif",
        ),
        (
            ["cat.jpg", "-o", "x.png", "--strokes"],
            "--strokes writes SVG only, so x.png must end in",
        ),
        (["cat.jpg", "-o", "x.png", "--name", "photo"], "-o is their directory, not x.png"),
        (["cat.jpg", "-o", "x.png/"], "x.png/ is no directory"),
        (["cat.jpg", "-o", "x.png/", "--name", "photo"], "x.png/ is no directory"),
        (["cat.jpg", "--endpoint", ""], "--endpoint is empty"),
        (["cat.jpg", "--width", "100mm"], "--width is for strokes"),
        (["cat.jpg", "--blacks", "hatch"], "--blacks is for strokes"),
        (["cat.jpg", "--max-side", "wide"], "'wide' is not a whole number"),
        (["cat.jpg", "--strokes", "--width", "wide"], "'wide' is not 20mm to 100000mm"),
    ],
)
def test_what_would_be_ignored_or_misread_is_refused(
    artline: Any, tmp_path: Path, words: list[str], said: str
) -> None:
    done = artline(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_line_art_is_not_drawn_again(
    at: list[str], samples: Path, artline: Any, tmp_path: Path
) -> None:
    for name in ("a.jpg", "a.jpeg", "b/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((samples / "cat.jpg").read_bytes() + name.encode())
    for options in (["--name", "photo"], ["-o", "art"], ["-o", "art", "--name", "photo"]):
        for _ in range(2):
            done = artline("-r", ".", *options, *at)
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines()[-1].startswith("Photos: 3 ")
    drawn = {path.name for path in tmp_path.glob("**/*-art*.jpg")}
    alike = {hashlib.sha256((tmp_path / name).read_bytes()) for name in ("a.jpg", "a.jpeg")}
    assert drawn == {*(f"a-art-{each.hexdigest()[:8]}.jpg" for each in alike), "c-art.jpg"}


def test_a_camera_s_photos_are_drawn_though_they_are_named_by_the_time(
    samples: Path, artline: Any, tmp_path: Path
) -> None:
    """Line art that is named so is not, and neither is a photo without Exif that looks like it."""
    exif = Image.Exif()
    exif[0x0110] = "A camera"
    with Image.open(samples / "cat.jpg") as image:
        image.save(tmp_path / "20240131123456.jpg", exif=exif)
        image.save(tmp_path / "20240131123457.webp", exif=exif)
        image.save(tmp_path / "20240131123458.jpg")
    for drawn in (2, 2, 2):
        done = artline(".", "--local")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.count(": saved as ") == drawn
    done = artline(".", "--local", "-o", "art")
    assert done.stdout.splitlines()[-1].startswith("Photos: 5 drawn, 4 skipped")
    (tmp_path / "20240131123459.jpg").write_bytes(b"damaged")
    done = artline(".", "--local", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("20240131123459.jpg: ")


@pytest.mark.parametrize("output", [[], ["-o", "art"], ["-o", "art", "--name", "photo"]])
def test_a_photo_s_name_that_is_too_long_fails_alone(
    samples: Path, artline: Any, tmp_path: Path, output: list[str]
) -> None:
    long = f"{'a' * 300}.jpg"
    done = artline(samples / "cat.jpg", long, "--local", *output)
    assert done.returncode == 1
    assert re.fullmatch(rf"{long}: (.* cannot be written: )?File name too long\n", done.stderr)
    assert done.stdout.count("saved as") == 1
    done = artline(samples / "cat.jpg", "--local", "-o", long)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"{long} cannot be written: File name too long\n")


def test_a_record_that_cannot_be_read(samples: Path, artline: Any, tmp_path: Path) -> None:
    (tmp_path / ".artline-unfinished.jsonl").mkdir()
    done = artline(samples / "cat.jpg", "--local")
    assert done.returncode == 1
    assert done.stderr == "artline: .artline-unfinished.jsonl cannot be read: Is a directory\n"


def test_closed_standard_input(tmp_path: Path) -> None:
    program = '"$0" -m artline - -o - --local <&-'
    done = subprocess.run(
        ["bash", "-c", program, sys.executable],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "-: standard input is closed\n"


def test_facts_as_json(at: list[str], samples: Path, artline: Any, tmp_path: Path) -> None:
    done = artline(samples / "cat.jpg", "none.jpg", "--json", "-o", "out", "-j", 1, *at)
    assert done.returncode == 1
    drawn, failed = map(json.loads, done.stdout.splitlines())
    assert (drawn["photo"], drawn["status"]) == (str(samples / "cat.jpg"), "drawn")
    assert size(tmp_path / drawn["file"]) == (451, 300)
    assert {"decode", "inference", "encode"} <= drawn["timings"].keys()
    assert drawn["model"] == NAME
    assert failed == {
        "photo": "none.jpg",
        "status": "failed",
        "file": None,
        "error": "PhotoError",
        "detail": "No such file or directory",
    }


@pytest.mark.parametrize("name", ["a\x1b[31mb.jpg", "a\nb.jpg", "a\u202eb.jpg", "a\x9bb.jpg"])
def test_names_that_a_terminal_would_obey(
    samples: Path, artline: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes((samples / "cat.jpg").read_bytes())
    done = artline(".", "--local", "-o", "out")
    assert (done.returncode, done.stderr) == (0, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith(repr(name)[1:-1])
    (tmp_path / name).write_bytes(b"no photo")
    done = artline(".", "--local", "-o", "out")
    assert done.returncode == 1
    assert done.stderr.startswith(repr(name)[1:-1])
    assert len(done.stderr.splitlines()) == 1


def test_nobody_reads_to_the_end(samples: Path, tmp_path: Path) -> None:
    program = '"$0" -m artline -r "$1" --local -j 1 | head -n 1'
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", program, sys.executable, samples],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
    assert done.returncode == 141


def test_version_and_help(artline: Any) -> None:
    assert artline("--version").stdout == f"artline {__version__}\n"
    assert artline("-h").stdout == artline("--help").stdout
    assert "--max-side N" in artline("-h").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "PHOTO"),
        (["a.jpg", "--via", "mail"], "--via"),
        (["a.jpg", "--format", "gif"], "format must be jpeg, png, webp or svg"),
        (["a.jpg", "--max-side", "7"], "max_side must be a number of pixels"),
        (["a.jpg", "--max-side", "x"], "--max-side"),
        (["a.jpg", "-j", "0"], "-j"),
        (["a.jpg", "b.jpg", "-o", "art.jpg"], "one file"),
        (["a.jpg", "b.jpg", "-o", "-"], "one file"),
        (["a.jpg", "-o", "art.png", "--format", "webp"], "disagree"),
        (["a.jpg", "-o", "-", "--json"], "standard output"),
        (["-", "-"], "once"),
        (["a.jpg", "--local", "--via", "jobs"], "--via"),
        (["a.jpg", "--local", "--endpoint", "x"], "--endpoint"),
        (["a.jpg", "--model", "m", "--endpoint", "x"], "--model"),
    ],
)
def test_wrong_use(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_directory_that_cannot_be_made(artline: Any, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    done = artline(samples / "cat.jpg", "-o", "out", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert done.stderr == "artline: out cannot be made a directory: File exists\n"


def test_a_picture_that_cannot_be_written(
    scripted: Any, steps: Any, samples: Path, tmp_path: Path, drawing: bytes
) -> None:
    scripted.on("POST /transform", steps.answer(200, drawing))
    limited = f'ulimit -f 0; PYTHONPATH="{ROOT}" exec "{sys.executable}" -m artline "$@"'
    arguments = [samples / "cat.jpg", "-o", tmp_path, "--endpoint", scripted.url]
    done = subprocess.run(
        ["sh", "-c", limited, "artline", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == (f"{samples / 'cat.jpg'}: {tmp_path} cannot be written: File too large\n")
    assert list(tmp_path.iterdir()) == []


def test_progress_is_for_terminals_and_results_for_pipes(
    scripted: Any, steps: Any, samples: Path, tmp_path: Path, drawing: bytes
) -> None:
    scripted.on("POST /transform", steps.answer(429, retry_after="1"), steps.answer(200, drawing))
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "artline", samples, "-o", tmp_path, "--endpoint", scripted.url],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    terminal = b"".join(read_all(ours)).decode()
    os.close(ours)
    assert process.stdout
    with process.stdout as stdout:
        results = stdout.read().decode().splitlines()
    assert process.wait(60) == 0
    assert len([line for line in results if SAVED.fullmatch(line)]) == 4
    assert "too many requests" in terminal
    assert "saved as" not in terminal


def test_lines_stand_above_the_progress(
    scripted: Any, steps: Any, samples: Path, tmp_path: Path, drawing: bytes
) -> None:
    scripted.on("POST /transform", steps.answer(200, drawing))
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "artline", samples, "none.jpg", "-o", tmp_path, "-j", "2"],
        stdout=theirs,
        stderr=theirs,
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "200"}
        | {"ARTLINE_ENDPOINT": scripted.url},
    ):
        os.close(theirs)
        terminal = b"".join(read_all(ours)).decode()
    os.close(ours)
    # Each line takes the place of the progress, erased, which is drawn again below it.
    erased = r"(?:\A|\x1b\[2K)"
    assert len(re.findall(erased + r"[^\x1b\r\n]+: saved as [^\x1b\r\n]+ s\r\n", terminal)) == 4
    assert re.search(erased + r"none\.jpg: No such file or directory\r\n", terminal)


def read_all(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(terminal, 65536)
        except OSError:  # the other end is closed
            return


def test_an_error_while_others_are_drawn(samples: Path, tmp_path: Path) -> None:
    """The engine would abort the process if Python ended while it draws."""
    different(samples / "landscape.jpg", tmp_path, 6)
    photos = [str(samples / "cat.jpg"), str(tmp_path)]
    program = [sys.executable, "-m", "artline", *photos, "-j", "3", "-o", "out"]
    program += ["--local", "--json", "--full-size"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            program,
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            text=True,
            check=False,
        )
    assert done.returncode == 1, done
    assert "standard output cannot be written: No space left on device" in done.stderr


def test_names_after_two_dashes(samples: Path, artline: Any, tmp_path: Path) -> None:
    for name in ("-x.jpg", "--local"):
        shutil.copy(samples / "cat.jpg", tmp_path / name)
    shutil.copy(samples / "face.jpg", tmp_path / "a.jpg")
    done = artline("--local", "--name", "photo", "-o", "out", "--", "-x.jpg", "a.jpg", "--local")
    assert (done.returncode, done.stderr) == (0, "")
    names = {each.name for each in (tmp_path / "out").iterdir()}
    assert names == {"--local.jpg", "-x.jpg", "a.jpg"}
    photo = (samples / "cat.jpg").read_bytes()
    done = piped("--local", "-o", "-", "--", "-", cwd=tmp_path, stdin=photo)
    assert Image.open(io.BytesIO(done.stdout)).size == (451, 300)


@pytest.mark.parametrize(
    "service", [["--via", "jobs"], ["--sign"], ["--token", "t"]], ids=lambda given: given[0]
)
def test_what_is_for_a_service_is_not_ignored(
    samples: Path, artline: Any, service: list[str]
) -> None:
    done = artline(samples / "cat.jpg", *service, PATH="/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("artline: Which service? Give --endpoint URL")
    done = artline(samples / "cat.jpg", "--local", "--token", "", PATH="/nowhere")
    assert (done.returncode, done.stderr) == (0, ""), "an empty token is none"
    done = artline(samples / "cat.jpg", "--local", *service)
    assert done.returncode == 2
    assert f"{service[0]} is for a service; --local draws on this machine" in done.stderr


def test_a_stack_that_cannot_be_read_is_told(samples: Path, artline: Any, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    pulumi = tmp_path / "bin" / "pulumi"
    pulumi.parent.mkdir()
    pulumi.write_text("#!/bin/sh\necho 'error: could not decrypt the stack' >&2\nexit 255\n")
    pulumi.chmod(0o755)
    done = artline(samples / "cat.jpg", PATH=f"{pulumi.parent}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert done.stderr.endswith(
        "`pulumi stack output endpoint` says: could not decrypt the stack. Now drawing on this"
        " machine, as --local does.\n"
    )


def test_a_directory_that_is_gone(samples: Path, tmp_path: Path) -> None:
    program = (
        "import os, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "sys.argv[1:] = [sys.argv[2], '-o', sys.argv[3]]\n"
        "from artline.cli import main; main()"
    )
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, gone, samples / "cat.jpg", tmp_path / "art.png"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert size(tmp_path / "art.png") == (451, 300)
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, gone, samples, "."],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "No such file or directory" in done.stderr


def redirected(command: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["/bin/sh", "-c", f"exec {sys.executable} -m artline --local {command}"],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_closed_standard_output(samples: Path, tmp_path: Path) -> None:
    with redirected(f"{samples / 'cat.jpg'} -o - >&-", tmp_path) as process:
        assert process.communicate()[1] == (
            "artline: standard output cannot be written: it is closed\n"
        )
    assert process.returncode == 1
    different(samples / "landscape.jpg", tmp_path, 8)
    with redirected(". --full-size -o out -j 3 >&-", tmp_path) as process:
        while not list(tmp_path.glob("out/*.jpg")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    assert (process.returncode, said) == (
        130,
        "Interrupted: the same command again continues from here.\n",
    )


def test_closed_standard_error(samples: Path, tmp_path: Path) -> None:
    with redirected(f"{samples / 'cat.jpg'} none.jpg -o out 2>&-", tmp_path) as process:
        said, _ = process.communicate()
    assert process.returncode == 1
    assert "saved as" in said
    assert "Traceback" not in said


def test_a_link_to_itself_fails_alone(samples: Path, artline: Any, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    done = artline(samples / "cat.jpg", "loop/x.jpg", "--local", "--name", "photo", "-o", "out")
    assert done.returncode == 1
    assert "Too many levels of symbolic links" in done.stderr
    assert size(tmp_path / "out" / "cat.jpg") == (451, 300)


def test_standard_error_that_cannot_be_written(samples: Path, tmp_path: Path) -> None:
    with redirected(f"{samples / 'cat.jpg'} none.jpg -o out 2>/dev/full", tmp_path) as process:
        said, _ = process.communicate()
    assert process.returncode == 1
    assert "saved as" in said


def test_an_interrupt_while_it_starts(samples: Path, tmp_path: Path) -> None:
    """Whatever a package that is interrupted on import makes of it."""
    package = tmp_path / "onnxruntime"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os, signal\n"
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    import time; time.sleep(1)\n"
        "except KeyboardInterrupt:\n    raise ImportError('failed to import') from None\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "artline", "--local", samples / "cat.jpg"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "")
