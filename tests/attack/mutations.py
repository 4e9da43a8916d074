"""What becomes of a valid callback in a stranger's hands. Nothing here may ever be answered 200.

The stranger has seen every valid callback, its URL and token too, and lacks the keys.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from random import Random

from aivideo_async.core.signing import HmacKey, sign
from tests.callbacks import Callback

Mutation = Callable[[Random, Callback, Callback], bytes]
"""Chance, a valid callback, and another task's -> the bytes to be sent."""

LIMIT = 256 * 1024
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SIGNED = (b"webhook-id", b"webhook-timestamp", b"webhook-signature")


def evil(sent: Callback) -> bytes:
    """The body with which the stranger would like to end the task."""
    task = json.loads(sent.body)
    return json.dumps({**task, "output": {"urls": ["https://evil.example/forged.mp4"]}}).encode()


def _flipped(draw: Random, text: str, at: int) -> str:
    other = draw.choice([letter for letter in LETTERS if letter != text[at]])
    return text[:at] + other + text[at + 1 :]


def _with_headers(sent: Callback, headers: Sequence[tuple[bytes, bytes]], body: bytes | None = None) -> bytes:
    return Callback(sent.target, headers, sent.body if body is None else body).raw()


def _headers_but(sent: Callback, name: bytes, value: bytes | None) -> list[tuple[bytes, bytes]]:
    """The headers with another value of one, or without it."""
    kept = [pair for pair in sent.headers if pair[0] != name]
    return kept if value is None else [*kept, (name, value)]


def _value(sent: Callback, name: bytes) -> str:
    return dict(sent.headers)[name].decode()


def another_body(_draw: Random, sent: Callback, _other: Callback) -> bytes:
    """The signature of one body over another."""
    return sent.raw(body=evil(sent))


