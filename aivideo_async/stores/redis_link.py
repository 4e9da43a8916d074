"""One connection to a Redis or Valkey, where it leads, and what the engine's errors mean (stores.md §3).

Only this module talks to redis-py, and only to its connections: they are the part that is the same in all versions
from 5.2 on, and what they are asked is answered as the engine said it. Time limits are ours (``asyncio.timeout``),
since redis-py 8 cuts a blocking read after 5 s unless it is told not to, and ``wait_for``, which it uses for its
own, can swallow a cancellation.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from redis import exceptions as theirs
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection

from aivideo_async.core.errors import AIVideoError, ConfigurationError, StoreError

Reply: TypeAlias = "bytes | int | list[Reply] | None"
Word: TypeAlias = "str | bytes | int"

FORMS = "redis://[user:password@]host[:port]/[database][?namespace=name], rediss://… or unix:///path[?db=0]"
NAMESPACE = "default"

_UNNAMED: dict[str, None] = (
    {"driver_info": None}
    if "driver_info" in inspect.signature(cast("Callable[..., object]", AbstractConnection)).parameters
    else {"lib_name": None, "lib_version": None}
)
"""Tells redis-py not to introduce itself: version 8 reads its own version from the disk for that, each time."""
_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PASSES = (
    theirs.OutOfMemoryError,
    theirs.ReadOnlyError,
    theirs.MasterDownError,
    theirs.ClusterDownError,
    theirs.TryAgainError,
)
_PASSES_TOO = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE")
"""Refusals that end by themselves, or when somebody looks after the engine; redis-py has no class for the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an engine is, and which of its namespaces is meant. As text it names neither user nor password."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    database: int = 0
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    encrypted: bool = False
    namespace: str = NAMESPACE

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``redis://``, ``rediss://`` or ``unix://``. Raises ConfigurationError, without any part of the URL."""
        try:
            parts = urlsplit(url)
            query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
            options, port = dict(query), parts.port
        except ValueError:
            raise ConfigurationError("the URL of a Redis store cannot be read", hint=FORMS) from None
        local = parts.scheme == "unix"
        if len(options) != len(query) or not options.keys() <= {"namespace", *(["db"] if local else [])}:
            raise ConfigurationError("the URL of a Redis store has an option that is not known", hint=FORMS)
        if parts.fragment or (local and (parts.hostname or not parts.path)) or (not local and not parts.netloc):
            raise ConfigurationError("the URL of a Redis store names an engine", hint=FORMS)
        database = options.get("db", "0") if local else parts.path.removeprefix("/") or "0"
        namespace = options.get("namespace", NAMESPACE)
        if re.fullmatch("[0-9]{1,9}", database) is None:
            raise ConfigurationError("the database in the URL of a Redis store is a number", hint=FORMS)
        if _NAMESPACE.fullmatch(namespace) is None:
            raise ConfigurationError("a namespace has 1 to 64 letters, digits and any of _.-")
        return cls(
            host=parts.hostname or "localhost",
            port=6379 if port is None else port,
            path=unquote(parts.path) if local else None,
            database=int(database),
            user=unquote(parts.username) if parts.username else None,
            password=None if parts.password is None else unquote(parts.password),
            encrypted=parts.scheme == "rediss",
            namespace=namespace,
        )

    @property
    def prefix(self) -> str:
        """What every key of the namespace begins with; the braces keep them in one slot of a cluster."""
        return f"av:{{{self.namespace}}}:"

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix://{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.encrypted else ''}://{host}:{self.port}/{self.database}"


class _Connection(Protocol):
    """What is used of redis-py's connections."""

    @property
    def is_connected(self) -> bool: ...
    async def connect(self) -> None: ...
    async def send_command(self, *words: Word) -> None: ...
    async def read_response(self) -> Reply: ...
    async def disconnect(self, *, nowait: bool) -> None: ...


