"""The image within Lambda's limits: memory, time, a read-only file system, whichever user."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from image.container import LAMBDA_USER, MEMORY, Container, run
from tests.function.test_fuzz import posted

LARGEST = (8660, 5773)
"""Just under 50 megapixels."""
PATIENT = 300
"""Seconds: these tests are about memory, on machines that may be busy."""


def photo(mode: str, name: str, **options: Any) -> bytes:
    """A photo of the largest size with little detail: it must fit into one event."""
    image = Image.linear_gradient("L").resize(LARGEST)
    ImageDraw.Draw(image).ellipse((2000, 1000, 6000, 5000), outline=0, width=80)
    file = io.BytesIO()
    image.convert(mode).save(file, name, **options)
    return file.getvalue()


def start(answer: dict[str, Any]) -> str:
    return str(answer["headers"]["server-timing"].rpartition("=")[2])


@pytest.mark.parametrize(
    ("mode", "name", "options"),
    [
        ("CMYK", "JPEG", {"quality": 50, "progressive": True}),
        ("RGBA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("P", "GIF", {}),
        ("F", "TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_the_largest_photo_fits_into_memory(
    image: str, mode: str, name: str, options: dict[str, Any]
) -> None:
    event = posted(photo(mode, name, **options))
    assert len(event["body"]) < 6 * 1024 * 1024
    with run(image, timeout=PATIENT) as container:
        answer = container.invoke(event, timeout=PATIENT)
        assert answer["statusCode"] == 200, answer
        assert container.peak_memory() < MEMORY * 1024 * 1024
        assert not container.state()["OOMKilled"]


def test_a_bomb_is_refused_unopened(container: Container) -> None:
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    answer = container.invoke(posted(bomb.getvalue()))
    assert answer["statusCode"] == 413
    assert container.peak_memory() < 300e6


@pytest.mark.parametrize("user", [LAMBDA_USER, "0:0", "12345:6789"])
def test_any_user_may_run_it(image: str, user: str, face: bytes) -> None:
    with run(image, user=user) as container:
        assert container.invoke(posted(face))["statusCode"] == 200


def test_cold_then_warm_then_cold_again(image: str, face: bytes) -> None:
    event = {"body": base64.b64encode(face).decode()}
    with run(image) as container:
        cold, warm = container.invoke(event), container.invoke(event)
    with run(image) as container:
        again = container.invoke(event)
    assert [start(answer) for answer in (cold, warm, again)] == ["cold", "warm", "cold"]
    assert cold["body"] == warm["body"] == again["body"]


SLOW = """
import time
from function import app

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    return app.handler(event, context)
"""
"""The handler, on request slower than any time limit."""


def test_a_time_out_ends_one_invocation_and_no_more(image: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    mount = f"--volume={tmp_path / 'slow.py'}:/var/task/slow.py:ro"
    tmp_path.chmod(0o755)
    with run(image, mount, timeout=5, command=["slow.handler"]) as container:
        assert container.invoke({"warmup": True})["warmup"]
        assert "timed out after 5.00 seconds" in container.invoke({"sleep": 3600})
        assert container.invoke({"warmup": True})["start"] == "cold"


def test_sigterm_ends_it_at_once(image: str, face: bytes) -> None:
    with run(image) as container:
        assert container.invoke(posted(face))["statusCode"] == 200
        container.stop(seconds=30)
        state = container.state()
    assert not state["Running"]
    assert state["ExitCode"] == 0  # 137 where it had to be killed
