"""The build context holds what the function imports, and nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from image import context

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import artline, function
for package in artline, function:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
files = {getattr(module, "__file__", None) for module in sys.modules.values()}
print(json.dumps(sorted(file for file in files if file)))
"""


def copied(tmp_path: Path) -> Path:
    """What the image is built from, copied to `tmp_path`."""
    for name in ("artline", "function"):
        shutil.copytree(context.ROOT / name, tmp_path / name)
    return tmp_path


def test_what_is_staged_imports_nothing_of_ours_from_elsewhere(tmp_path: Path) -> None:
    staged = context.stage(copied(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=staged,
        env={"PYTHONPATH": str(staged), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {Path(file) for file in json.loads(done.stdout)}
    for path in loaded:
        assert path.is_relative_to(staged) or not path.is_relative_to(context.ROOT / "artline")
    names = {path.relative_to(staged).as_posix() for path in loaded if path.is_relative_to(staged)}
    assert names == {name for name in context.files() if name.endswith(".py")}


def test_the_image_has_neither_client_nor_command_line() -> None:
    assert not [name for name in context.files() if "/client" in name or "/cli" in name]
