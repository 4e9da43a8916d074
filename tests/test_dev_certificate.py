from __future__ import annotations

import asyncio
import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import TaskStatus
from aivideo_async.dev_certificate import DevelopmentCertificate, development_certificate
from aivideo_async.mounting import listening
from aivideo_async.receiver import WebhookReceiver
from aivideo_async.stores import MemoryStore
from tests.callbacks import KEY, SECRET, callback, connected
from tests.doubles import ORIGIN, a_record

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def names(made: DevelopmentCertificate) -> list[str]:
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    wanted = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in wanted]


async def test_a_callback_comes_by_https(tmp_path: Path) -> None:
    made = await asyncio.to_thread(development_certificate, tmp_path)
    server_side, client_side = await asyncio.to_thread(lambda: (made.server_context(), made.client_context()))
    sent = callback("av_1")
    headers = {name.decode(): value.decode() for name, value in sent.headers}
    async with MemoryStore() as store, aiohttp.ClientSession() as session:
        await store.put(a_record())
        receiver = WebhookReceiver(store, callback_key=KEY, webhook_secret=SECRET, base_url=ORIGIN)
        async with receiver.serve(ssl=server_side) as server:
            assert server.url == f"https://127.0.0.1:{server.port}/webhooks/aivideo" == receiver.address
            for host in ("localhost", "127.0.0.1"):
                url = f"https://{host}:{server.port}{sent.target}"
                async with session.post(url, data=sent.body, headers=headers, ssl=client_side) as response:
                    assert response.status == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.post(f"{server.url}/av_1/x", data=b"{}")
            with pytest.raises(aiohttp.ClientError):
                await session.post(f"http://127.0.0.1:{server.port}{sent.target}", data=sent.body)
        assert (await store.get(("av_1",)))["av_1"].status is TaskStatus.COMPLETED


async def test_a_silent_handshake_is_hung_up_on(tmp_path: Path) -> None:
    made = await asyncio.to_thread(development_certificate, tmp_path)
    context = await asyncio.to_thread(made.server_context)
    receiver = WebhookReceiver(MemoryStore(), callback_key=KEY, base_url=ORIGIN)
    async with (
        listening(receiver, "127.0.0.1", 0, "/hooks", ssl=context, keep_alive=0.05) as server,
        connected(server.port) as connection,
    ):
        assert await connection.ended() == b""


def test_it_names_its_hosts_and_is_valid_for_a_short_time(tmp_path: Path) -> None:
    made = development_certificate(tmp_path, now=NOW, valid_for=timedelta(days=2))
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    assert names(made) == ["localhost", "127.0.0.1", "::1"]
    assert certificate.not_valid_before_utc == NOW - timedelta(minutes=5)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=2)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_hosts_of_ones_own(tmp_path: Path) -> None:
    made = development_certificate(tmp_path, hosts=["dev.example.com", "b\u00fccher.example", "10.0.0.7"])
    assert names(made) == ["dev.example.com", "xn--bcher-kva.example", "10.0.0.7"]


def test_only_the_owner_reads_the_key(tmp_path: Path) -> None:
    made = development_certificate(tmp_path / "new" / "folder")
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700


def test_it_takes_the_place_of_an_earlier_one_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("somebody's")
    (tmp_path / "aivideo-dev-key.pem").symlink_to(outside)
    made = development_certificate(tmp_path)
    again = development_certificate(tmp_path)
    assert again == made
    assert isinstance(again.server_context(), ssl.SSLContext)
    assert outside.read_text() == "somebody's"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["aivideo-dev-key.pem", "aivideo-dev.pem", "outside"]


@pytest.mark.parametrize("hosts", [[], "localhost", [""], ["a" * 64], ["a..b"]])
def test_what_is_no_host_is_refused(hosts: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        development_certificate(tmp_path, hosts=hosts)


def test_a_certificate_that_is_never_valid_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        development_certificate(tmp_path, valid_for=timedelta(0))
