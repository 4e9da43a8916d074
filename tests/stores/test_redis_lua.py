from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import pytest

from aivideo_async.stores.redis_connections import Connections
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_lua import FORGET, PRELUDE, script
from tests.stores.redis_engine import engine_says, fresh


@dataclass
class Lua:
    """Runs some Lua after the shared parts."""

    address: Address

    async def run(self, text: str, *words: str | int) -> object:
        connections = Connections(self.address)
        try:
            return await connections.run(script(PRELUDE, FORGET, text), *words)
        finally:
            await connections.close()


@pytest.fixture
def lua(redis_url: str) -> Lua:
    return Lua(fresh(redis_url))


async def test_the_clock_is_the_engines_unless_one_is_given(lua: Lua) -> None:
    seconds, _ = await engine_says(lua.address, "TIME")
    said = await lua.run("return text(clock(ARGV[1]))", "")
    assert isinstance(said, bytes)
    assert 0 <= int(said) / 1e6 - int(seconds) < 60
    assert await lua.run("return text(clock(ARGV[1]))", 1_790_000_000_123_457) == b"1790000000123457"


async def test_places_in_a_stream_are_compared_as_numbers(lua: Lua) -> None:
    places = ["9-9", "10-0", "10-9", "10-10", "1790000000123-0", "1790000000124-0"]
    for one, next_one in pairwise(places):
        words = (one, next_one)
        assert await lua.run(
            "return {later(ARGV[1], ARGV[2]) and 1 or 0, later(ARGV[2], ARGV[1]) and 1 or 0}", *words
        ) == [
            0,
            1,
        ]
        assert await lua.run("return later(ARGV[1], ARGV[1]) and 1 or 0", one) == 0


async def test_what_is_not_held_is_nothing(lua: Lua) -> None:
    assert await lua.run("return held('av_1')") == [b"av_1", None, None, None, None]
    assert await lua.run("return forget('av_1')") == 0


async def test_events_from_before_the_epoch_are_none(lua: Lua) -> None:
    assert await lua.run("return forget_events(-5)") == 0
    assert await lua.run("return forget_events(5000000)") == 0


def test_a_script_is_known_by_all_of_its_text() -> None:
    assert script("return", "1").text == "return\n1"
    assert script("return 1").sha == "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"
    assert script("return 2").sha != script("return 1").sha
