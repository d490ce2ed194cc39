"""The fixtures of doctor and cost."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services import account, drawing, scripted, steps  # noqa: F401

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cost(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command, in a process and a directory of its own."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "operate", "cost", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "100"},
            timeout=120,
            check=False,
        )

    return run
