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


ROOT_OPTIONS = ["net.onnx", "-o", "unused.onnx"]


@pytest.mark.parametrize(
    "words",
    [
        ["--range", "0"],
        ["--range", "1,1"],
        ["--range", "0,nan"],
        ["--range", "a,b"],
        ["--max-side", "0"],
        ["--max-side", "-3"],
        ["--memory", "0"],
        ["--fixed", "0x4"],
        ["--fixed", "x"],
        ["--mean", "1,2"],
        ["--std", "0,1,1"],
        ["--std", "-1,1,1"],
    ],
)
def test_a_value_that_makes_no_sense_is_a_usage_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["convert", *ROOT_OPTIONS, *words])
    assert stopped.value.code == 2
    assert words[0] in capsys.readouterr().err


def test_a_range_may_begin_with_a_minus() -> None:
    import argparse

    from models.commands import convert

    parser = argparse.ArgumentParser()
    convert.arguments(parser)
    found = parser.parse_args(["net.onnx", "--range", "-1,1", "--mean", "-.5,0,0", "--int8"])
    assert (found.range, found.mean, found.int8) == ((-1, 1), (-0.5, 0, 0), True)


@pytest.mark.parametrize(
    "words",
    [
        ["absent.onnx"],
        [""],
        ["/dev/null"],
        ["samples/face.jpg"],
        ["pyproject.toml", "--photos", "/nowhere"],
        ["pyproject.toml", "-o", "/proc/model.onnx"],
        ["pyproject.toml", "-o", "pyproject.toml/model.onnx"],
        ["pyproject.toml", "--preview", "/proc/preview.jpg"],
        ["samples"],
    ],
)
def test_what_cannot_be_converted_is_one_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["-o", str(tmp_path / "model.onnx")] if "-o" not in words else []
    assert main(["convert", *words, *kept]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert main(["inspect", words[0]]) == 1
    assert capsys.readouterr().err.count("\n") == 1
