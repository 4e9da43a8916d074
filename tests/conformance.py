"""Our verifier as the judge of the shared webhook vectors.

Run with ``PYTHONPATH=. python run_vectors.py tests/samples/webhook_vectors.json tests.conformance:judge --scheme …``,
and every scheme that is not in ``NOT_SHIPPED``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import NotRequired, TypedDict

from aivideo_async.core.errors import ConfigurationError, WebhookVerificationError
from aivideo_async.core.keys import Ed25519Key
from aivideo_async.core.replay import ReplayMemory, delivery_name
from aivideo_async.core.scheme_verifier import SchemeVerifier, Secret, verifier_for
from aivideo_async.core.schemes import SCHEMES
from aivideo_async.core.signing import StandardWebhooks


class VectorKey(TypedDict):
    """One key that the receiver of a vector holds."""

    type: str
    format: str
    value: str


class Vector(TypedDict):
    """The fields of a vector that a judge reads, and those that its tests do."""

    id: str
    scheme: str
    title: str
    keys: Sequence[VectorKey]
    headers: Sequence[Sequence[str]]
    body_b64: str
    now: float
    tolerance: float
    expected: str
    reject_code: str | None
    payload_policy: NotRequired[str]


class VectorSequence(TypedDict):
    """Deliveries that reach one endpoint one after another."""

    id: str
    title: str
    deliveries: Sequence[Vector]


NOT_SHIPPED = ("rfc9421", "telnyx", "turnkey")
"""Schemes of the file that this package does not verify."""

AS_GIVEN_OUT = {"text": "utf8", "text after whsec_": "whsec-as-text", "jwk": "jwk-x"}
"""The formats in which the senders of a table's row give out a key: those a verifier takes as they are."""
BYTES: Mapping[str, Callable[[str], bytes]] = {
    "base64": lambda text: base64.b64decode(text, validate=True),
    "hex": bytes.fromhex,
    "jwk-x": lambda text: base64.urlsafe_b64decode(text + "="),
    "utf8": lambda text: text.encode(),
    "whpk": lambda text: base64.b64decode(text.removeprefix("whpk_"), validate=True),
    "whsec": lambda text: base64.b64decode(text.removeprefix("whsec_"), validate=True),
    "whsec-as-text": lambda text: text.removeprefix("whsec_").encode(),
}


def judge(vector: Vector) -> tuple[str, str | None]:
    """Give ("accept", None) or ("reject", reason); raises nothing."""
    if vector["scheme"] in NOT_SHIPPED:
        return "reject", "scheme_not_shipped"
    try:
        verifier = verifier_of(vector)
    except ConfigurationError:
        return "reject", "bad_secret"
    try:
        verifier.verify(raw_headers(vector), base64.b64decode(vector["body_b64"]), now=vector["now"])
    except WebhookVerificationError as error:
        return "reject", error.reason.value
    return "accept", None


def judge_sequence(sequence: VectorSequence) -> list[tuple[str, str | None]]:
    """For each delivery ("accept", None), ("duplicate", None) or ("reject", reason), with one memory for all."""
    memory = ReplayMemory(max(vector["tolerance"] for vector in sequence["deliveries"]))
    return [_judge_next(vector, memory) for vector in sequence["deliveries"]]


def _judge_next(vector: Vector, memory: ReplayMemory) -> tuple[str, str | None]:
    verdict = judge(vector)
    if verdict[0] != "accept":
        return verdict
    body = base64.b64decode(vector["body_b64"])
    verified = verifier_of(vector).verify(raw_headers(vector), body, now=vector["now"])
    if verified.delivery_id is None:
        return verdict
    name = delivery_name(verified.scheme, "endpoint", verified.delivery_id)
    if memory.holds(name, now=vector["now"]):
        return "duplicate", None
    memory.add(name, now=vector["now"])
    return verdict


def verifier_of(vector: Vector) -> StandardWebhooks | SchemeVerifier:
    """The verifier with the keys that a vector's receiver holds. Raises ConfigurationError."""
    scheme = vector["scheme"].removesuffix("-v1a")
    keys = [secret(scheme, key) for key in vector["keys"]]
    return verifier_for(scheme, keys, tolerance=vector["tolerance"])


def secret(scheme: str, key: VectorKey) -> Secret:
    """A key as a verifier of the scheme is given it. Raises ConfigurationError for what cannot be read."""
    text, form = key["value"], key["format"]
    if form in ((AS_GIVEN_OUT[SCHEMES[scheme].key_form],) if scheme in SCHEMES else ("whsec", "whpk")):
        return text
    try:
        raw = BYTES[form](text)
    except (KeyError, ValueError) as error:
        raise ConfigurationError("a key that cannot be read") from error
    return Ed25519Key(raw) if key["type"] == "ed25519-public" else raw


def raw_headers(vector: Vector) -> list[tuple[bytes, bytes]]:
    """The headers as bytes on the wire; lone surrogates in the file stand for raw bytes."""
    return [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in vector["headers"]
    ]
