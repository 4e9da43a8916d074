from __future__ import annotations

from aivideo_async.probe.findings import Exchange, ended_in, task_in, urls_in
from tests.probe.seeing import ID, NOW, accepted, callback, done, error, said, seen, task


def test_an_exchange_says_status_and_code_or_why_there_is_none() -> None:
    assert error("a", 400, "invalid_request").said == "400 invalid_request"
    assert said("a", 502, "no object").said == "502"
    assert said("a", None).said == "no answer: the connection broke"
    assert said("a", 429, Retry_After="7").header("RETRY-AFTER") == "7"


def test_what_is_no_answer_is_a_create_in_doubt() -> None:
    lost = Exchange(label="a", at=NOW, method="POST", path="/x")
    assert lost.outcome().kind == "in_doubt"
    assert accepted("image").outcome().service_id == ID


def test_only_what_was_answered_counts() -> None:
    found = seen(said("a", None), said("a", 200), said("b", 200))
    assert [exchange.status for exchange in found.all("a")] == [200]
    assert found.first("c") is None


def test_a_task_is_found_bare_and_in_an_envelope() -> None:
    assert task_in({"status": "pending", "data": {}}) == {"status": "pending", "data": {}}
    assert task_in({"code": 200, "data": {"status": "pending"}}) == {"status": "pending"}
    assert task_in({"data": 7}) == {"data": 7}


def test_endings_are_known_whatever_they_are_called() -> None:
    assert ended_in({"error": {}})
    assert ended_in({"completed_at": 1})
    assert ended_in(done("a").task)
    assert not ended_in({"status": "rendering"})
    assert seen(callback("processing"), callback()).endings() == [callback()]


def test_results_are_those_of_the_last_answer_that_has_any() -> None:
    found = seen(task("image", "pending"), done("image"), task("image", "odd"))
    assert found.result("image") == done("image")
    assert found.result("sora") is None
    assert urls_in({"output": None}) == urls_in({"output": {"urls": None}}) == ()


def test_the_tasks_that_were_made_are_known_by_their_true_ids() -> None:
    assert seen(accepted("image"), error("flat.create", 400, "x")).tasks() == [("image", ID)]
