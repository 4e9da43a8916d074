"""The sandbox's API keys: named, shown once, switched off, bound to addresses and to spend caps (api.md §5). Pure.

Of a key only its SHA-256 and its last four letters are kept. Keys of one account share its credits and its tasks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from ipaddress import IPv6Address, ip_address, ip_network
from random import Random

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.dialect import RefusedError

DEFAULT_KEY = "default"
"""The name of the sandbox's own key, which its exports name, and of the account that it draws from."""
MOST_ADDRESSES = 10
LONGEST_NAME = 64
MOST_CREDITS = 10**12
HOUR, DAY = 3600.0, 86_400.0
SPANS: Mapping[str, float] = {"hourly": HOUR, "daily": DAY, "total": float("inf")}
"""Seconds back over which each cap counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key without itself. ``addresses`` are IPs and CIDRs, all where there are none; caps are credits."""

    id: str
    name: str
    digest: str = field(repr=False)
    hint: str
    account: str
    created_at: float = 0.0
    disabled: bool = False
    addresses: tuple[str, ...] = ()
    hourly: Decimal | None = None
    daily: Decimal | None = None
    total: Decimal | None = None

    @property
    def caps(self) -> dict[str, Decimal]:
        """The caps that there are, by the names of ``SPANS``."""
        caps = {"hourly": self.hourly, "daily": self.daily, "total": self.total}
        return {name: cap for name, cap in caps.items() if cap is not None}

    def lets_in(self, address: str | None) -> bool:
        """Whether a request from this address may use it; an address that is not known may not, if any are listed."""
        if not self.addresses:
            return True
        try:
            asking = ip_address(address or "")
        except ValueError:
            return False
        if isinstance(asking, IPv6Address) and asking.ipv4_mapped is not None:
            asking = asking.ipv4_mapped
        return any(asking in ip_network(listed, strict=False) for listed in self.addresses)


