from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.valkey import OVERRIDE, Valkey, engine_url


def said(engine: Valkey, *words: str) -> bytes:
    with socket.create_connection(("127.0.0.1", engine.port), timeout=5.0) as connection:
        connection.sendall(" ".join(words).encode() + b"\r\n")
        return connection.recv(1_000)


@pytest.fixture
def engine() -> Iterator[Valkey]:
    with Valkey(appendonly=True) as engine:
        yield engine


def test_it_holds_what_it_acknowledged_when_it_was_killed_and_started_again(engine: Valkey) -> None:
    url = engine.url
    assert said(engine, "SET", "a", "b") == b"+OK\r\n"
    for _ in range(2):
        engine.kill()
        with pytest.raises(ConnectionRefusedError):
            said(engine, "PING")
        engine.start()
    assert said(engine, "GET", "a") == b"$1\r\nb\r\n"
    assert engine.url == url


def test_a_paused_engine_takes_connections_and_answers_when_it_goes_on(engine: Valkey) -> None:
    engine.pause()
    with socket.create_connection(("127.0.0.1", engine.port), timeout=0.05) as connection:
        connection.sendall(b"PING\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(100)
        engine.resume()
        connection.settimeout(10.0)
        assert connection.recv(100) == b"+PONG\r\n"


def test_a_stopped_engine_leaves_nothing(engine: Valkey) -> None:
    folder, pid = engine._folder, engine.pid
    assert folder is not None
    engine.stop()
    assert not folder.exists()
    assert not Path(f"/proc/{pid}").exists()
    engine.start()
    assert said(engine, "GET", "a") == b"$-1\r\n"


def test_a_password_is_wanted_and_stands_in_the_url() -> None:
    with Valkey(password="hunter2") as engine:
        assert said(engine, "GET", "a").startswith(b"-NOAUTH")
        assert engine.url == f"redis://:hunter2@127.0.0.1:{engine.port}/0"


def test_an_engine_that_does_not_come_up_says_why() -> None:
    with pytest.raises(RuntimeError, match="maxmemory"), Valkey(maxmemory_policy="nonsense"):
        pass


def test_another_engine_may_be_used_where_it_is_not_harmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OVERRIDE, "redis://elsewhere:1/0")
    with engine_url() as url:
        assert url == "redis://elsewhere:1/0"
    monkeypatch.delenv(OVERRIDE)
    with engine_url() as url:
        assert url.startswith("redis://127.0.0.1:")
    assert OVERRIDE not in os.environ
