from __future__ import annotations

import asyncio
import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aivideo_async.core.any_of import AnyOf
from aivideo_async.core.errors import (
    AIVideoError,
    APIConnectionError,
    ConfigurationError,
    InvalidResponseError,
    WebhookVerificationError,
)
from aivideo_async.core.schemes import SCHEMES
from aivideo_async.core.signing import Verified
from aivideo_async.jwks import MAX_AGE, PAUSE, PAUSE_AFTER_FAILURE, JwksVerifier, fetch_set, key_sources, with_keys
from tests.core.senders import BODY, NOW, SENDERS, VERIFIERS, X
from tests.doubles import ManualClock
from tests.loopback import answering, http, refused_port, serving, silent

OTHER = (
    base64.urlsafe_b64encode(Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw())
    .decode()
    .rstrip("=")
)
RIGHT = Verified("req-1", NOW, 0, "fal")


def a_set(*keys: str) -> bytes:
    return json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x} for x in keys]}).encode()


class Publisher:
    """A sender's key set; what it gives is a script, and what it was asked is counted."""

    def __init__(self, *answers: bytes | AIVideoError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        await self.go.wait()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, AIVideoError):
            raise answer
        return answer


AWAY = APIConnectionError("away", sent="maybe")


def at_hand(*answers: bytes | AIVideoError) -> tuple[JwksVerifier, Publisher, ManualClock]:
    publisher, clock = Publisher(*answers), ManualClock()
    return JwksVerifier(clock=clock, fetch=publisher), publisher, clock


async def verified(verifier: JwksVerifier | AnyOf, scheme: str = "fal") -> Verified:
    headers = SENDERS[scheme](BODY, NOW)
    return await with_keys(key_sources(verifier), lambda: verifier.verify(headers, BODY, now=NOW))


async def test_keys_are_fetched_once_from_the_pinned_url_and_kept() -> None:
    verifier, publisher, clock = at_hand(a_set(X))
    for _ in range(3):
        assert await verified(verifier) == RIGHT
        clock.advance(MAX_AGE / 6)
    assert publisher.asked == ["https://rest.fal.ai/.well-known/jwks.json"]
    assert verifier.key_count == 1


async def test_a_key_that_is_not_known_causes_one_fetch_and_is_believed_then() -> None:
    verifier, publisher, clock = at_hand(a_set(OTHER), a_set(OTHER, X))
    await verifier.prepare()
    clock.advance(PAUSE)
    assert await verified(verifier) == RIGHT._replace(key_index=1)
    assert len(publisher.asked) == 2


async def test_forgeries_cause_one_fetch_a_minute_at_most() -> None:
    verifier, publisher, clock = at_hand(a_set(OTHER))
    for _ in range(120):
        with pytest.raises(WebhookVerificationError, match="bad_signature"):
            await verified(verifier)
        clock.advance(1)
    assert len(publisher.asked) == 2


async def test_what_is_wrong_besides_the_key_causes_no_fetch() -> None:
    verifier, publisher, clock = at_hand(a_set(X))
    await verifier.prepare()
    clock.advance(PAUSE)
    with pytest.raises(WebhookVerificationError, match="missing_header"):
        await with_keys((verifier,), lambda: verifier.verify([], BODY, now=NOW))
    assert len(publisher.asked) == 1


async def test_deliveries_at_once_wait_for_one_fetch() -> None:
    verifier, publisher, _ = at_hand(a_set(X))
    publisher.go.clear()
    waiting = [asyncio.ensure_future(verified(verifier)) for _ in range(20)]
    while not publisher.asked:
        await asyncio.sleep(0)
    publisher.go.set()
    assert await asyncio.gather(*waiting) == [RIGHT] * 20
    assert len(publisher.asked) == 1


async def test_who_hangs_up_does_not_cut_the_fetch_short() -> None:
    verifier, publisher, _ = at_hand(a_set(X))
    publisher.go.clear()
    first, second = (asyncio.ensure_future(verified(verifier)) for _ in range(2))
    while not publisher.asked:
        await asyncio.sleep(0)
    first.cancel()
    publisher.go.set()
    assert await second == RIGHT
    assert len(publisher.asked) == 1
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize("answer", [AWAY, b"<html>", InvalidResponseError("404")])
async def test_without_keys_nothing_is_said_about_a_signature(answer: bytes | AIVideoError) -> None:
    verifier, publisher, clock = at_hand(answer, a_set(X))
    with pytest.raises((APIConnectionError, InvalidResponseError)):
        await verified(verifier)
    with pytest.raises(APIConnectionError, match="a moment ago"):
        await verified(verifier)
    assert len(publisher.asked) == 1
    clock.advance(PAUSE_AFTER_FAILURE)
    assert await verified(verifier) == RIGHT


