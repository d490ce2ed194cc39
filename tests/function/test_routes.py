"""What the function answers is what the API routes to it, with jobs and without."""

import pytest

from function import app
from local.program import declared, deployment


@pytest.mark.parametrize("jobs", ["true", "false"])
def test_the_functions_routes_are_the_stacks(monkeypatch: pytest.MonkeyPatch, jobs: str) -> None:
    stack = deployment(declared({"jobs": jobs}))
    monkeypatch.delenv("JOBS_BUCKET", raising=False)
    if jobs == "true":
        monkeypatch.setenv("JOBS_BUCKET", "bucket")
    ours = {f"{method} {path}" for path, methods in app.routes().items() for method in methods}
    assert ours == set(stack.routes) - {"$default"}
