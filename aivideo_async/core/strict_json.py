"""JSON from a stranger, read so that every parser would read the same."""

from __future__ import annotations

from collections.abc import Sequence
from json import JSONDecoder
from math import isfinite

from pydantic import JsonValue
from pydantic_core import from_json

from aivideo_async.core.errors import VerificationFailure, WebhookVerificationError
from aivideo_async.core.models import JsonObject

_LONGEST_INTEGER = 20  # the characters of the widest 64-bit integers


def parse_body(body: bytes) -> JsonObject:
    """The JSON object in ``body``, read so that every parser would read the same.

    Refused besides what is no JSON: NaN, infinities and numbers that overflow to them, integers beyond 64 bits,
    repeated keys, a byte order mark, lone surrogates, more than 200 levels, another top than an object.
    Raises WebhookVerificationError (``bad_body``), nothing else.
    """
    try:
        from_json(body, allow_inf_nan=False)
        value: JsonValue = _STRICT.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise WebhookVerificationError(VerificationFailure.BAD_BODY) from error
    if not isinstance(value, dict):
        raise WebhookVerificationError(VerificationFailure.BAD_BODY)
    return value


def _unique(pairs: Sequence[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError("an integer is too large")
    return int(text)


# from_json goes first: it is quick, knows UTF-8, surrogates and depth, and does not see repeated keys.
_STRICT = JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_int=_integer)
