"""What is the same for every engine that is launched: it gets a free port, and is waited for."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 30.0
PORTS = range(20_000, 32_000)
"""Below those that the system gives to outgoing connections: nobody takes ours while the engine is down."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no outgoing connection will be given."""
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("of a hundred ports none is free")


def until_up(name: str, process: subprocess.Popen[bytes], up: Callable[[], bool], log: Path) -> None:
    """Return once it is up. Blocks. Raises RuntimeError, with the end of its log, when it ends or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not up():
        code = process.poll()
        if code is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace")[-2_000:]
            raise RuntimeError(f"{name} does not come up (exit code {code}):\n{said}")
        time.sleep(0.01)
