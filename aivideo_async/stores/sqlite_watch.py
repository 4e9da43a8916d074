"""Who follows the changes of a SQLite store, and how those of other connections and processes are noticed.

``PRAGMA data_version`` changes when somebody else has committed; which records that was about, their revision says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from aivideo_async.stores.feeds import HINTS_AT_MOST, Subscription


class Watch:
    """Who follows, and how far the changes of others are known. Only the thread of the connection uses it."""

    def __init__(self, *, at_most: int = HINTS_AT_MOST) -> None:
        self._at_most = at_most
        self._followers: set[Subscription] = set()
        self._version = 0
        self._revision = 0
        self._own: set[int] = set()

    @property
    def followed(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._followers)

    def add(self, db: sqlite3.Connection, follower: Subscription) -> None:
        """From now on the follower is told of every change."""
        if not self._followers:
            self.begin(db)
        self._followers.add(follower)

    def remove(self, follower: Subscription) -> None:
        """Tell it no more."""
        self._followers.discard(follower)

    def begin(self, db: sqlite3.Connection) -> None:
        """Start from what the database holds now."""
        self._version = _data_version(db)
        self._revision = db.execute("SELECT revision FROM state").fetchone()[0]
        self._own.clear()

    def committed(self, changed: Iterable[tuple[int, str]]) -> None:
        """Tell of what this connection has changed: revisions and ids. The next look leaves these out."""
        if self._followers:
            for revision, id in changed:
                self._own.add(revision)
                self._tell(id)

    def missed(self) -> None:
        """Tell everybody that changes may have been missed."""
        self._tell(None)

    def look(self, db: sqlite3.Connection) -> None:
        """Tell of what others have changed since the last look."""
        version = _data_version(db)
        if version == self._version:
            # Revisions are given in the order of commits: below our own there is nothing that we do not know of.
            self._revision = max(self._own, default=self._revision)
            self._own.clear()
            return
        rows: list[tuple[int, str]] = db.execute(
            "SELECT revision, id FROM tasks WHERE revision > ? ORDER BY revision LIMIT ?",
            (self._revision, len(self._own) + self._at_most + 1),
        ).fetchall()
        ids = [id for revision, id in rows if revision not in self._own]
        if len(ids) > self._at_most:
            self.begin(db)
            self.missed()
            return
        self._version = version
        self._revision = max((revision for revision, _ in rows), default=self._revision)
        self._own.clear()
        for id in ids:
            self._tell(id)

    def _tell(self, id: str | None) -> None:
        """Collect it for every follower; who follows in a loop that is closed does so no longer."""
        for follower in tuple(self._followers):
            if not follower.tell(id, None):
                self._followers.discard(follower)


def _data_version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA data_version").fetchone()[0]
    return version
