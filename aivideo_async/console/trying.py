"""The view in which a request is tried: a model of the catalog, its fields, its price, and the code that does it. Pure.

The address holds everything that was filled in, so the price and the code of a request can be sent to a colleague.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from aivideo_async.catalog import MODELS, PRICES, estimate, usual_seconds
from aivideo_async.console.fields import FormField, fields_of, problems_of, read
from aivideo_async.console.html import Html, Node, el, joined
from aivideo_async.console.parts import (
    View,
    Visit,
    button,
    credits_text,
    form,
    heading,
    in_code,
    span_text,
    stranger,
)
from aivideo_async.console.snippets import as_curl, as_python
from aivideo_async.core.errors import InvalidRequestError
from aivideo_async.core.models import GenerationRequest

FIRST_MODEL = "sora-2"
MODEL, CALLBACK = "model", "callback_url"


def trying(visit: Visit) -> View:
    """The form for the model that was picked, filled with what the address or the form that was sent says."""
    said = visit.said
    if said is None and any(name != MODEL for name in visit.query):
        said = {name: [value] for name, value in visit.query.items()}
    model = (said or {}).get(MODEL, [visit.query.get(MODEL, FIRST_MODEL)])[-1]
    model = model if model in MODELS else FIRST_MODEL
    fields = fields_of(model, said)
    filled = {field.name: field.texts for field in fields}
    callback = next(iter((said or {}).get(CALLBACK, ())), "")
    lead = "Pick a model, see its fields, its price and the code that would do it, and send it to this sandbox."
    main = joined(
        heading("Try it", lead),
        el(
            "div",
            _form(visit, model, fields, callback),
            _quote(model, filled, visit.source.base_url, callback),
            class_="split try",
        ),
    )
    return View(title="Try it", place="try", main=main, still=True)


def _form(visit: Visit, model: str, fields: list[FormField], callback: str) -> Html:
    """One form that is sent by POST; its other button asks for the same page again, with what was filled in."""
    ahead = sorted((field for field in fields if field.first), key=lambda field: field.name != "prompt")
    first = [_control(visit, field) for field in ahead if field.control in {"text", "prose"}]
    short = [_control(visit, field) for field in ahead if field.control not in {"text", "prose"}]
    rest = [_control(visit, field) for field in fields if not field.first]
    more = _more(visit, fields, rest, callback)
    general = visit.problems.get("", "")
    return form(
        visit,
        visit.to("try"),
        el("p", stranger(general), class_="problem", role="alert") if general else None,
        _models(model, visit.problems.get(MODEL, "")),
        *first,
        el("div", *short, class_="short") if short else None,
        more,
        el(
            "div",
            button("Send", kind="main"),
            el("button", "Show price and code", type="submit", class_="quiet", formmethod="get", formnovalidate=True),
            class_="acts",
        ),
        class_="card fill",
        id="try",
        data_quote=True,
        data_model=model,
    )


def _models(chosen: str, problem: str) -> Html:
    kinds = groupby(MODELS.items(), key=lambda pair: str(pair[1].model_fields["kind"].default))
    groups = [
        el(
            "optgroup",
            *(el("option", name, value=name, selected=name == chosen) for name, _ in known),
            label=kind.title(),
        )
        for kind, known in kinds
    ]
    words = (MODELS[chosen].__doc__ or "").strip().split("\n\n")[0].replace("``", "")
    return el(
        "label",
        el("span", "Model"),
        el("select", *groups, name=MODEL, data_switch=True),
        el("small", " ".join(words.split())),
        el("span", stranger(problem, short=300), class_="problem") if problem else None,
    )


def _more(visit: Visit, fields: list[FormField], rest: list[Html], callback: str) -> Html:
    problem = visit.problems.get(CALLBACK, "")
    address = el(
        "label",
        el("span", "callback_url"),
        el("input", type="url", name=CALLBACK, value=callback, placeholder="http://127.0.0.1:8080/webhooks/\u2026"),
        el("small", "Where the end is announced; without it the task has to be asked for."),
        el("span", stranger(problem), class_="problem") if problem else None,
    )
    wrong = {field.name for field in fields if not field.first} | {CALLBACK}
    opened = bool(wrong & visit.problems.keys()) or bool(callback)
    return el("details", el("summary", "Everything else"), *rest, address, open=opened, id="more")


def _control(visit: Visit, field: FormField) -> Html:
    problem = visit.problems.get(field.name, "")
    described = f"help-{field.name}"
    hints = joined(
        el("small", field.help) if field.help else None,
        el("span", stranger(problem), class_="problem") if problem else None,
    )
    label = el("span", field.name, el("span", "required", class_="tag") if field.required else None)
    return el(
        "label", label, _input(field, described if hints else None, wrong=bool(problem)),
        el("span", hints, id=described, class_="hints") if hints else None, class_=f"field {field.control}",
    )  # fmt: skip


def _input(field: FormField, described: str | None, *, wrong: bool) -> Html:
    text = field.texts[-1] if field.texts else ""
    name, invalid = field.name, "true" if wrong else None
    if field.control in {"choice", "switch"}:
        words = {"true": "yes", "false": "no"} if field.control == "switch" else {}
        values = field.options or ("true", "false")
        left_out = [] if text else [el("option", "as the service has it", value="")]
        options = (el("option", words.get(value, value), value=value, selected=value == text) for value in values)
        return el("select", *left_out, *options, name=name, aria_describedby=described, aria_invalid=invalid)
    if field.control == "number":
        return el(
            "input", type="number", name=name, value=text, min=field.low, max=field.high, step="any",
            aria_describedby=described, aria_invalid=invalid,
        )  # fmt: skip
    if field.control == "text":
        return el(
            "input", name=name, value=text, maxlength=field.longest, aria_describedby=described, aria_invalid=invalid
        )
    hint = {"urls": "https://\u2026, one a line", "json": "[{\u2026}] as JSON"}.get(field.control)
    lines = "\n".join(field.texts) if field.control == "urls" else text
    return el(
        "textarea", "\n" if lines.startswith("\n") else None, lines, name=name,
        rows=4 if field.control == "prose" else 2,
        maxlength=field.longest, placeholder=hint, aria_describedby=described, aria_invalid=invalid, dir="auto",
    )  # fmt: skip


def _quote(model: str, filled: Mapping[str, Sequence[str]], base_url: str, callback: str) -> Html:
    try:
        request = read(model, filled)
    except InvalidRequestError as error:
        listed = [el("li", stranger(words, short=300)) for words in problems_of(error).values()]
        inner: Node = joined(el("h2", "Not yet"), el("ul", *listed, class_="plain problem"))
        return el("aside", el("section", inner, class_="card"), id="quote", class_="column side", aria_live="polite")
    price = el("section", el("h2", "Price"), _price(request), class_="card")
    code = in_code(as_python(request), as_curl(request, base_url, callback or None))
    return el("aside", price, code, id="quote", class_="column side", aria_live="polite")


def _price(request: GenerationRequest) -> Node:
    guess = estimate(request)
    high = guess.low if guess.high is None else guess.high
    span = credits_text(high) if guess.exact else f"{credits_text(guess.low)}\N{EN DASH}{credits_text(high)}"
    dollars = f"about ${PRICES.dollars(high):,.2f}; usually {span_text(usual_seconds(request))} at the hosted service"
    return joined(
        el("p", el("strong", span), " credits", class_="price"), el("p", dollars, class_="soft"),
        el("p", f"By the price book of {guess.dated}. Here it costs nothing real.", class_="soft small"),
    )  # fmt: skip
