"""What is wrong with a callback URL and a key, in words: findings from facts. Nothing here looks at anything itself.

What a healthy receiver answers to the doctor's probes (webhooks.md §3), none of which can change a record:

========  ==========================================================  ================================
``look``  a GET of a callback URL                                     405: the receiver is mounted here
``post``  a POST with a right token and signature, and no task in it  400: both were believed
``large`` the same with as many bytes as a callback may have          400
``forged`` the same with a wrong signature                            401
========  ==========================================================  ================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from aivideo_async.core.errors import AIVideoError, AuthenticationError, PermissionDeniedError

Level = Literal["ok", "warning", "fault"]
Signing = Literal["signed", "unsigned", "unable"]
Probe = Literal["look", "post", "large", "forged"]

SKEW_TOLERATED = 30.0
SKEW_FATAL = 300.0
"""Seconds: signatures older, or newer, than this are refused (webhooks.md §2)."""
SLOW = 3.0
ENDS_SOON = timedelta(days=14)
"""Less is soon, unless the certificate is one of the short-lived: then it is the last third of its life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. ``hint`` says what to do about it."""

    about: str
    level: Level
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One address of the host; ``error`` is why no connection came about, ``None`` when one did."""

    text: str
    public: bool
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a server showed."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How TLS went. ``code`` is OpenSSL's reason for not believing the certificate; ``error`` any other failure."""

    certificate: Certificate | None = None
    code: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The answer to one probe. ``ours``: word for word one of our receiver's; ``skew`` its clock minus ours in seconds.

    ``error`` is why there was none; ``location`` where a redirect leads, without id and token.
    """

    status: int = 0
    ours: bool = False
    seconds: float = 0.0
    skew: float | None = None
    location: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen of a callback URL. ``refusal`` is what our own settings have against it."""

    host: str
    https: bool
    now: datetime
    refusal: str | None = None
    must_be_public: bool = True
    dns_error: str | None = None
    addresses: Sequence[Address] = ()
    tls: Tls | None = None
    signing: Signing = "unsigned"
    probes: Mapping[Probe, Seen] = field(default_factory=dict[Probe, Seen])


def diagnose(facts: Facts) -> list[Finding]:
    """Everything that can be said of a callback URL, in the order in which a callback meets it."""
    findings = [*_name(facts), *_addresses(facts), *_tls(facts)]
    look = facts.probes.get("look")
    if look is not None:
        findings += _mounted(look)
        findings += _clock(look, signing=facts.signing)
        findings += _latency(look)
    post = facts.probes.get("post")
    if post is not None:
        findings.append(_posted(post, facts.signing))
    return [*findings, *_further(facts)]


def _name(facts: Facts) -> Iterator[Finding]:
    if facts.refusal is not None:
        yield Finding(about="setting", level="fault", message=facts.refusal)
    if facts.dns_error is not None:
        yield Finding(
            about="dns",
            level="fault",
            message=f"{facts.host} cannot be resolved: {facts.dns_error}",
            hint="is the record there, and is the name spelt as in AIVIDEO_CALLBACK_URL?",
        )


def _addresses(facts: Facts) -> Iterator[Finding]:
    if not facts.addresses:
        return
    shown = ", ".join(address.text for address in facts.addresses)
    private = [address.text for address in facts.addresses if not address.public]
    if private and facts.must_be_public:
        message = f"{facts.host} leads to {', '.join(private)}, which the service cannot reach from outside"
        yield Finding(about="dns", level="fault", message=message, hint="the public record must name a public address")
    else:
        yield Finding(about="dns", level="ok", message=f"{facts.host} is {shown}")
    silent = [f"{address.text}: {address.error}" for address in facts.addresses if address.error is not None]
    if silent:
        some = len(silent) < len(facts.addresses)
        message = f"no connection to {'; '.join(silent)}"
        hint = "a sender may take any of the addresses" if some else "does anything listen, does a firewall let it in?"
        yield Finding(about="connection", level="warning" if some else "fault", message=message, hint=hint)


_UNTRUSTED: Mapping[int, tuple[str, str | None]] = {
    9: ("the certificate does not hold yet", "is the clock of this machine right?"),
    10: ("the certificate has expired", "renew it, and let the server load the new one"),
    18: ("the certificate is self-signed: no sender trusts it", "use one of a public authority"),
    19: ("the chain ends in an authority that nobody here knows", "use a certificate of a public authority"),
    20: ("an intermediate certificate is missing, or the authority is unknown", "serve the full chain"),
    21: ("an intermediate certificate is missing", "serve the full chain"),
    62: ("the certificate is for another host", None),
    64: ("the certificate is for another address", None),
}
"""OpenSSL's codes for why a certificate is not believed."""


