"""Local pictures behind a URL of their own. From submit to the service's fetch, they are in test_journeys.py."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from aivideo_async.catalog import Sora2
from aivideo_async.catalog.local import local_in, name_of
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError, StoreError
from aivideo_async.core.models import GenerationRequest, Reply, TaskStatus, moment
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.pictures import GONE, Showcase, forget, opened, url_of
from aivideo_async.stores import MemoryStore
from tests.doubles import NOW, ManualClock, a_record

KEYS = CallbackKeys("k" * 32)
BASE = "https://hooks.example.com/aivideo"


def url(id: str, n: int, suffix: str) -> str | None:
    return url_of(BASE, KEYS, id, n, suffix, now=NOW)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return drawn(tmp_path / "first.jpg", "teal")


def drawn(path: Path, colour: str) -> Path:
    data = io.BytesIO()
    Image.new("RGB", (640, 360), colour).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


async def published(store: MemoryStore, picture: Path, id: str = "av_1") -> GenerationRequest:
    """A task of this id with the picture, as it is recorded."""
    door = await opened(Sora2(prompt="x", image=picture), store, url)
    assert door is not None
    await door.publish()
    await store.put(a_record(id, request=door.request))
    return door.request


def nowhere(*_of: object) -> None:
    """There is no callback URL."""


def target(id: str = "av_1", n: int = 0) -> str:
    return (url(id, n, "png") or "").removeprefix("https://hooks.example.com")


async def shown(store: MemoryStore, path: str, method: str = "GET", now: float = NOW) -> Reply:
    return await Showcase(store, KEYS, ManualClock(now)).reply(method, path)


async def test_a_request_without_local_pictures_needs_no_door() -> None:
    assert await opened(Sora2(prompt="x"), MemoryStore(), url) is None


async def test_the_record_knows_a_picture_by_its_bytes_and_names_no_path(picture: Path, tmp_path: Path) -> None:
    async with MemoryStore() as store:
        first = await published(store, picture)
        again = await published(store, drawn(tmp_path / "copy.jpg", "teal"))
        other = await published(store, drawn(tmp_path / "other.jpg", "plum"))
    assert first == again != other
    assert str(tmp_path) not in repr(first.fields())
    assert local_in(first)[0].endswith(".png")


async def test_what_is_sent_is_a_url_for_this_id(picture: Path) -> None:
    door = await opened(Sora2(prompt="x", image=picture), MemoryStore(), url)
    assert door is not None
    assert door.as_sent("av_7").fields()["image_urls"] == [url("av_7", 0, "png")]


async def test_without_a_callback_url_the_error_names_the_setting(picture: Path) -> None:
    with pytest.raises(ConfigurationError, match="public callback URL") as caught:
        await opened(Sora2(prompt="x", image=picture), MemoryStore(), nowhere)
    assert "AIVIDEO_CALLBACK_URL" in str(caught.value.hint)


@pytest.mark.parametrize(("content", "words"), [(b"no picture", "cannot be used"), (None, "cannot be read")])
async def test_a_file_that_is_no_picture_is_refused_by_its_name(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(InvalidRequestError, match=f"the picture x.jpg {words}") as caught:
        await opened(Sora2(prompt="x", image=tmp_path / "x.jpg"), MemoryStore(), url)
    assert str(tmp_path) not in str(caught.value)


async def test_the_url_gives_the_bytes_with_their_type(picture: Path) -> None:
    async with MemoryStore() as store:
        await published(store, picture)
        whole, head = await shown(store, target()), await shown(store, target(), "HEAD")
    assert (whole.status, whole.body) == (200, picture.read_bytes())
    assert dict(whole.headers)["Content-Type"] == "image/png"
    assert (head.body, head.headers) == (b"", whole.headers)


async def test_no_other_url_gives_anything(picture: Path) -> None:
    async with MemoryStore() as store:
        await published(store, picture)
        callback = f"/aivideo/av_1/{KEYS.mint('av_1', now=NOW)}"
        wrong = target().replace("av_1", "av_2"), target(n=1), f"{callback}.png", target("av_9"), "/x.png", "/"
        assert [await shown(store, path) for path in wrong] == [GONE] * len(wrong)
        assert await shown(store, target(), now=NOW + 26 * 3600) == GONE
        assert not KEYS.check("av_1", target().rpartition("/")[2].removesuffix(".png"), now=NOW)


async def test_a_picture_is_gone_with_its_task_and_forgotten_with_the_last_that_names_it(picture: Path) -> None:
    async with MemoryStore() as store:
        name = local_in(await published(store, picture))[0]
        await published(store, picture, "av_2")
        for id, left in (("av_1", True), ("av_2", False)):
            ended = a_record(id, TaskStatus.FAILED, ended_at=moment(NOW))
            await forget(store, (await store.put(ended)).record)
            assert await shown(store, target(id)) == GONE
            assert (await store.note(f"picture/{name[8:72]}") is not None) is left


async def test_a_task_that_lives_loses_no_picture(picture: Path) -> None:
    async with MemoryStore() as store:
        request = await published(store, picture)
        await forget(store, a_record(request=request))
        assert (await shown(store, target())).status == 200


async def test_bytes_that_are_lost_are_not_promised_to_the_service() -> None:
    lost = Sora2.made_of({"prompt": "x", "image_urls": [name_of("ab" * 32, "jpg")]})
    async with MemoryStore() as store:
        door = await opened(lost, store, url)
        assert door is not None
        with pytest.raises(InvalidRequestError, match="not in this store"):
            await door.publish()
        await store.put(a_record(request=lost))
        assert await shown(store, target()) == GONE
        await store.note(f"picture/{'ab' * 32}", "AAAA")
        await door.publish()


class DownStore(MemoryStore):
    """Its engine is away."""

    async def note(self, name: str, value: str | None = None, /) -> str | None:
        raise StoreError("no engine")


async def test_a_store_that_is_down_is_503_and_no_error_of_the_ending(
    picture: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with MemoryStore() as store, DownStore() as down:
        request = await published(store, picture)
        await down.put(a_record(request=request))
        assert (await shown(down, target())).status == 503
        await forget(down, a_record("av_3", TaskStatus.FAILED, request=request, ended_at=moment(NOW)))
        await down.put(a_record("av_1", TaskStatus.FAILED, ended_at=moment(NOW)))
        await forget(down, a_record("av_1", TaskStatus.FAILED, request=request, ended_at=moment(NOW)))
    assert "still in the store" in caplog.text


def test_only_a_picture_is_admitted() -> None:
    case = Showcase(MemoryStore(), KEYS, ManualClock())
    paths: list[str | bytes] = [
        target(),
        target().encode(),
        "/a/av_1/1.0.x.exe",
        "/a/..%2f/1.0.x.png",
        "/av_1/497223.abc",
        "",
    ]
    assert [case.admits(path) for path in paths] == [True, True, False, False, False, False]
