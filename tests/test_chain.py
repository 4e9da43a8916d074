"""Chains, against the sandbox: the frames that one clip hands to the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aivideo_async import Client
from aivideo_async.catalog import Seedance2, Sora2, Wan27TextToVideo
from aivideo_async.catalog.local import local_in
from aivideo_async.chain import chain
from aivideo_async.core.errors import ConfigurationError, InvalidRequestError, TaskFailedError
from aivideo_async.core.models import GenerationRequest, Output
from aivideo_async.sandbox import Fail, Sandbox
from aivideo_async.sandbox.media import Render

PUBLIC = "http://127.0.0.1:9/frames/1.png"
ACTS = [Sora2(prompt=f"act {n}", duration=4) for n in range(3)]


@asynccontextmanager
async def world(*, callbacks: bool = True, render: Render = "cached") -> AsyncGenerator[tuple[Client, Sandbox]]:
    async with Sandbox(speed=7200.0, render=render) as sandbox:
        client = Client(
            sandbox.api_key,
            base_url=sandbox.base_url,
            webhook_secret=sandbox.webhook_secret,
            time_scale=sandbox.time_scale,
        )
        async with client:
            if not callbacks:
                yield client, sandbox
                return
            async with client.receiver.serve():
                yield client, sandbox


async def sent(client: Client, output: Output) -> GenerationRequest:
    request = (await client.task(output.task_id)).record.request
    assert request is not None
    return request


async def published(path: Path) -> str:
    assert (await asyncio.to_thread(path.read_bytes)).startswith(b"\x89PNG")
    return PUBLIC


async def test_each_clip_begins_with_the_last_frame_of_the_one_before() -> None:
    async with world() as (client, _):
        outputs = [output async for output in chain(client, ACTS, publish=published)]
        images = [(await sent(client, output)).fields().get("image_urls") for output in outputs]
    assert images == [None, [PUBLIC], [PUBLIC]]


@pytest.mark.crash
async def test_a_model_that_hands_its_last_frame_out_is_asked_for_it() -> None:
    clips = [Seedance2(prompt=prompt, duration=4, resolution="480p") for prompt in ("one", "two")]
    async with world(render="real") as (client, _):
        outputs = [output async for output in chain(client, clips)]
        first, second = [(await sent(client, output)).fields() for output in outputs]
    assert (first["return_last_frame"], second["return_last_frame"]) == (True, False)
    assert second["image_urls"] == [outputs[0].last_frame_url]
    assert (first["generation_type"], second["generation_type"]) == ("omni_reference", "first_and_last_frames")


async def test_a_chain_that_broke_off_goes_on_where_it_stopped() -> None:
    async with world() as (client, sandbox):
        sandbox.enqueue((), Fail())
        with pytest.raises(TaskFailedError):
            async for _ in chain(client, ACTS, key="film", publish=published):
                pass
        creates = sandbox.count("create")
        with pytest.raises(TaskFailedError):
            async for _ in chain(client, ACTS, key="film", publish=published):
                pass
        assert (creates, sandbox.count("create")) == (2, 2)


async def test_leaving_early_creates_no_further_clip() -> None:
    async with world() as (client, sandbox):
        links = chain(client, ACTS, publish=published)
        async for _ in links:
            break
        await links.aclose()
        assert sandbox.count("create") == 1


async def test_all_is_checked_before_anything_is_sent() -> None:
    async with world() as (client, sandbox):
        full = Sora2(prompt="x", image_urls=[PUBLIC])
        for clips, words in (([ACTS[0], Wan27TextToVideo(prompt="x")], "no first frame"), ([ACTS[0], full], "at most")):
            with pytest.raises(InvalidRequestError, match=words):
                await anext(chain(client, clips))
        assert sandbox.count("create") == 0


async def test_without_a_hook_and_a_callback_url_the_setting_is_named() -> None:
    async with world(callbacks=False) as (client, sandbox):
        links = chain(client, ACTS[:2])
        await anext(links)
        with pytest.raises(ConfigurationError, match="public callback URL"):
            await anext(links)
        assert sandbox.count("create") == 1


@pytest.mark.crash
async def test_without_a_hook_the_receiver_serves_the_frame() -> None:
    async with world(render="real") as (client, _):
        outputs = [output async for output in chain(client, ACTS[:2])]
        assert client.receiver.stats["pictures"] == 1
        assert local_in(await sent(client, outputs[1]))
