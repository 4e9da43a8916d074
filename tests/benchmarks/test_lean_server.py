from __future__ import annotations

import json
import time

import aiohttp
import pytest

from tests.benchmarks.lean_server import Plan, completed, lean_server, whole

HEAD = b"POST /hook HTTP/1.1\r\nContent-Length: 3\r\n\r\n"
CHUNKED = b"POST /hook HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (HEAD + b"abc", len(HEAD) + 3),
        (HEAD + b"abcGET /", len(HEAD) + 3),
        (HEAD + b"ab", None),
        (HEAD[:-1], None),
        (b"GET / HTTP/1.1\r\n\r\n", 18),
        (CHUNKED + b"3\r\nabc\r\n0\r\n\r\n", len(CHUNKED) + 13),
        (CHUNKED + b"0\r\n\r\n", len(CHUNKED) + 5),
        (CHUNKED + b"3\r\nabc\r\n", None),
    ],
)
def test_a_message_ends_where_its_head_says(data: bytes, end: int | None) -> None:
    assert whole(data) == end


async def test_every_create_gets_an_id_of_its_own_and_is_counted() -> None:
    async with lean_server() as server, aiohttp.ClientSession(await server.address()) as session:
        ids: set[str] = set()
        for _ in range(3):
            async with session.post("/v1/videos/generations", json={"model": "sora-2"}) as response:
                ids.add((await response.json())["data"]["taskId"])
        async with session.get(f"/v1/tasks/{min(ids)}") as response:
            assert (await response.json())["id"] == min(ids)
        assert (len(ids), await server.counts()) == (3, (3, 1))


async def test_by_a_plan_a_task_is_processing_until_its_moment() -> None:
    async with lean_server() as server, aiohttp.ClientSession(await server.address()) as session:
        await server.plan(Plan(first=0, count=2, begins=time.monotonic() - 10.0, over=3600.0))
        statuses = [(await task(session, number))["status"] for number in (0, 1)]
        assert statuses == ["completed", "processing"]


async def task(session: aiohttp.ClientSession, number: int) -> dict[str, str]:
    async with session.get(f"/v1/tasks/00000000-0000-4000-8000-{number:012x}") as response:
        answer: dict[str, str] = await response.json()
        return answer


def test_a_completed_task_is_the_size_of_a_callback() -> None:
    assert json.loads(completed("svc-1"))["status"] == "completed"
    assert 450 < len(completed("00000000-0000-4000-8000-000000000000")) <= 600
