from __future__ import annotations

import json
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.sandbox.dialect import ATTEMPTS
from aivideo_async.sandbox.plan import Made, Work
from aivideo_async.sandbox.records import Delivery, RequestEntry
from aivideo_async.sandbox.scenarios import (
    Delay,
    DropConnection,
    DuplicateCallback,
    EarlyCallback,
    Fail,
    ForgeCallback,
    LoseCallback,
    RateLimit,
    Scenario,
    ServerError,
)
from tests.sandbox.asking import (
    BEARER,
    CALLBACK,
    CLIP,
    KEY,
    LATER,
    NOW,
    SORA,
    accepted,
    an_engine,
    ask,
    content,
    ended,
    refused,
    the_task,
)


def body_of(delivery: Delivery) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", json.loads(delivery.body))


class TestCreate:
    def test_it_is_answered_with_the_id_of_a_new_task(self) -> None:
        engine = an_engine()
        created = ask(engine, SORA)
        assert created.answer.body == {"code": 200, "msg": "success", "data": {"taskId": the_task(engine).id}}

    @pytest.mark.parametrize("key", [None, "", "Bearer", "Bearer sk-other", f"Basic {KEY}", KEY])
    def test_without_a_known_key_it_is_refused(self, key: str | None) -> None:
        assert refused(an_engine(), SORA, key=key) == (401, "invalid_api_key")

    def test_a_model_is_found_only_where_it_belongs(self) -> None:
        assert refused(an_engine(), SORA, kind="image") == (404, "model_not_found")
        assert refused(an_engine(), {"model": "sora-9", "prompt": "x"}) == (404, "model_not_found")

    @pytest.mark.parametrize(
        "fields",
        [{}, {"prompt": ""}, {"prompt": "x" * 5001}, {"prompt": "x", "duration": 6}, {"prompt": 7},
         {"prompt": "x", "size": "1x1"}, {"prompt": "x", "image_urls": ["a", "b"]}],
    )  # fmt: skip
    def test_the_catalogs_limits_hold(self, fields: dict[str, JsonValue]) -> None:
        assert refused(an_engine(), {"model": "sora-2", **fields}) == (400, "invalid_request")

    def test_unknown_fields_are_ignored(self) -> None:
        task = accepted(an_engine(), {**SORA, "image_url": "x", "kind": "image", "seed": None})
        assert (task.plan.first, task.plan.kind) == (None, "video")

    def test_both_forms_make_the_same_plan(self) -> None:
        flat = accepted(an_engine(), {"model": "sora-2", "prompt": "x", "duration": 4, "size": "720x1280"})
        nested: JsonValue = {"model": "sora-2", "input": {"prompt": "x", "duration": 4, "aspect_ratio": "9:16"}}
        assert accepted(an_engine(), nested).plan == flat.plan

    def test_ids_are_uuids_of_version_4(self) -> None:
        assert accepted(an_engine()).id[14] == "4"


class TestCredits:
    def test_they_are_charged_at_create(self) -> None:
        engine = an_engine()
        accepted(engine)
        assert engine.get_credits(BEARER).body["data"] == {
            "balance": 800, "total_purchased": 1000, "total_consumed": 200,
        }  # fmt: skip

    def test_a_failed_task_gives_them_back(self) -> None:
        engine = an_engine()
        engine.enqueue([Fail()])
        ended(engine)
        assert engine.account(KEY).balance == 1000

    def test_too_few_are_402_and_nothing_is_charged(self) -> None:
        engine = an_engine(balance=199)
        assert refused(engine, SORA) == (402, "insufficient_credits")
        assert engine.account(KEY).balance == 199

    def test_fractions_are_charged(self) -> None:
        engine = an_engine()
        accepted(engine, {"model": "gpt-image-2", "prompt": "x"}, kind="image")
        assert engine.account(KEY).balance == Decimal("997.6")

    def test_the_documented_price_of_seedance(self) -> None:
        engine = an_engine()
        seedance: JsonValue = {"model": "doubao-seedance-2.0", "input": {"prompt": "x", "resolution": "1080p"}}
        assert accepted(engine, seedance).price == 510

    def test_only_a_key_sees_them(self) -> None:
        assert an_engine().get_credits(None).status == 401

    @given(st.lists(st.booleans(), max_size=12))
    def test_whatever_fails_what_is_consumed_is_what_was_not_given_back(self, failures: list[bool]) -> None:
        engine = an_engine(balance=10_000)
        engine.enqueue([Fail() if fails else () for fails in failures])
        for _ in failures:
            accepted(engine)
        for task in tuple(engine.tasks.values()):
            if task.course.failure is None:
                engine.finish(task.id, CLIP, NOW)
        engine.advance(LATER)
        assert engine.account(KEY).consumed == 200 * failures.count(False)


