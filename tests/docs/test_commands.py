"""Every command of the documents runs, or says why it does not."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.inplace import only_the_default

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/http.md", "docs/client.md")
BLOCK = re.compile(
    r"(?:^<!-- not run by the tests: (.+?) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S
)
LANGUAGES = {"sh", "python", "errors"}
WRITES = re.compile(r"(?:-o |>)([\w./-]+\.(?:jpg|png|webp|svg))\b")
"""A file that a command says it writes."""


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The reason not to run it, the language and the text of each block of code."""
    return BLOCK.findall((ROOT / page).read_text("utf-8"))


def runnable(page: str, language: str) -> list[str]:
    return [text for reason, kind, text in blocks(page) if kind == language and not reason]


@pytest.fixture(scope="module")
def directory(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader is: photos, and what the earlier commands of the page have written."""
    directory = tmp_path_factory.mktemp("reader")
    (directory / "photos" / "more").mkdir(parents=True)
    for name, source in {
        "photo.jpg": "face.jpg",
        "panorama.jpg": "landscape.jpg",
        "photos/a.jpg": "cat.jpg",
        "photos/more/b.jpg": "face.jpg",
    }.items():
        shutil.copy(samples / source, directory / name)
    Image.effect_noise((3000, 3000), 90).save(directory / "large.jpg", quality=95)
    (directory / "noise.bin").write_bytes(bytes(range(256)))
    (directory / "damaged.jpg").write_bytes((samples / "cat.jpg").read_bytes()[:9000])
    command = directory / "bin" / "artline"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m artline "$@"\n')
    command.chmod(0o755)
    return directory


def run(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ARTLINE_")}
    # Of this environment only what the reader has beside Python: vpype.
    path = os.pathsep.join(
        map(str, (directory / "bin", inherited["PATH"], Path(sys.executable).parent))
    )
    done = subprocess.run(
        command,
        cwd=directory,
        env=inherited | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, (command[-1], done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


@only_the_default
@pytest.mark.parametrize("page", PAGES)
def test_shell(page: str, server: str, directory: Path, tmp_path: Path) -> None:
    here = Path(shutil.copytree(directory, tmp_path / "page"))
    address = server.removeprefix("http://")
    for text in runnable(page, "sh"):
        script = text.replace("localhost:8080", address)
        # Each block stands for itself: only the files of the earlier ones are there.
        run(["bash", "-euo", "pipefail", "-c", script], here)
        for name in WRITES.findall(text):
            if name.endswith(".svg"):
                assert (here / name).read_bytes().endswith(b"</svg>"), name
            else:
                with Image.open(here / name) as image:
                    image.load()


@only_the_default
@pytest.mark.parametrize("page", ["README.md", "docs/client.md"])
def test_python(page: str, server: str, directory: Path, tmp_path: Path) -> None:
    here = Path(shutil.copytree(directory, tmp_path / "page"))
    programs = runnable(page, "python")
    assert programs
    for text in programs:
        run([sys.executable, "-c", text.replace("http://127.0.0.1:8080", server)], here)


def test_errors_of_the_http_api(server: str, directory: Path) -> None:
    (text,) = runnable("docs/http.md", "errors")
    rows = re.findall(r"^(\d+) (\w+) (\S+)(?: @(\S+))?$", text, re.M)
    assert len(rows) == len(text.splitlines())
    documented = (ROOT / "docs/http.md").read_text("utf-8").split("## Errors")[1]
    for status, method, path, name in rows:
        body = (directory / name).read_bytes() if name else b""
        answer = httpx.request(method, server + path, content=body, timeout=60)
        assert (answer.status_code, path) == (int(status), path)
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= answer.json().keys()
        assert re.search(rf"^\| [\d, ]*{status}[\d, ]* \|", documented, re.M)


def test_every_route_is_documented(server: str) -> None:
    page = (ROOT / "docs/http.md").read_text("utf-8")
    for path, methods in httpx.get(f"{server}/openapi.json").json()["paths"].items():
        for method in methods.keys() - {"parameters"}:
            assert method.upper() in page, (method, path)
        assert f"{path}`" in page or f"{path} " in page, path


def test_every_option_is_documented() -> None:
    from artline.options import OPTIONS

    table = (ROOT / "docs/http.md").read_text("utf-8").split("### Options")[1].split("###")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(OPTIONS)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_run_or_has_its_reason(page: str) -> None:
    found = blocks(page)
    fences = (ROOT / page).read_text("utf-8").count("\n```") // 2
    assert len(found) == fences
    assert {kind for _, kind, _ in found} <= LANGUAGES
