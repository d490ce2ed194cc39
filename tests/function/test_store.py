"""What is there is never lost to somebody who looked too early."""

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
