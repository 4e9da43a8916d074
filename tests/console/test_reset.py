from __future__ import annotations

from aivideo_async.console.reset import reset
from tests.console.asking import a_source, a_visit
from tests.sandbox.asking import an_engine, ended


def test_it_says_what_goes_and_what_stays() -> None:
    engine = an_engine()
    ended(engine)
    view = reset(a_visit(a_source(engine)))
    goes, _, stays = view.main.partition("Stays")
    for text in ("1 task ", "0 requests", "0 callback attempts", "2 postings", "the next creates"):
        assert text in goes
    for text in ("bought, 1,000", "keys", "faults that are set for a share"):
        assert text in stays
    assert view.still
    assert 'action="/console/reset"' in view.main
