"""How senders sign, as rows of one table (webhooks.md §2): Stripe, Mux, GitHub, Slack, Shopify, OpenRouter and others.

``core.scheme_verifier`` verifies what a row says. A sender that is not in the table is a row of one's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.scheme_keys import Encoding, SecretForm

FACT = re.compile(rb"\{([a-z_]+)\}")
"""A fact in a template."""

_HEADER_NAME = re.compile(rb"[a-z0-9!#$%&'*+.^_`|~-]+")
_KNOWN = frozenset({"body", "digest", "timestamp", "task_id"})
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one sender signs.

    ``signature`` is the header of the signatures and ``headers`` those of other facts, in lower case; each must be
    there exactly once. The signature's value is split at ``between`` (empty: it is one) and each part at ``mark`` into
    a label and a signature (empty: it has no label); only signatures under ``label`` are looked at. ``stamp`` is the
    label of the part that holds the timestamp, where it does not come in a header.

    ``template`` is what is signed: the names of headers and ``timestamp``, ``body``, ``digest`` (SHA-256 of the body in
    hex) and ``task_id`` (``data.task_id`` of the body) in braces. ``delivery_id`` names the fact that is different for
    every delivery; one that is not signed is none, since whoever replays a delivery could change it.
    """

    name: str
    signature: bytes
    template: bytes
    encoding: Encoding
    key_form: SecretForm = "text"
    headers: Mapping[str, bytes] = field(default_factory=lambda: _NOTHING)
    between: bytes = b""
    mark: bytes = b""
    label: bytes = b""
    stamp: bytes = b""
    delivery_id: str | None = None

    def __post_init__(self) -> None:
        facts = set(FACT.findall(self.template))
        known = {name.encode() for name in _KNOWN | set(self.headers)}
        if not facts <= known or not _ALWAYS_SIGNED & facts:
            raise ConfigurationError(f"the scheme {self.name} signs what it has not: {self.template!r}")
        if (b"timestamp" in facts) != ("timestamp" in self.headers or bool(self.stamp)):
            raise ConfigurationError(f"the scheme {self.name} needs a timestamp both in its template and in a delivery")
        if not all(_HEADER_NAME.fullmatch(name) for name in (self.signature, *self.headers.values())):
            raise ConfigurationError(f"the scheme {self.name} names a header that cannot be one in lower case")
        if len({self.signature, *self.headers.values()}) <= len(self.headers):
            raise ConfigurationError(f"the scheme {self.name} takes one header twice")
        if bool(self.mark) != bool(self.label) or (self.stamp and not self.between):
            raise ConfigurationError(f"the scheme {self.name} has a label without a mark, or a stamp that stands alone")
        if self.key_form == "jwk" and self.encoding != "hex":
            raise ConfigurationError(f"the scheme {self.name}: Ed25519 signatures are read in hex")
        if self.delivery_id is not None and self.delivery_id.encode() not in facts:
            raise ConfigurationError(f"the scheme {self.name} does not sign its delivery id")

    @property
    def covers_body(self) -> bool:
        """Whether what is signed holds the whole body, or a digest of it."""
        return b"{body}" in self.template or b"{digest}" in self.template


_ALWAYS_SIGNED = frozenset({b"body", b"digest", b"task_id"})

_STRIPE = Scheme(
    name="stripe",
    signature=b"stripe-signature",
    between=b",",
    mark=b"=",
    label=b"v1",
    stamp=b"t",
    template=b"{timestamp}.{body}",
    encoding="hex",
)

_ROWS = (
    _STRIPE,
    replace(_STRIPE, name="mux", signature=b"mux-signature"),
    replace(_STRIPE, name="openrouter", signature=b"x-openrouter-signature", template=b"{timestamp},{body}"),
    Scheme(
        name="github",
        signature=b"x-hub-signature-256",
        mark=b"=",
        label=b"sha256",
        template=b"{body}",
        encoding="hex",
    ),
    Scheme(
        name="slack",
        signature=b"x-slack-signature",
        headers={"timestamp": b"x-slack-request-timestamp"},
        mark=b"=",
        label=b"v0",
        template=b"v0:{timestamp}:{body}",
        encoding="hex",
    ),
    Scheme(name="shopify", signature=b"x-shopify-hmac-sha256", template=b"{body}", encoding="base64"),
    Scheme(
        name="wavespeed",
        signature=b"webhook-signature",
        headers={"id": b"webhook-id", "timestamp": b"webhook-timestamp"},
        between=b" ",
        mark=b",",
        label=b"v3",
        template=b"{id}.{timestamp}.{body}",
        encoding="hex",
        key_form="text after whsec_",
        delivery_id="id",
    ),
    Scheme(
        name="kie",
        signature=b"x-webhook-signature",
        headers={"timestamp": b"x-webhook-timestamp"},
        template=b"{task_id}.{timestamp}",
        encoding="base64",
    ),
    Scheme(
        name="fal",
        signature=b"x-fal-webhook-signature",
        headers={
            "request_id": b"x-fal-webhook-request-id",
            "user_id": b"x-fal-webhook-user-id",
            "timestamp": b"x-fal-webhook-timestamp",
        },
        template=b"{request_id}\n{user_id}\n{timestamp}\n{digest}",
        encoding="hex",
        key_form="jwk",
        delivery_id="request_id",
    ),
)

SCHEMES: Mapping[str, Scheme] = MappingProxyType({row.name: row for row in _ROWS})
"""Every scheme besides Standard Webhooks and Svix, which ``StandardWebhooks`` verifies, by its name."""
