"""The command line is light until a command needs torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.__main__ import COMMANDS, main

ROOT = Path(__file__).parents[2]


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            main([name, "--help"])
        assert stopped.value.code == 0
        assert f"python -m models {name}" in capsys.readouterr().out


def test_help_lists_the_commands_and_imports_no_torch() -> None:
    code = """
import sys
from models.__main__ import main
try:
    main(["--help"])
finally:
    print("torch" in sys.modules)
"""
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert all(name in shown for name in COMMANDS)
    assert shown.splitlines()[-1] == "False"


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["dance"])
    assert "invalid choice" in capsys.readouterr().err
