"""``aivideo dashboard``: a store on a page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import aiohttp
import pytest

from aivideo_async.cli.dashboard import dashboard
from aivideo_async.cli.output import Screen
from aivideo_async.cli.store import opened_store
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.stores import open_store
from tests.cli.conftest import Watched
from tests.console.test_store_source import DONE


@asynccontextmanager
async def running(
    url: str | None, host: str = "127.0.0.1", *, machine: bool = False, hosts: tuple[str, ...] = ()
) -> AsyncGenerator[str]:
    """What it prints once it listens."""
    out, err = StringIO(), Watched("Ctrl-C" if not machine else "")
    screen = Screen(machine=machine, out=out, err=err)
    work = asyncio.ensure_future(dashboard(screen, url=url, host=host, port=0, token=None, hosts=hosts))
    async with asyncio.timeout(10):
        while not out.getvalue():
            assert not work.done(), work.exception()
            await asyncio.sleep(0)
    yield out.getvalue().strip()
    work.cancel()
    await asyncio.wait([work])


async def test_it_shows_the_tasks_of_a_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/own.db"
    async with open_store(url) as store:
        await store.put(DONE)
    async with running(url) as address, aiohttp.ClientSession() as session:
        async with session.get(address) as response:
            page = await response.text()
        async with session.get(f"{address}tasks/av_1") as response:
            assert "Timeline" in await response.text()
    assert "a city" in page
    assert "Try it" not in page


async def test_without_a_name_it_is_the_commands_own_store() -> None:
    async with opened_store():
        pass
    async with running(None, machine=True) as printed, aiohttp.ClientSession() as session:
        told = json.loads(printed)
        assert told["token"] is None
        async with session.get(told["url"]) as response:
            assert "No tasks yet" in await response.text()


async def test_off_loopback_it_wants_a_token() -> None:
    async with (
        running("memory:", "0.0.0.0") as address,  # noqa: S104 - the point of the test
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
    ):
        async with session.get(address.partition("?")[0]) as response:
            assert response.status == 401
        async with session.get(address) as response:
            assert (response.status, response.url.query_string) == (200, "")


async def test_a_name_that_is_allowed_leads_to_it_with_a_token_and_no_other_does() -> None:
    async with (
        running("memory:", hosts=("Proxy.example",)) as address,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        seen: list[int] = []
        for where, name in (address, "proxy.example"), (address.partition("?")[0], "proxy.example"), (address, "evil"):
            async with session.get(where, headers={"Host": name}, allow_redirects=False) as response:
                seen.append(response.status)
    assert seen == [303, 401, 421]


@pytest.mark.parametrize("own", [False, True])
async def test_a_store_that_is_not_there_is_said_to_be_none_and_not_made(tmp_path: Path, own: bool) -> None:
    url = None if own else f"sqlite:///{tmp_path}/typo/own.db"
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ConfigurationError, match=r"there is no file .*\.db"):
        await dashboard(Screen(machine=False), url=url, host="127.0.0.1", port=0, token=None)
    assert set(tmp_path.rglob("*")) == before
    assert own or not (tmp_path / "typo").exists()


async def test_a_store_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no store"):
        await dashboard(Screen(machine=False), url="nowhere:", host="127.0.0.1", port=0, token=None)
