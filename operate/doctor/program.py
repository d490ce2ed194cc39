"""Other programs' answers."""

from __future__ import annotations

import json
import subprocess
from typing import Any


class ProgramError(Exception):
    """A program is not installed, failed or did not end; the text says which, in its own words."""


class NotInstalledError(ProgramError):
    """There is no such program on the path."""


def ask(*command: str, seconds: float = 20) -> str:
    """What `command` prints. Raises `ProgramError`."""
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds,
            stdin=subprocess.DEVNULL,  # a question would never be answered
        )
    except OSError as error:
        raise NotInstalledError(f"there is no {command[0]} command here") from error
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"{command[0]} did not answer within {seconds:.0f} s") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().removeprefix("error: ").partition("\n")[0]
        raise ProgramError(said or f"{command[0]} failed") from error
    return done.stdout.strip()


def ask_json(*command: str, seconds: float = 20) -> dict[str, Any]:
    """The JSON object that `command` prints. Raises `ProgramError`."""
    try:
        answer = json.loads(ask(*command, seconds=seconds))
    except ValueError as error:
        raise ProgramError(f"{command[0]} did not answer in JSON") from error
    if not isinstance(answer, dict):
        raise ProgramError(f"{command[0]} did not answer with an object")
    return answer
