"""The engine's keys as the console has them: shown by their last letters, and changed by forms that are read here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from aivideo_async.console.controls import Cap, FormError, KeyForm, KeyLine
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.models import moment
from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.keys import DEFAULT_KEY, SPANS, ApiKey, checked_addresses, checked_credits

HIDDEN = "\N{BULLET}" * 6
AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,4})?")


class Keys:
    """The keys of an engine; those that are made here share one ``account``. ``changed`` is called after each change.

    ``now`` gives unix seconds.
    """

    can_change = True

    def __init__(
        self, engine: Engine, account: str, now: Callable[[], float], changed: Callable[[], None] = lambda: None
    ) -> None:
        self._engine, self._account, self._now, self._changed = engine, account, now, changed

    def keys(self) -> Sequence[KeyLine]:
        """Every key."""
        sharers = Counter(key.account for key in self._engine.keys)
        return [self._line(key, sharers[key.account]) for key in self._engine.keys]

    def issue(self, form: KeyForm) -> str:
        """Make a key. Raises FormError with all that is wrong at once."""
        wrong: dict[str, str] = {}
        addresses, caps = _limits(form, wrong)
        own = _amount(form.credits, "credits", wrong)
        if not wrong:
            try:
                secret = self._engine.issue_key(
                    form.name, account=self._account, now=self._now(), credits=own, addresses=addresses, **caps
                )
            except ConfigurationError as error:
                raise FormError({"name": str(error)}) from error
            self._changed()
            return secret
        raise FormError(wrong)

    def limit(self, name: str, form: KeyForm) -> None:
        """Give a key these caps and addresses. Raises FormError, ConfigurationError."""
        wrong: dict[str, str] = {}
        addresses, caps = _limits(form, wrong)
        if wrong:
            raise FormError(wrong)
        self._engine.keys.limit(name, addresses=addresses, **caps)
        self._changed()

    def top_up(self, name: str, form: KeyForm) -> None:
        """Buy credits for a key's account. Raises FormError, ConfigurationError."""
        account, wrong = self._engine.keys.named(name).account, dict[str, str]()
        amount = _amount(form.credits, "credits", wrong)
        if not amount:
            raise FormError({"credits": "a top-up is more than nothing", **wrong})
        self._engine.top_up(account, amount, self._now())
        self._changed()

    def switch(self, name: str, *, on: bool) -> None:
        """Disable a key, or let it in again. Raises ConfigurationError."""
        self._engine.keys.switch(name, on=on)
        self._changed()

    def delete(self, name: str) -> None:
        """Forget a key. Raises ConfigurationError."""
        self._engine.keys.delete(name)
        self._changed()

    def _line(self, key: ApiKey, shared_by: int) -> KeyLine:
        ledger, now = self._engine.ledger, self._now()
        caps = [
            Cap(span=span, credits=cap, spent=ledger.spent(key.id, now - SPANS[span])) for span, cap in key.caps.items()
        ]
        return KeyLine(
            name=key.name, hint=f"{HIDDEN}{key.hint}", balance=ledger.account(key.account).balance, shared_by=shared_by,
            consumed=ledger.spent(key.id), own=key.name == DEFAULT_KEY, disabled=key.disabled,
            created_at=moment(key.created_at), caps=caps, addresses=key.addresses,
        )  # fmt: skip


def _limits(form: KeyForm, wrong: dict[str, str]) -> tuple[tuple[str, ...], Mapping[str, Decimal | None]]:
    """The addresses and caps of a form; what is wrong with them goes into ``wrong``."""
    texts = {"hourly": form.hourly, "daily": form.daily, "total": form.total}
    caps = {span: _amount(text, span, wrong) for span, text in texts.items()}
    try:
        return checked_addresses(form.addresses.split()), caps
    except ConfigurationError as error:
        wrong["addresses"] = str(error)
        return (), caps


def _amount(text: str, name: str, wrong: dict[str, str]) -> Decimal | None:
    text = text.strip()
    try:
        if AMOUNT.fullmatch(text):
            return checked_credits(Decimal(text))
    except ConfigurationError as error:
        wrong[name] = str(error)
    else:
        if text:
            wrong[name] = "write a number of credits, such as 500"
    return None
