"""Whether the input media of a request can be asked for: public addresses only, as by the service (api.md §2). Pure.

This machine itself is let through, since a sandbox stands beside its users; names are not resolved.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from aivideo_async.core.addresses import is_loopback, is_public
from aivideo_async.core.models import JsonObject
from aivideo_async.sandbox.dialect import RefusedError
from aivideo_async.sandbox.plan import texts


def check_inputs(fields: JsonObject) -> None:
    """Raises RefusedError for a URL that is none, or whose host is a private address."""
    for name in sorted(name for name in fields if name.endswith("_urls")):
        for url in texts(fields[name]):
            if not may_be_asked(url):
                raise RefusedError("invalid_request", f"{name}: a public http or https URL is required")


def may_be_asked(url: str) -> bool:
    """Whether it is a web URL, and names no private address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        ip_address(host)
    except ValueError:
        return url.partition("://")[0].lower() in {"http", "https"}
    return parts.scheme in {"http", "https"} and (is_public(host) or is_loopback(host))
