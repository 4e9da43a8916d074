"""Settings of a client and of a receiver: read from the environment, checked once, at the border.

Arguments win over the environment. Nothing here does I/O.
"""

from __future__ import annotations

import logging
import math
import os
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from aivideo_async.core.addresses import is_loopback, is_public
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import BodyForm
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.scheme_verifier import SchemeVerifier, verifier_for
from aivideo_async.core.schemes import Scheme
from aivideo_async.core.signing import STANDARD, StandardWebhooks
from aivideo_async.core.tokens import CallbackKeys, callback_key_from_api_key
from aivideo_async.core.webhooks import Verifier
from aivideo_async.jwks import JwksVerifier
from aivideo_async.transport import Timeouts

logger: logging.Logger = logging.getLogger(__name__)

BASE_URL = "https://api.aivideoapi.ai"
URL_LIMIT = 512
ROOM_FOR_TARGET = len("/av_") + 32 + len("/") + 7 + len(".") + 43
DEFAULT_PATH = "/webhooks/aivideo"

_PORTS = {"http": 80, "https": 443}
_URL_TEXT = re.compile(r"[A-Za-z0-9._~:/\[\]@!$&'()*+,;=%-]+")


def from_environment(name: str, argument: str | None) -> str | None:
    """The argument, or else the environment's value; an empty value counts as none."""
    return argument or os.environ.get(name) or None


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """Where the service is. ``origin`` is its scheme, host and port, without a path."""

    url: str
    origin: str
    loopback: bool

    @classmethod
    def parse(cls, argument: str | None) -> BaseUrl:
        """From the argument, AIVIDEO_BASE_URL, or the hosted service. Raises ConfigurationError.

        Only https, except for loopback: the API key goes there.
        """
        text = (from_environment("AIVIDEO_BASE_URL", argument) or BASE_URL).rstrip("/")
        parts = _split(text, "base URL (AIVIDEO_BASE_URL)")
        loopback = is_loopback(parts.hostname or "")
        if parts.scheme != "https" and not loopback:
            raise ConfigurationError(f"the base URL must be https, the API key goes there: {text}")
        return cls(text, _origin(parts), loopback)


def callback_base(argument: str | None, *, service: BaseUrl, allow_insecure: bool) -> str | None:
    """The base of our callback URLs from the argument or AIVIDEO_CALLBACK_URL, ``None`` where there is none.

    Raises ConfigurationError for what the service could not reach or must not be told.
    """
    text = from_environment("AIVIDEO_CALLBACK_URL", argument)
    if text is None:
        return None
    text = text.rstrip("/")
    parts = _split(text, "callback URL (AIVIDEO_CALLBACK_URL)")
    host = parts.hostname or ""
    if not service.loopback and not is_public(host):
        raise ConfigurationError(f"{service.origin} cannot reach the callback URL {text}: its host is not public")
    if parts.scheme != "https" and not (allow_insecure or is_loopback(host)):
        raise ConfigurationError(f"the callback URL must be https: {text}", hint="or pass allow_insecure=True")
    if len(text.encode()) + ROOM_FOR_TARGET > URL_LIMIT:
        raise ConfigurationError(f"the callback URL is too long: with id and token it exceeds {URL_LIMIT} bytes")
    return text


def _split(text: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:  # its message may hold a password
        raise ConfigurationError(f"the {what} is no URL") from None
    if parts.scheme not in _PORTS or not host or port == 0:
        raise ConfigurationError(f"the {what} must be an http or https URL with a host")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"the {what} must not hold a user name or password")
    if "?" in text or "#" in text:
        raise ConfigurationError(f"the {what} must not have a query or a fragment")
    if _URL_TEXT.fullmatch(text) is None:
        raise ConfigurationError(f"the {what} must be written in the ASCII characters that a URL may have")
    return parts


def _origin(parts: SplitResult) -> str:
    """Scheme, host and port, written in one way whatever way they came: what claims are shared by."""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def api_key(argument: str | SecretStr | None) -> SecretStr | None:
    """The API key from the argument or AIVIDEO_API_KEY. Raises ConfigurationError for what cannot be a header."""
    value = argument.get_secret_value() if isinstance(argument, SecretStr) else argument
    text = from_environment("AIVIDEO_API_KEY", value)
    if text is None:
        return None
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError("the API key (AIVIDEO_API_KEY) holds spaces, line ends or non-ASCII characters")
    return SecretStr(text)


def callback_keys(
    argument: str | bytes | Sequence[str | bytes] | CallbackKeys | None, key: SecretStr | None
) -> CallbackKeys:
    """The keys of the tokens in our callback URLs: given, AIVIDEO_CALLBACK_KEY (comma-separated), or of the API key.

    Raises ConfigurationError when there is neither.
    """
    if isinstance(argument, CallbackKeys):
        return argument
    if argument is None and (text := from_environment("AIVIDEO_CALLBACK_KEY", None)) is not None:
        argument = [part.strip() for part in text.split(",")]
    if argument is not None:
        return CallbackKeys(argument)
    if key is None:
        raise ConfigurationError("a receiver needs a callback key or an API key", hint="set AIVIDEO_CALLBACK_KEY")
    return CallbackKeys([callback_key_from_api_key(key.get_secret_value())])


