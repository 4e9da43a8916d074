"""``aivideo webhook sign``, ``verify`` and ``replay``: one callback, taken apart.

Secrets come from the environment or a file, never from an argument, and are not printed.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlsplit

from pydantic import JsonValue

from aivideo_async import settings
from aivideo_async.cli.captured import Captured, filled, from_text, to_object
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.cli.reasons import in_words
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError, WebhookVerificationError
from aivideo_async.core.keys import HmacKey, SigningKey, load_key
from aivideo_async.core.models import WebhookEvent
from aivideo_async.core.signing import RawHeaders, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import split_target, unwrap
from aivideo_async.posting import Poster

SECRET = "AIVIDEO_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
SCHEME = "AIVIDEO_WEBHOOK_SCHEME"
SHOWN = 2_000
"""So many characters of an answer are printed."""
STDIN = "-"

_FAMILIES = ("webhook", "svix")
_SIGNED_BY = {f"{family}-{part}".encode() for family in _FAMILIES for part in ("id", "timestamp", "signature")}


def read_bytes(path: str) -> bytes:
    """A file's bytes, or those of standard input for ``-``. Blocks. Raises OSError."""
    return sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()


def secrets(file: Path | None) -> list[str]:
    """The sender's secrets, from a file (one per line) or else the environment. Blocks.

    Raises ConfigurationError for a file that is none, without showing anything of it; OSError.
    """
    if file is None:
        text = settings.from_environment(SECRET, None) or ""
    else:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ConfigurationError(f"{file} holds no webhook secret") from None
    return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]


def signing_keys(file: Path | None) -> list[SigningKey]:
    """The keys of ``secrets`` for Standard Webhooks, the one scheme in which commands sign.

    Raises ConfigurationError also where AIVIDEO_WEBHOOK_SCHEME names another one; OSError.
    """
    scheme = settings.from_environment(SCHEME, None)
    if file is None and scheme not in (None, "standard-webhooks"):
        hint = "aivideo webhook verify says whether a captured callback is believed"
        raise ConfigurationError(f"only Standard Webhooks can be signed here, and {SCHEME} is {scheme}", hint=hint)
    return [load_key(text) for text in secrets(file)]


def callback_keys() -> CallbackKeys | None:
    """The keys of our tokens, by the environment; ``None`` where it names none. Raises ConfigurationError."""
    key = settings.api_key(None)
    if key is None and settings.from_environment("AIVIDEO_CALLBACK_KEY", None) is None:
        return None
    return settings.callback_keys(None, key)


def signed(
    screen: Screen,
    body: bytes,
    *,
    secret_file: Path | None,
    url: str | None = None,
    task: str | None = None,
    delivery_id: str | None = None,
    timestamp: int | None = None,
    body_file: str = STDIN,
) -> Exit:
    """Print the headers that make ``body`` a signed callback, or for a ``url`` the curl line that sends it.

    With ``task`` the URL is a callback base, and gets that id and a fresh token. A machine gets the captured request.
    Raises ConfigurationError and InvalidRequestError.
    """
    now = int(time.time()) if timestamp is None else timestamp
    headers = _signature(secret_file, body, delivery_id or f"msg_{token_hex(12)}", now)
    target = None if url is None else _target(url, task)
    pairs = [(b"Content-Type", b"application/json"), *headers]
    path = "/" if target is None else urlsplit(target).path or "/"
    screen.object(to_object(Captured(path=path, headers=pairs, body=body, received_at=float(now))))
    told = [f"{name.decode()}: {value.decode()}" for name, value in pairs]
    if target is None:
        for line in told:
            screen.line(line)
    else:
        options = " ".join(f"-H {shlex.quote(line)}" for line in told)
        data = shlex.quote(f"@{body_file}")
        screen.line(f"curl --data-binary {data} {options} {shlex.quote(target)}")
    return Exit.OK


def _signature(secret_file: Path | None, body: bytes, delivery_id: str, timestamp: int) -> RawHeaders:
    given = signing_keys(secret_file)
    if not given:
        raise ConfigurationError("there is no secret to sign with", hint=f"set {SECRET}, or name a --secret-file")
    keys = [key for key in given if isinstance(key, HmacKey)]
    if not keys:
        raise ConfigurationError("a public key (whpk_) verifies and cannot sign", hint="sign with a whsec_ secret")
    made = sign(keys, delivery_id=delivery_id, timestamp=timestamp, body=body)
    return [(name.encode(), value.encode()) for name, value in made.items()]


def _target(url: str, task: str | None) -> str:
    if task is None:
        return url
    keys = callback_keys()
    if keys is None:
        raise ConfigurationError("a token needs the callback key", hint="set AIVIDEO_CALLBACK_KEY or AIVIDEO_API_KEY")
    return f"{url.rstrip('/')}/{task}/{keys.mint(task, now=time.time())}"


