"""``python -m tests.benchmarks.verdicts``: what released verifiers say to twelve deliveries, beside what ours says.

Installs the packages, pinned, into a temporary environment and prints a Markdown table. Each is called as its
documentation shows and with its own defaults, on deliveries that are signed in its own scheme.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hmac import digest
from pathlib import Path

from aivideo_async.core.errors import ConfigurationError, WebhookVerificationError
from aivideo_async.core.scheme_verifier import verifier_for

PEER = Path(__file__).with_name("verdicts_peer.py")
PEERS: Mapping[str, tuple[str, str]] = {
    "standardwebhooks": ("standardwebhooks==1.1.0", "standard-webhooks"),
    "svix": ("svix==2.9.1", "svix"),
    "openai": ("openai==3.57.0", "standard-webhooks"),
    "replicate": ("replicate==1.0.7", "standard-webhooks"),
    "stripe": ("stripe==16.1.0", "stripe"),
    "slack-sdk": ("slack-sdk==3.48.0", "slack"),
}
"""The requirement that is installed, and the scheme that is spoken."""
OURS = "ours"
KEY = bytes(range(65, 97))
BODY = b'{"id":"task_1","status":"completed"}'
RIGHT, REFUSED, NONE = "believes", "refuses", "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What reaches a verifier, and the secret that it holds."""

    scheme: str
    secret: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a scheme is written: its headers, label, encoding and message."""

    headers: Callable[[str, str, str], Mapping[str, str]]
    message: Callable[[str, str, bytes], bytes]
    encode: Callable[[bytes], str]
    label: str
    other_label: str
    join: str
    junk: str
    secret: str = KEY.decode()


def _family(prefix: str) -> Dialect:
    return Dialect(
        headers=lambda id, stamp, value: {
            f"{prefix}-id": id,
            f"{prefix}-timestamp": stamp,
            f"{prefix}-signature": value,
        },
        message=lambda id, stamp, body: f"{id}.{stamp}.".encode() + body,
        encode=lambda raw: base64.b64encode(raw).decode(),
        label="v1",
        other_label="v2",
        join=",",
        junk="junk  {}",
        secret="whsec_" + base64.b64encode(KEY).decode(),
    )


DIALECTS: Mapping[str, Dialect] = {
    "standard-webhooks": _family("webhook"),
    "svix": _family("svix"),
    "stripe": Dialect(
        headers=lambda _, stamp, value: {"Stripe-Signature": f"t={stamp},{value}"},
        message=lambda _, stamp, body: f"{stamp}.".encode() + body,
        encode=bytes.hex,
        label="v1",
        other_label="v0",
        join="=",
        junk="junk,,{}",
    ),
    "slack": Dialect(
        headers=lambda _, stamp, value: {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": value},
        message=lambda _, stamp, body: f"v0:{stamp}:".encode() + body,
        encode=bytes.hex,
        label="v0",
        other_label="v1",
        join="=",
        junk="",
    ),
}


class Sender:
    """Makes the twelve deliveries of a scheme, around the unix time ``now``."""

    def __init__(self, scheme: str, now: int) -> None:
        self.scheme = scheme
        self.dialect = DIALECTS[scheme]
        self.now = str(now)

    def send(
        self,
        *,
        stamp: str | None = None,
        body: bytes = BODY,
        signed: bytes | None = None,
        sent_id: str = "msg_1",
        key: bytes = KEY,
        secret: str | None = None,
        label: str | None = None,
        spelt: Callable[[str], str] = str,
        among: str = "{}",
    ) -> Delivery:
        """A delivery that is right but for what is said."""
        dialect, stamp = self.dialect, stamp or self.now
        message = dialect.message("msg_1", stamp, body if signed is None else signed)
        signature = spelt(dialect.encode(digest(key, message, "sha256")))
        value = among.format(f"{label or dialect.label}{dialect.join}{signature}")
        return Delivery(
            scheme=self.scheme,
            secret=dialect.secret if secret is None else secret,
            headers=dialect.headers(sent_id, stamp, value),
            body=body,
        )

    def moved_dot(self) -> Delivery | None:
        """What was signed as one id and body, sent as another id and body."""
        if self.scheme in ("stripe", "slack"):
            return None
        return self.send(signed=f"{self.now}.".encode() + BODY, sent_id=f"msg_1.{self.now}")

    def respelt(self) -> Delivery:
        """The right signature as another text: base64 with a foreign character, hex in upper case."""
        in_base64 = self.scheme in ("standard-webhooks", "svix")
        return self.send(spelt=lambda text: f"{text[:9]}!{text[9:]}" if in_base64 else text.upper())


INPUTS: Sequence[tuple[str, str, Callable[[Sender], Delivery | None]]] = (
    ("right", RIGHT, lambda sender: sender.send()),
    ("right, and the body is not UTF-8", RIGHT, lambda sender: sender.send(body=b'{"id":"\xff"}')),
    (
        "right, after a malformed signature",
        RIGHT,
        lambda sender: sender.send(among=sender.dialect.junk) if sender.dialect.junk else None,
    ),
    ("one bit of the body flipped", REFUSED, lambda sender: sender.send(body=BODY[:-2] + b"#}", signed=BODY)),
    ("dated an hour ahead", REFUSED, lambda sender: sender.send(stamp=str(int(sender.now) + 3600))),
    ('signed with the empty key, and the secret is `""`', REFUSED, lambda sender: sender.send(key=b"", secret="")),
    (
        "signed with the empty key, and the secret is blank",
        REFUSED,
        lambda sender: sender.send(
            key=b"" if sender.dialect.secret.startswith("whsec_") else b"  ",
            secret="whsec_" if sender.dialect.secret.startswith("whsec_") else "  ",
        ),
    ),
    ("under the label of another version", REFUSED, lambda sender: sender.send(label=sender.dialect.other_label)),
    ("the right signature, spelt in another way", REFUSED, Sender.respelt),
    ("the border between id and body moved", REFUSED, Sender.moved_dot),
    ("an `é` in the signature", REFUSED, lambda sender: sender.send(spelt=lambda text: f"é{text[1:]}")),
    ("a timestamp of 5,000 digits", REFUSED, lambda sender: sender.send(stamp="1" * 5000)),
)
"""Title, what should be said, and how it is made; ``None`` where a scheme cannot express it."""


def main() -> int:
    """Install, run and print."""
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder))
        now = int(time.time())
        verdicts = {name: ask(python, name, deliveries(scheme, now)) for name, (_, scheme) in PEERS.items()}
        verdicts[OURS] = merged([ours(deliveries(scheme, now), now) for scheme in DIALECTS])
    print(table(verdicts))
    return 0


def install(folder: Path) -> Path:
    """An environment with every peer; gives its interpreter."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    requirements = [requirement for requirement, _ in PEERS.values()]
    subprocess.run([python, "-m", "pip", "install", "-q", *requirements], check=True)  # noqa: S603 - pinned above
    return python


