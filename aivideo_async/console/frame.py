"""What stands around every view: the head, the navigation, and the policy by which a browser loads nothing foreign."""

from __future__ import annotations

from hashlib import sha256

from aivideo_async.console.html import Address, Html, Node, el, joined
from aivideo_async.console.http import Answer
from aivideo_async.console.parts import View, Visit
from aivideo_async.console.script import SCRIPT
from aivideo_async.console.style import STYLE

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#3d4fc4"/>'
    '<path d="M12.5 9.6v12.8c0 .8.9 1.3 1.6.8l9-6.4c.5-.4.5-1.2 0-1.6l-9-6.4c-.7-.5-1.6 0-1.6.8z" fill="#fff"/></svg>'
)
ASSETS = {
    f"{name}-{sha256(text.encode()).hexdigest()[:12]}.{suffix}": (text.encode(), kind)
    for name, suffix, text, kind in (
        ("console", "css", STYLE, "text/css; charset=utf-8"),
        ("console", "js", SCRIPT, "text/javascript; charset=utf-8"),
        ("icon", "svg", ICON, "image/svg+xml"),
    )
}
"""By a name that changes with what is in them, so that a browser may keep them for ever."""
_CSS, _JS, _ICON = ASSETS

ICONS = {
    "tasks": "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z",
    "callbacks": "M3 10h11M10 5l5 5-5 5M17 4v12",
    "requests": "M4 5h12M4 10h12M4 15h8",
    "credits": "M3 16l4-5 3 3 7-9M17 9V5h-4",
    "keys": "M12 12a4 4 0 1 0-3.5-2L3 15.5V17h3v-2h2l2.2-2.8",
    "faults": "M10 3l7.5 13.5h-15zM10 8v4M10 14.2v.3",
    "try": "M10 3v14M3 10h14",
}


def page(visit: Visit, view: View, *, nonce: str) -> Html:
    """The whole page."""
    source = visit.source
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"{view.title} \N{MIDDLE DOT} {source.title}"),
        el("link", rel="icon", href=visit.to("assets", _ICON)),
        el("link", rel="stylesheet", href=visit.to("assets", _CSS), nonce=nonce),
        el("script", src=visit.to("assets", _JS), nonce=nonce, defer=True),
    )
    main = el("main", view.main, id="main", tabindex=-1)
    body = el(
        "body",
        el("a", "Skip to the content", href=Address("#main"), class_="skip"),
        _navigation(visit, view.place),
        el("div", main, el("footer", el("p", source.note), class_="foot"), class_="page"),
        data_live=None if view.still else visit.to("live"),
        data_revision=source.revision(),
    )
    return joined(Html("<!doctype html>\n"), el("html", head, body, lang="en"))


def answer(visit: Visit, view: View, *, nonce: str) -> Answer:
    """The page as it is sent."""
    return Answer(status=view.status, headers=headers(nonce), body=page(visit, view, nonce=nonce).encode())


def headers(nonce: str) -> tuple[tuple[str, str], ...]:
    """No script, style, picture or request but our own; no frame around the page; nothing kept."""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    )


def asset(name: str) -> Answer | None:
    """A style sheet, script or picture of ours."""
    found = ASSETS.get(name)
    if found is None:
        return None
    kept = ("Cache-Control", "public, max-age=31536000, immutable")
    return Answer(headers=(("Content-Type", found[1]), kept, ("X-Content-Type-Options", "nosniff")), body=found[0])


def places(visit: Visit) -> list[tuple[str, str]]:
    """The views that this source has, by place and name."""
    source = visit.source
    offered = (
        ("tasks", "Tasks", True),
        ("callbacks", "Callbacks", source.callbacks is not None),
        ("requests", "Requests", source.requests is not None),
        ("credits", "Credits", True),
        ("keys", "Keys", source.keys is not None),
        ("faults", "Faults and clock", source.switchboard is not None),
        ("try", "Try it", source.workshop is not None),
    )
    return [(place, name) for place, name, has in offered if has]


def _navigation(visit: Visit, current: str) -> Html:
    links = (_link(visit, place, name, current) for place, name in places(visit))
    brand = el("a", _mark(), el("span", visit.source.title), href=visit.to("tasks"), class_="brand")
    return el("nav", brand, el("ul", *links), class_="side", aria_label="Console")


def _mark() -> Node:
    plate = el("rect", width=20, height=20, rx=5.6, class_="plate")
    arrow = el("path", d="M7.8 6v8c0 .5.6.8 1 .5l5.6-4c.3-.2.3-.8 0-1l-5.6-4c-.4-.3-1 0-1 .5z", class_="arrow")
    return el("svg", plate, arrow, viewBox="0 0 20 20", aria_hidden="true", class_="mark")


def _link(visit: Visit, place: str, name: str, current: str) -> Html:
    icon = el("svg", el("path", d=ICONS[place]), viewBox="0 0 20 20", aria_hidden="true")
    here = "page" if place == current else None
    return el("li", el("a", icon, el("span", name), href=visit.to(place), aria_current=here, class_=place))
