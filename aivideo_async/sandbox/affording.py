"""Whether a key can pay for a request: its account's balance, and its own spend caps (api.md §5). Pure."""

from __future__ import annotations

from decimal import Decimal

from aivideo_async.catalog import PriceBook, estimate
from aivideo_async.core.models import GenerationRequest
from aivideo_async.sandbox.dialect import RefusedError, number
from aivideo_async.sandbox.keys import SPANS, ApiKey
from aivideo_async.sandbox.ledger import Ledger


def affordable(request: GenerationRequest, key: ApiKey, ledger: Ledger, prices: PriceBook, now: float) -> Decimal:
    """What the request costs. Raises RefusedError: too few credits, or a cap of the key would be passed."""
    guess = estimate(request, prices)
    price = guess.low if guess.high is None else guess.high
    balance = ledger.account(key.account).balance
    if balance < price:
        message = f"Insufficient credits: {number(price)} required, {number(balance)} available"
        raise RefusedError("insufficient_credits", message)
    for name, cap in key.caps.items():
        spent = ledger.spent(key.id, now - SPANS[name])
        if spent + price > cap:
            message = f"The {name} spend limit of this API key is reached: {number(spent)} of {number(cap)} credits"
            raise RefusedError("spend_limit_exceeded", message)
    return price
