"""What is fuzzed: bytes become a delivery of some scheme, and whatever they are, one error comes out or it is right.

An input is a line with the number of a scheme, then headers, an empty line and a body, as in HTTP. Nobody can guess a
signature, so ``!`` behind the number has the delivery signed by its sender. A line ``2~x{}`` then sets the value of
its header 2, in which ``{}`` is the right one; any other line is a header that is added.
"""

from __future__ import annotations

from collections.abc import Sequence

from aivideo_async.core.errors import InvalidResponseError, WebhookVerificationError
from aivideo_async.core.jwks import keys_of
from aivideo_async.core.signing import Verified
from aivideo_async.core.strict_json import parse_body
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import split_target, unwrap
from tests.core.senders import NOW, SENDERS, VERIFIERS, Pairs

ID = "av_" + "0" * 32
KEYS = CallbackKeys(b"k" * 32)
PATH = f"/x/{ID}/{KEYS.mint(ID, now=NOW)}"
SCHEMES = tuple(SENDERS)


def try_input(data: bytes) -> None:
    """Run one input. Raises anything but the errors that are promised when something is wrong."""
    scheme, headers, body = delivery_of(data)
    verifier = VERIFIERS[scheme]
    try:
        verified = verifier.verify(headers, body, now=NOW)
    except WebhookVerificationError:
        pass
    else:
        assert is_right(scheme, verified, headers, body), f"forged: {data!r}"
    try:
        event = unwrap(PATH, headers, body, keys=KEYS, verifier=verifier, now=NOW)
        assert event.task_id == ID
    except WebhookVerificationError:
        pass
    try_alone(body)


def try_alone(data: bytes) -> None:
    """Run the readers that take bytes of a stranger by themselves."""
    for read in (parse_body, split_target, keys_of):
        try:
            read(data)
        except (WebhookVerificationError, InvalidResponseError):
            continue


def delivery_of(data: bytes) -> tuple[str, Pairs, bytes]:
    """The scheme, headers and body that an input stands for."""
    head, _, body = data.partition(b"\n\n")
    number, *lines = head.split(b"\n")
    scheme = SCHEMES[sum(number[:1]) % len(SCHEMES)]
    headers = SENDERS[scheme](body, NOW) if number[1:2] == b"!" else []
    right = list(headers)
    for line in lines:
        if right and line[1:2] == b"~":
            at = line[0] % len(right)
            headers[at] = right[at][0], line[2:].replace(b"{}", right[at][1])
        else:
            name, _, value = line.partition(b":")
            headers.append((name, value))
    return scheme, headers, body


def input_of(scheme: str, lines: Sequence[bytes], body: bytes, *, signed: bool = False) -> bytes:
    """The input of these lines."""
    number = bytes((SCHEMES.index(scheme) + 5 * len(SCHEMES),))
    return b"\n".join([number + (b"!" if signed else b""), *lines]) + b"\n\n" + body


def is_right(scheme: str, verified: Verified, headers: Pairs, body: bytes) -> bool:
    """Whether the sender signs so what was believed."""
    name, signature = SENDERS[scheme](body, verified.timestamp or NOW)[-1]
    found = b" ".join(value for header, value in headers if header.lower() == name.lower())
    right = signature.rpartition(b"=")[2] if scheme in {"stripe", "mux", "openrouter"} else signature
    return right in (found.lower() if scheme == "fal" else found)
