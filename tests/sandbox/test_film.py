from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import av
import pytest
from PIL import Image, ImageChops, ImageStat

from aivideo_async.sandbox.film import render, title_of, write_cached
from aivideo_async.sandbox.plan import MediaPlan, UnreadablePictureError, Work
from aivideo_async.sandbox.planes import scaled


@dataclass(frozen=True)
class Seen:
    """What a decoder finds in a clip."""

    codecs: tuple[str, ...]
    size: tuple[int, int]
    pixels: str | None
    frames: int
    seconds: float
    comment: str
    first: Image.Image
    last: Image.Image


def watched(data: bytes) -> Seen:
    """Decode every frame of a clip."""
    with av.open(io.BytesIO(data), "r") as container:
        video, comment = container.streams.video[0], container.metadata["comment"]
        codecs = tuple(stream.codec_context.name for stream in (video, container.streams.audio[0]))
        frames = container.decode(video)
        first = last = picture_of(next(frames))
        count = 1
        for count, frame in enumerate(frames, start=2):
            last = picture_of(frame) if count == video.frames else last
        size, seconds = (video.width, video.height), (container.duration or 0) / 1_000_000
        return Seen(codecs, size, video.pix_fmt, count, seconds, comment, first, last)


def picture_of(frame: av.VideoFrame) -> Image.Image:
    plane = frame.reformat(format="rgb24").planes[0]
    return Image.frombytes("RGB", (frame.width, frame.height), bytes(plane), "raw", "RGB", plane.line_size, 1)


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far two pictures are apart, 0 to 255 on average."""
    return sum(ImageStat.Stat(ImageChops.difference(one, scaled(other, one.size))).mean) / 3


PLAN = MediaPlan(
    kind="video", model="a-model", prompt="hills, größer", seed=1, seconds=1, resolution="480p", ratio="1:1"
)


def made(plan: MediaPlan, *given: bytes) -> Work[bytes]:
    return render(plan, "the-task", given)


@pytest.mark.parametrize(
    ("seconds", "resolution", "ratio", "size"),
    [(4, "720p", "16:9", (1280, 720)), (1, "720p", "9:16", (720, 1280)), (2, "480p", "16:9", (854, 480))],
)
def test_a_clip_is_what_was_asked_for(seconds: int, resolution: str, ratio: str, size: tuple[int, int]) -> None:
    plan = replace(PLAN, seconds=seconds, resolution=resolution, ratio=ratio)
    seen = watched(made(plan).files[0].data)
    assert (seen.codecs, seen.pixels, seen.size) == (("h264", "aac"), "yuv420p", size)
    assert seen.frames == 24 * seconds
    assert abs(seen.seconds - seconds) <= 1 / 24
    assert seen.comment == plan.prompt
    assert difference(seen.first, seen.last) > 0.5


def test_a_clip_starts_before_it_is_there_in_full() -> None:
    data = made(PLAN).files[0].data
    assert 0 < data.find(b"moov") < data.find(b"mdat")


def test_every_prompt_and_seed_has_a_clip_of_its_own() -> None:
    clips = [made(plan).files[0].data for plan in (PLAN, replace(PLAN, seed=2), replace(PLAN, prompt="a city"), PLAN)]
    assert len(set(clips)) == 3


def test_the_first_frame_is_the_given_picture_and_then_it_moves() -> None:
    given = made(replace(PLAN, kind="image", suffix="png", resolution="512")).files[0].data
    seen = watched(made(replace(PLAN, seconds=2, prompt="other", seed=9), given).files[0].data)
    assert difference(seen.first, Image.open(io.BytesIO(given))) < 8
    assert difference(seen.last, seen.first) > difference(seen.first, Image.open(io.BytesIO(given)))


def test_an_open_ratio_is_taken_from_the_picture() -> None:
    given = made(replace(PLAN, kind="image", suffix="png", resolution="512", ratio="9:16")).files[0].data
    work = made(replace(PLAN, ratio=None), given)
    assert (work.ratio, watched(work.files[0].data).size) == ("9:16", (480, 854))


def test_a_clip_ends_in_its_last_picture() -> None:
    first, last = (
        made(replace(PLAN, kind="image", suffix="png", resolution="512", prompt=p)).files[0].data
        for p in ("sea", "night")
    )
    seen = watched(made(PLAN, first, last).files[0].data)
    assert (
        difference(seen.last, Image.open(io.BytesIO(last))) < 8 < difference(seen.first, Image.open(io.BytesIO(last)))
    )


def test_a_last_frame_is_the_clips_last_frame() -> None:
    work = made(replace(PLAN, last_frame=True))
    assert work.last_frame is not None
    assert difference(watched(work.files[0].data).last, Image.open(io.BytesIO(work.last_frame.data))) < 8


def test_a_silent_clip_still_has_its_audio_track() -> None:
    with av.open(io.BytesIO(made(replace(PLAN, sound=False)).files[0].data), "r") as container:
        frames = [(bytes(frame.planes[0]), frame.samples) for frame in container.decode(audio=0)]
    assert frames
    assert not any(any(samples[: 4 * count]) for samples, count in frames)


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("jpg", "JPEG")])
def test_an_image_is_in_its_ratio_and_format(suffix: str, kind: str) -> None:
    plan = replace(PLAN, kind="image", suffix=suffix, resolution="1K", ratio="16:9")
    with Image.open(io.BytesIO(made(plan).files[0].data)) as picture:
        assert (picture.format, picture.size) == (kind, (1360, 765))


def test_an_edited_image_shows_the_given_one() -> None:
    given = made(replace(PLAN, kind="image", suffix="png", resolution="512", prompt="sea")).files[0].data
    edited = made(replace(PLAN, kind="image", suffix="png", resolution="512", prompt="night"), given).files[0].data
    assert difference(Image.open(io.BytesIO(edited)), Image.open(io.BytesIO(given))) < 8


def test_a_song_is_several_tracks_with_covers() -> None:
    work = made(replace(PLAN, kind="music", prompt="a calm tune of rain and wind", suffix="mp3"))
    assert [song.title for song in work.files] == ["A Calm Tune Of Rain", "A Calm Tune Of Rain (take 2)"]
    assert len(work.covers) == len(work.files)
    for song in work.files:
        with av.open(io.BytesIO(song.data), "r") as container:
            assert container.streams.audio[0].codec_context.name.startswith("mp3")
            assert abs((container.duration or 0) / 1_000_000 - song.seconds) < 0.1


def test_what_is_no_picture_cannot_be_started_from() -> None:
    with pytest.raises(UnreadablePictureError):
        made(PLAN, b"no picture")


def test_a_prompt_without_words_has_a_title_all_the_same() -> None:
    assert title_of("  ") == "Untitled"


def test_the_cached_files_are_real_and_small(tmp_path: Path) -> None:
    write_cached(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 60_000
    assert watched((tmp_path / "clip.mp4").read_bytes()).frames == 24
