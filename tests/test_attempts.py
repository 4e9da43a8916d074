from __future__ import annotations

from collections.abc import Sequence

import pytest

from aivideo_async.attempts import Attempt, decisive, outcome, tried
from aivideo_async.catalog import Change, Sora2
from aivideo_async.core.errors import (
    AIVideoError,
    BudgetExceededError,
    InvalidRequestError,
    SubmissionInDoubtError,
    TaskFailedError,
    UpstreamError,
)
from aivideo_async.core.models import GenerationRequest, Output

CLIP = Sora2(prompt="a cat on a roof", duration=8)
DONE = Output(task_id="av_1", urls=("https://cdn.example.com/a.mp4",))
FAILED = TaskFailedError("failed", code="upstream_error", charged="no")


class Models:
    """What each model answers, in order; the one that is not named succeeds."""

    def __init__(self, **errors: AIVideoError) -> None:
        self.errors = {name.replace("_", "-").replace("-0", ".0"): error for name, error in errors.items()}
        self.asked: list[str] = []

    async def attempt(self, request: GenerationRequest, changes: tuple[Change, ...]) -> Attempt:
        self.asked.append(request.model)
        error = self.errors.get(request.model)
        return Attempt(request=request, changes=changes, error=error, output=None if error else DONE)

    async def tried(self, fallbacks: Sequence[str]) -> list[Attempt]:
        return await tried(await self.attempt(CLIP, ()), fallbacks, self.attempt)


async def test_a_result_needs_no_fallback() -> None:
    models = Models()
    attempts = await models.tried(["kling-3.0"])
    assert (models.asked, outcome(attempts)) == (["sora-2"], DONE)


async def test_what_failed_upstream_goes_to_the_next_model_and_the_whole_story_is_told() -> None:
    models = Models(sora_2=FAILED, kling_3_0=UpstreamError("503", code="upstream_error"))
    attempts = await models.tried(["kling-3.0", "veo-3"])
    assert models.asked == ["sora-2", "kling-3.0", "veo-3"]
    assert outcome(attempts) == DONE
    assert str(attempts[0]) == "sora-2: failed"
    assert str(attempts[2]) == "veo-3 (duration: 8 is left out): completed"


@pytest.mark.parametrize("error", [SubmissionInDoubtError("nobody knows"), InvalidRequestError("400", status=400)])
async def test_nothing_else_goes_on(error: AIVideoError) -> None:
    models = Models(sora_2=FAILED, kling_3_0=error)
    attempts = await models.tried(["kling-3.0", "veo-3"])
    assert models.asked == ["sora-2", "kling-3.0"]
    with pytest.raises(type(error)) as caught:
        outcome(attempts)
    assert caught.value.__notes__ == ["also tried: sora-2: failed"]


async def test_a_model_that_is_too_dear_or_cannot_carry_it_is_passed_over() -> None:
    models = Models(sora_2=FAILED, kling_3_0=BudgetExceededError("too dear"))
    fallbacks = ["wan-2.7-image-to-video", "kling-3.0", "veo-3"]
    attempts = await models.tried(fallbacks)
    assert models.asked == ["sora-2", "kling-3.0", "veo-3"]
    assert [type(attempt.error).__name__ for attempt in attempts] == [
        "TaskFailedError",
        "InvalidRequestError",
        "BudgetExceededError",
        "NoneType",
    ]


async def test_where_no_model_is_left_the_last_error_counts() -> None:
    models = Models(sora_2=FAILED, veo_3=FAILED)
    assert (await models.tried(["veo-3", "sora-2", "veo-3"]))[-1].error is FAILED
    assert models.asked == ["sora-2", "veo-3"]


async def test_of_models_that_were_passed_over_the_one_that_failed_counts() -> None:
    models = Models(sora_2=FAILED, kling_3_0=BudgetExceededError("too dear"))
    attempts = await models.tried(["kling-3.0"])
    assert decisive(attempts).error is FAILED
    with pytest.raises(TaskFailedError) as caught:
        outcome(attempts)
    assert caught.value.__notes__ == ["also tried: kling-3.0: too dear"]


async def test_a_first_model_that_does_not_fit_into_the_budget_is_the_end_of_it() -> None:
    models = Models(sora_2=BudgetExceededError("too dear"))
    attempts = await models.tried(["kling-3.0"])
    assert (models.asked, type(decisive(attempts).error)) == (["sora-2"], BudgetExceededError)