class KeyRing:
    """Every key of a sandbox. ``changed`` holds the ids of what was made, switched or deleted, for who keeps them."""

    def __init__(self, draw: Random) -> None:
        self.changed: set[str] = set()
        self._draw = draw
        self._keys: dict[str, ApiKey] = {}
        self._by_digest: dict[str, ApiKey] = {}

    def __iter__(self) -> Iterator[ApiKey]:
        """The keys, in the order in which they were made."""
        return iter(sorted(self._keys.values(), key=lambda key: key.created_at))

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, id: str) -> ApiKey | None:
        """The key with this id, if it was not deleted."""
        return self._keys.get(id)

    def named(self, name: str) -> ApiKey:
        """The key of this name. Raises ConfigurationError."""
        found = next((key for key in self._keys.values() if key.name == name), None)
        if found is None:
            raise ConfigurationError(f"there is no key named {name[:LONGEST_NAME]!r}")
        return found

    def issue(
        self, name: str, *, account: str, now: float, secret: str | None = None, addresses: Sequence[str] = (),
        hourly: Decimal | int | None = None, daily: Decimal | int | None = None, total: Decimal | int | None = None,
    ) -> str:  # fmt: skip
        """Make a key and return it, this once. Raises ConfigurationError: a name that is taken or is none, a key that
        exists, more than ten addresses or one that is none, a cap below zero.
        """
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise ConfigurationError(f"a key's name has 1 to {LONGEST_NAME} printable letters")
        if any(key.name == name for key in self._keys.values()):
            raise ConfigurationError(f"there is a key named {name!r} already")
        secret = secret or f"sk-{self._draw.randbytes(24).hex()}"
        if _digest(secret) in self._by_digest:
            raise ConfigurationError("this key exists already")
        self.put(
            ApiKey(
                id=f"key_{self._draw.getrandbits(64):016x}", name=name, digest=_digest(secret), hint=secret[-4:],
                account=account, created_at=now, addresses=checked_addresses(addresses),
                hourly=checked_cap(hourly), daily=checked_cap(daily), total=checked_cap(total),
            )
        )  # fmt: skip
        return secret

    def switch(self, name: str, *, on: bool) -> None:
        """Disable a key, or let it in again. Raises ConfigurationError where there is none of this name."""
        self.put(replace(self.named(name), disabled=not on))

    def limit(
        self, name: str, *, addresses: Sequence[str] = (),
        hourly: Decimal | int | None = None, daily: Decimal | int | None = None, total: Decimal | int | None = None,
    ) -> None:  # fmt: skip
        """Give a key these addresses and caps instead of those that it has. Raises ConfigurationError as ``issue``."""
        key = replace(
            self.named(name), addresses=checked_addresses(addresses), hourly=checked_cap(hourly),
            daily=checked_cap(daily), total=checked_cap(total),
        )  # fmt: skip
        self.put(key)

    def replace(self, name: str, secret: str) -> None:
        """Let a key of this name be ``secret`` from now on. Raises ConfigurationError where there is none."""
        key = self.named(name)
        del self._by_digest[key.digest]
        self.put(replace(key, digest=_digest(secret), hint=secret[-4:]))

    def delete(self, name: str) -> None:
        """Forget a key. Raises ConfigurationError where there is none of this name, and for the sandbox's own."""
        key = self.named(name)
        if name == DEFAULT_KEY:
            raise ConfigurationError(
                f"the key {DEFAULT_KEY!r} is the sandbox's own, which its exports name: disable it instead"
            )
        del self._keys[key.id], self._by_digest[key.digest]
        self.changed.add(key.id)

    def clear(self) -> None:
        """Forget all of them."""
        self._keys.clear()
        self._by_digest.clear()

    def put(self, key: ApiKey) -> None:
        """Keep a key as it is, in place of the one with its id."""
        self._keys[key.id] = self._by_digest[key.digest] = key
        self.changed.add(key.id)

    def of(self, secret: str) -> ApiKey:
        """The key itself given. Raises KeyError."""
        return self._by_digest[_digest(secret)]

    def admitted(self, authorization: str | None, address: str | None) -> ApiKey:
        """The key of an ``Authorization`` header. Raises RefusedError: none, an unknown, a disabled one, or the address
        is a stranger's.
        """
        key = self.recognised(authorization)
        if key is None or key.disabled:
            raise RefusedError("invalid_api_key", "Invalid API key")
        if not key.lets_in(address):
            raise RefusedError("ip_not_allowed", "This API key may not be used from this IP address")
        return key

    def recognised(self, authorization: str | None) -> ApiKey | None:
        """Whose ``Authorization`` header it is, whether or not it lets in."""
        scheme, _, secret = (authorization or "").partition(" ")
        return self._by_digest.get(_digest(secret)) if scheme.lower() == "bearer" else None


def checked_addresses(addresses: Sequence[str]) -> tuple[str, ...]:
    """IPs and CIDRs as they are kept. Raises ConfigurationError for more than ten and for one that is none."""
    if len(addresses) > MOST_ADDRESSES:
        raise ConfigurationError(f"a key has up to {MOST_ADDRESSES} IPs or CIDRs")
    return tuple(_checked_address(address.strip()) for address in addresses)


def checked_cap(cap: Decimal | int | None) -> Decimal | None:
    """A cap in credits, or none. Raises ConfigurationError for what is no number of credits."""
    return None if cap is None else checked_credits(cap)


def checked_credits(amount: Decimal | int) -> Decimal:
    """A number of credits. Raises ConfigurationError for one below zero, and for more than anybody can count."""
    credits = Decimal(amount)  # noqa: A001 - credits is the word of this package
    if not (credits.is_finite() and 0 <= credits <= MOST_CREDITS):
        raise ConfigurationError("credits are a number, not below zero and no more than a million millions")
    return credits


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_address(address: str) -> str:
    try:
        return str(ip_network(address, strict=False))
    except ValueError as error:
        raise ConfigurationError(f"{address[:60]!r} is no IP and no CIDR") from error
