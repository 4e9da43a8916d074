"""Why a callback was not believed, in words for whoever has to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from aivideo_async.core.errors import VerificationFailure
from aivideo_async.core.webhooks import BODY_LIMIT

WORDS: Mapping[str, str] = MappingProxyType(
    {
        VerificationFailure.MISSING_HEADER: (
            "it is not signed: one of webhook-id, webhook-timestamp and webhook-signature is missing or empty"
        ),
        VerificationFailure.DUPLICATE_HEADER: "a header that must be there once is there twice",
        VerificationFailure.MALFORMED_ID: "its webhook-id is none: 1 to 256 bytes without dots, spaces and controls",
        VerificationFailure.BAD_TIMESTAMP: "its webhook-timestamp is no unix time in whole seconds",
        VerificationFailure.STALE: "it was signed too long ago: a replay, or one of the two clocks is wrong",
        VerificationFailure.FUTURE: "it was signed in the future: one of the two clocks is wrong",
        VerificationFailure.MALFORMED_SIGNATURE: "its webhook-signature cannot be a signature: was it cut off?",
        VerificationFailure.UNSUPPORTED_VERSION: "it is signed in a way for which there is no key here (v1, v1a)",
        VerificationFailure.BAD_SIGNATURE: (
            "no secret here makes this signature: it is the wrong secret, or the body was changed on its way, such as "
            "JSON that something parsed and wrote again"
        ),
        VerificationFailure.BAD_TOKEN: (
            "its path does not end in an id and a token that our callback key made: another key, a path that was "
            "changed, or more than seven days ago"
        ),
        VerificationFailure.BAD_BODY: f"its body is not one task as JSON of at most {BODY_LIMIT // 1024} KiB",
        VerificationFailure.ID_MISMATCH: "it names another task than its header or our record does",
        "method": "it is no POST",
        "media_type": "it says that it is no JSON, or that it is encoded (gzip)",
        "size": f"it is larger than {BODY_LIMIT // 1024} KiB",
        "slow": "its body did not come in time",
    }
)
"""By the names under which a receiver counts rejections."""


def in_words(reason: str) -> str:
    """A sentence for a reason."""
    return WORDS.get(reason, reason)
