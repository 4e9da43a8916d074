from __future__ import annotations

import re

from aivideo_async.console import frame
from aivideo_async.console.html import Html
from aivideo_async.console.parts import View, Visit
from aivideo_async.console.script import SCRIPT
from aivideo_async.console.store_source import StoreSource
from aivideo_async.console.style import STYLE
from aivideo_async.stores import MemoryStore
from tests.console.asking import HOSTILE, a_visit

VIEW = View(title=HOSTILE, place="tasks", main=Html("<p>x</p>"))


def test_only_what_bears_the_word_is_run_and_nothing_foreign_is_loaded() -> None:
    answer = frame.answer(a_visit(), VIEW, nonce="once")
    headers, page = dict(answer.headers), answer.body.decode()
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'nonce-once'" in policy
    assert "unsafe" not in policy
    (script,) = re.findall(r"<script[^>]*>", page)
    assert re.fullmatch(r'<script src="/console/assets/[^"]*" nonce="once" defer>', script)
    assert not re.search(r" on\w+=| style=|https?://", page)
    assert "<title>&lt;script&gt;" in page


def test_a_view_that_stands_still_is_not_listened_for() -> None:
    still = View(title="x", place="try", main=Html(""), still=True)
    assert "data-live" not in frame.page(a_visit(), still, nonce="n")
    assert 'data-live="/console/live"' in frame.page(a_visit(), VIEW, nonce="n")


def test_assets_are_kept_for_ever_by_a_name_of_their_own() -> None:
    for name, (body, _) in frame.ASSETS.items():
        answer = frame.asset(name)
        assert answer is not None
        assert answer.body == body
        assert "immutable" in dict(answer.headers)["Cache-Control"]
    assert frame.asset("console.css") is None


def test_a_source_has_the_views_of_what_it_has() -> None:
    over_a_store = Visit(source=StoreSource(MemoryStore()), base="", form_token="")
    assert [place for place, _ in frame.places(over_a_store)] == ["tasks", "credits"]
    assert [place for place, _ in frame.places(a_visit())] == list(frame.ICONS)


def test_nothing_in_style_or_script_leads_away() -> None:
    assert "http" not in STYLE + SCRIPT
    assert "@import" not in STYLE
    assert "innerHTML" not in SCRIPT
    assert "eval(" not in SCRIPT
