"""The command line, as a user meets it."""

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from artline import Client
from artline.cli.command import app

ROOT = Path(__file__).parents[3]
SAVED = re.compile(r"(.+): saved as (.+/\d{14}(?:-\d+)?\.jpg) in \d+\.\d s")


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def test_samples_through_the_real_service(
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    names = ["face.jpg", "cat.jpg", "rotated.jpg", "landscape.jpg"]
    done = artline(*(samples / name for name in names), "-o", "out", "--endpoint", server)
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
    server: str,
    samples: Path,
    artline: Any,
    tmp_path: Path,
    format: str,  # noqa: A002
    suffix: str,
) -> None:
    done = artline(samples / "cat.jpg", "--format", format, ARTLINE_ENDPOINT=server)
    assert done.returncode == 0, done.stderr
    (picture,) = tmp_path.iterdir()
    assert picture.suffix == suffix
    with Image.open(picture) as image:
        assert image.format == format.upper()


def test_full_size_is_as_large_as_the_model_draws(
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    done = artline(samples / "landscape.jpg", "--full-size", "--endpoint", server)
    assert done.returncode == 0, done.stderr
    (picture,) = tmp_path.iterdir()
    assert size(picture) == (2048, 1536)


def test_each_failure_is_named_and_the_rest_is_drawn(
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    (tmp_path / "cut.jpg").write_bytes((samples / "landscape.jpg").read_bytes()[:5000])
    (tmp_path / "[bold]empty[").mkdir()
    done = artline(
        *("notes.txt", "cut.jpg", "none.jpg", "[bold]empty[", samples / "cat.jpg"),
        *("-o", "out", "--endpoint", server),
    )
    assert done.returncode == 1
    assert set(done.stderr.splitlines()) == {
        "notes.txt: the file is no image in a format that is read here",
        "cut.jpg: the photo is cut short or corrupt: copy it again, or save it anew",
        "none.jpg: No such file or directory",
        "[bold]empty[: the directory holds no photos",
    }
    assert SAVED.fullmatch(done.stdout.strip())


def test_the_services_refusal_is_shown(server: str, artline: Any, tmp_path: Path) -> None:
    photo = tmp_path / "cut.jpg"
    Image.effect_noise((200, 200), 90).save(photo)
    photo.write_bytes(photo.read_bytes()[:2000])  # small, so that it is sent as it is
    done = artline("cut.jpg", "--endpoint", server)
    assert done.returncode == 1
    assert re.fullmatch(r"cut\.jpg: .*corrupt.* \(HTTP 422\)\n", done.stderr)


def test_a_directory_and_its_own_drawings(
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    for name in ("b.jpg", "a.JPG", ".hidden.jpg", "notes.txt"):
        (tmp_path / name).write_bytes((samples / "cat.jpg").read_bytes() + name.encode())
    done = artline(".", "--endpoint", server, "-j", 1)
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["a.JPG", "b.jpg"]
    again = artline(".", "--endpoint", server)
    assert len(again.stdout.splitlines()) == 2
    assert len(list(tmp_path.glob("[0-9]*.jpg"))) == 4


def test_the_same_photo_twice_is_drawn_once(
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "copy.jpg").write_bytes((samples / "cat.jpg").read_bytes())
    done = artline(samples / "cat.jpg", "copy.jpg", "-o", "out", "--endpoint", server)
    assert f"copy.jpg: the same photo as {samples / 'cat.jpg'}, drawn once" in done.stdout
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_names_in_whatever_bytes(server: str, samples: Path, artline: Any, tmp_path: Path) -> None:
    name = os.fsdecode("phøto \udcff.jpg".encode("utf-8", "surrogateescape"))
    (tmp_path / name).write_bytes((samples / "cat.jpg").read_bytes())
    done = artline(name, "--endpoint", server)
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
    server: str, samples: Path, artline: Any, tmp_path: Path
) -> None:
    (tmp_path / "doctor").write_bytes((samples / "cat.jpg").read_bytes())
    done = artline("./doctor", "-o", "out", "--endpoint", server)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("doctor: saved as out/")


def test_what_draws_loads_nothing_that_only_checks_or_signs() -> None:
    heavy = ("botocore", "yaml", "operate.doctor", "operate.cost", "operate.estimate")
    program = (
        f"import sys, artline.cli.command; print([m for m in sys.modules if m.startswith({heavy})])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert loaded.stdout == "[]\n", loaded.stderr


def test_no_endpoint(artline: Any, samples: Path) -> None:
    done = artline(samples / "cat.jpg", PATH="/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("artline: Which service? Give --endpoint URL")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing argument 'PHOTO'"),
        (["a.jpg", "--via", "mail"], "--via"),
        (["a.jpg", "--format", "gif"], "--format"),
        (["a.jpg", "-j", "0"], "-j"),
    ],
)
def test_wrong_use(arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_directory_that_cannot_be_made(artline: Any, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    done = artline(samples / "cat.jpg", "-o", "out", "--endpoint", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "out" in done.stderr
    assert "Traceback" not in done.stderr


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
    assert done.stderr == f"{samples / 'cat.jpg'}: File too large\n"
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
