"""Records as the rooms around a store put them: those of the public contract, under the name that our tests use."""

from __future__ import annotations

from aivideo_async.store_contract.records import (
    ELSEWHERE,
    ORIGIN,
    REQUEST,
    accepted,
    completion,
    everything,
    expiry,
    failure,
    hint,
    intent,
    refusal,
)

__all__ = [
    "ELSEWHERE",
    "ORIGIN",
    "REQUEST",
    "accepted",
    "completion",
    "everything",
    "expiry",
    "failure",
    "hint",
    "intent",
    "refusal",
]
