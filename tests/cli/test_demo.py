"""``aivideo demo``: everything at once, files on disk, and honest counts."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from aivideo_async.catalog import Sora2
from aivideo_async.cli.demo import demo
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from aivideo_async.cli.screenplay import Screenplay
from aivideo_async.sandbox import Fail, Profile, RateLimit, Scenario, ServerError


def small(*scenarios: Scenario | tuple[()]) -> Screenplay:
    """The still, the clip from it and one film, with small cached files."""
    return Screenplay(films=[Sora2(prompt="x", duration=8)], render="cached", speed=2000, scenarios=scenarios)


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last thing on standard output, which is one object."""
    result: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return result


@pytest.mark.parametrize(("profile", "asked"), [("signed", 0), ("documented", 3)])
async def test_each_task_ends_by_its_callback(
    profile: Profile, asked: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await demo(Screen(machine=True), out=tmp_path, profile=profile, play=small()) is Exit.OK
    result = told(capsys)
    assert [task["status"] for task in result["tasks"]] == ["completed"] * 3
    assert result["requests"] == {"create": 3, "get_task": asked}
    assert result["callbacks"] == {"received": 3, "verified": 3, "rejected": 0}
    assert result["credits"] == {"before": 10000, "after": 9684, "spent": 316}


async def test_no_setting_of_the_environment_plays_a_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("API_KEY", "BASE_URL", "CALLBACK_URL", "CALLBACK_KEY", "WEBHOOK_SECRET", "STORE", "TIME_SCALE"):
        monkeypatch.setenv(f"AIVIDEO_{name}", "no good")
    play = Screenplay(still=None, films=[Sora2(prompt="x")], render="cached", speed=2000)
    assert await demo(Screen(machine=True), out=tmp_path, profile="documented", play=play) is Exit.OK
    assert told(capsys)["requests"] == {"create": 1, "get_task": 1}


async def test_a_task_that_fails_is_reported_and_the_others_are_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play = Screenplay(still=None, films=[Sora2(prompt="x")] * 2, render="cached", speed=2000, scenarios=[Fail(), ()])
    assert await demo(Screen(machine=True), out=tmp_path, play=play) is Exit.FAILED
    written = capsys.readouterr()
    tasks = json.loads(written.out)["tasks"]
    assert sorted((task["status"], task["credits"], task["file"] is None) for task in tasks) == [
        ("completed", 200, False),
        ("failed", 0, True),
    ]
    assert "error: sora-2 8 s 1280x720: " in written.err


async def test_without_the_image_there_is_no_clip_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play = Screenplay(films=(), render="cached", speed=2000, scenarios=[Fail()])
    assert await demo(Screen(machine=True), out=tmp_path, play=play) is Exit.FAILED
    assert [task["model"] for task in told(capsys)["tasks"]] == ["nano-banana-2"]


async def test_what_is_only_a_hitch_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play = Screenplay(
        still=None, films=[Sora2(prompt="x")], render="cached", speed=2000, scenarios=[RateLimit(retry_after=0.01)]
    )
    assert await demo(Screen(machine=True), out=tmp_path, play=play) is Exit.OK
    assert told(capsys)["requests"]["create"] == 2


async def test_a_create_that_nobody_knows_about_is_in_doubt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    play = Screenplay(still=None, films=[Sora2(prompt="x")], render="cached", speed=2000, scenarios=[ServerError()])
    assert await demo(Screen(machine=True), out=tmp_path, play=play) is Exit.OPEN
    [task] = told(capsys)["tasks"]
    assert task["id"].startswith("av_")
    assert task["file"] is None


def check_clip(path: Path, duration: int, size: str) -> Image.Image:
    """Decode a whole clip, hold it against what was asked for, and give its first frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.codec_context.name == "h264"
        assert f"{stream.width}x{stream.height}" == size
        assert abs(Fraction(len(frames), 24) - duration) <= Fraction(1, 24)
        first = frames[0].reformat(format="rgb24")
        plane = first.planes[0]
        return Image.frombytes("RGB", (first.width, first.height), bytes(plane), "raw", "RGB", plane.line_size)


@pytest.fixture
async def whole_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert await demo(Screen(machine=True), out=tmp_path / "new" / "demo", play=Screenplay(speed=600)) is Exit.OK
    return told(capsys)


@pytest.mark.crash
def test_the_whole_demo_makes_real_files_without_asking_once(whole_demo: dict[str, Any], tmp_path: Path) -> None:
    still, motion, *films = whole_demo["tasks"]
    assert whole_demo["requests"] == {"create": 8, "get_task": 0}
    assert whole_demo["callbacks"] == {"received": 8, "verified": 8, "rejected": 0}
    assert whole_demo["credits"]["spent"] == sum(task["credits"] for task in whole_demo["tasks"]) == 1316
    first = check_clip(Path(motion["file"]), motion["duration"], motion["size"])
    for film in films:
        check_clip(Path(film["file"]), film["duration"], film["size"])
    with Image.open(still["file"]) as picture:
        fitted = ImageOps.fit(picture.convert("RGB"), first.size)
    difference = ImageStat.Stat(ImageChops.difference(first, fitted)).mean
    assert max(difference) < 12, "the clip begins with the image"
    page = (tmp_path / "new" / "demo" / "gallery.html").read_text(encoding="utf-8")
    assert all(f'src="./{Path(task["file"]).name}"' in page for task in whole_demo["tasks"])
