"""Where a PostgreSQL store's server is, how one connects to it, and what its errors mean (stores.md §4)."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping

from aivideo_async.core.errors import AIVideoError, ConfigurationError, StoreError

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

NAMESPACE = "default"
CONNECT_SECONDS = 5.0
SECONDS_PER_HOST = 2
"""Of several hosts in a URL, the second is tried in time. libpq knows no less."""
FORM = "postgresql://user:password@host/database?namespace=name"

_NO_URL = "this is no URL of a PostgreSQL database"
_NAMESPACE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SENTENCES = {
    "28": "PostgreSQL does not let this user in",
    "3D000": "there is no such database",
    "3F000": "there is no schema to make the tables in",
    "42501": "this user lacks a permission",
    "25006": "the database cannot be written to",
}
"""What somebody has to set right, by class or code of the error."""
_GONE = ("08", "57P", "53", "58", "XX")
_TRY_AGAIN = ("40", "23505", "55P03")
_ROOM = re.compile("too many|remaining connection slots", re.IGNORECASE)


class Server:
    """Where the tables are: a URL for libpq, without our own option ``namespace``.

    Raises ConfigurationError for what is no such URL; the message repeats nothing of it.
    """

    def __init__(self, url: str) -> None:
        scheme, slashes, rest = url.partition("://")
        if not slashes or scheme.lower() not in ("postgresql", "postgres"):
            raise ConfigurationError(_NO_URL, hint=FORM)
        address, _, query = rest.partition("?")
        options = [option for option in query.split("&") if option]
        ours = [unquote(option.partition("=")[2]) for option in options if option.partition("=")[0] == "namespace"]
        self.namespace: str = ours[0] if ours else NAMESPACE
        if len(ours) > 1 or not _NAMESPACE.fullmatch(self.namespace):
            raise ConfigurationError("a namespace is one name of letters, digits and _.- (at most 64)", hint=FORM)
        others = "&".join(option for option in options if option.partition("=")[0] != "namespace")
        try:
            given = conninfo_to_dict(f"postgresql://{address}?{others}")
        except psycopg.ProgrammingError:
            # What libpq says repeats parts of the URL, and they may be those of the password.
            raise ConfigurationError(_NO_URL, hint=FORM) from None
        ports, hosts = str(given.get("port") or ""), str(given.get("host") or "")
        if "@" in hosts or not all(port.isdecimal() for port in ports.split(",") if port):
            raise ConfigurationError(_NO_URL, hint="in a password, @ is written %40, / %2F and : %3A")
        given = {"application_name": "aivideo", "connect_timeout": SECONDS_PER_HOST, **given}
        self._conninfo = make_conninfo("", **{**given, "client_encoding": "UTF8"})

    async def connect(self, *, within: float = CONNECT_SECONDS) -> Connection:
        """A connection on which every statement is a transaction of its own. Raises foreign errors and TimeoutError."""
        async with asyncio.timeout(within):
            # Prepared statements would not survive a bouncer that pools transactions.
            return await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True, prepare_threshold=None)

    async def refusal(self, error: Exception) -> Exception:
        """Why the store could not be opened: what is wrong with its URL or its rights, or that the server is away.

        libpq gives no code for a connection that was refused, and the server's words come in many languages. But it
        tells whether the server is up, so that it was us whom it did not want.
        """
        code = code_of(error)
        if code is not None or not isinstance(error, psycopg.OperationalError) or _ROOM.search(str(error)):
            sentence = _sentence(code)
            return _chained(ConfigurationError(sentence, hint=_said(error)), error) if sentence else ours(error)
        if await asyncio.to_thread(PGconn.ping, self._conninfo.encode()) != Ping.OK:
            return ours(error)
        try:
            await (await self.connect()).close()
        except psycopg.OperationalError as again:
            return _chained(ConfigurationError("PostgreSQL does not let us in", hint=_said(again)), None)
        except TimeoutError:
            pass
        return ours(error)  # it has come up only now


@contextmanager
def cut_after(connection: Connection, seconds: float) -> Generator[None]:
    """Whatever is asked of the connection in this block fails after so many seconds, as TimeoutError.

    Cancelling a query instead would wait for a server that may be the one that does not answer.
    """
    timer = asyncio.get_running_loop().call_later(seconds, cut, connection)
    try:
        yield
    except psycopg.OperationalError as error:
        if asyncio.get_running_loop().time() >= timer.when():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()


def cut(connection: Connection) -> None:
    """End it as if the network had: what waits for it fails at once. A no-op for one that is closed."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=_duplicate(connection)) as end:
        end.shutdown(socket.SHUT_RDWR)


def _duplicate(connection: Connection) -> int:
    return socket.dup(connection.fileno())


def code_of(error: BaseException) -> str | None:
    """The server's code (SQLSTATE), ``None`` for what it did not say."""
    return error.sqlstate if isinstance(error, psycopg.Error) else None


def gone(error: BaseException) -> bool:
    """Whether the connection was lost or could not be made."""
    code = code_of(error)
    if code is None:
        return isinstance(error, psycopg.OperationalError | OSError)
    return code.startswith(("08", "57P"))


def worth_repeating(error: BaseException) -> bool:
    """Whether the same may succeed at once: everything that a store does may be done twice."""
    return gone(error) or (code_of(error) or "").startswith(_TRY_AGAIN)


def ours(error: Exception) -> Exception:
    """The error that leaves the store for a foreign one; the only place that maps them.

    Ours stay as they are, and so does what only a mistake in the program can raise.
    """
    code = code_of(error) or ""
    if isinstance(error, AIVideoError):
        return error
    if isinstance(error, psycopg.DataError | ValueError | OverflowError):
        return _chained(StoreError(f"PostgreSQL cannot keep this value: {_said(error)}"), error)
    if isinstance(error, TimeoutError) or code == "57014":
        return _chained(StoreError("PostgreSQL does not answer in time", retryable=True), error)
    if gone(error):
        return _chained(StoreError("PostgreSQL cannot be reached", hint=_said(error), retryable=True), error)
    if isinstance(error, psycopg.Error):
        sentence = _sentence(code) or "PostgreSQL refuses"
        retryable = code.startswith((*_GONE, *_TRY_AGAIN, "25006"))
        return _chained(StoreError(sentence, hint=_said(error), retryable=retryable), error)
    return error


def _sentence(code: str | None) -> str | None:
    return _SENTENCES.get(code or "") or _SENTENCES.get((code or "")[:2])


def _said(error: Exception) -> str:
    """What the server or libpq said, on one line: the last of several attempts, without where in the query."""
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        return error.diag.message_primary
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].rpartition(" failed: ")[2].strip() if lines else type(error).__name__


def _chained(error: AIVideoError, cause: Exception | None) -> AIVideoError:
    error.__cause__ = cause
    return error