def flipped_body(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """One byte of the body is another."""
    at = draw.randrange(len(sent.body))
    return sent.raw(body=sent.body[:at] + bytes([sent.body[at] ^ (1 << draw.randrange(8))]) + sent.body[at + 1 :])


def flipped_signature(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """One letter of the signature is another."""
    text = _value(sent, b"webhook-signature")
    text = _flipped(draw, text, draw.randrange(3, len(text) - 1))
    return _with_headers(sent, _headers_but(sent, b"webhook-signature", text.encode()))


def signed_by_another(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """Signed well, with a key that is not ours."""
    now, body = int(_value(sent, b"webhook-timestamp")), evil(sent)
    made = sign([HmacKey(draw.randbytes(32))], delivery_id=f"msg_{draw.getrandbits(32)}", timestamp=now, body=body)
    return _with_headers(sent, [(name.encode(), value.encode()) for name, value in made.items()], body)


def unsigned(_draw: Random, sent: Callback, _other: Callback) -> bytes:
    """No signature at all."""
    return _with_headers(sent, [pair for pair in sent.headers if pair[0] not in SIGNED], evil(sent))


def without_a_header(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """One of the three lacks."""
    return _with_headers(sent, _headers_but(sent, draw.choice(SIGNED), None))


def a_header_twice(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """One of the three stands twice, once in other letters."""
    name = draw.choice(SIGNED)
    again = (name.title() if draw.random() < 0.5 else name, dict(sent.headers)[name])
    return _with_headers(sent, [*sent.headers, again] if draw.random() < 0.5 else [again, *sent.headers])


def another_time(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """The timestamp was moved, or is none."""
    now = int(_value(sent, b"webhook-timestamp"))
    stamps = [str(now + draw.randrange(1, 200)), str(now - 400), "0", "-1", "1e9", f"{now}.0", f" {now}1", "\u0661"]
    return _with_headers(sent, _headers_but(sent, b"webhook-timestamp", draw.choice(stamps).encode()))


def another_delivery(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """The id was changed, so that it is no duplicate."""
    return _with_headers(sent, _headers_but(sent, b"webhook-id", f"msg_{draw.getrandbits(64)}".encode()))


def anothers_callback(_draw: Random, sent: Callback, other: Callback) -> bytes:
    """Rightly signed and at a right URL, which is another task's."""
    return sent.raw(target=other.target)


def flipped_token(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """The token is not this id's; rightly signed."""
    path, _, mac = sent.target.rpartition(".")
    return sent.raw(target=f"{path}.{_flipped(draw, mac, draw.randrange(len(mac)))}")


def longer_lived(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """The token's time was moved; rightly signed."""
    path, _, token = sent.target.rpartition("/")
    expiry, _, mac = token.partition(".")
    return sent.raw(target=f"{path}/{int(expiry) + draw.choice([-9000, -1, 1, 9000])}.{mac}")


def another_path(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """What a parser may take for the same path."""
    head, id, token = sent.target.rsplit("/", 2)
    encoded = "".join(f"%{ord(letter):02X}" for letter in id)
    targets = (
        *(f"{head}/{encoded}/{token}", f"{head}/{id}/{token}/", f"{head}/{id}//{token}", f"{head}/{id}/{token}%00"),
        *(f"{head}/{id}%2F{token}", f"{head}?/{id}/{token}", f"{head}/{id.upper()}/{token}", "*", "/", f"{head}/{id}/"),
    )
    return sent.raw(target=draw.choice(targets))


def another_method(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """All right but for the method."""
    return sent.raw(method=draw.choice(["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "BREW"]))


def encoded(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """Compressed, or said to be."""
    if draw.random() < 0.5:
        return sent.raw(b"Content-Encoding: gzip", body=gzip.compress(bytes(200_000), mtime=0))
    return sent.raw(b"Content-Encoding: " + draw.choice([b"gzip", b"deflate", b"br", b"identity, gzip"]))


def another_type(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """All right but for its media type."""
    kinds = [b"text/html", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x", b"json"]
    return _with_headers(sent, _headers_but(sent, b"Content-Type", draw.choice(kinds)))


def too_large(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """More than may be read, said at once or in chunks."""
    body = bytes(LIMIT + draw.randrange(1, 50))
    if draw.random() < 0.5:
        return sent.raw(body=body)
    head = sent.raw(body=b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    return head + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"


def smuggled(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """Lengths that contradict each other, or are none."""
    length = b"Content-Length: %d" % len(sent.body)
    other = [
        length + b"\r\nTransfer-Encoding: chunked",
        length + b"\r\nContent-Length: 3",
        b"Content-Length: -5",
        b"Content-Length: +%d" % len(sent.body),
        b"Content-Length: 0x10",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding : chunked",
    ]
    return sent.raw().replace(length, draw.choice(other))


def cut_off(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """It ends before its end."""
    raw = sent.raw()
    return raw[: draw.randrange(1, len(raw))]


def no_header(draw: Random, sent: Callback, _other: Callback) -> bytes:
    """Lines that no header may have."""
    lines = [b"no colon", b": nothing", b"X-A: a\x00b", b"X\xff: a", b"X-Long: " + b"a" * 9_000, b"X A: b", b" folded"]
    return sent.raw(draw.choice(lines), body=evil(sent))


def many_headers(_draw: Random, sent: Callback, _other: Callback) -> bytes:
    """More headers than anybody needs."""
    return sent.raw(*(b"X-%d: a" % number for number in range(200)))


def noise(draw: Random, _sent: Callback, _other: Callback) -> bytes:
    """No HTTP."""
    return draw.randbytes(draw.randrange(1, 400)) + b"\r\n\r\n"


MUTATIONS: Sequence[Mutation] = (
    *(another_body, flipped_body, flipped_signature, signed_by_another, unsigned, without_a_header, a_header_twice),
    *(another_time, another_delivery, anothers_callback, flipped_token, longer_lived, another_path, another_method),
    *(encoded, another_type, too_large, smuggled, cut_off, no_header, many_headers, noise),
)
