"""A picture of this machine as an input: the service fetches it from our receiver, by a URL of its own.

The service has no upload and takes public URLs only, and a receiver has one. So the bytes go into the store, under
their hash and before the create is sent, and any receiver on that store hands them out, while the task lives, to
whoever holds the URL, which nobody can guess (``CallbackKeys.mint_picture``). They are forgotten with the last task
that names them.
"""

from __future__ import annotations

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import anyio.to_thread

from aivideo_async.catalog.local import LocalPicture, local_in, name_of, named, with_images
from aivideo_async.core import lifecycle
from aivideo_async.core.errors import AIVideoError, ConfigurationError, InvalidRequestError, StoreError
from aivideo_async.core.models import GenerationRequest, Reply, TaskRecord
from aivideo_async.core.pictures import LARGEST, MEDIA_TYPES, facts_of
from aivideo_async.core.retry import DEADLINE
from aivideo_async.core.tokens import ID_PATTERN, CallbackKeys
from aivideo_async.stores.base import Query, Store

logger: logging.Logger = logging.getLogger(__name__)

AT_ONCE = 4
"""Pictures that are handed out at once: each is in memory whole."""

_TEXT = ("Content-Type", "text/plain; charset=utf-8")
GONE = Reply(404, (_TEXT,), b"not found\n")
AWAY = Reply(503, (_TEXT, ("Retry-After", "5")), b"try again\n")


@dataclass(frozen=True, slots=True)
class Door:
    """The pictures of one create: ``publish`` comes before it is sent, ``as_sent`` is for the id it is sent with."""

    request: GenerationRequest
    pictures: Mapping[str, bytes]
    store: Store
    url: Callable[[str, int, str], str | None]

    async def publish(self) -> None:
        """Put the bytes where every receiver finds them. Raises StoreError; InvalidRequestError when they are lost."""
        for name in local_in(self.request):
            data = self.pictures.get(name)
            if data is not None:
                await self.store.note(_note(name), await anyio.to_thread.run_sync(_encoded, data))
            elif await self.store.note(_note(name)) is None:
                raise InvalidRequestError(f"{name} is not in this store", hint="name the file: image=Path(…)")

    def as_sent(self, id: str) -> GenerationRequest:
        """The request with the URLs of its pictures for a task of this id. Raises ConfigurationError."""
        urls: dict[str, str] = {}
        for n, name in enumerate(local_in(self.request)):
            url = self.url(id, n, _suffix(name))
            if url is None:
                raise no_door()
            urls.setdefault(name, url)
        return with_images(self.request, urls)


def no_door() -> ConfigurationError:
    """A local picture, and nothing from which the service could fetch it."""
    return ConfigurationError(
        "a local picture needs a public callback URL, from which the service fetches it",
        hint="set AIVIDEO_CALLBACK_URL and serve client.receiver there, or give a public URL in image_urls",
    )


async def opened(request: GenerationRequest, store: Store, url: Callable[[str, int, str], str | None]) -> Door | None:
    """The door for a request's local pictures, which are read and judged; ``None`` where it has none.

    ``url`` gives the address of the ``n``-th picture of an id. Raises InvalidRequestError and, where there is no
    address, ConfigurationError.
    """
    local = local_in(request)
    if not local:
        return None
    if url("av_0", 0, "jpg") is None:
        raise no_door()
    read = {
        image: await anyio.to_thread.run_sync(_read, image.path) for image in local if isinstance(image, LocalPicture)
    }
    names: dict[str, str] = {image: name for image, (name, _) in read.items()}
    return Door(with_images(request, names), dict(read.values()), store, url)


async def forget(store: Store, record: TaskRecord) -> None:
    """Forget the pictures of a task that has ended, unless another one that lives names them too. Never raises."""
    names: set[str] = set()
    if record.request is not None and record.status in lifecycle.ENDED:
        names.update(local_in(record.request))
    if not names:
        return
    try:
        async for other in store.scan(Query(unfinished=True)):
            names.difference_update(() if other.request is None else local_in(other.request))
            if not names:
                return
        for name in names:
            await store.note(_note(name), "")
    except AIVideoError as error:
        logger.warning("the pictures of %s are still in the store: %s", record.id, error)


class Showcase:
    """Hands pictures out to whoever holds their URL. ``keys`` are those of the receiver."""

    def __init__(self, store: Store, keys: CallbackKeys, clock: Callable[[], float]) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._turns = asyncio.Semaphore(AT_ONCE)

    def admits(self, raw_path: str | bytes) -> bool:
        """Whether the target may be a picture's. Needs no store."""
        return _target(raw_path) is not None

    async def reply(self, method: str, raw_path: str | bytes) -> Reply:
        """Answer a GET or HEAD. 404 for a wrong or expired URL, and for the pictures of a task that has ended."""
        id, token = _target(raw_path) or ("", "")
        n = self._keys.check_picture(id, token, now=self._clock())
        if n is None:
            return GONE
        try:
            async with self._turns:
                return await self._shown(method, id, n)
        except StoreError as error:
            logger.warning("a picture of %s was answered 503: %s", id, error)
            return AWAY

    async def _shown(self, method: str, id: str, n: int) -> Reply:
        record = (await self._store.get((id,))).get(id)
        if record is None or record.request is None or record.status in lifecycle.ENDED:
            return GONE
        name = (*local_in(record.request), *[""] * (n + 1))[n]
        kept = await self._store.note(_note(name)) if name else None
        if not kept:
            return GONE
        data = await anyio.to_thread.run_sync(b64decode, kept)
        headers = (
            ("Content-Type", MEDIA_TYPES[_suffix(name)]),
            ("Content-Length", str(len(data))),
            ("Cache-Control", "private, no-store"),
            ("X-Content-Type-Options", "nosniff"),
        )
        return Reply(200, headers, b"" if method == "HEAD" else data)


def _target(raw_path: str | bytes) -> tuple[str, str] | None:
    """Id and token of a picture's URL: the last two segments, the second without its suffix."""
    path = raw_path.decode("latin-1") if isinstance(raw_path, bytes) else raw_path
    rest, _, last = path.partition("?")[0].rpartition("/")
    id, (token, _, suffix) = rest.rpartition("/")[2], last.rpartition(".")
    return (id, token) if suffix in MEDIA_TYPES and ID_PATTERN.fullmatch(id) is not None else None


def url_of(base: str, keys: CallbackKeys, id: str, n: int, suffix: str, *, now: float) -> str:
    """The URL of a task's ``n``-th picture: it lives as long as the task may."""
    return f"{base}/{id}/{keys.mint_picture(id, n, now=now, lifetime=DEADLINE)}.{suffix}"


def _read(path: Path) -> tuple[str, bytes]:
    """A file as a picture: its name and its bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        facts = facts_of(data)
    except OSError as error:
        raise InvalidRequestError(f"the picture {path.name} cannot be read: {error.strerror}") from error
    except InvalidRequestError as error:
        raise InvalidRequestError(f"the picture {path.name} cannot be used: {error.message}") from error
    return name_of(sha256(data).hexdigest(), facts.suffix), data


def _encoded(data: bytes) -> str:
    return b64encode(data).decode()


def _suffix(name: str) -> str:
    return (named(name) or ("", "bin"))[1]


def _note(name: str) -> str:
    return f"picture/{(named(name) or ('', ''))[0]}"
