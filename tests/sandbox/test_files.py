from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from aivideo_async.sandbox.engine import Engine
from aivideo_async.sandbox.files import PRIVATE_URL, Handout
from aivideo_async.sandbox.plan import Made, Work
from aivideo_async.sandbox.scenarios import Changed, ExpiredUrl, RedirectPrivate, Scenario, ShortBody
from aivideo_async.sandbox.shelf import ShelfError
from tests.sandbox.asking import LATER, an_engine, ended, the_task

CLIP = b"0123456789"


def with_clip(*faults: Scenario) -> tuple[Engine, str]:
    engine = an_engine()
    engine.enqueue([faults])
    ended(engine, work=Work((Made("mp4", CLIP),), "16:9"))
    return engine, told(engine)


def told(engine: Engine) -> str:
    output = the_task(engine).output
    assert output is not None
    urls = output["urls"]
    assert isinstance(urls, list)
    return str(urls[0])


@dataclass(frozen=True)
class Got:
    """A handout with the body that it comes to."""

    handout: Handout
    body: bytes

    @property
    def status(self) -> int:
        return self.handout.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.handout.headers

    @property
    def length(self) -> int:
        return self.handout.length


def get(engine: Engine, url: str, *, wanted: str | None = None, if_range: str | None = None) -> Got:
    parts = urlsplit(url)
    handout = engine.files.hand_out(parts.path, dict(parse_qsl(parts.query)), LATER, wanted=wanted, if_range=if_range)
    pieces = [CLIP[first : first + size] for first, size in handout.pieces(3)]
    return Got(handout, b"".join(piece[::-1] if handout.mirrored else piece for piece in pieces))


def test_a_file_is_handed_out_whole_and_in_part() -> None:
    engine, url = with_clip()
    whole = get(engine, url)
    part = get(engine, url, wanted="bytes=4-", if_range=whole.headers["ETag"])
    assert (whole.status, whole.body, whole.length) == (200, CLIP, 10)
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, CLIP[4:], "bytes 4-9/10")


def test_a_part_of_what_is_no_longer_the_same_is_all_of_it() -> None:
    engine, url = with_clip()
    assert get(engine, url, wanted="bytes=4-", if_range='"other"').body == CLIP


def test_a_short_body_breaks_off_as_often_as_it_was_told() -> None:
    engine, url = with_clip(ShortBody(times=2))
    bodies = [get(engine, url).body for _ in range(3)]
    assert bodies == [CLIP[:5], CLIP[:5], CLIP]
    assert get(engine, url).length == 10


def test_a_changed_file_breaks_off_and_is_another_one_then() -> None:
    engine, url = with_clip(Changed())
    first = get(engine, url)
    second = get(engine, url, wanted="bytes=5-", if_range=first.headers["ETag"])
    assert (first.body, first.length) == (CLIP[:5], 10)
    assert (second.status, second.body) == (200, CLIP[::-1])
    assert second.headers["ETag"] != first.headers["ETag"]


def test_a_part_of_a_changed_file_is_a_part_of_the_other_one() -> None:
    engine, url = with_clip(Changed())
    get(engine, url)
    part = get(engine, url, wanted="bytes=2-8")
    assert (part.status, part.body, part.headers["Content-Range"]) == (206, CLIP[::-1][2:9], "bytes 2-8/10")


def test_a_redirect_leads_into_a_private_network() -> None:
    engine, url = with_clip(RedirectPrivate())
    assert (get(engine, url).status, get(engine, url).headers["Location"]) == (302, PRIVATE_URL)


def test_a_dead_url_that_was_tried_is_told_anew() -> None:
    engine, url = with_clip(ExpiredUrl())
    assert told(engine) == url
    with pytest.raises(ShelfError, match="expired"):
        get(engine, url)
    assert told(engine) != url
    assert get(engine, told(engine)).body == CLIP


def test_a_dead_url_of_a_task_without_that_fault_stays_dead() -> None:
    engine, url = with_clip()
    with pytest.raises(ShelfError):
        engine.files.hand_out(urlsplit(url).path, {}, LATER, wanted=None, if_range=None)
    assert told(engine) == url


def test_a_failed_task_has_no_urls_to_renew() -> None:
    engine, _ = with_clip(ExpiredUrl())
    task = the_task(engine)
    failed = engine.tasks[task.id] = replace(task, output=None)
    engine.files._renew(failed, LATER)
    assert the_task(engine).output is None
