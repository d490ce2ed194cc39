"""Line art is saved whole, under a name of its own."""

import errno
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import artline.drawing.save
from artline.drawing.save import save


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: object = None) -> "Stopped":
        return cls(2026, 11, 23, 10, 15, 0)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artline.drawing.save, "datetime", Stopped)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


@pytest.mark.parametrize(
    ("content_type", "suffix"),
    [("image/jpeg", "jpg"), ("image/png", "png"), ("image/webp", "webp")],
)
def test_the_name_is_the_second(tmp_path: Path, content_type: str, suffix: str) -> None:
    before = datetime.now().replace(microsecond=0)
    path = save(b"line art", content_type, tmp_path / "new" / "directory")
    assert re.fullmatch(rf"\d{{14}}\.{suffix}", path.name)
    assert before <= datetime.strptime(path.stem, "%Y%m%d%H%M%S") <= datetime.now()
    assert path.read_bytes() == b"line art"
    assert names(path.parent) == [path.name]


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        assert save(b"line art", "image/jpeg", tmp_path).stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(old)


@pytest.mark.usefixtures("stopped")
def test_one_second_holds_many(tmp_path: Path) -> None:
    paths = [save(b"%d" % n, "image/jpeg", tmp_path) for n in range(3)]
    stamp = "20261123101500"
    assert [p.name for p in paths] == [f"{stamp}.jpg", f"{stamp}-1.jpg", f"{stamp}-2.jpg"]
    assert [p.read_bytes() for p in paths] == [b"0", b"1", b"2"]


@pytest.mark.usefixtures("stopped")
def test_what_stands_there_stays(tmp_path: Path) -> None:
    (tmp_path / "20261123101500.jpg").mkdir()
    (tmp_path / "20261123101500-1.jpg").symlink_to("nowhere")
    (tmp_path / "20261123101500-2.jpg").write_bytes(b"mine")
    assert save(b"line art", "image/jpeg", tmp_path).name == "20261123101500-3.jpg"
    assert (tmp_path / "20261123101500-2.jpg").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("links", [True, False])
def test_threads_at_once(tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    arts = {b"line art %d" % n for n in range(40)}
    with ThreadPoolExecutor(16) as pool:
        paths = list(pool.map(lambda data: save(data, "image/png", tmp_path), arts))
    assert len(set(paths)) == 40
    assert {path.read_bytes() for path in paths} == arts
    assert names(tmp_path) == sorted(path.name for path in paths)


def test_processes_at_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from artline.drawing.save import save\n"
        "for n in range(20): save(b'%d' % n, 'image/jpeg', Path(sys.argv[1]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", program, tmp_path]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    found = [path.read_bytes() for path in tmp_path.iterdir()]
    assert sorted(found) == sorted(b"%d" % n for n in range(20) for _ in range(3))


@settings(max_examples=40, deadline=None)
@given(taken=st.sets(st.integers(0, 12)))
def test_the_first_free_name_is_taken(
    tmp_path_factory: pytest.TempPathFactory, taken: set[int]
) -> None:
    directory = tmp_path_factory.mktemp("taken")
    candidates = [f"20261123101500{f'-{n}' if n else ''}.jpg" for n in range(14)]
    for n in taken:
        (directory / candidates[n]).touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artline.drawing.save, "datetime", Stopped)
        path = save(b"line art", "image/jpeg", directory)
    assert path.name == next(name for n, name in enumerate(candidates) if n not in taken)


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("fails", ["write_bytes", "replace"])
def test_a_failure_leaves_nothing(
    tmp_path: Path, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, fails, full)
    with pytest.raises(OSError, match="No space"):
        save(b"line art", "image/jpeg", tmp_path)
    assert names(tmp_path) == []