class TestLife:
    def test_a_task_is_pending_then_processing_then_completed(self) -> None:
        engine = an_engine()
        task = accepted(engine)
        engine.finish(task.id, CLIP, NOW)
        seen = [the_task(engine).status]
        while (due := engine.next_due()) is not None:
            engine.advance(due)
            seen.append(the_task(engine).status)
        assert list(dict.fromkeys(seen)) == ["pending", "processing", "completed"]

    def test_it_takes_part_of_the_usual_time_divided_by_the_speed(self) -> None:
        slow, fast = accepted(an_engine()), accepted(an_engine(speed=60))
        assert 0.55 * 360 <= slow.due_at - NOW <= 0.9 * 360
        assert fast.due_at - NOW == pytest.approx((slow.due_at - NOW) / 60)

    def test_a_delay_makes_it_longer(self) -> None:
        engine = an_engine(speed=60)
        engine.enqueue([Delay(600)])
        assert accepted(engine).due_at - accepted(an_engine(speed=60)).due_at == pytest.approx(10)

    def test_it_does_not_end_before_its_files_are_there(self) -> None:
        engine = an_engine()
        task = accepted(engine)
        assert engine.advance(LATER) == []
        assert the_task(engine).status == "processing"
        engine.finish(task.id, CLIP, LATER)
        assert len(engine.advance(LATER)) == 1

    def test_it_ends_once(self) -> None:
        engine = an_engine()
        ended(engine)
        engine.finish(the_task(engine).id, CLIP, LATER)
        assert engine.advance(LATER + 1) == []

    def test_the_output_has_urls_and_metadata(self) -> None:
        engine = an_engine()
        ended(engine)
        output = the_task(engine).body()["output"]
        assert isinstance(output, dict)
        assert output.keys() == {"urls", "metadata"}
        assert isinstance(output["urls"], list)
        assert engine.shelf.behind(str(output["urls"][0]), LATER) == content(b"clip")

    def test_a_last_frame_has_a_url_of_its_own(self) -> None:
        engine = an_engine()
        ended(engine, work=Work((Made("mp4", b"clip"),), "16:9", last_frame=Made("png", b"frame")))
        output = the_task(engine).output
        assert output is not None
        assert engine.shelf.behind(str(output["last_frame_url"]), LATER) == content(b"frame")

    def test_tracks_are_in_step_with_urls(self) -> None:
        engine = an_engine()
        songs = (Made("mp3", b"1", "One", 21.0), Made("mp3", b"2", "Two", 30.0))
        work = Work(songs, "1:1", covers=(Made("jpg", b"c1"), Made("jpg", b"c2")))
        ended(engine, {"model": "suno-v5", "prompt": "x"}, work=work, kind="music")
        metadata = cast("dict[str, list[dict[str, JsonValue]]]", (the_task(engine).output or {})["metadata"])
        assert [(track["title"], track["duration"]) for track in metadata["tracks"]] == [("One", 21.0), ("Two", 30.0)]
        assert engine.shelf.behind(str(metadata["tracks"][1]["image_url"]), LATER) == content(b"c2")

    def test_a_failure_speaks_as_the_service_does(self) -> None:
        engine = an_engine()
        engine.enqueue([Fail(code="upstream_error", message="sensitive")])
        ended(engine)
        code, message = the_task(engine).error or ("", "")
        assert code == "upstream_error"
        assert message.startswith("sensitive Request id: ")

    def test_files_that_cannot_be_made_fail_the_task(self) -> None:
        engine = an_engine()
        engine.finish(accepted(engine).id, ("upstream_error", "no picture"), NOW)
        engine.advance(LATER)
        assert (the_task(engine).status, engine.account(KEY).balance) == ("failed", Decimal(1000))


