"""``aivideo doctor``: what it prints, its exit codes, and that it keeps secrets."""

from __future__ import annotations

import io
import json

import pytest

from aivideo_async import Client, ConfigurationError, MemoryStore, WebhookReceiver
from aivideo_async.cli.doctor import doctor
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.sandbox import Sandbox
from tests.loopback import refused_port
from tests.test_receiver import KEY


async def examined(*, machine: bool = False, url: str | None = None) -> tuple[Exit, str]:
    out, err = io.StringIO(), io.StringIO()
    code = await doctor(Screen(machine=machine, out=out, err=err), url=url)
    assert err.getvalue() == ""
    return code, out.getvalue()


async def test_a_healthy_client_passes_and_no_secret_is_printed(service: Sandbox) -> None:
    async with Client(store=MemoryStore()) as client, client.receiver.serve() as server:
        code, told = await examined(url=server.url)
    assert code is Exit.OK, told
    assert "ok      key: the service takes the key; 10,000 credits are left\n" in told
    assert "ok      trust: the receiver believes our token and our signature\n" in told
    assert service.api_key not in told
    assert "av_" not in told
    assert service.count("get_credits") == 1


@pytest.mark.usefixtures("service")
async def test_a_fault_is_told_with_what_to_do_and_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_URL", "http://127.0.0.1:1/hook")
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-not-this-one")
    code, told = await examined()
    assert code is Exit.ERROR
    assert "FAULT   key: the service does not know this API key\n        was AIVIDEO_API_KEY copied" in told
    assert "FAULT   connection: no connection to 127.0.0.1: " in told
    assert "sk-not" not in told


@pytest.mark.usefixtures("service")
async def test_a_machine_gets_one_object() -> None:
    receiver = WebhookReceiver(MemoryStore(), callback_key=KEY)
    async with receiver.serve() as server:
        code, told = await examined(machine=True, url=server.url)
    findings = json.loads(told)
    assert (code, findings["healthy"]) == (Exit.ERROR, False)
    assert [each["about"] for each in findings["findings"] if each["level"] == "fault"] == ["receiver"]


async def test_what_our_own_settings_refuse_is_looked_at_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", KEY)
    async with WebhookReceiver(MemoryStore()).serve() as server:
        code, told = await examined(url=server.url)
    assert code is Exit.ERROR
    assert "FAULT   setting: https://api.aivideoapi.ai cannot reach the callback URL" in told
    assert "ok      trust: the receiver believes our token" in told
    assert "warning key: not looked at: AIVIDEO_API_KEY is not set\n" in told


@pytest.mark.parametrize("url", ["ftp://example.com", "https://user:secret@example.com/a"])
async def test_what_is_no_callback_url_is_not_connected_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", KEY)
    code, told = await examined(url=url)
    assert code is Exit.ERROR
    assert told.count("FAULT") == 1
    assert "secret" not in told


@pytest.mark.usefixtures("service")
async def test_without_a_callback_url_only_the_key_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    code, told = await examined()
    assert code is Exit.OK
    assert "warning callback URL: AIVIDEO_CALLBACK_URL is not set" in told
    monkeypatch.setenv("AIVIDEO_BASE_URL", f"http://127.0.0.1:{refused_port()}")
    assert (await examined())[0] is Exit.ERROR


async def test_with_nothing_to_examine_it_names_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="nothing to examine"):
        await examined()
    with pytest.raises(ConfigurationError, match="callback key"):
        await examined(url="https://example.com")
    monkeypatch.setenv("AIVIDEO_API_KEY", "a b")
    with pytest.raises(ConfigurationError, match="AIVIDEO_API_KEY"):
        await examined()