def verify(screen: Screen, captured: Captured, *, secret_file: Path | None, when_captured: bool = False) -> Exit:
    """Say whether a receiver with these settings believes the request, and if not, why.

    ``when_captured``: as of the moment at which it came, and not as of now. Raises ConfigurationError.
    """
    verifier = settings.verifier(secrets(secret_file) or None, settings.from_environment(SCHEME, None))
    given = callback_keys()
    now, path = _moment(captured) if when_captured else time.time(), captured.path
    if given is None:
        if verifier is None:
            raise ConfigurationError("there is nothing to verify with", hint=f"set {SECRET} or AIVIDEO_CALLBACK_KEY")
        screen.say("the token is not looked at: neither AIVIDEO_CALLBACK_KEY nor AIVIDEO_API_KEY is set")
        path, given = _with_a_token_of(keys := CallbackKeys(token_hex(32)), now), keys
    try:
        event = unwrap(path, captured.headers, captured.body, keys=given, verifier=verifier, now=now)
    except WebhookVerificationError as error:
        screen.line(f"not believed ({error.reason.value}): {in_words(error.reason)}")
        screen.object({"verified": False, "reason": error.reason.value, "message": in_words(error.reason)})
        return Exit.ERROR
    screen.line(_believed(event))
    screen.object(_event_object(event))
    return Exit.OK


def _with_a_token_of(keys: CallbackKeys, now: float) -> str:
    return f"/av_unknown/{keys.mint('av_unknown', now=now)}"


def _believed(event: WebhookEvent) -> str:
    task = f"{event.task_id} {event.report.status.value} (the service's id is {event.report.service_id})"
    if event.key_index is None:
        return f"a hint: the token is right, and without {SECRET} no signature is looked at; it claims {task}"
    return f"believed, by secret {event.key_index + 1}: {task}"


def _event_object(event: WebhookEvent) -> dict[str, JsonValue]:
    return {
        "verified": True,
        "signed": event.signed,
        "secret": event.key_index,
        "id": event.task_id,
        "service_id": event.report.service_id,
        "status": event.report.status.value,
        "delivery_id": event.delivery_id,
    }


def _moment(captured: Captured) -> float:
    if captured.received_at is not None:
        return captured.received_at
    stamps = (captured.header(name) for name in (b"webhook-timestamp", b"svix-timestamp", b"x-timestamp"))
    stamp = next((stamp for stamp in stamps if stamp is not None), b"")
    if not stamp.isdigit() or len(stamp) > 12:
        raise InvalidRequestError("nothing in the file says when it came", hint="received_at: unix seconds")
    return float(stamp)


async def replay(
    screen: Screen, captured: Captured, url: str, *, secret_file: Path | None, as_is: bool, new_id: bool = False
) -> Exit:
    """Send a captured request to ``url``, as it was or made fresh, and print what comes back.

    ``{id}`` and ``{token}`` in the URL are filled. Fresh means: timestamps of now, a signature where there was one,
    a token where our callback key is known; ``new_id`` makes it a delivery of its own, that no receiver remembers.
    Raises ConfigurationError, InvalidRequestError and APIConnectionError.
    """
    sent, token = captured, None
    if not as_is:
        sent = _fresh(captured, secret_file, new_id=new_id)
        token = _fresh_token(captured) if "{token}" in url else None
    async with Poster(within=30.0) as poster:
        answer = await poster.send(filled(url, captured, token=token), sent.headers, sent.body, method=sent.method)
    text = answer.body.decode("utf-8", "replace")
    screen.line(f"{answer.status} after {answer.seconds * 1000:.0f} ms: {text[:SHOWN].rstrip()}")
    screen.object({"status": answer.status, "seconds": answer.seconds, "body": text[:SHOWN]})
    return Exit.OK if 200 <= answer.status < 300 else Exit.ERROR


def _fresh(captured: Captured, secret_file: Path | None, *, new_id: bool) -> Captured:
    now = int(time.time())
    kept = [(n, str(now).encode() if n.lower() == b"x-timestamp" else v) for n, v in captured.headers]
    family = next((f for f in _FAMILIES if captured.header(f"{f}-signature".encode()) is not None), None)
    if family is None:
        return replace(captured, headers=kept)
    old_id = (captured.header(f"{family}-id".encode()) or b"").decode("utf-8", "replace")
    made = _signature(secret_file, captured.body, f"msg_{token_hex(12)}" if new_id else old_id, now)
    renamed = [(name.replace(b"webhook", family.encode(), 1), value) for name, value in made]
    return replace(captured, headers=[*_unsigned(kept), *renamed])


def _unsigned(headers: Sequence[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name.lower() not in _SIGNED_BY]


def _fresh_token(captured: Captured) -> str | None:
    keys = callback_keys()
    try:
        return None if keys is None else keys.mint(split_target(captured.path)[0], now=time.time())
    except WebhookVerificationError:
        return None


def load(path: str) -> Captured:
    """The captured request in a file or on standard input (``-``). Blocks. Raises InvalidRequestError, OSError."""
    return from_text(read_bytes(path))