class TestQueries:
    def test_a_task_is_bare(self) -> None:
        engine = an_engine()
        task = accepted(engine)
        assert engine.get_task(task.id, BEARER, LATER).body == task.body()

    def test_only_its_own_key_sees_a_task(self) -> None:
        engine = an_engine()
        task = accepted(engine)
        engine.open_account("sk-other", Decimal(1))
        assert engine.get_task(task.id, None, LATER).status == 401
        error = {"code": "task_not_found", "message": f"Task {task.id} not found", "type": "invalid_request_error"}
        assert engine.get_task(task.id, "Bearer sk-other", LATER).body == {"error": error}

    def test_the_log_is_counted_by_endpoint(self) -> None:
        engine = an_engine()
        for status in (200, 429):
            engine.log(RequestEntry(at=NOW, endpoint="create", method="POST", path="/", status=status))
        assert (engine.count("create"), engine.count("get_task")) == (2, 0)


class TestCallbacks:
    def test_a_callback_is_the_bare_task(self) -> None:
        engine = an_engine()
        (delivery,) = ended(engine)
        assert (delivery.url, delivery.event) == (CALLBACK, "task.completed")
        assert body_of(delivery) == the_task(engine).body()

    def test_there_is_none_without_a_url(self) -> None:
        assert ended(an_engine(), {"model": "sora-2", "prompt": "x"}) == []

    def test_it_is_tried_three_times_and_then_given_up(self) -> None:
        engine = an_engine(speed=60)
        made = ended(engine)
        moments = [LATER]
        while made:
            engine.delivered(made[-1], moments[-1] + 0.1, status=500)
            due = engine.next_due()
            made = [] if due is None else engine.advance(due)
            moments += [] if due is None else [due]
        assert [moment - LATER for moment in moments] == [seconds / 60 for seconds in ATTEMPTS]
        assert {attempt.delivery_id for attempt in engine.callbacks} == {engine.callbacks[0].delivery_id}
        assert [attempt.attempt for attempt in engine.callbacks] == [1, 2, 3]

    def test_a_slow_attempt_does_not_put_the_next_one_into_the_past(self) -> None:
        engine = an_engine(speed=3600)
        (delivery,) = ended(engine)
        engine.delivered(delivery, LATER + 30, status=None, error="TimeoutError")
        assert engine.next_due() == LATER + 30

    def test_one_that_was_accepted_is_not_repeated(self) -> None:
        engine = an_engine()
        (delivery,) = ended(engine)
        engine.delivered(delivery, LATER, status=204)
        assert engine.next_due() is None

    def test_a_lost_one_is_never_sent(self) -> None:
        engine = an_engine()
        engine.enqueue([LoseCallback()])
        assert ended(engine) == []
        assert the_task(engine).status == "completed"

    def test_a_duplicate_follows_once_the_first_was_accepted(self) -> None:
        engine = an_engine()
        engine.enqueue([DuplicateCallback()])
        (delivery,) = ended(engine)
        engine.delivered(delivery, LATER, status=200)
        (again,) = engine.advance(LATER)
        assert (again.id, again.body, again.duplicate) == (delivery.id, delivery.body, True)
        engine.delivered(again, LATER, status=500)
        assert engine.next_due() is None

    @pytest.mark.parametrize(("truth", "lie"), [((), "failed"), (Fail(), "completed")])
    def test_a_forged_one_comes_first_and_says_the_opposite(self, truth: Scenario | tuple[()], lie: str) -> None:
        engine = an_engine()
        engine.enqueue([(ForgeCallback(),) if truth == () else (ForgeCallback(), Fail())])
        (forged,) = ended(engine)
        assert (forged.forged, body_of(forged)["status"], body_of(forged)["id"]) == (True, lie, the_task(engine).id)
        engine.delivered(forged, LATER, status=401)
        (true,) = engine.advance(LATER)
        assert (true.forged, body_of(true)) == (False, the_task(engine).body())