def verifier(argument: str | Sequence[str] | Verifier | None, scheme: str | Scheme | None = None) -> Verifier | None:
    """How the sender signs: its secrets and the name of its scheme, both from the arguments, or from
    AIVIDEO_WEBHOOK_SECRET (several: comma-separated) and AIVIDEO_WEBHOOK_SCHEME; ``None``: it does not sign.

    Raises ConfigurationError for a secret that cannot be one, a scheme that nobody has, and a scheme without a secret.
    """
    if argument is not None and not isinstance(argument, Sequence):
        if scheme is not None:
            raise ConfigurationError("a verifier has its scheme already: pass secrets with a scheme, or a verifier")
        return argument
    if argument is None:
        # The scheme in the environment is that of the secret there: a secret that is passed has its own beside it.
        scheme = scheme or from_environment("AIVIDEO_WEBHOOK_SCHEME", None)
        text = from_environment("AIVIDEO_WEBHOOK_SECRET", None)
        argument = None if text is None else [part.strip() for part in text.split(",")]
    if argument is None:
        return None if scheme is None else _keyless(scheme)
    return _remarked(verifier_for(scheme or STANDARD, argument))


def renewed(old: Verifier | None, argument: str | Sequence[str] | Verifier) -> Verifier:
    """A verifier of the old one's scheme under other secrets, or another verifier.

    Raises ConfigurationError also where that would change what a callback is worth.
    """
    if isinstance(argument, str | Sequence):
        if not isinstance(old, StandardWebhooks | SchemeVerifier):
            raise ConfigurationError("there is no secret to replace here", hint="pass a verifier instead of secrets")
        argument = _remarked(old.with_secrets(argument))
    if old is None or argument.authenticates_body != old.authenticates_body:
        raise ConfigurationError("what a callback is worth cannot change while it is received: make another receiver")
    return argument


def _remarked(verifier: StandardWebhooks | SchemeVerifier) -> StandardWebhooks | SchemeVerifier:
    """The verifier, after it was logged what is odd about its secrets."""
    for remark in verifier.remarks:
        logger.warning("webhook secret: %s", remark)
    return verifier


def _keyless(scheme: str | Scheme) -> Verifier:
    """A scheme without a secret: one whose keys are published, or a mistake that would believe anybody."""
    if scheme == "fal":
        return JwksVerifier()
    name = scheme.name if isinstance(scheme, Scheme) else scheme
    raise ConfigurationError(f"the scheme {name} needs a secret", hint="set AIVIDEO_WEBHOOK_SECRET")


def time_scale(argument: float | None) -> float:
    """How many times faster than the hosted service everything goes, from the argument or AIVIDEO_TIME_SCALE; 1."""
    text = os.environ.get("AIVIDEO_TIME_SCALE") or "1"
    try:
        scale = float(text) if argument is None else argument
    except ValueError as error:
        raise ConfigurationError(f"AIVIDEO_TIME_SCALE is no number: {text!r}") from error
    if not (math.isfinite(scale) and scale > 0):
        raise ConfigurationError(f"the time scale must be above 0: {scale}")
    return scale


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """Everything that a client was told, checked. ``callback_base`` is the setting, not the address of ``serve``."""

    base_url: BaseUrl
    api_key: SecretStr
    callback_base: str | None
    callback_keys: CallbackKeys
    body_form: Literal["auto"] | BodyForm
    timeouts: Timeouts
    retry: RetryPolicy
    usual_seconds: Mapping[str, float]
    max_concurrency: int
    close_timeout: float
    ask_rate: float
    time_scale: float
    clock: Callable[[], float]
    chance: random.Random = field(default_factory=random.SystemRandom)

    def __post_init__(self) -> None:
        if self.body_form not in ("auto", "flat", "nested"):
            raise ConfigurationError(f"body_form is auto, flat or nested, not {self.body_form!r}")
        if not (self.max_concurrency >= 1 and self.close_timeout >= 0 and 0 < self.ask_rate < math.inf):
            raise ConfigurationError("max_concurrency >= 1, close_timeout >= 0 and a finite ask_rate > 0 are needed")
        if not all(0 <= seconds < math.inf for seconds in self.usual_seconds.values()):
            raise ConfigurationError("usual_seconds are seconds from 0 on, by the name of a model")


def required_api_key(argument: str | SecretStr | None) -> SecretStr:
    """As ``api_key``, but there must be one. Raises ConfigurationError that names the variable."""
    key = api_key(argument)
    if key is None:
        raise ConfigurationError("no API key: set AIVIDEO_API_KEY or pass api_key=")
    return key
