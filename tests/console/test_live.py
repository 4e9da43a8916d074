"""A page that was away is told at once if it missed anything."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from aivideo_async.console.live import news
from tests.console.asking import RicherSource, first_of


class Told(RicherSource):
    """A source whose revisions are given."""

    def __init__(self, *revisions: str) -> None:
        super().__init__()
        self.given = revisions

    async def revisions(self, since: str) -> AsyncGenerator[str]:
        for revision in self.given:
            if revision != since or self.given.count(revision) > 1:
                yield revision


async def test_what_is_new_has_the_revision_as_its_id() -> None:
    retry, event = await first_of(news(Told("2"), "1"), 2)
    assert retry.startswith(b"retry: ")
    assert event == b"id: 2\nevent: change\ndata: 2\n\n"


async def test_what_is_not_new_is_only_a_sign_of_life() -> None:
    _, sign = await first_of(news(Told("1", "1"), "1"), 2)
    assert sign == b": here\n\n"
