"""Who may knock: the ``Host`` and ``Origin`` of a request, and secrets cut from what is logged of it. Pure.

A page of a stranger can make a browser ask a service on this machine, under a name of its own that leads here (DNS
rebinding) or across origins. Neither is let in: an address or ``localhost`` is no stranger's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from aivideo_async.core.addresses import is_loopback

LOGGED = 1000
"""Letters of a body that are kept."""
ESCAPES = re.compile(r"\\(?:(/)|u00([2-7][0-9a-f])|.)", re.IGNORECASE | re.DOTALL)
"""What JSON may write for a letter of a key or a URL; others, and those of ``"`` and ``\\``, are left as they are."""
SECRETS = re.compile(r"(sk-|whsec_|whsk_)[\w+/=-]{6,}|(https?://[^\s\"'?#/]*)([^\s\"']*)", re.IGNORECASE)


def stranger(host: str | None, origin: str | None, *, hosts: Collection[str] = ()) -> str | None:
    """Why a request is not let in, as a sentence; ``None`` if it is. ``hosts`` are further names that lead here."""
    name = _name(f"//{host}") if host else None
    if name is None or not (name == "localhost" or name in hosts or _is_address(name)):
        return "The Host of this request is not one of this service"
    if origin is not None and origin.partition("://")[2].lower() != (host or "").lower():
        return "Requests of other origins are not let in"
    return None


def found_at(scheme: str, host: str) -> str:
    """Scheme and host of a sender who does not reach the service by loopback, which may be another name next time."""
    name = _name(f"//{host}")
    return "" if name is None or is_loopback(name) else f"{scheme}://{host}"


def logged(body: bytes) -> str:
    """The beginning of a body as it may be kept: without keys, and of URLs only scheme and host."""
    plain = ESCAPES.sub(_unescaped, body[: 2 * LOGGED].decode("utf-8", "replace"))
    return SECRETS.sub(_cut, plain)[:LOGGED]


def code_in(body: bytes | None) -> str:
    """The code of an error that was answered."""
    try:
        return str(json.loads(body or b"")["error"]["code"])[:64]
    except (ValueError, KeyError, TypeError):
        return ""


def _unescaped(match: re.Match[str]) -> str:
    letter = match[1] or (chr(int(match[2], 16)) if match[2] else "")
    return match[0] if letter in {"", '"', "\\"} else letter


def _cut(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1]}…"
    return f"{match[2].rpartition('@')[0] and 'https://…@'}{match[2].rpartition('@')[2]}{'/…' if match[3] else ''}"


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
