"""Senders of every scheme, written from what each documents and not from our table."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aivideo_async.core.scheme_verifier import SchemeVerifier, verifier_for
from aivideo_async.core.signing import StandardWebhooks

NOW = 1_772_442_777
SECRET = "s3cret-of-some-sender-0123456789"
STANDARD_SECRET = "whsec_" + base64.b64encode(SECRET.encode()).decode()
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
X = base64.urlsafe_b64encode(PRIVATE.public_key().public_bytes_raw()).decode().rstrip("=")
WHPK = "whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
KEY_SET = json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": "1", "x": X}]}).encode()
BODY = b'{"id":"s1","data":{"task_id":"task_7"},"status":"completed"}'

Pairs = list[tuple[bytes, bytes]]
Send = Callable[[bytes, int], Pairs]


def digest(message: bytes) -> bytes:
    """The HMAC-SHA256 of a message under SECRET."""
    return hmac.digest(SECRET.encode(), message, "sha256")


def in_hex(message: bytes) -> bytes:
    """Its hex."""
    return digest(message).hex().encode()


def in_base64(message: bytes) -> bytes:
    """Its base64."""
    return base64.b64encode(digest(message))


def _stripe(header: bytes, joint: bytes = b".") -> Send:
    return lambda body, at: [(header, b"t=%d,v1=%s" % (at, in_hex(b"%d" % at + joint + body)))]


def _family(prefix: bytes, label: bytes, sign: Callable[[bytes], bytes]) -> Send:
    return lambda body, at: [
        (prefix + b"-Id", b"msg_1"),
        (prefix + b"-Timestamp", b"%d" % at),
        (prefix + b"-Signature", label + b"," + sign(b"msg_1.%d." % at + body)),
    ]


def _fal(body: bytes, at: int) -> Pairs:
    message = b"req-1\nuser_1\n%d\n%s" % (at, sha256(body).hexdigest().encode())
    return [
        (b"X-Fal-Webhook-Request-Id", b"req-1"),
        (b"X-Fal-Webhook-User-Id", b"user_1"),
        (b"X-Fal-Webhook-Timestamp", b"%d" % at),
        (b"X-Fal-Webhook-Signature", PRIVATE.sign(message).hex().encode()),
    ]


SENDERS: Mapping[str, Send] = {
    "standard-webhooks": _family(b"Webhook", b"v1", in_base64),
    "standard-webhooks v1a": _family(b"Webhook", b"v1a", lambda message: base64.b64encode(PRIVATE.sign(message))),
    "svix": _family(b"Svix", b"v1", in_base64),
    "stripe": _stripe(b"Stripe-Signature"),
    "mux": _stripe(b"Mux-Signature"),
    "openrouter": _stripe(b"X-OpenRouter-Signature", b","),
    "github": lambda body, _: [(b"X-Hub-Signature-256", b"sha256=" + in_hex(body))],
    "slack": lambda body, at: [
        (b"X-Slack-Request-Timestamp", b"%d" % at),
        (b"X-Slack-Signature", b"v0=" + in_hex(b"v0:%d:" % at + body)),
    ],
    "shopify": lambda body, _: [(b"X-Shopify-Hmac-Sha256", in_base64(body))],
    "wavespeed": _family(b"Webhook", b"v3", in_hex),
    "kie": lambda _, at: [
        (b"X-Webhook-Timestamp", b"%d" % at),
        (b"X-Webhook-Signature", in_base64(b"task_7.%d" % at)),
    ],
    "fal": _fal,
}
"""For each scheme: the headers of a delivery of a body at a unix time."""

_SECRETS = {
    "standard-webhooks": STANDARD_SECRET,
    "standard-webhooks v1a": WHPK,
    "svix": STANDARD_SECRET,
    "wavespeed": f"whsec_{SECRET}",
    "fal": X,
}


def secret_of(scheme: str) -> str:
    """The secret of a sender as it gives it out."""
    return _SECRETS.get(scheme, SECRET)


def verifier_of(scheme: str, tolerance: float = 300.0) -> StandardWebhooks | SchemeVerifier:
    """Our verifier of one of the senders."""
    return verifier_for(scheme.removesuffix(" v1a"), secret_of(scheme), tolerance=tolerance)


VERIFIERS = {scheme: verifier_of(scheme) for scheme in SENDERS}
