"""A captured request as a file: what came in, byte for byte, in JSON that a person can read and write.

::

    {"method": "POST", "path": "/webhooks/aivideo/av_…/…", "headers": [["Content-Type", "application/json"], …],
     "body": "{\\"id\\": …}", "received_at": 1790000000.0}

``headers`` may be an object as well. A body that is not UTF-8 stands as ``body_base64``. ``path`` is a capability and
``received_at`` (unix seconds) may be missing.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from aivideo_async.core.errors import InvalidRequestError, WebhookVerificationError
from aivideo_async.core.signing import RawHeaders
from aivideo_async.core.webhooks import split_target

_METHOD = re.compile(r"[A-Z]{1,20}")
_PATH = re.compile(r"/[\x21-\x7e]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One request as it came. What may be a secret does not show in the ``repr``."""

    method: str = "POST"
    path: str = field(repr=False)
    headers: RawHeaders = field(repr=False)
    body: bytes = field(repr=False)
    received_at: float | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first header of this lower-case name."""
        return next((value for found, value in self.headers if found.lower() == name), None)


def to_object(captured: Captured) -> dict[str, JsonValue]:
    """The request as one JSON object."""
    headers: list[JsonValue] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in captured.headers]
    made: dict[str, JsonValue] = {"method": captured.method, "path": captured.path, "headers": headers}
    try:
        made["body"] = captured.body.decode()
    except UnicodeDecodeError:
        made["body_base64"] = b64encode(captured.body).decode()
    return made if captured.received_at is None else {**made, "received_at": captured.received_at}


def from_text(text: str | bytes) -> Captured:
    """The request in a file's text. Raises InvalidRequestError that names what is wrong, and shows nothing of it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError("a captured request is a JSON object, this is no JSON") from error
    if not isinstance(value, dict):
        raise InvalidRequestError("a captured request is a JSON object, this is another kind of JSON")
    members = cast("dict[str, object]", value)
    return Captured(
        method=_text(members.get("method", "POST"), "method", _METHOD),
        path=_text(members.get("path", "/"), "path", _PATH),
        headers=_headers(members.get("headers", [])),
        body=_body(members),
        received_at=_moment(members.get("received_at")),
    )


def filled(url: str, captured: Captured, *, id: str | None = None, token: str | None = None) -> str:
    """The URL with ``{id}`` and ``{token}`` put in, those given or those of the captured path.

    Raises InvalidRequestError when it wants what the path does not have.
    """
    if "{id}" not in url and "{token}" not in url:
        return url
    if id is None or token is None:
        try:
            own_id, own_token = split_target(captured.path)
        except WebhookVerificationError as error:
            raise InvalidRequestError("the captured path does not end in an id and a token") from error
        id, token = id or own_id, token or own_token
    return url.replace("{id}", id).replace("{token}", token)


def _text(value: object, what: str, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise InvalidRequestError(f"the captured request's {what} is not one")
    return value


def _headers(value: object) -> RawHeaders:
    pairs = list(cast("Mapping[str, object]", value).items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list):
        raise InvalidRequestError("the captured request's headers are neither a list of pairs nor an object")
    headers: list[tuple[bytes, bytes]] = []
    for pair in cast("list[object]", pairs):
        if not isinstance(pair, list | tuple) or len(cast("Sequence[object]", pair)) != 2:
            raise InvalidRequestError("a captured header is a pair of name and value")
        name, held = cast("Sequence[object]", pair)
        headers.append((_text(name, "header name", _NAME).encode(), _text(held, "header", _VALUE).encode("latin-1")))
    return headers


def _body(members: Mapping[str, object]) -> bytes:
    text, encoded = members.get("body"), members.get("body_base64")
    if isinstance(text, str) and encoded is None:
        return text.encode("utf-8", "surrogatepass")
    if isinstance(encoded, str) and text is None:
        try:
            return b64decode(encoded, validate=True)
        except ValueError as error:
            raise InvalidRequestError("body_base64 is not base64") from error
    raise InvalidRequestError("a captured request has either body or body_base64, as text")


def _moment(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise InvalidRequestError("received_at is in unix seconds")
    return float(value)
