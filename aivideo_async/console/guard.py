"""Who may see the page and who may change something through it.

- ``Host`` names this machine, or a host that was allowed: another site's name that leads here (DNS rebinding) does not.
- Where a token is set it comes once in the address, and from then on in a cookie that only our own pages send.
- What changes something is a POST of our own form: ``Origin`` is our own host, and the form holds a word that no other
  site can read.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlencode, urlsplit

from aivideo_async.console.http import Answer, Ask, see_other
from aivideo_async.core.addresses import is_loopback
from aivideo_async.core.errors import ConfigurationError

ANY_HOST = "*"
"""As a host: whatever name it is reached by. The token is asked for anyhow, and a cookie belongs to one name."""
COOKIE = "aivideo_console"
TOKEN_AT_LEAST = 16
"""Letters of a token; a shorter one can be guessed."""


class Guard:
    """Refuses requests. ``hosts`` are names beside loopback under which the page may be asked for; they need a token.

    Raises ConfigurationError for hosts without a token, and for a token that is short.
    """

    def __init__(self, secret: bytes, *, hosts: Collection[str] = (), token: str | None = None) -> None:
        if hosts and token is None:
            raise ConfigurationError("off loopback the console needs a token", hint="token=secrets.token_urlsafe()")
        if token is not None and len(token) < TOKEN_AT_LEAST:
            raise ConfigurationError(f"a console's token has at least {TOKEN_AT_LEAST} letters")
        self._secret, self._token = secret, token
        self._hosts = frozenset(host.lower() for host in hosts)
        self.form_token: str = self._derived("form")

    def refuse(self, ask: Ask) -> Answer | None:
        """The refusal, the answer that sets the cookie, or ``None`` where the request may come."""
        host = ask.headers.get("host", "")
        name = _name(host)
        if not name or not (is_loopback(name) or self._hosts & {name, ANY_HOST}):
            return _plain(421, "This console does not answer to that host name.")
        if self._token is not None and not self._has_cookie(ask):
            return self._let_in(ask)
        if ask.method == "POST" and not self._is_own_form(ask, host):
            return _plain(403, "This form did not come from this page, or is too old. Go back, reload and try again.")
        return None

    def _let_in(self, ask: Ask) -> Answer:
        shown = ask.query.get("token", "")
        if ask.method != "GET" or not hmac.compare_digest(shown.encode(), (self._token or "").encode()):
            return _plain(401, "This console needs its token: open the address that was printed when it started.")
        rest = urlencode({name: value for name, value in ask.query.items() if name != "token"})
        secure = "; Secure" if ask.scheme == "https" else ""
        cookie = f"{COOKIE}={self._derived('cookie')}; Path={ask.base or '/'}; HttpOnly; SameSite=Strict{secure}"
        where = f"{ask.base}/{ask.path.lstrip('/')}" + (f"?{rest}" if rest else "")
        return see_other(where, ("Set-Cookie", cookie))

    def _has_cookie(self, ask: Ask) -> bool:
        try:
            morsel = SimpleCookie(ask.headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return morsel is not None and hmac.compare_digest(morsel.value.encode(), self._derived("cookie").encode())

    def _is_own_form(self, ask: Ask, host: str) -> bool:
        origin = urlsplit(ask.headers.get("origin", ""))
        told = ask.headers.get("sec-fetch-site", "same-origin") == "same-origin"
        given = next(iter(ask.form.get("form_token", ())), "")
        ours = origin.scheme in {"http", "https"} and origin.netloc.lower() == host.lower()
        return told and ours and hmac.compare_digest(given.encode(), self.form_token.encode())

    def _derived(self, purpose: str) -> str:
        message = f"{purpose}\n{self._token or ''}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:40]


def _name(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets; empty for what is none."""
    try:
        parts = urlsplit(f"//{host}")
        name = parts.hostname or ""
    except ValueError:
        return ""
    return name if parts.netloc == host and "@" not in host else ""


def _plain(status: int, text: str) -> Answer:
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))
    return Answer(status=status, headers=headers, body=f"{text}\n".encode())
