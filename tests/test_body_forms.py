from __future__ import annotations

import asyncio

from aivideo_async.body_forms import BodyForms
from aivideo_async.catalog import GenericRequest, Sora2

CLIP = Sora2(prompt="x")
OTHER = GenericRequest(kind="video", model="new", input={"prompt": "x"})


def test_sora_begins_flat_and_everything_else_is_nested() -> None:
    forms = BodyForms("auto")
    assert (forms.first(CLIP), forms.other(CLIP, "flat")) == ("flat", "nested")
    assert (forms.first(OTHER), forms.other(OTHER, "nested")) == ("nested", None)


def test_what_was_learnt_is_sent_first_and_there_is_no_other() -> None:
    forms = BodyForms("auto")
    forms.learn(CLIP, "nested")
    assert (forms.first(CLIP), forms.other(CLIP, "nested")) == ("nested", None)


def test_a_setting_decides_for_models_that_have_both() -> None:
    forms = BodyForms("nested")
    assert (forms.first(CLIP), forms.other(CLIP, "nested")) == ("nested", None)
    assert BodyForms("flat").first(OTHER) == "nested"


async def test_turns_are_taken_only_while_a_form_is_unknown() -> None:
    forms, inside, go = BodyForms("auto"), asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with forms.turn(CLIP):
            inside.set()
            await go.wait()
            forms.learn(CLIP, "flat")

    async def second() -> bool:
        async with forms.turn(CLIP):
            return go.is_set()

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        await inside.wait()
        waited = group.create_task(second())
        async with forms.turn(OTHER):
            assert not waited.done()
        go.set()
    assert waited.result()
    assert await second()