class Link:
    """A connection that is open. Whatever goes wrong with it, and every cancellation in the middle, closes it."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, address: Address) -> Self:
        """Connect, log in and choose the database. Raises what ``ours`` makes of foreign errors.

        It waits as long as the engine does: whoever opens it sets a time limit. Cancelling it leaves nothing open.
        """
        link = cls(_connection(address))
        try:
            await link._connection.connect()
        except BaseException as error:
            await link.close()
            if isinstance(error, theirs.ResponseError) and not isinstance(error, theirs.NoPermissionError):
                raise ConfigurationError(f"{address}: the engine refuses to be used like this: {error}") from error
            raise
        return link

    @property
    def usable(self) -> bool:
        """Whether it is still open."""
        return self._connection.is_connected

    async def ask(self, *words: Word) -> Reply:
        """Send a command and return what the engine answers. Raises foreign errors; the engine's no does not close it.

        It waits as long as the engine does.
        """
        await self._connection.send_command(*words)
        return await self._connection.read_response()

    async def close(self) -> None:
        """Close it without waiting for the other side."""
        await self._connection.disconnect(nowait=True)


def _connection(address: Address) -> _Connection:
    options: dict[str, Any] = {
        "db": address.database,
        "username": address.user,
        "password": address.password,
        "protocol": 2,
        "socket_timeout": None,
        "socket_connect_timeout": None,
        **_UNNAMED,
    }
    if address.path is not None:
        return cast("_Connection", UnixDomainSocketConnection(path=address.path, **options))
    kind = SSLConnection if address.encrypted else Connection
    return cast("_Connection", kind(host=address.host, port=address.port, socket_keepalive=True, **options))


def is_away(error: Exception) -> bool:
    """Whether the engine could not be reached or did not answer: trying again may help."""
    if isinstance(error, theirs.AuthenticationError | theirs.AuthorizationError):
        return False
    return isinstance(error, theirs.ConnectionError | theirs.TimeoutError | OSError)


def is_unknown_script(error: Exception) -> bool:
    """Whether the engine has forgotten a script."""
    return isinstance(error, theirs.NoScriptError)


def ours(error: Exception, address: Address) -> Exception:
    """The error that leaves the store for a foreign one; the only place that maps them.

    Ours stay as they are, and so does what only a mistake in the program can raise.
    """
    mapped: AIVideoError
    if isinstance(error, AIVideoError):
        return error
    if isinstance(error, theirs.AuthenticationError | theirs.AuthorizationError):
        mapped = ConfigurationError(f"{address}: the engine refuses this user and password")
    elif isinstance(error, theirs.NoPermissionError):
        mapped = ConfigurationError(f"{address}: this user may not do what a store does", hint=str(error))
    elif isinstance(error, TimeoutError | theirs.TimeoutError):
        mapped = StoreError(f"{address}: the engine does not answer in time", retryable=True)
    elif is_away(error):
        mapped = StoreError(f"{address}: the engine cannot be reached", hint=str(error) or None, retryable=True)
    elif isinstance(error, theirs.DataError | ValueError | OverflowError):
        mapped = StoreError(f"{address}: the engine cannot keep this value: {error}")
    elif isinstance(error, theirs.RedisError):
        passes = isinstance(error, _PASSES) or str(error).startswith(_PASSES_TOO)
        mapped = StoreError(f"{address}: the engine refuses: {error}", retryable=passes)
    else:
        return error
    return mapped


@contextlib.contextmanager
def translated(address: Address) -> Generator[None]:
    """Whatever leaves the block is ours."""
    try:
        yield
    except Exception as error:
        mapped = ours(error, address)
        if mapped is error:
            raise
        raise mapped from error


@contextlib.contextmanager
def translated_in_use(address: Address) -> Generator[None]:
    """The same where the engine had let us in before: that it no longer does is no mistake of who asks now."""
    try:
        with translated(address):
            yield
    except ConfigurationError as error:
        raise StoreError(error.message, hint=error.hint) from error