async def test_old_keys_go_on_until_they_are_too_old() -> None:
    verifier, publisher, clock = at_hand(a_set(X), AWAY)
    await verifier.prepare()
    clock.advance(MAX_AGE - 1)
    assert await verified(verifier) == RIGHT
    clock.advance(1 + PAUSE_AFTER_FAILURE)
    with pytest.raises(APIConnectionError, match="away"):
        await verified(verifier)
    assert (len(publisher.asked), verifier.key_count) == (3, 0)


async def test_a_key_that_was_withdrawn_is_not_believed_after_the_next_fetch() -> None:
    verifier, _, clock = at_hand(a_set(X), a_set(OTHER))
    assert await verified(verifier) == RIGHT
    clock.advance(MAX_AGE / 2)
    with pytest.raises(WebhookVerificationError, match="bad_signature"):
        await verified(verifier)


async def test_an_unknown_key_while_the_publisher_is_away_is_a_bad_signature() -> None:
    verifier, publisher, clock = at_hand(a_set(OTHER), AWAY)
    await verifier.prepare()
    clock.advance(PAUSE)
    with pytest.raises(WebhookVerificationError, match="bad_signature"):
        await verified(verifier)
    assert len(publisher.asked) == 2


async def test_another_verifier_beside_it_does_not_wait_for_its_keys() -> None:
    verifier, _, _ = at_hand(AWAY)
    moving = AnyOf(verifier, VERIFIERS["github"])
    assert (await verified(moving, "github")).scheme == "github"
    with pytest.raises(APIConnectionError):
        await verified(moving)
    assert key_sources(AnyOf(moving)) == (verifier,)
    assert key_sources(None) == ()


def test_it_belongs_to_no_loop() -> None:
    verifier, publisher, clock = at_hand(a_set(X))
    for _ in range(2):
        assert asyncio.run(verified(verifier)) == RIGHT
        clock.advance(MAX_AGE)
    assert len(publisher.asked) == 2


@pytest.mark.parametrize(
    "url", ["http://rest.fal.ai/keys", "ftp://127.0.0.1/", "https://", "https://me@example.com/", "https://[", "keys"]
)
def test_keys_are_fetched_by_https_only(url: str) -> None:
    with pytest.raises(ConfigurationError):
        JwksVerifier(url)


@pytest.mark.parametrize("scheme", ["github", "nobody", "standard-webhooks"])
def test_only_a_scheme_with_public_keys_can_be_fetched(scheme: str) -> None:
    with pytest.raises(ConfigurationError):
        JwksVerifier(scheme=scheme)


def test_it_says_what_it_is() -> None:
    verifier = JwksVerifier(scheme=SCHEMES["fal"], tolerance=60)
    assert (verifier.authenticates_body, verifier.tolerance, verifier.key_count) == (True, 60, 0)
    assert repr(verifier) == "<JwksVerifier https://rest.fal.ai/.well-known/jwks.json keys=0>"
    with pytest.raises(WebhookVerificationError, match="bad_signature"):
        verifier.verify([], BODY, now=NOW)


# The fetch, over a real socket


async def test_a_document_is_fetched_without_anything_of_ours() -> None:
    seen: list[bytes] = []
    async with serving(answering(http(200, a_set(X)), seen=seen)) as url:
        verifier = JwksVerifier(f"{url}/keys", clock=ManualClock())
        assert await verified(verifier) == RIGHT
    assert seen[0].startswith(b"GET /keys HTTP/1.1\r\n")
    assert b"authorization" not in seen[0].lower()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (http(302, b"", "Location: http://127.0.0.1:1/"), "answered 302"),
        (http(404), "answered 404"),
        (http(200, b"x" * (2**16 + 1)), "no key set"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab", "no keys from"),
        (b"nonsense\r\n\r\n", "no keys from"),
        (b"", "no keys from"),
    ],
    ids=["redirect", "404", "too long", "broken off", "no HTTP", "nothing"],
)
async def test_another_answer_is_none(answer: bytes, what: str) -> None:
    async with serving(answering(answer)) as url:
        with pytest.raises((APIConnectionError, InvalidResponseError), match=what):
            await fetch_set(url)


async def test_a_host_that_is_away_or_silent_is_told() -> None:
    with pytest.raises(APIConnectionError, match="ClientConnectorError"):
        await fetch_set(f"http://127.0.0.1:{refused_port()}/")
    async with serving(silent) as url:
        with pytest.raises(APIConnectionError, match="TimeoutError"):
            await fetch_set(url, timeout=0.05)
