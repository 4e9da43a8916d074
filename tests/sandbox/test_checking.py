from __future__ import annotations

import pytest
from pydantic import JsonValue

from aivideo_async.core.models import Kind
from aivideo_async.sandbox.checking import checked, refusal
from aivideo_async.sandbox.dialect import RefusedError, Wanted
from aivideo_async.sandbox.scenarios import RateLimit, ServerError


def wanted(**fields: JsonValue) -> Wanted:
    return Wanted("sora-2", None, {"prompt": "x", **fields})


def test_unknown_fields_are_ignored_unless_the_service_is_strict() -> None:
    assert checked("video", wanted(durration=4)).model == "sora-2"
    with pytest.raises(RefusedError, match="durration"):
        checked("video", wanted(durration=4), strict=True)


@pytest.mark.parametrize(
    ("kind", "fields", "code"), [("image", {}, "model_not_found"), ("video", {"duration": 5}, "invalid_request")]
)
def test_what_the_catalog_refuses_is_refused(kind: Kind, fields: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(RefusedError) as caught:
        checked(kind, wanted(**fields))
    assert caught.value.code == code


def test_scenarios_have_their_answers() -> None:
    assert refusal(RateLimit(retry_after=2)).headers == (("Retry-After", "2"),)
    assert refusal(RateLimit()).headers == ()
    assert [refusal(ServerError(status)).status for status in (500, 503)] == [500, 503]
