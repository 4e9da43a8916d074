"""Where a probe's callbacks come to: kept as they came, headers and all; the first ending is refused on purpose."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial

from aivideo_async.core.errors import WebhookVerificationError
from aivideo_async.core.models import Reply
from aivideo_async.core.signing import RawHeaders
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import BODY_LIMIT, split_target
from aivideo_async.mounting import Accept
from aivideo_async.probe.findings import Arrival, ended_in, task_in
from aivideo_async.receiver import ACCEPTED, TOO_LARGE, TOO_SLOW, UNKNOWN, WRONG_METHOD

KEPT = 100
REFUSED = Reply(503)
"""Without Retry-After: when the service comes again by itself is what is asked."""


class Listener:
    """An ``Endpoint`` of ``aivideo_async.mounting`` for one probe, with a key of its own.

    ``arrived`` is called with each callback to one of our URLs; what comes to others is answered 404 and not kept.
    """

    body_limit = BODY_LIMIT

    def __init__(self, arrived: Callable[[Arrival], None], *, clock: Callable[[], float]) -> None:
        self._arrived = arrived
        self._clock = clock
        self._keys = CallbackKeys(secrets.token_bytes(32))
        self._steps: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._kept = 0
        self._refused = False

    def target(self, step: str) -> str:
        """Id and token for the callback URL of a step."""
        id = f"av_{secrets.token_hex(16)}"
        self._steps[id] = step
        return f"{id}/{self._keys.mint(id, now=self._clock())}"

    async def wait(self, done: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until it is so after some callback, at most so long; whether it is."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return done()
        return True

    def admit(self, method: str, raw_path: str | bytes, headers: RawHeaders) -> Reply | Accept:
        """The refusal of what is not for us; else what keeps it, and refuses the first ending once, with 503."""
        if method != "POST":
            return WRONG_METHOD
        step = self._step(raw_path)
        return UNKNOWN if step is None else partial(self._accept, step, headers)

    async def _accept(self, step: str, headers: RawHeaders, body: bytes) -> Reply:
        if len(body) > BODY_LIMIT or self._kept >= KEPT:
            return TOO_LARGE
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        arrival = Arrival(step=step, at=self._clock(), headers=pairs, body=body, answered=200)
        if not self._refused and ended_in(task_in(arrival.json)):
            self._refused = True
            arrival = Arrival(step=step, at=arrival.at, headers=pairs, body=body, answered=REFUSED.status)
        self._kept += 1
        self._arrived(arrival)
        self._changed.set()
        return ACCEPTED if arrival.answered == 200 else REFUSED

    def too_slow(self) -> Reply:
        """The answer when the body does not come in time."""
        return TOO_SLOW

    async def after(self, reply: Reply) -> None:
        """Nothing follows."""

    def _step(self, raw_path: str | bytes) -> str | None:
        try:
            id, token = split_target(raw_path)
        except WebhookVerificationError:
            return None
        return self._steps.get(id) if self._keys.check(id, token, now=self._clock()) else None
