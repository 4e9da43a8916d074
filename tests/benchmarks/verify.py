"""``verify`` of a 600-byte body, against the verifiers of others and against a bare HMAC."""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Protocol, cast

from aivideo_async.core.signing import HmacKey, StandardWebhooks, sign
from tests.benchmarks import contest
from tests.benchmarks.contest import Effort, Sample
from tests.benchmarks.lean_server import ID, completed
from tests.benchmarks.processes import Crew
from tests.benchmarks.report import Figure, Measured, Target, skipped

SECRET_BYTES = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(SECRET_BYTES).decode()}"
PEERS = ("standardwebhooks", "svix", "openai")
BARE = "bare hmac.digest + compare"
OURS = "ours"
BODY_BYTES = 600


class _Webhook(Protocol):
    def verify(self, data: bytes, headers: dict[str, str]) -> object: ...


class _QuietWebhook(Protocol):
    def verify(self, data: bytes, headers: dict[str, str], *, json_parse: bool) -> object: ...


class _Webhooks(Protocol):
    def verify_signature(self, payload: bytes, headers: Mapping[str, str], *, secret: str) -> None: ...


class _OpenAI(Protocol):
    @property
    def webhooks(self) -> _Webhooks: ...


class Verifying:
    """One signed delivery, and everybody's way to verify it."""

    def __init__(self) -> None:
        self._body = completed(ID.format(7)).ljust(BODY_BYTES)
        now = int(time.time())
        self._headers = sign([HmacKey(SECRET_BYTES)], delivery_id="msg_1", timestamp=now, body=self._body)
        self._runs: dict[str, Callable[[], object]] = {}

    async def prepare(self) -> list[str]:
        """Set everybody up; gives what is missing."""
        self._runs = {OURS: self._ours(), BARE: self._bare()}
        makes = {"standardwebhooks": self._standard, "svix": self._svix, "openai": self._openai}
        missing: list[str] = []
        for name, make in makes.items():
            try:
                self._runs[name] = make()
            except ModuleNotFoundError as error:
                missing.append(f"{name} ({error.name} is not installed)")
        for verify in self._runs.values():
            verify()
        return missing

    async def run(self, name: str, times: int) -> float:
        """CPU seconds for one verification, over ``times`` of them."""
        verify = self._runs[name]
        began = time.process_time()
        for _ in range(times):
            verify()
        return (time.process_time() - began) / times

    def _ours(self) -> Callable[[], object]:
        verifier, clock = StandardWebhooks(SECRET), time.time
        raw = [(b"Host", b"127.0.0.1"), (b"Content-Type", b"application/json")]
        raw += [(name.encode(), value.encode()) for name, value in self._headers.items()]
        return lambda: verifier.verify(raw, self._body, now=clock())

    def _bare(self) -> Callable[[], object]:
        raw_id, stamp = self._headers["webhook-id"].encode(), self._headers["webhook-timestamp"].encode()
        signed = base64.b64decode(self._headers["webhook-signature"].partition(",")[2])
        return lambda: hmac.compare_digest(
            hmac.digest(SECRET_BYTES, b".".join((raw_id, stamp, self._body)), "sha256"), signed
        )

    def _standard(self) -> Callable[[], object]:
        webhook = cast("_QuietWebhook", import_module("standardwebhooks.webhooks").Webhook(SECRET))
        return lambda: webhook.verify(self._body, self._headers, json_parse=False)

    def _svix(self) -> Callable[[], object]:
        webhook = cast("_Webhook", import_module("svix.webhooks").Webhook(SECRET))
        return lambda: webhook.verify(self._body, self._headers)

    def _openai(self) -> Callable[[], object]:
        client = cast("_OpenAI", import_module("openai").OpenAI(api_key="sk-x", webhook_secret=SECRET))
        return lambda: client.webhooks.verify_signature(self._body, self._headers, secret=SECRET)


@asynccontextmanager
async def verifying() -> AsyncGenerator[Verifying]:
    """Host them all in one process."""
    yield Verifying()


def measure(effort: Effort) -> Measured:
    """All in one process, in turns; nobody parses the body."""
    with Crew() as crew:
        child = crew.start("verifying", verifying).ready()
        missing = child.ask(Verifying.prepare)
        names = [OURS, BARE, *(name for name in PEERS if not any(text.startswith(name) for text in missing))]

        def one_round(name: str) -> Callable[[], Sample]:
            return lambda: Sample(value=child.ask(Verifying.run, name, effort.pick(5000, 100)))

        samples = contest.alternate({name: one_round(name) for name in names}, effort.rounds * 3)
    took = {name: contest.values(some) for name, some in samples.items()}
    micros = {name: contest.Spread.of(some).median * 1e6 for name, some in took.items()}
    figures = [
        Figure(
            row="verify",
            what="verify 600 bytes: times as long as",
            against=BARE,
            value=contest.ratio(took[OURS], took[BARE]),
            target=Target("at most", 2.0),
            note=f"{micros[OURS]:.1f} and {micros[BARE]:.1f} µs of CPU; the bare one knows the raw signature",
        )
    ]
    figures += [
        Figure(
            row="verify",
            what="verify 600 bytes: times as fast as",
            against=name,
            value=contest.ratio(took[name], took[OURS]),
            target=Target("at least", 1.0),
            note=f"{micros[OURS]:.1f} and {micros[name]:.1f} µs of CPU",
        )
        for name in names[2:]
    ]
    return Measured([*figures, *skipped("verify", missing)])
