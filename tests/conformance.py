"""Our verifier as the judge of the shared webhook vectors.

Run with ``PYTHONPATH=. python run_vectors.py tests/samples/webhook_vectors.json tests.conformance:judge``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import NotRequired, TypedDict

from aivideo_async.core.errors import ConfigurationError, WebhookVerificationError
from aivideo_async.core.signing import Family, HmacKey, SigningKey, StandardWebhooks, load_key


class VectorKey(TypedDict):
    """One key that the receiver of a vector holds."""

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


SCHEMES: Mapping[str, tuple[Family, ...]] = {
    "standard-webhooks": ("webhook",),
    "standard-webhooks-v1a": ("webhook",),
    "svix": ("svix", "webhook"),
}
FORMATS: Mapping[str, Callable[[str], SigningKey]] = {
    "whsec": load_key,
    "whpk": load_key,
    "base64": lambda text: HmacKey(base64.b64decode(text, validate=True)),
    "utf8": lambda text: HmacKey(text.encode()),
}


def judge(vector: Vector) -> tuple[str, str | None]:
    """Give ("accept", None) or ("reject", reason); raises nothing."""
    families = SCHEMES.get(vector["scheme"])
    if families is None:
        return "reject", "scheme_not_shipped"
    try:
        keys = [FORMATS[key["format"]](key["value"]) for key in vector["keys"]]
        verifier = StandardWebhooks(keys, tolerance=vector["tolerance"], headers=families)
    except ConfigurationError:
        return "reject", "bad_secret"
    try:
        verifier.verify(raw_headers(vector), base64.b64decode(vector["body_b64"]), now=vector["now"])
    except WebhookVerificationError as error:
        return "reject", error.reason.value
    return "accept", None


def raw_headers(vector: Vector) -> list[tuple[bytes, bytes]]:
    """The headers as bytes on the wire; lone surrogates in the file stand for raw bytes."""
    return [
        (name.encode("utf-8", "surrogateescape"), value.encode("utf-8", "surrogateescape"))
        for name, value in vector["headers"]
    ]