def _tls(facts: Facts) -> Iterator[Finding]:
    tls = facts.tls
    if tls is None:
        return
    shown = tls.certificate
    if tls.error is not None:
        yield Finding(about="tls", level="fault", message=f"TLS could not be agreed on: {tls.error}")
    elif tls.code is not None:
        words, hint = _UNTRUSTED.get(tls.code, (f"the certificate is not believed (OpenSSL's reason {tls.code})", None))
        if shown is not None and tls.code in (62, 64):
            words += f": it names {', '.join(shown.names) or 'none'}, not {facts.host}"
        elif shown is not None:
            words += f" (it holds until {shown.ends:%Y-%m-%d}, from {shown.issuer})"
        yield Finding(about="tls", level="fault", message=words, hint=hint)
    elif shown is not None:
        left = shown.ends - facts.now
        soon = left < min(ENDS_SOON, (shown.ends - shown.begins) / 3)
        message = f"the certificate is believed, and holds until {shown.ends:%Y-%m-%d} ({left.days} days)"
        hint = "renew it now: from that day on every callback is lost" if soon else None
        yield Finding(about="tls", level="warning" if soon else "ok", message=message, hint=hint)


def _mounted(look: Seen) -> Iterator[Finding]:
    if look.error is not None:
        yield Finding(about="http", level="fault", message=f"no answer: {look.error}")
    elif look.ours and look.status == 405:
        yield Finding(about="mounting", level="ok", message="our receiver is mounted there")
    else:
        yield _in_the_way(look)


def _in_the_way(seen: Seen) -> Finding:
    """What another than our receiver answered."""
    status = seen.status
    if seen.location is not None or 300 <= status < 400:
        message = f"it answers {status} and sends on to {seen.location or 'nowhere'}: a redirect is a lost callback"
        hint = "senders follow none: write the URL to which it leads, or stop the proxy from rewriting"
        return Finding(about="redirect", level="fault", message=message, hint=hint)
    if status == 404:
        return Finding(
            about="mounting",
            level="fault",
            message="404, and not by our receiver: it is not mounted under this path",
            hint="callback URLs are <AIVIDEO_CALLBACK_URL>/<id>/<token>: app.mount(path, receiver.asgi) or "
            "app.add_routes(receiver.routes(path)) with the URL's own path, and a proxy that keeps it",
        )
    about, message = _FOREIGN.get(status, ("http", "what answers is not our receiver: is it mounted under this path?"))
    return Finding(about=about, level="fault", message=f"{status}: {message}")


_FOREIGN: Mapping[int, tuple[str, str]] = {
    401: ("access", "something before the receiver wants a login, which no sender has"),
    403: ("access", "something before the receiver forbids it: a firewall, a list of addresses"),
    407: ("access", "a proxy wants a login, which no sender has"),
    408: ("http", "something before the receiver gave up waiting for the body"),
    413: ("size", "a proxy refuses a body of this size (nginx: client_max_body_size)"),
    415: ("media type", "something before the receiver refuses JSON, or changed Content-Type on the way"),
    429: ("access", "something before the receiver limits how often it may be called"),
    502: ("proxy", "the proxy answers, and the application behind it does not"),
    503: ("proxy", "the proxy answers, and the application behind it does not"),
    504: ("proxy", "the proxy answers, and the application behind it does not in time"),
}
"""Statuses that are not our receiver's own, and who may have given them."""


def _clock(look: Seen, *, signing: Signing) -> Iterator[Finding]:
    if look.skew is None:
        return
    off = abs(look.skew)
    if off <= SKEW_TOLERATED:
        yield Finding(about="clock", level="ok", message=f"its clock and ours differ by {off:.0f} s")
        return
    message = f"its clock is {off:.0f} s {'ahead of' if look.skew > 0 else 'behind'} ours, by its Date header"
    if off > SKEW_FATAL:
        message += f": more than {SKEW_FATAL:.0f} s, and right signatures are refused"
    fatal = off > SKEW_FATAL and signing != "unsigned"
    yield Finding(
        about="clock", level="fault" if fatal else "warning", message=message, hint="let both keep time by NTP"
    )


