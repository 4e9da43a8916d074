"""``aivideo sandbox``: the local service, until it is interrupted."""

from __future__ import annotations

import asyncio
import shlex
from typing import NoReturn

from aivideo_async.cli.extras import require
from aivideo_async.cli.output import Screen
from aivideo_async.sandbox import Profile, Sandbox


async def serve(screen: Screen, *, port: int, profile: Profile, speed: float) -> NoReturn:
    """Serve until cancelled, which is its ordinary end. The settings for clients are printed once it listens.

    Raises OSError when it cannot listen, ConfigurationError without the sandbox extra.
    """
    require("sandbox", ("av", "PIL"))
    async with Sandbox(port=port, profile=profile, speed=speed, console=True) as sandbox:
        for name, value in sandbox.environment().items():
            screen.line(f"export {name}={shlex.quote(value)}")
        screen.object({"environment": dict(sandbox.environment()), "console": sandbox.console_url})
        screen.say(f"the sandbox listens on {sandbox.base_url}, {speed:g} times as fast as the service; Ctrl-C ends it")
        screen.say(f"its console: {sandbox.console_url}")
        while True:
            await asyncio.Event().wait()
