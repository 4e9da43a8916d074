"""A test of somebody's own code: no key, no network, no waiting. Installing the package brings the two fixtures."""

import pytest

from aivideo_async import Client, TaskFailedError
from aivideo_async.catalog import Sora2
from aivideo_async.sandbox import Fail, Sandbox


async def make_clip(client: Client, prompt: str) -> str:
    """The code under test."""
    video = await client.run(Sora2(prompt=prompt, duration=4))
    return video.url


async def test_a_clip_is_made(aivideo_client: Client, aivideo_sandbox: Sandbox) -> None:
    async with aivideo_client as client, client.receiver.serve():
        assert "X-Amz-Signature" in await make_clip(client, "a kite over a harbour")
    assert aivideo_sandbox.count("create") == 1


async def test_a_refused_prompt_is_told(aivideo_client: Client, aivideo_sandbox: Sandbox) -> None:
    aivideo_sandbox.enqueue(Fail(code="upstream_error", message="sensitive"))
    async with aivideo_client as client, client.receiver.serve():
        with pytest.raises(TaskFailedError, match="sensitive"):
            await make_clip(client, "something that is not allowed")
