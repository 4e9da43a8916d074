"""``aivideo sandbox``: the local service, until it is interrupted."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NoReturn

from aivideo_async.cli.extras import require
from aivideo_async.cli.output import Screen
from aivideo_async.sandbox import Faults, Profile, Sandbox
from aivideo_async.sandbox.media import Render


async def serve(
    screen: Screen, *, port: int, profile: Profile, speed: float, faults: Sequence[str] = (),
    state: Path | None = None, reset: bool = False, seed: int | None = None, host: str = "127.0.0.1",
    token: str | None = None, render: Render = "real", hosts: Sequence[str] = (),
) -> NoReturn:  # fmt: skip
    """Serve until cancelled, which is its ordinary end. The settings for clients are printed once it listens.

    Raises OSError when it cannot listen, ConfigurationError without the sandbox extra where files are rendered, for a
    fault that is none and a state that cannot be had.
    """
    if render == "real":
        require("sandbox", ("av", "PIL"))
    sandbox = Sandbox(
        port=port, profile=profile, speed=speed, state=state, reset_state=reset, seed=seed, host=host, token=token,
        hosts=hosts, render=render, durations="realistic", console=True,
    )  # fmt: skip
    looked_at = Faults(Random(0))  # noqa: S311 - none is drawn
    for fault in faults:
        looked_at.set_written(fault)
    async with sandbox:
        for fault in faults:  # over what the state has of the same: also a share of 0
            sandbox.faults.set_written(fault)
        for name, value in sandbox.environment().items():
            screen.line(f"export {name}={shlex.quote(value)}")
        screen.object({"environment": dict(sandbox.environment()), "console": sandbox.console_url})
        screen.say(f"the sandbox listens on {sandbox.base_url}, {speed:g} times as fast as the service; Ctrl-C ends it")
        screen.say(f"its console: {sandbox.console_url}")
        while True:
            await asyncio.Event().wait()
