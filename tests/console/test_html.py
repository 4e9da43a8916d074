"""Whatever is written by strangers stays text, and leads nowhere."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.console.html import Address, Html, el, followable, joined, path, visible


class Read(HTMLParser):
    """What a parser makes of markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text())
def test_no_text_makes_a_tag_or_an_attribute(text: str, value: str) -> None:
    read = Read(el("p", text, title=value))
    assert read.tags == ["p"]
    assert read.attributes == [("title", visible(value))]
    assert read.text == visible(text)


def test_what_turns_the_reading_around_is_shown_as_what_it_is() -> None:
    assert (
        visible("a\u202eb\u2066c\x00d\ud800")
        == "a[U+202E]b[U+2066]c\N{REPLACEMENT CHARACTER}d\N{REPLACEMENT CHARACTER}"
    )


def test_markup_is_kept_and_nothing_is_nothing() -> None:
    assert joined(el("br"), None, ["a", ("<", Html("<i>"))]) == "<br>a&lt;<i>"
    assert el("input", checked=True, disabled=False, name="x", max=None) == '<input checked name="x">'
    assert el("label", class_="a", for_="b", data_live="c") == '<label class="a" for="b" data-live="c"></label>'


@pytest.mark.parametrize("name", ["href", "src", "action", "poster", "formaction"])
def test_what_is_followed_is_an_address(name: str) -> None:
    with pytest.raises(TypeError, match=name):
        el("a", **{name: "https://example.com/"})
    assert el("a", **{name: Address("/x")}) == f'<a {name}="/x"></a>'


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example/x", "vbscript:x", "file:///etc/passwd", "x", "",
     "http://", "https:evil", "java\tscript:x", "http://[", "/\\evil.example", "http://a b/", "\x01javascript:x"],
)  # fmt: skip
def test_only_http_and_paths_of_our_own_are_followed(url: str) -> None:
    assert followable(url) is None


def test_a_url_of_our_own_becomes_a_path() -> None:
    assert followable("http://127.0.0.1:1/files/a.mp4?x=1", "http://127.0.0.1:1") == "/files/a.mp4?x=1"
    assert followable("https://cdn.example/a.mp4") == "https://cdn.example/a.mp4"
    assert followable("http://127.0.0.1:1//evil.example/", "http://127.0.0.1:1") is None


def test_a_path_quotes_its_parts_and_its_query() -> None:
    assert path("/c", "tasks", "a/../b?", q="x&y=<z>", page=None, view="") == "/c/tasks/a%2F..%2Fb%3F?q=x%26y%3D%3Cz%3E"