def _latency(look: Seen) -> Iterator[Finding]:
    if look.error is None:
        slow = look.seconds > SLOW
        message = f"it answers within {look.seconds * 1000:.0f} ms"
        hint = "a sender that waits no longer than a few seconds tries again" if slow else None
        yield Finding(about="latency", level="warning" if slow else "ok", message=message, hint=hint)


def _posted(post: Seen, signing: Signing) -> Finding:
    if post.error is not None:
        return Finding(about="http", level="fault", message=f"no answer to a POST: {post.error}")
    if not post.ours:
        if 200 <= post.status < 300:
            message = f"{post.status} to what is no task, and not by our receiver: callbacks would be lost unseen"
            return Finding(about="mounting", level="fault", message=message)
        return _in_the_way(post)
    if post.status == 400:
        return Finding(about="trust", level="ok", message=_BELIEVED[signing])
    if post.status == 401:
        return _unsigned(signing)
    level, message, hint = _OURS[post.status]
    return Finding(about="receiver", level=level, message=message, hint=hint)


_BELIEVED: Mapping[Signing, str] = {
    "signed": "the receiver believes our token and our signature",
    "unsigned": "the receiver believes our token, and wants no signature: callbacks are hints",
    "unable": "the receiver believes our token, and wants no signature",
}

_OURS: Mapping[int, tuple[Level, str, str | None]] = {
    200: ("fault", "the receiver acknowledges what is no task: it is of another version", None),
    404: (
        "fault",
        "the receiver does not know the tokens that are minted here: its callback key is another one",
        "set the same AIVIDEO_CALLBACK_KEY here and there, or the same API key where there is none",
    ),
    405: ("fault", "the receiver got no POST: something on the way changes the method", None),
    408: ("fault", "the receiver waited for the body in vain: something on the way holds it back", None),
    413: ("fault", "the receiver got more bytes than were sent", None),
    415: (
        "fault",
        "the receiver got something else than JSON: something on the way changes Content-Type or compresses bodies",
        None,
    ),
    503: ("fault", "the receiver is there and takes nothing: its client is closed, or it is overloaded", None),
}
"""What our own receiver may say instead of 400."""


def _unsigned(signing: Signing) -> Finding:
    if signing == "signed":
        message = "the receiver refuses signatures made with the secret here: its AIVIDEO_WEBHOOK_SECRET is another one"
        return Finding(about="secret", level="fault", message=message, hint="unless one of the two clocks is wrong")
    missing = "AIVIDEO_WEBHOOK_SECRET is not set here" if signing == "unsigned" else "a public key (whpk_) cannot sign"
    message = f"the receiver knows our token and requires a signature, which cannot be checked: {missing}"
    return Finding(about="secret", level="warning", message=message)


def _further(facts: Facts) -> Iterator[Finding]:
    large, forged = facts.probes.get("large"), facts.probes.get("forged")
    if large is not None and (large.status != 400 or not large.ours):
        what = large.error or f"{large.status}"
        message = f"a callback of 256 KiB, the most that the receiver takes, does not come through ({what})"
        hint = "let the proxy pass 256 KiB (nginx: client_max_body_size 256k)"
        yield Finding(about="size", level="warning", message=message, hint=hint)
    if forged is not None and forged.ours and forged.status == 400:
        message = "the receiver does not look at signatures: AIVIDEO_WEBHOOK_SECRET is not set there"
        yield Finding(about="secret", level="warning", message=message, hint="every callback then costs a GET as well")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the service said to our key; ``error`` when it did not give the balance."""

    balance: Decimal | None = None
    error: AIVideoError | None = None


def diagnose_key(account: Account) -> Finding:
    """What can be said of the API key, without a trace of it."""
    error = account.error
    if error is None:
        empty = account.balance is None or account.balance <= 0
        message = f"the service takes the key; {account.balance or 0:,f} credits are left"
        return Finding(about="key", level="warning" if empty else "ok", message=message)
    message, hint = f"the key could not be checked: {error.message}", error.hint
    if isinstance(error, AuthenticationError):
        message, hint = "the service does not know this API key", "was AIVIDEO_API_KEY copied in full?"
    elif isinstance(error, PermissionDeniedError):
        message, hint = "the API key may not be used from this address", "add it to the key's list of addresses"
    return Finding(about="key", level="fault", message=message, hint=hint)
