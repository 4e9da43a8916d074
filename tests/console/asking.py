"""A console over an engine on a clock that stands still, and how the tests ask it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

from aivideo_async.catalog import Sora2
from aivideo_async.console.controls import ActiveFault, Cap, ClockFace, Fault, FormError, KeyForm, KeyLine
from aivideo_async.console.engine_source import Doer, EngineSource
from aivideo_async.console.http import Answer, Ask
from aivideo_async.console.pages import Console
from aivideo_async.console.parts import Visit
from aivideo_async.console.source import Purse, TaskLine
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import Kind, moment
from aivideo_async.sandbox.clock import Clock
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.records import Created
from tests.sandbox.asking import KEY, NOW, an_engine

HOST = "127.0.0.1:8787"
AT = moment(NOW)
SORA = Sora2(prompt="a city", duration=4)
HOSTILE = "<script>alert(1)</script> \"onx='&\u202egnirts"


def a_source(engine: Engine | None = None, *, now: float = NOW) -> EngineSource:
    """The engine as a source; what it is asked to create, it creates, and nothing is rendered."""
    engine = engine or an_engine()

    async def create(kind: Kind, key: str, body: bytes) -> Created:
        return engine.create(kind, f"Bearer {key}", body, now)

    doer = Doer(create=create, resend=lambda task_id: engine.resend(task_id, now))
    return EngineSource(engine, key=lambda: KEY, account="default", clock=a_clock(now), doer=doer)


def a_clock(now: float = NOW) -> Clock:
    """A clock that stands still unless it is moved."""
    return Clock(lambda: now, speed=60)


def a_visit(source: EngineSource | None = None, **query: str) -> Visit:
    return Visit(source=source or a_source(), base="/console", form_token="word", query=query)


def an_ask(url: str, *, method: str = "GET", form: Mapping[str, Sequence[str]] | None = None, **headers: str) -> Ask:
    """A request of a browser on this machine; underscores in header names stand for hyphens."""
    parts = urlsplit(url)
    named = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Ask(method=method, path=parts.path, base="/console", query=query, headers=named, form=form or {})


async def get(console: Console, url: str) -> tuple[Answer, str]:
    """The answer, and its body as text."""
    answer = await console.answer(an_ask(url))
    return answer, answer.body.decode()


async def post(console: Console, url: str, **fields: str | Sequence[str]) -> tuple[Answer, str]:
    """Send one of the page's own forms."""
    _, page = await get(console, "/faults")
    token = page.partition('name="form_token" value="')[2].partition('"')[0]
    form = {name: [value] if isinstance(value, str) else value for name, value in fields.items()}
    answer = await console.answer(
        an_ask(url, method="POST", form={"form_token": [token], **form}, origin=f"http://{HOST}")
    )
    return answer, answer.body.decode()


def location(answer: Answer) -> str:
    return dict(answer.headers)["Location"]


def a_line(**changes: object) -> TaskLine:
    made: dict[str, object] = {
        "id": "task-1", "kind": "video", "model": "sora-2", "status": "completed", "prompt": "a city",
        "created_at": AT, "credits": Decimal(100),
    }  # fmt: skip
    return TaskLine(**{**made, **changes})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - any field


class OwnKeys:
    """A ring of keys that can be changed."""

    can_change = True

    def __init__(self) -> None:
        self.lines = {"default": KeyLine(name="default", hint="sk-\u20269999", balance=Decimal(5), own=True)}
        self.said: list[tuple[str, KeyForm]] = []

    def keys(self) -> Sequence[KeyLine]:
        return list(self.lines.values())

    def issue(self, form: KeyForm) -> str:
        if not form.name or form.name in self.lines:
            raise FormError({"name": "that name is taken", "hourly": "that is no number"})
        caps = [Cap(span="daily", credits=Decimal(100), spent=Decimal(7))]
        self.lines[form.name] = KeyLine(name=form.name, hint="sk-\u20261111", caps=caps, addresses=["10.0.0.1"])
        return "sk-the-whole-new-key-1111"

    def limit(self, name: str, form: KeyForm) -> None:
        if form.addresses == "nowhere":
            raise FormError({"addresses": "'nowhere' is no IP and no CIDR"})
        self.said.append((name, form))

    def top_up(self, name: str, form: KeyForm) -> None:
        self.said.append((name, form))

    def switch(self, name: str, *, on: bool) -> None:
        self.lines[name] = KeyLine(name=name, hint="", disabled=not on)

    def delete(self, name: str) -> None:
        if self.lines[name].own:
            raise ConfigurationError("it is the sandbox's own")
        del self.lines[name]


class FixedKeys(OwnKeys):
    """A ring of keys that cannot be changed here."""

    can_change = False


class OwnBoard:
    """A switchboard whose clock can be stopped."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def faults(self) -> Sequence[Fault]:
        return [
            Fault(name="lose", title="Is lost", meaning="nobody is told", group="Callback", late=True),
            Fault(name="cut", title="Is cut", meaning="no answer", group="Create"),
        ]

    def active(self) -> Sequence[ActiveFault]:
        return [
            ActiveFault(id="one", title="Is lost", whom="the next create"),
            ActiveFault(id="two", title="Is cut", whom=HOSTILE, share=0.25),
        ]

    def enqueue(self, names: Sequence[str], times: int) -> None:
        self.said.append((*names, times))

    def share(self, names: Sequence[str], share: float, *, model: str | None, key: str | None) -> None:
        self.said.append((*names, share, model, key))

    def afflict(self, task_id: str, names: Sequence[str]) -> bool:
        self.said.append((task_id, *names))
        return True

    def remove(self, id: str) -> None:
        self.said.append(id)

    def clear(self) -> None:
        self.said.append("clear")

    def clock(self) -> ClockFace:
        return ClockFace(now=AT, speed=60, paused=True, can_stop=True)

    def pause(self, *, on: bool) -> None:
        self.said.append(on)

    def advance(self, seconds: float) -> None:
        self.said.append(seconds)

    def reset(self) -> None:
        self.said.append("reset")


class LesserBoard(OwnBoard):
    """A switchboard whose clock goes on by itself, and where nothing goes wrong."""

    def active(self) -> Sequence[ActiveFault]:
        return []

    def clock(self) -> ClockFace:
        return ClockFace(now=AT, speed=60)


class RicherSource(EngineSource):
    """What a sandbox with keys, shares and a clock of its own is like."""

    def __init__(self, ring: OwnKeys | None = None) -> None:
        plain = a_source()
        self.__dict__.update(plain.__dict__)
        self.ring, self.board = ring or OwnKeys(), OwnBoard()

    @property
    def keys(self) -> OwnKeys:
        return self.ring

    @property
    def switchboard(self) -> OwnBoard:
        return self.board


class EngineSourceWith(EngineSource):
    """A source with this purse."""

    def __init__(self, purse: Purse) -> None:
        self.__dict__.update(a_source().__dict__)
        self._purse = purse

    def purse(self) -> Purse:
        return self._purse


async def first_of(stream: AsyncGenerator[bytes], number: int) -> list[bytes]:
    """The first pieces of a stream, which is closed then."""
    pieces = [await anext(stream) for _ in range(number)]
    await stream.aclose()
    return pieces


def at(seconds: float) -> datetime:
    return moment(NOW + seconds)
