from __future__ import annotations

import pytest

from aivideo_async.stores import redis_scripts
from aivideo_async.stores.redis_link import Address
from aivideo_async.stores.redis_lua import Script
from tests.stores.redis_engine import engine_says

SCRIPTS = {name: value for name, value in vars(redis_scripts).items() if isinstance(value, Script)}


@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_engine_takes_a_script_and_knows_it_by_our_name(address: Address, name: str) -> None:
    script = SCRIPTS[name]
    assert (await engine_says(address, "SCRIPT", "LOAD", script.text)).decode() == script.sha


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_nothing_of_whom_it_is_run_for(name: str) -> None:
    assert "av:" not in SCRIPTS[name].text
    assert "KEYS[2]" not in SCRIPTS[name].text