def deliveries(scheme: str, now: int) -> list[Delivery | None]:
    """The twelve of a scheme."""
    return [make(Sender(scheme, now)) for _, _, make in INPUTS]


def ask(python: Path, name: str, given: Sequence[Delivery | None]) -> list[str]:
    """What a peer says to each of them."""
    lines = [
        {"secret": one.secret, "headers": dict(one.headers), "body": base64.b64encode(one.body).decode()}
        for one in given
        if one is not None
    ]
    run = subprocess.run(  # noqa: S603 - our own script
        [python, PEER, name], input=json.dumps(lines), stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    said = iter(json.loads(run.stdout))
    return [NONE if one is None else str(next(said)) for one in given]


def ours(given: Sequence[Delivery | None], now: int) -> list[str]:
    """What our verifier says to each of them."""
    return [NONE if one is None else _verdict(one, now) for one in given]


def _verdict(delivery: Delivery, now: int) -> str:
    headers = [(name.encode(), value.encode()) for name, value in delivery.headers.items()]
    try:
        verifier_for(delivery.scheme, delivery.secret).verify(headers, delivery.body, now=now)
    except (ConfigurationError, WebhookVerificationError):
        return REFUSED
    except Exception as error:
        return f"crashes: {type(error).__name__}"
    return RIGHT


def merged(columns: Sequence[Sequence[str]]) -> list[str]:
    """One column of several, where they agree on whatever they can express."""
    return [" / ".join(sorted({word for word in row if word != NONE})) for row in zip(*columns, strict=True)]


def table(verdicts: Mapping[str, Sequence[str]]) -> str:
    """Markdown: what is as it should be is a tick, everything else is said in bold."""
    versions = {name: requirement.partition("==")[2] for name, (requirement, _) in PEERS.items()}
    names = list(verdicts)
    rows = [["delivery", "should be", *(f"`{name}` {versions.get(name, '')}".strip(" ") for name in names)]]
    rows[0][-1] = OURS
    rows.append(["---"] * len(rows[0]))
    for number, (title, should, _) in enumerate(INPUTS):
        said = [verdicts[name][number] for name in names]
        word = "believed" if should == RIGHT else "refused"
        rows.append([title, word, *(_cell(one, should) for one in said)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(said: str, should: str) -> str:
    if said == NONE:
        return NONE
    return "✓" if said == should else f"**{said.partition(':')[0]}**"


if __name__ == "__main__":
    sys.exit(main())
