"""Which of the two create bodies the service takes, learnt once per model and client (api.md §1, flow.md §3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Literal

from aivideo_async.core.models import BodyForm, GenerationRequest

_FREE = nullcontext()


class BodyForms:
    """What is known of the forms, for one client.

    Only models for which both forms are written down are ever re-encoded; until their form is known, their creates
    take turns.
    """

    def __init__(self, setting: Literal["auto"] | BodyForm) -> None:
        self._setting = setting
        self._known: dict[str, BodyForm] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    def first(self, request: GenerationRequest) -> BodyForm:
        """The form to send."""
        forms = request.body_forms()
        if self._setting != "auto":
            return self._setting if self._setting in forms else forms[0]
        return self._known.get(request.model, forms[0])

    def other(self, request: GenerationRequest, form: BodyForm) -> BodyForm | None:
        """The form to try once when ``form`` is refused as an invalid request, if there is one to try."""
        if not self._open(request):
            return None
        return next((candidate for candidate in request.body_forms() if candidate != form), None)

    def learn(self, request: GenerationRequest, form: BodyForm) -> None:
        """The service took ``form``."""
        self._known[request.model] = form

    def turn(self, request: GenerationRequest) -> AbstractAsyncContextManager[None]:
        """Hold everybody else's creates of this model back while its form is unknown."""
        return self._alone(request) if self._open(request) else _FREE

    @asynccontextmanager
    async def _alone(self, request: GenerationRequest) -> AsyncGenerator[None]:
        lock = self._turns.setdefault(request.model, asyncio.Lock())
        await lock.acquire()
        if not self._open(request):
            lock.release()
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _open(self, request: GenerationRequest) -> bool:
        return self._setting == "auto" and len(request.body_forms()) > 1 and request.model not in self._known