class TestScenarios:
    def test_each_create_takes_one(self) -> None:
        engine = an_engine()
        engine.enqueue([RateLimit(), (), ServerError()])
        answers = [ask(engine, SORA).answer for _ in range(4)]
        assert [answer.status for answer in answers if answer] == [429, 200, 500, 200]

    def test_a_create_at_fault_takes_none(self) -> None:
        engine = an_engine()
        engine.enqueue([RateLimit()])
        refused(engine, {"model": "sora-2"})
        assert refused(engine, SORA) == (429, "rate_limit_exceeded")

    @pytest.mark.parametrize(
        ("after", "header"), [(None, ()), (2, (("Retry-After", "2"),)), (0.5, (("Retry-After", "0.5"),))]
    )
    def test_a_rate_limit_may_say_how_long(self, after: float | None, header: tuple[tuple[str, str], ...]) -> None:
        engine = an_engine()
        engine.enqueue([RateLimit(after)])
        answer = ask(engine, SORA).answer
        assert answer is not None
        assert answer.headers == header

    @pytest.mark.parametrize(
        ("status", "code"), [(500, "internal_error"), (502, "internal_error"), (503, "upstream_error")]
    )
    def test_a_server_error_charges_nothing(self, status: int, code: str) -> None:
        engine = an_engine()
        engine.enqueue([ServerError(status)])
        assert refused(engine, SORA) == (status, code)
        assert engine.account(KEY).balance == 1000

    def test_a_server_error_can_hide_a_task_that_runs(self) -> None:
        engine = an_engine()
        engine.enqueue([ServerError(accepted=True)])
        created = ask(engine, SORA)
        assert (created.answer.status, engine.account(KEY).balance) == (500, Decimal(800))
        assert created.task is not None

    def test_a_dropped_connection_has_a_task_and_no_answer(self) -> None:
        engine = an_engine()
        engine.enqueue([DropConnection()])
        created = ask(engine, SORA)
        assert (created.answer.twist, created.task) == ("cut", the_task(engine))

    def test_an_early_task_ends_at_once_and_holds_the_answer(self) -> None:
        engine = an_engine()
        engine.enqueue([EarlyCallback()])
        created = ask(engine, SORA)
        engine.finish(the_task(engine).id, CLIP, NOW)
        assert created.held
        assert len(engine.advance(NOW)) == 1

    def test_nothing_is_held_where_no_callback_will_come(self) -> None:
        engine = an_engine()
        engine.enqueue([EarlyCallback(), (EarlyCallback(), LoseCallback())])
        assert not ask(engine, {"model": "sora-2", "prompt": "x"}).held
        assert not ask(engine, SORA).held

    def test_what_is_no_scenario_is_refused_with_all_beside_it(self) -> None:
        engine = an_engine()
        with pytest.raises(ConfigurationError):
            engine.enqueue([Fail(), cast("Scenario", "Fail")])
        assert accepted(engine).course.failure is None


def test_the_same_seed_makes_the_same_service() -> None:
    def run(seed: int) -> list[tuple[str, int, float]]:
        engine = an_engine(seed=seed)
        tasks = [accepted(engine) for _ in range(3)]
        return [(task.id, task.plan.seed, task.due_at) for task in tasks]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_callback_is_sent_again_only_where_there_is_one() -> None:
    engine = an_engine()
    assert not engine.resend("nobody", NOW)
    ended(engine)
    task = the_task(engine)
    assert engine.resend(task.id, LATER)
    (again,) = engine.advance(LATER)
    assert (again.task_id, again.attempt, again.event) == (task.id, 1, "task.completed")
    running = accepted(engine)
    assert not engine.resend(running.id, LATER)


def test_what_waits_for_the_next_creates_can_be_seen() -> None:
    engine = an_engine()
    engine.enqueue([Fail(), LoseCallback()])
    assert [course.scenarios for course in engine.waiting()] == [(Fail(),), (LoseCallback(),)]


def test_a_task_knows_the_fields_that_it_was_made_of() -> None:
    assert accepted(an_engine(), {**SORA, "duration": 12}).fields["duration"] == 12
