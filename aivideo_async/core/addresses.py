"""Which host names and addresses are on the public internet, judged by the name alone.

It serves the check of input media, of the callback URL and of result URLs (webhooks.md §4, flow.md §1 and §9). Nothing
is resolved here: a public name may still lead to a private address, so whoever connects checks the address again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aivideo_async.core.errors import ConfigurationError

# webhooks.md §4. Ranges that embed an IPv4 address, lead into a tunnel, or that ``is_global`` counts as public in one
# patch release of Python and not in the next; 168.63.129.16 is a cloud's own service address.
_DENIED = tuple(
    ip_network(text)
    for text in (
        *("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "100::/64", "3fff::/20", "5f00::/16"),
        *("fec0::/10", "192.88.99.0/24", "192.0.0.0/24", "168.63.129.16/32"),
    )
)
_PRIVATE_SUFFIXES = (
    *(".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".home.arpa", ".corp"),
)
_LONGEST_NAME = 253
_LONGEST_LABEL = 63

# A name whose last label is a number is read by resolvers as an IPv4 address in one of its odd spellings.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this machine: localhost, \\*.localhost, 127.0.0.0/8, ::1 and their IPv4-mapped forms.

    Odd spellings such as ``127.1`` are not recognised, since loopback is where rules are relaxed.
    """
    name = _normalised(host)
    address = _address(name)
    if address is None:
        return name == "localhost" or (name.endswith(".localhost") and _is_domain(name))
    return address.is_loopback


def host_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names as a ``Host`` header has them, in lower case. Raises ConfigurationError for what is no name of a host."""
    found = tuple(_normalised(name) for name in names)
    for name in found:
        if not _is_domain(name) and _address(name) is None:
            raise ConfigurationError(f"{name[:60]!r} is no host name: give it without scheme, port or path")
    return found


def is_public(host: str) -> bool:
    """Whether ``host`` can be on the public internet.

    False for everything private, loopback, link-local, multicast, reserved or on the deny list of webhooks.md §4; for
    an IPv4 address in any spelling but four plain decimals; for names of one label and names under private suffixes;
    and for what is no host at all. IPv6 may stand in brackets; one trailing dot is allowed.
    """
    name = _normalised(host)
    address = _address(name)
    if address is None:
        return "." in name and _is_domain(name) and not name.endswith(_PRIVATE_SUFFIXES)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return False
    listed = any(address in network for network in _DENIED if network.version == address.version)
    return address.is_global and not address.is_multicast and not address.is_reserved and not listed


def _normalised(host: str) -> str:
    """Lower case, without brackets and the root's dot, and in the ASCII that IDNA makes of look-alikes (NFKC)."""
    name = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower()
    if name.startswith("[") and name.endswith("]"):
        return name[1:-1]
    return name.removesuffix(".")


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _is_domain(name: str) -> bool:
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or _NUMBER.fullmatch(labels[-1]):
        return False
    return all(_is_label(label) for label in labels)


def _is_label(label: str) -> bool:
    return 0 < len(label) <= _LONGEST_LABEL and all(letter.isalnum() or letter in "-_" for letter in label)
