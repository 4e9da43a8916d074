from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from aivideo_async import Client
from aivideo_async.probe.purse import Purse
from aivideo_async.probe.questions import answers
from aivideo_async.probe.redaction import Redactor
from aivideo_async.probe.report import (
    arguments_of,
    arrival_object,
    environment_text,
    exchange_object,
    number,
    report_object,
    samples,
)
from tests.probe.seeing import ID, accepted, callback, done, error, said, seen, task

MODELS = {"image": "gpt-image-2", "sora": "sora-2"}
REFUSED = "invalid_request"


@pytest.mark.parametrize(("amount", "shown"), [(None, None), (Decimal("2.0"), 2), (Decimal("2.4"), 2.4)])
def test_amounts_are_whole_where_they_are_whole(amount: Decimal | None, shown: float | None) -> None:
    assert number(amount) == shown


def test_samples_are_the_first_of_every_kind_with_a_table() -> None:
    found = seen(
        said("start.credits", 200, {"data": {"balance": 9800}}),
        accepted("image"),
        error("flat.create", 400, REFUSED),
        task("image", "pending"),
        task("image", "pending", progress=1),
        done("image"),
        said("image.head", 403),
        said("x", 502, "no object"),
        said("lost", None),
        callback(),
    )
    files = samples(found, Redactor())
    assert files.keys() == {
        *("credits.json", "create_ok.json", "error_400_invalid_request.json", "task_pending.json"),
        *("task_completed.json", "error_502_none.json", "callback_completed.json", "callback_completed.headers.json"),
        "README.md",
    }
    assert b"progress" not in files["task_pending.json"]
    assert b"9800" not in files["credits.json"]
    assert all(f"`{name}`" in files["README.md"].decode() for name in files if name != "README.md")


def test_the_bodies_that_were_sent_are_samples_too() -> None:
    found = seen(*(replace(accepted(step), request_body=b'{"model":"x"}') for step in ("image", "flat", "again")))
    assert {"body_nested.json", "body_flat.json"} <= samples(found, Redactor()).keys()


def test_a_hostile_status_is_no_path() -> None:
    assert not [name for name in samples(seen(task("image", "../../x")), Redactor()) if "/" in name or ".." in name]


def test_transcripts_hold_no_ids_and_no_secrets() -> None:
    redactor = Redactor(["hunter2"])
    made = replace(
        accepted("image"), path="/v1/hunter2", error="hunter2", request_headers=[("Authorization", "hunter2")]
    )
    text = json.dumps([exchange_object(made, redactor), arrival_object(callback(), redactor)])
    assert "hunter2" not in text
    assert ID not in text
    assert exchange_object(said("a", 502, "no object"), redactor)["body"] == '"no object"'
    assert exchange_object(replace(made, body=b""), redactor)["body"] is None


def test_the_report_says_what_was_spent_and_what_is_wrong() -> None:
    found, purse = seen(error("flat.create", 400, REFUSED)), Purse(Decimal(100))
    purse.reserve(Decimal("7.2"))
    told = report_object(answers(found), purse, ended="interrupted", left_out={"sora": "too dear"})
    assert told["credits"] == {"spent": None, "at_most": 7.2, "max_credits": 100}
    assert (told["state"], told["differs"], told["left_out"]) == ("interrupted", ["flat_body"], {"sora": "too dear"})


def test_a_refused_flat_body_and_measured_times_become_arguments_that_a_client_takes() -> None:
    found = seen(error("flat.create", 400, REFUSED), said("limits.credits", 429))
    found.ended["image"], found.ended["sora"] = ("completed", 12.34), ("failed", 1.0)
    arguments = arguments_of(found, answers(found), models=MODELS)
    assert arguments == {"body_form": "nested", "usual_seconds": {"gpt-image-2": 12.3}, "ask_rate": 1.0}
    assert Client("sk-x", **arguments)  # type: ignore[arg-type]  # they come from a file


def test_where_a_refusal_costs_no_second_form_is_tried() -> None:
    charged = error("impossible.create", 400, REFUSED)
    found = seen(accepted("sora"), charged, charges={"impossible": Decimal(1)})
    assert arguments_of(found, answers(found), models=MODELS) == {"body_form": "flat"}
    assert arguments_of(seen(), answers(seen()), models=MODELS) == {}


def test_the_settings_name_what_differs_and_the_secret_only_where_something_is_signed() -> None:
    plain, signed = (environment_text(answers(seen(callback(names=names)))) for names in ((), ("X-Signature",)))
    assert "AIVIDEO_WEBHOOK_SECRET" not in plain
    assert "# AIVIDEO_WEBHOOK_SECRET=\n" in signed
    assert all(line.startswith(("#", "AIVIDEO_")) for line in signed.splitlines())
