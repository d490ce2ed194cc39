"""The jobs path of the real local server, as a client takes it."""

import hashlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from artline.drawing.transform import transform
from artline.options import Options
from function import model
from local.jobs import AfterSetup
from stack.jobs import WORKER_TIMEOUT


def test_a_photo_through_bucket_queue_and_worker(server: str, samples: Path) -> None:
    photo = (samples / "rotated.jpg").read_bytes()
    order = {"sha256": hashlib.sha256(photo).hexdigest(), "size": len(photo), "format": "png"}
    with httpx.Client(base_url=server, timeout=60) as client:
        job = client.post("/jobs", json=order).raise_for_status().json()
        sent = httpx.post(job["upload"]["url"], data=job["upload"]["fields"], files={"file": photo})
        assert sent.status_code == 204
        # On a busy machine a delivery may fail: it is made again after the visibility timeout.
        end = time.monotonic() + 6 * WORKER_TIMEOUT + 60
        while (state := client.get(job["job_url"]).json())["status"] != "done":
            assert state["status"] == "queued"
            assert time.monotonic() < end
            time.sleep(0.2)
        again = client.post("/jobs", json=order).json()
        assert again["status"] == "done"
    result = httpx.get(again["result_url"])
    assert result.headers["content-type"] == "image/png"
    assert result.content == transform(
        photo, model.load(), Options.read({"format": "png"}, model.load())
    )


def test_the_jobs_path_is_held_until_its_parts_are_there() -> None:
    set_up, answered = threading.Event(), []

    class Function:
        def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
            answered.append(event["rawPath"])
            return {}

    function = AfterSetup(Function(), lambda: set_up.wait(60))
    held = threading.Thread(target=function.invoke, args=({"rawPath": "/jobs/1"},))
    held.start()
    function.invoke({"rawPath": "/transform"})
    assert answered == ["/transform"]
    set_up.set()
    held.join(60)
    assert answered == ["/transform", "/jobs/1"]


def test_health_says_that_there_are_jobs(server: str) -> None:
    assert httpx.get(f"{server}/health", timeout=60).json()["jobs"] is True
