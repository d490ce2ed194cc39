"""What is there is never lost to somebody who looked too early."""

import boto3  # type: ignore[import-untyped]
import pytest

from function import store
from tests.jobs.stage import Stage

KEY = store.upload("0" * 64)


def test_clear_leaves_what_has_come_since(stage: Stage) -> None:
    nothing = store.head(KEY)
    assert nothing is None
    store.clear(KEY, nothing)
    issued = store.head(KEY)
    assert issued is not None
    assert issued["ContentLength"] == 0
    store.put(KEY, b"photo", "image/jpeg")
    for outdated in (nothing, issued):
        store.clear(KEY, outdated)
        assert stage.read(KEY) == b"photo"
    store.clear(KEY, store.head(KEY))
    assert stage.read(KEY) == b""


def test_an_object_that_is_not_there(stage: Stage) -> None:
    assert store.head("results/x") is None
    assert store.get("results/x") is None


def test_the_keys_are_those_of_the_environment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3's default session caches the credentials of its first use; the store has its own."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session("AKIAEXAMPLE", "another's"))
    store._client.cache_clear()
    store.put(KEY, b"photo", "image/jpeg")
    assert stage.read(KEY) == b"photo"
