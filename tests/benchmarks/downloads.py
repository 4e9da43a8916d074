"""One large result into a file: ours, which hashes it and waits for the disk, beside a bare ``iter_chunked``.

Over TLS, as every download that is not from loopback is (webhooks.md §4), and over plain HTTP, where hashing takes
about as long as all of the copying.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import aiohttp

from aivideo_async.dev_certificate import DevelopmentCertificate, development_certificate
from aivideo_async.download import Downloader
from tests.benchmarks import contest
from tests.benchmarks.contest import Effort, Sample, Spread
from tests.benchmarks.memory import resident
from tests.benchmarks.processes import CORES, Child, Crew
from tests.benchmarks.report import Figure, Measured, Target

OURS, BARE, ALIKE = "ours", "bare aiohttp iter_chunked", "the same, hashed and synced"
BLOCK = bytes(range(256)) * 1024
MEBIBYTE = 2**20


class Host:
    """Answers every request with ``size`` bytes."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def address(self) -> str:
        """Where it listens."""
        return self.url


@asynccontextmanager
async def media_host(size: int, certificate: DevelopmentCertificate | None) -> AsyncGenerator[Host]:
    """A server that does as little as one can, so that it is not what is measured; with a certificate over TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        for _ in range(size // len(BLOCK)):
            writer.write(BLOCK)
            await writer.drain()
        writer.close()

    context = None if certificate is None else certificate.server_context()
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        scheme = "http" if context is None else "https"
        yield Host(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}/clip.mp4")


class Fetching(ABC):
    """One contender, in a process of its own and on every core: a thread that writes is part of what is measured."""

    def __init__(self, folder: Path) -> None:
        os.sched_setaffinity(0, CORES)
        self.folder = folder

    async def run(self, url: str) -> tuple[float, float]:
        """Seconds until the file is there, and bytes by which the process grew at its peak."""
        target = self.folder / "clip.mp4"
        before = resident()
        Path("/proc/self/clear_refs").write_text("5")
        began = time.perf_counter()
        await self.fetch(url, target)
        seconds = time.perf_counter() - began
        target.unlink()
        return seconds, peak() - before

    @abstractmethod
    async def fetch(self, url: str, target: Path) -> None:
        """Fetch it."""


class OurFetching(Fetching):
    """``client.download``, without its client."""

    def __init__(self, folder: Path, downloader: Downloader) -> None:
        super().__init__(folder)
        self._downloader = downloader

    async def fetch(self, url: str, target: Path) -> None:
        await self._downloader.fetch(url, target)


class BareFetching(Fetching):
    """What people write by hand: the writes block the loop, and nothing is checked. ``alike`` gives what ours gives."""

    def __init__(self, folder: Path, session: aiohttp.ClientSession, *, alike: bool) -> None:
        super().__init__(folder)
        self._session = session
        self._alike = alike

    async def fetch(self, url: str, target: Path) -> None:
        digest = hashlib.sha256()
        async with self._session.get(url) as response:
            with target.open("wb") as file:
                async for chunk in response.content.iter_chunked(64 * 1024):
                    file.write(chunk)
                    if self._alike:
                        digest.update(chunk)
                if self._alike:
                    os.fsync(file.fileno())


@asynccontextmanager
async def our_fetching(folder: Path) -> AsyncGenerator[Fetching]:
    """Host ours."""
    async with Downloader(loopback=True) as downloader:
        yield OurFetching(folder, downloader)


@asynccontextmanager
async def bare_fetching(folder: Path, *, alike: bool) -> AsyncGenerator[Fetching]:
    """Host the other."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield BareFetching(folder, session, alike=alike)


def peak() -> int:
    """Bytes of this process in memory at their most since ``clear_refs`` was written."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@contextmanager
def trusted(certificate: DevelopmentCertificate) -> Generator[None]:
    """Have the processes that are started meanwhile trust this certificate: OpenSSL reads the variable."""
    os.environ["SSL_CERT_FILE"] = str(certificate.certificate)
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]


def measure(effort: Effort) -> Measured:
    """A gibibyte in alternating rounds."""
    with tempfile.TemporaryDirectory() as name:
        return _measured(effort, "download", Path(name), None)


def measure_over_tls(effort: Effort) -> Measured:
    """The same, encrypted on its way as the service's results are."""
    with tempfile.TemporaryDirectory() as name:
        certificate = development_certificate(Path(name) / "certificate")
        with trusted(certificate):
            return _measured(effort, "download-tls", Path(name), certificate)


def _measured(effort: Effort, row: str, folder: Path, certificate: DevelopmentCertificate | None) -> Measured:
    size = effort.pick(1024, 8) * MEBIBYTE
    with Crew() as crew:
        url = crew.start_other("media host", media_host, size, certificate).ask(Host.address)
        hosts: dict[str, Child[Fetching]] = {
            OURS: crew.start(OURS, our_fetching, folder).ready(),
            BARE: crew.start(BARE, bare_fetching, folder, alike=False).ready(),
            ALIKE: crew.start(ALIKE, bare_fetching, folder, alike=True).ready(),
        }
        growth: list[float] = []

        def one(name: str) -> Sample:
            seconds, grown = hosts[name].ask(Fetching.run, url)
            if name == OURS:
                growth.append(grown / MEBIBYTE)
            return Sample(value=size / MEBIBYTE / seconds)

        samples = contest.alternate({name: partial(one, name) for name in hosts}, effort.rounds)
    what = f"download of {size // MEBIBYTE:,} MiB"
    paces = {name: contest.values(some) for name, some in samples.items()}
    figures = [
        Figure(
            row=row,
            what=f"{what} into a file, hashed and synced",
            against=other,
            value=contest.ratio(paces[OURS], paces[other]),
            target=target,
            note=f"{Spread.of(paces[OURS]).median:,.0f} and {Spread.of(paces[other]).median:,.0f} MiB/s",
        )
        for other, target in ((BARE, Target("at least", 0.9)), (ALIKE, Target("at least", 1.0)))
    ]
    memory = Figure(
        row=row,
        what=f"{what}, peak growth of RSS",
        against="(itself)",
        value=Spread.of(growth),
        unit="MiB",
        target=Target("at most", 64.0),
    )
    return Measured([*figures, memory])
