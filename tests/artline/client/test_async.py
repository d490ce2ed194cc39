"""The awaited client does what the blocking one does."""

import hashlib
import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image

from artline import AsyncClient, Client, DamagedPhotoError, OptionError, ProblemError

PHOTO = Image.effect_noise((900, 700), 90)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_line_art_from_the_real_service(server: str, samples: Path, backend: str) -> None:
    if backend == "trio":
        pytest.importorskip("trio", reason="trio is not installed: pip install trio")

    async def draw() -> bytes:
        async with AsyncClient(server) as client:
            art = await client.draw(samples / "rotated.jpg", max_side=300)
            assert art.image.size == (200, 300)
            assert (await client.health()).limits == await client.limits()
            with pytest.raises(OptionError):
                await client.transform(samples / "cat.jpg", max_side=-1)
            return art.data

    with Client(server) as client:
        expected = client.draw(samples / "rotated.jpg", max_side=300).data
    assert anyio.run(draw, backend=backend) == expected


def test_many_at_once_ask_for_the_limits_once(scripted: Any, steps: Any, drawing: bytes) -> None:
    scripted.on("POST /transform", steps.answer(200, drawing))
    told: list[str] = []

    async def draw() -> None:
        async with (
            AsyncClient(scripted.url, "secret\n") as client,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(8):
                tasks.start_soon(one, client)

    async def one(client: AsyncClient) -> None:
        art = await client.draw(PHOTO, progress=lambda doing, _: told.append(doing))
        assert art.data == drawing

    anyio.run(draw)
    assert len(scripted.asked("GET /health")) == 1
    asked = scripted.asked("POST /transform")
    assert len(asked) == 8
    assert {request.headers["authorization"] for request in asked} == {"Bearer secret"}
    assert {request.headers["content-length"] for request in asked} == {str(len(asked[0].body))}
    assert told.count("sending") > 8


def test_waits_and_refusals(scripted: Any, clock: Any, steps: Any, drawing: bytes) -> None:
    refused = steps.answer(422, json={"detail": "Damaged."})
    scripted.on(
        "POST /transform",
        steps.answer(429, retry_after="7"),
        steps.drop,
        refused,
        steps.answer(500),
    )

    async def draw() -> None:
        async with AsyncClient(scripted.url) as client:
            with pytest.raises(DamagedPhotoError, match="Damaged"):
                await client.draw(PHOTO)
            with pytest.raises(ProblemError, match="500"):
                await client.draw(PHOTO)

    anyio.run(draw)
    assert len(clock.pauses) == 2
    assert clock.pauses[0] >= 7


def test_a_job(scripted: Any, clock: Any, steps: Any, drawing: bytes) -> None:
    job = {"id": "abc", "job_url": f"{scripted.url}/jobs/abc"}
    upload = {"url": f"{scripted.url}/bucket", "fields": {"key": "uploads/abc"}}
    done = job | {"status": "done", "result_url": f"{scripted.url}/result"}
    scripted.on("POST /jobs", steps.answer(201, json=job | {"status": "waiting", "upload": upload}))
    scripted.on("POST /bucket", steps.answer(204))
    scripted.on("GET /jobs/abc", steps.answer(200, json=job | {"status": "queued"}))
    scripted.on("GET /result", steps.answer(200, drawing))

    async def draw() -> None:
        async with AsyncClient(scripted.url) as client:
            submitted = await client.submit(PHOTO)
            assert (await client.job("abc")).status == "queued"
            scripted.on("GET /jobs/abc", steps.answer(200, json=done))
            assert (await client.wait(submitted.id)).data == drawing

    anyio.run(draw)
    (asked,), (sent,) = scripted.asked("POST /jobs"), scripted.asked("POST /bucket")
    digest = json.loads(asked.body)["sha256"]
    photo = sent.body.partition(b"\xff\xd8\xff")
    end = photo[2].rindex(b"\r\n--")
    assert hashlib.sha256(photo[1] + photo[2][:end]).hexdigest() == digest
