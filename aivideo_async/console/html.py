"""HTML that is escaped by construction: the only way to a tag is ``el``, and ``el`` escapes whatever is no ``Html``.

There are no templates: a type checker reads these pages, they need no extra, and what a template engine leaves to its
author (unquoted attributes, ``javascript:`` addresses) cannot be written here. An attribute that is followed takes an
``Address``, which is a path of our own or an http(s) URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from urllib.parse import quote, urlencode, urlsplit

FOLLOWED = frozenset({"href", "src", "action", "poster", "formaction"})
"""Attributes that a browser follows."""
VOID = frozenset({"input", "link", "meta", "img", "br", "hr"})

_UNSEEN = dict.fromkeys((*range(32), *range(127, 160), *range(0xD800, 0xE000), 0xFEFF), "\N{REPLACEMENT CHARACTER}")
_UNSEEN.update({ord("\n"): "\n", ord("\t"): "\t", ord("\r"): " "})
# What turns the order of letters around is shown as what it is: a text must not read otherwise than it is sent.
_UNSEEN.update({code: f"[U+{code:04X}]" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))})


class Html(str):
    """Markup that was escaped already. Only ``el``, ``joined`` and constants of ours make it."""

    __slots__ = ()


class Address(str):
    """What may be followed: a path on our own origin, or an http(s) URL."""

    __slots__ = ()


Node = str | Html | Iterable["Node"] | None
Attribute = str | int | float | bool | None

NOTHING = Html("")


def visible(text: str) -> str:
    """The text with everything visible that is not: control characters, and those that turn the reading around."""
    return text.translate(_UNSEEN)


def joined(*children: Node) -> Html:
    """The children one after another, escaped where they are text."""
    return Html("".join(_node(child) for child in children))


def el(tag: str, /, *children: Node, **attributes: Attribute) -> Html:
    """``<tag attributes>children</tag>``.

    ``class_`` is ``class``, ``data_live`` is ``data-live``; ``None`` and ``False`` leave an attribute out, ``True``
    writes its name alone. Raises TypeError for an attribute that is followed and is no ``Address``.
    """
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{written}>")
    return Html(f"<{tag}{written}>{joined(*children)}</{tag}>")


def path(base: str, *parts: str, **query: str | int | None) -> Address:
    """A path of our own under ``base``; parts are quoted, and so is the query, without what is ``None`` or empty."""
    where = "/".join((base, *(quote(part, safe="") for part in parts)))
    kept = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return Address(f"{where}?{urlencode(kept)}" if kept else where)


def followable(url: str, own: str = "") -> Address | None:
    """The address for a URL that somebody else named; ``None`` for what is neither http(s) nor a path of our own.

    A URL under ``own`` (scheme and host) becomes a path, so that it is of the page's origin by whatever name that has.
    """
    if own and url.startswith(f"{own}/"):
        url = url.removeprefix(own)
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if any(letter <= " " or letter == "\\" for letter in url):
        return None
    if not parts.scheme and not parts.netloc:
        return Address(url) if url.startswith("/") else None
    return Address(url) if parts.scheme in {"http", "https"} and parts.hostname else None


def _node(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Html):
        return node
    if isinstance(node, str):
        return escape(visible(node), quote=False)
    return "".join(map(_node, node))


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    if name in FOLLOWED and not isinstance(value, Address):
        raise TypeError(f"{name} takes an Address")
    return f' {name}="{escape(visible(str(value)), quote=True)}"'
