"""What of an exchange may be written down: by rule, so that a sample can be shown to anybody. Pure.

Names stay, since they are what a probe is for; values go unless they are known to be harmless. Ids become made-up ones,
the same one each time, so that samples still fit together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import urlsplit

from pydantic import JsonValue

TEXT_LIMIT = 4000
SHORTEST_ID = 6
HIDDEN = "redacted"
CALLBACK_HOST = "callback.example.com"
KEPT_HEADERS = frozenset(
    {
        *("accept", "allow", "cache-control", "connection", "content-encoding", "content-length", "content-type"),
        *("retry-after", "transfer-encoding", "user-agent", "vary", "x-event", "x-task-id", "x-timestamp"),
        *("accept-encoding", "date", "idempotency-key", "server", "webhook-timestamp", "svix-timestamp"),
    }
)
"""Headers whose values say nothing about whose they are; they still pass every rule for text."""
AMOUNTS = frozenset({"balance", "total_purchased", "total_consumed"})

_QUOTA = re.compile(r"(?i)rate-?limit|quota|remaining")
_EVENT = re.compile(r"[a-z]{1,20}\.[a-z_]{1,20}")
_PLAIN = re.compile(r"[0-9;=, wr.]{1,40}")
_SENSITIVE = re.compile(
    r"(?i)account|user|customer|owner|tenant|team|(^|_)org|email|phone|secret|token|passw|signature|authoriz|credential"
    r"|api_?key|^key$|(^|_)ip(_|$)"
)
_IDENTITY = re.compile(r"(^|_)(id|no|number)$|Id$")
_URL = re.compile(r"https?:\\?/\\?/[^\s\"'<>]+", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@\"'<>:,;()\[\]]+@[^\s@\"'<>:,;()\[\]]+\.[A-Za-z]{2,}")
_KEY = re.compile(r"(?i)\b(?:bearer\s+\S+|(?:sk|pk|whsec|whsk|whpk)[-_][^\s\"'<>,;)}\]]+)")
_UUID = re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ADDRESS = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?i:\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b|\b[0-9a-f:]+::[0-9a-f:]*)"
)
_WHOSE = re.compile(
    r"(?i)\b(account|user|customer|organi[sz]ation|org|team|tenant|request|trace)"
    r"((?:[ _-]?id)?\b[\s:#=]*)([\w.-]*\d[\w.-]*)"
)
_OPAQUE = re.compile(r"[A-Za-z0-9_-]{20,}|[A-Za-z0-9+/]{40,}={0,2}")
_MADE_UP = re.compile(r"0{8}-0000-4000-8000-[0-9]{12}")
_EXPIRES = re.compile(r"[0-9]{1,6}")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")


class Redactor:
    """The rules, and what is known to be secret in this probe; ``hide`` adds to it."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        for secret in secrets:
            self.hide(secret)

    def hide(self, secret: str, instead: str = HIDDEN) -> None:
        """Never write ``secret``, whatever it stands in."""
        if secret:
            self._known[secret] = instead

    def hide_id(self, id: str) -> None:
        """Write a made-up id wherever this one stands; a short one only where it is named as an id."""
        if len(id) >= SHORTEST_ID:
            self.hide(id, self._numbered(id))

    def text(self, text: str) -> str:
        """Any text, on its way to a file or a screen."""
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, self._known[secret])
        rules: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = (
            (_URL, lambda found: redacted_url(found[0])),
            (_EMAIL, lambda _: HIDDEN),
            (_KEY, lambda _: HIDDEN),
            (_UUID, lambda found: self._numbered(found[0])),
            (_WHOSE, lambda found: found[0] if _MADE_UP.fullmatch(found[3]) else f"{found[1]}{found[2]}{HIDDEN}"),
            (_OPAQUE, lambda found: HIDDEN if _is_opaque(found[0]) else found[0]),
            (_ADDRESS, lambda _: HIDDEN),
        )
        for pattern, instead in rules:
            text = pattern.sub(instead, text)
        return text

    def json(self, value: JsonValue) -> JsonValue:
        """JSON: every text, and under telling names every value."""
        if isinstance(value, dict):
            return {self.text(key): self._member(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.json(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _member(self, key: str, value: JsonValue) -> JsonValue:
        if key in AMOUNTS and isinstance(value, int | float) and not isinstance(value, bool):
            return 1000 if isinstance(value, int) else 1000.5
        if _SENSITIVE.search(key) or (_IDENTITY.search(key) and isinstance(value, int)):
            return _emptied(value)
        return self._numbered(value) if _IDENTITY.search(key) and isinstance(value, str) else self.json(value)

    def body(self, body: bytes) -> bytes:
        """A body: JSON in its compact form, anything else as at most 4,000 characters of text."""
        try:
            value: JsonValue = json.loads(body)
        except (ValueError, RecursionError):
            return self.text(body.decode(errors="replace"))[:TEXT_LIMIT].encode()
        return json.dumps(self.json(value), separators=(",", ":"), ensure_ascii=False).encode(errors="replace")

    def headers(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Headers in their order: all names, and the values that tell nothing."""
        return [(self.text(name), self._value(name.lower(), value)) for name, value in pairs]

    def _value(self, name: str, value: str) -> str:
        if (
            name in KEPT_HEADERS
            or _EVENT.fullmatch(value)
            or value in self._known
            or (_QUOTA.search(name) and _PLAIN.fullmatch(value))
        ):
            return self.text(value)
        return f"{HIDDEN} ({len(value)} characters)"

    def _numbered(self, id: str) -> str:
        if _MADE_UP.fullmatch(id):
            return id
        return self._ids.setdefault(id.lower(), f"00000000-0000-4000-8000-{len(self._ids) + 1:012d}")


def redacted_url(url: str) -> str:
    """A URL of which scheme, host and suffix stay, and the names in its query; of the values only when it dies."""
    try:
        parts = urlsplit(url)
        host, suffix = parts.hostname or "", re.search(r"\.[a-z0-9]{1,5}$", parts.path.lower())
    except ValueError:
        return f"https://{HIDDEN}"
    if "\\" in url or not host:
        return f"https://{HIDDEN}"
    shown = ".".join(HIDDEN if _is_account(label) else label for label in host.split("."))
    path = f"/{HIDDEN}{suffix[0] if suffix else ''}" if parts.path.strip("/") else parts.path
    query = "&".join(_parameter(pair) for pair in parts.query.split("&") if pair)
    return f"{parts.scheme}://{shown}{path}{'?' if query else ''}{query}"


def _parameter(pair: str) -> str:
    name, _, value = pair.partition("=")
    kept = (name == "X-Amz-Expires" and _EXPIRES.fullmatch(value)) or (name == "X-Amz-Date" and _STAMP.fullmatch(value))
    plain = re.fullmatch(r"[A-Za-z-]{1,40}", name) is not None
    return f"{name if plain else HIDDEN}={value if kept else HIDDEN}"


def _is_account(label: str) -> bool:
    """Whether a host's label is rather an id than a name: an address, or long with digits."""
    return label.isdigit() or (len(label) >= 12 and any(sign.isdigit() for sign in label))


def _is_opaque(text: str) -> bool:
    """Whether letters and digits are mixed as in no word, nor in words and numbers that are joined by dashes."""
    parts = re.split(r"[-_]", text)
    mixed = any(part and not part.isdigit() and not (part.isalpha() and part.islower()) for part in parts)
    return mixed and any(sign.isdigit() for sign in text)


def _emptied(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {HIDDEN: HIDDEN} if value else {}
    if isinstance(value, list):
        return [_emptied(item) for item in value]
    if isinstance(value, str):
        return HIDDEN
    return value if value is None or isinstance(value, bool) else 0
