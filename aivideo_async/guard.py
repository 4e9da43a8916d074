"""Where a result may be fetched from: nowhere but the public internet, decided on the address that is connected to.

A name says nothing, since its owner can let it lead anywhere, and elsewhere at the next question. So the connector asks
here for each socket, with the address in hand; the name is asked before it only because that refusal reads better
(webhooks.md §4).
"""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from aivideo_async.core.addresses import is_loopback, is_public
from aivideo_async.core.wire import is_web_url

SocketInfo = tuple[int, int, int, str, tuple[object, ...]]
"""What a connector knows of one attempt: family, kind, protocol, a name, and the address."""


class ForbiddenAddressError(OSError):
    """A host's address is not on the public internet. It names none: several of one host are told as one."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "not an address on the public internet")


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be connected to. ``loopback`` is for a service on loopback, whose files are there too."""

    loopback: bool = False

    def fault(self, url: str) -> str | None:
        """What is wrong with a URL, in words that go after "a result's URL"; ``None`` when it may be tried."""
        if not is_web_url(url):
            return "must be http(s)"
        parts = urlsplit(url)
        here = self.loopback and is_loopback(parts.hostname or "")
        if not (here or is_public(parts.hostname or "")):
            return "must lead to a public host"
        return None if here or parts.scheme == "https" else "must be https"

    def socket(self, info: SocketInfo) -> socket.socket:
        """A socket for one attempt at connecting. Raises ForbiddenAddressError, and then nothing was connected."""
        family, kind, protocol, _name, address = info
        host = str(address[0])
        if not (is_public(host) or (self.loopback and is_loopback(host))):
            raise ForbiddenAddressError
        return socket.socket(family, kind, protocol)


def forbidden(error: BaseException) -> bool:
    """Whether connecting failed since the guard refused."""
    return isinstance(getattr(error, "os_error", error), ForbiddenAddressError)
