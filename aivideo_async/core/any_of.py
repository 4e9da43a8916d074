"""One of several verifiers, for the time in which a sender moves from one way of signing to another."""

from __future__ import annotations

from aivideo_async.core.errors import ConfigurationError, VerificationFailure, WebhookVerificationError
from aivideo_async.core.keys import Guarded
from aivideo_async.core.signing import RawHeaders, Verified
from aivideo_async.core.webhooks import DEFAULT_TOLERANCE, Verifier, Windowed

_FURTHEST_FIRST = (
    VerificationFailure.BAD_SIGNATURE,
    VerificationFailure.MALFORMED_SIGNATURE,
    VerificationFailure.UNSUPPORTED_VERSION,
    VerificationFailure.STALE,
    VerificationFailure.FUTURE,
    VerificationFailure.BAD_BODY,
    VerificationFailure.BAD_TIMESTAMP,
    VerificationFailure.MALFORMED_ID,
    VerificationFailure.DUPLICATE_HEADER,
    VerificationFailure.MISSING_HEADER,
)


class AnyOf(Guarded):
    """Believes a delivery that one of several verifiers believes; the first one that does is named in what it gives.

    ``AnyOf(verifier_for("svix", OLD), verifier_for("standard-webhooks", NEW))``. A body is worth no more than the
    weakest of them makes it: verifiers that cover the body and such that do not are refused together, unless
    ``as_hints=True`` says that none of their bodies shall be believed. Raises ConfigurationError.
    """

    __slots__ = ("_authenticates", "_members")

    def __init__(self, *members: Verifier, as_hints: bool = False) -> None:
        if not members:
            raise ConfigurationError("AnyOf needs at least one verifier")
        covers = {member.authenticates_body for member in members}
        if len(covers) > 1 and not as_hints:
            raise ConfigurationError(
                "some of these verifiers cover the body and some do not: a forged body would come by the weaker",
                hint="as_hints=True believes none of the bodies and confirms each by a GET",
            )
        self._members = members
        self._authenticates = covers == {True} and not as_hints

    def __repr__(self) -> str:
        return f"<AnyOf {' '.join(map(repr, self._members))}>"

    @property
    def members(self) -> tuple[Verifier, ...]:
        """The verifiers in their order."""
        return self._members

    @property
    def authenticates_body(self) -> bool:
        """Whether every one of them covers the body."""
        return self._authenticates

    @property
    def tolerance(self) -> float:
        """The longest of theirs, in seconds."""
        return max(tolerance_of(member) for member in self._members)

    @property
    def key_count(self) -> int:
        """How many keys they hold together; ``Verified.key_index`` counts through all of them."""
        return sum(map(key_count_of, self._members))

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        """Check one delivery at the unix time ``now`` (seconds). Raises WebhookVerificationError, nothing else.

        The reason is that of the verifier which the delivery came furthest with.
        """
        reasons: set[VerificationFailure] = set()
        before = 0
        for member in self._members:
            try:
                verified = member.verify(headers, body, now=now)
            except WebhookVerificationError as error:
                reasons.add(error.reason)
                before += key_count_of(member)
            else:
                return verified._replace(key_index=before + verified.key_index)
        furthest = (reason for reason in _FURTHEST_FIRST if reason in reasons)
        raise WebhookVerificationError(next(furthest, VerificationFailure.BAD_SIGNATURE))


def tolerance_of(verifier: Verifier | None) -> float:
    """The window of a verifier's timestamps in seconds; the usual one where it does not say."""
    return verifier.tolerance if isinstance(verifier, Windowed) else DEFAULT_TOLERANCE


def key_count_of(verifier: Verifier) -> int:
    """How many keys a verifier holds; one where it does not say."""
    return verifier.key_count if isinstance(verifier, Windowed) else 1
