"""Real reverse proxies from the system's packages, with the configuration that the README gives.

::

    with Nginx(documented("nginx"), upstream=port) as proxy: ...  # proxy.port

Starting is not asynchronous and takes about 0.1 s. What is not installed is a RuntimeError, never a skipped test.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from tests.engines.launching import free_port, until_up

README = Path(__file__).parents[2] / "README.md"
UPSTREAM = "127.0.0.1:8080"
"""The address of the receiver in the README."""

NGINX = """
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {documented}
    }}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
{documented}
"""


def documented(language: str) -> str:
    """The README's block in this language."""
    found = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"the README has {len(found)} blocks of {language}"
    return str(found[0])


class Proxy(ABC):
    """One proxy on a loopback port of its own, in front of ``upstream``, another port of this machine."""

    def __init__(self, configuration: str, *, upstream: int) -> None:
        assert UPSTREAM in configuration
        self.port: int = free_port()
        self._documented = configuration.replace(UPSTREAM, f"127.0.0.1:{upstream}")
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self, folder: Path) -> list[str]:
        """What starts it in the foreground, with its configuration in the folder."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="aivideo-proxy-"))
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _start(self) -> None:
        command = self._command(self._folder)
        environment = {**os.environ, "HOME": str(self._folder), "XDG_DATA_HOME": str(self._folder)}
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a proxy that was installed for this
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )
        until_up(command[0], self._process, lambda: _listens(self.port), self._folder / "log")

    def stop(self) -> None:
        """End it, and remove what it wrote."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class Nginx(Proxy):
    """nginx, with the documented ``location`` in a server of its own."""

    def _command(self, folder: Path) -> list[str]:
        (folder / "nginx.conf").write_text(
            NGINX.format(folder=folder, port=self.port, documented=self._documented.replace("\n", "\n        "))
        )
        return [_binary("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


class Caddy(Proxy):
    """Caddy, with the documented site under a local address."""

    def _command(self, folder: Path) -> list[str]:
        site = self._documented.replace("example.com", f"http://127.0.0.1:{self.port}", 1)
        (folder / "Caddyfile").write_text(CADDY.format(documented=site))
        return [_binary("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def _binary(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")
    if found is None:
        raise RuntimeError(f"{name} is not installed; .ci/run does it: apt-get install {name}")
    return found


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True
