"""The errors: a tree, each with its docstring, and fit to cross a process's border."""

import inspect
import pickle
import subprocess
import sys

import pytest

import artline
from artline import ArtLineError, PhotoError, ProblemError, errors

ALL = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if each.__module__ == errors.__name__
]


def test_the_documented_tree_is_all_there_is() -> None:
    assert {f"* {each.__name__}" for each in ALL} <= {
        line.strip().partition(":")[0] for line in (errors.__doc__ or "").splitlines()
    }
    assert all(issubclass(each, ArtLineError) and each.__doc__ for each in ALL)
    assert {each.__name__ for each in ALL} <= set(artline.__all__)


@pytest.mark.parametrize("kind", [each for each in ALL if each is not ProblemError])
def test_errors_pickle(kind: type[ArtLineError]) -> None:
    error = kind("What to do.")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(copy), str(copy)) == (kind, "What to do.")
    assert (
        isinstance(error, PhotoError) == hasattr(copy, "status") or kind.__name__ == "OptionError"
    )


def test_problems_pickle() -> None:
    error = ProblemError(429, "Too Many Requests", "Wait a little.", retry_after=3.0)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert str(copy) == str(error) == "Wait a little. (HTTP 429)"
    assert (copy.status, copy.title, copy.detail, copy.retry_after) == (
        *(429, "Too Many Requests", "Wait a little.", 3.0),
    )


def test_they_are_an_attribute_of_the_package() -> None:
    program = "import artline; print(artline.errors.PhotoError.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "PhotoError\n", done.stderr
