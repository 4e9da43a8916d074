"""Stores that misbehave as told: the public contract's, under the name that our tests use."""

from __future__ import annotations

from aivideo_async.store_contract.unreliable import UnreliableStore

__all__ = ["UnreliableStore"]
