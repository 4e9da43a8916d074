"""The mark from which the account is audited, kept in the store, and the audit itself."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

from aivideo_async.core.audit import Audit, Mark, Reckoning
from aivideo_async.stores.base import Query, Store

NOTE = "audit"


async def audited(store: Store, origin: str, now: Mark, *, mark: bool) -> Audit:
    """The span from the mark in the store until ``now``; where there is none, or with ``mark``, now is the next one.

    Raises StoreError.
    """
    name = f"{NOTE} {origin}"
    since = _read(await store.note(name)) or now
    reckoning = Reckoning(since, now)
    if since is not now:
        async for record in store.scan(Query(origin=origin)):
            reckoning.add(record)
    if mark or since is now:
        await store.note(name, json.dumps({"at": now.at.isoformat(), "consumed": str(now.consumed)}))
    return reckoning.audit()


def _read(text: str | None) -> Mark | None:
    if text is None:
        return None
    kept = json.loads(text)
    return Mark(datetime.fromisoformat(kept["at"]), Decimal(kept["consumed"]))
