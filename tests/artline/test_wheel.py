"""The wheel: what a user installs, far from any checkout."""

import inspect
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import artline

ROOT = Path(__file__).parents[2]

STRICT = """
import asyncio
from pathlib import Path

import artline
from artline import (
    ArtLineError,
    AsyncClient,
    Client,
    Format,
    Health,
    Job,
    Limits,
    LineArt,
    Model,
    PhotoSource,
    Progress,
    Provider,
    RequestOptions,
    Via,
    draw,
)


def told(doing: str, part: float | None) -> None:
    print(doing, part)


progress: Progress = told
source: PhotoSource = Path("photo.jpg")
form: Format = "png"
via: Via = "auto"
options: RequestOptions = {"format": form, "max_side": 512}
providers: list[Provider] = ["CPUExecutionProvider", ("CPUExecutionProvider", {})]


def here() -> Path:
    art: LineArt = draw(source, **options)
    Model("model.onnx", providers=providers, threads=2).draw(b"", format="webp", style="x")
    height, width = art.array.shape[:2]
    print(len(art.data), art.image.size, height, width, art.timings["decode"], art.model)
    return art.save("out")


def there() -> Limits:
    with Client("http://127.0.0.1:8080", "token", timeout=10) as client:
        health: Health = client.health(progress=progress)
        try:
            job: Job = client.submit(source, full_size=True, **options)
            client.wait(job.id, timeout=1, progress=progress)
        except ArtLineError as error:
            print(error, health.styles)
        client.draw(source, via=via, progress=progress, **options)
        return client.limits


async def awaited() -> LineArt:
    async with AsyncClient() as client:
        return await client.draw("photo.jpg", via="jobs", max_side=64)


print(here(), there(), asyncio.run(awaited()), artline.__version__)
"""

WRONG = """
import artline

artline.draw("photo.jpg", format="gif")
artline.draw(7)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    before = status()
    out = tmp_path_factory.mktemp("wheel")
    command = [
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        out,
        ROOT,
    ]
    subprocess.run([sys.executable, *map(str, command)], check=True)
    assert status() == before, "building left something in the checkout"
    (wheel,) = out.iterdir()
    return wheel


def status() -> list[str]:
    """What git sees in the checkout, without the caches and folders of other tools at work."""
    command = ["git", "status", "--porcelain", "--ignored"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    return [line for line in lines if not line.startswith("!! .") and "__pycache__" not in line]


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the wheel is installed, beside what it needs."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    python = home / "bin" / "python"
    (packages,) = home.glob("lib/python*/site-packages")
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", wheel]
    subprocess.run([sys.executable, *map(str, install)], check=True)
    (packages / "beside.pth").write_text(sysconfig.get_paths()["purelib"])
    return python


def run(python: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command in the environment, with none of the caller's settings."""
    environment = {"PATH": f"{python.parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    return subprocess.run(
        [str(each) for each in arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "artline",
        f"artline-{artline.__version__}.dist-info",
    }
    assert {"artline/model.onnx", "artline/py.typed"} <= set(names)
    code = {path.relative_to(ROOT).as_posix() for path in (ROOT / "artline").rglob("*.py")}
    assert code <= set(names)
    assert not [name for name in names if name.endswith((".pyc", "~", ".orig"))]


def test_it_draws_from_an_empty_folder(python: Path, samples: Path, tmp_path: Path) -> None:
    done = run(python, "artline", samples / "cat.jpg", "-o", "art.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["art.png"]
    program = "import artline; print(artline.__file__); artline.draw('art.png').save('again.jpg')"
    done = run(python, python, "-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(python.parents[1]))
    assert (tmp_path / "again.jpg").stat().st_size > 0


def test_its_types_are_strict(python: Path, tmp_path: Path) -> None:
    (tmp_path / "right.py").write_text(STRICT)
    (tmp_path / "wrong.py").write_text(WRONG)
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python]
    checked = run(python, *mypy, "right.py", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout
    checked = run(python, *mypy, "wrong.py", cwd=tmp_path)
    assert checked.stdout.count("[arg-type]") == 2, checked.stdout


def test_every_type_of_a_public_signature_is_exported() -> None:
    """What a caller would write a type for has a name in `artline`."""
    for owner in (artline.Client, artline.AsyncClient, artline.Model, artline.draw):
        members = vars(owner).items() if inspect.isclass(owner) else [("draw", owner)]
        for name, member in members:
            if not inspect.isfunction(member) or name.startswith("_"):
                continue
            for annotation in member.__annotations__.values():
                for word in re.findall(r"\b[A-Z]\w+", str(annotation)):
                    assert word in artline.__all__ or word in ("None", "Unpack"), (name, word)
