"""Renders real files with PyAV and Pillow: H.264 clips, PNG and JPEG images, MP3 songs. Needs the ``sandbox`` extra.

Everything here blocks and belongs into a worker thread; ``sandbox.media`` sees to that.
"""

# PyAV's stubs leave keyword arguments and packets without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
import tempfile
from array import array
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, cast

import av
from PIL import Image

from aivideo_async.sandbox import sound
from aivideo_async.sandbox.labels import Label
from aivideo_async.sandbox.pictures import Living, View, opened
from aivideo_async.sandbox.plan import FRAMES_PER_SECOND, Made, MediaPlan, Work, nearest_ratio
from aivideo_async.sandbox.planes import RGB, YUV
from aivideo_async.sandbox.scenery import Scene

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.video.plane import VideoPlane
    from av.video.stream import VideoStream

X264 = {"preset": "ultrafast", "qp": "26", "x264-params": "rc-lookahead=0:sync-lookahead=0:scenecut=0"}
"""A constant quantiser, because rate control looks ahead, and looking ahead is half of ultrafast's work."""
LAME = {"compression_level": "9"}
STILL_MOMENT = 1.5
BT709 = 1
SONG_SECONDS = (20, 32)
COVER_SIDE = 512


def render(plan: MediaPlan, task_id: str, given: Sequence[bytes] = ()) -> Work[bytes]:
    """Make the files of a plan; ``given`` are the pictures that it begins and ends with. Blocks.

    Raises UnreadablePictureError for one that is none.
    """
    if plan.kind == "music":
        return songs(plan)
    pictures = [opened(data) for data in given]
    ratio = plan.ratio or (nearest_ratio(pictures[0].width / pictures[0].height) if pictures else "16:9")
    if plan.kind == "image":
        return Work((Made(plan.suffix, still(plan, task_id, plan.size(ratio), pictures)),), ratio)
    data, final = clip(plan, task_id, plan.size(ratio), pictures)
    frame = Made("png", encoded(final, "png", plan.prompt)) if plan.last_frame else None
    return Work((Made("mp4", data),), ratio, last_frame=frame)


def still(plan: MediaPlan, task_id: str, size: tuple[int, int], pictures: Sequence[Image.Image]) -> bytes:
    """An image file of exactly ``size``."""
    planes = [Image.new("L", size) for _ in RGB]
    scene = Scene(plan.prompt, plan.seed, size, RGB)
    view: View = scene
    if pictures:
        view = Living(pictures[0], None, scene=scene, size=size, bands=RGB, seconds=0)
    view.draw(planes, STILL_MOMENT)
    Label(plan.model, f"{task_id}   seed {plan.seed}", size, RGB).draw(planes, 0)
    return encoded(Image.merge("RGB", planes), plan.suffix, plan.prompt)


def encoded(picture: Image.Image, suffix: str, prompt: str) -> bytes:
    """The picture as a PNG or JPEG file, with the prompt in its metadata."""
    buffer = io.BytesIO()
    if suffix == "png":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("Description", prompt)
        picture.save(buffer, "PNG", pnginfo=info, compress_level=1)
    else:
        picture.save(buffer, "JPEG", quality=90, comment=prompt.encode()[:60_000])
    return buffer.getvalue()


def clip(
    plan: MediaPlan, task_id: str, size: tuple[int, int], pictures: Sequence[Image.Image]
) -> tuple[bytes, Image.Image]:
    """An MP4 file of exactly the plan's length, and its last frame without the label: a next clip may begin with it."""
    frames = plan.seconds * FRAMES_PER_SECOND
    scene = Scene(plan.prompt, plan.seed, size, YUV)
    view: View = scene
    if pictures:
        end = pictures[1] if len(pictures) > 1 else None
        seconds = (frames - 1) / FRAMES_PER_SECOND
        view = Living(pictures[0], end, scene=scene, size=size, bands=YUV, seconds=seconds)
    label = Label(plan.model, f"{task_id}   seed {plan.seed}", size, YUV, frames=frames)
    with tempfile.TemporaryDirectory(prefix="aivideo-") as folder:
        path = Path(folder, "clip.mp4")
        with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
            container.metadata.update({"title": f"{plan.model} {task_id}", "comment": plan.prompt})
            video = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=dict(X264))
            audio = container.add_stream("aac", rate=sound.RATE, options={"aac_coder": "fast"}, layout="mono")
            final = shoot(container, video, size, (view, label, frames))
            tune = sound.loop(f"{plan.prompt}|{plan.seed}") if plan.sound else array("h", bytes(2 * sound.RATE))
            record(container, audio, sound.filled(tune, plan.seconds * sound.RATE))
        return path.read_bytes(), final


def shoot(
    container: OutputContainer, video: VideoStream, size: tuple[int, int], drawn: tuple[View, Label, int]
) -> Image.Image:
    """Draw and encode every frame; returns the last one without its label."""
    view, label, frames = drawn
    frame = av.VideoFrame(*size, "yuv420p")
    video.width, video.height, video.pix_fmt, video.thread_count = *size, "yuv420p", 1
    codec = video.codec_context
    codec.colorspace = codec.color_primaries = codec.color_trc = frame.colorspace = BT709
    planes = [mapped(plane) for plane in frame.planes]
    final = Image.new("RGB", size)
    frame.time_base = Fraction(1, FRAMES_PER_SECOND)
    for number in range(frames):
        view.draw(planes, number / FRAMES_PER_SECOND)
        if number == frames - 1:
            final = picture_of(frame)
        label.draw(planes, number)
        frame.pts = number
        container.mux(video.encode(frame))
    container.mux(video.encode(None))
    return final


def record(container: OutputContainer, audio: AudioStream, samples: array[int]) -> None:
    """Encode the samples, in frames of up to a second."""
    for start in range(0, len(samples), sound.RATE):
        piece = samples[start : start + sound.RATE]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(piece))
        frame.sample_rate, frame.pts, frame.time_base = sound.RATE, start, Fraction(1, sound.RATE)
        frame.planes[0].update(piece.tobytes())
        container.mux(audio.encode(frame))
    container.mux(audio.encode(None))


def mapped(plane: VideoPlane) -> Image.Image:
    """The frame's own memory as an image that can be drawn on: copying every frame would take a quarter of the time."""
    memory = cast("bytearray", plane)  # any buffer will do, Pillow's annotation names only two
    image = Image.frombuffer("L", (plane.width, plane.height), memory, "raw", "L", plane.line_size, 1)
    image.readonly = 0
    return image


def picture_of(frame: av.VideoFrame) -> Image.Image:
    """The frame as a picture of its own."""
    plane = frame.reformat(format="rgb24").planes[0]
    return Image.frombytes("RGB", (frame.width, frame.height), bytes(plane), "raw", "RGB", plane.line_size, 1)


def songs(plan: MediaPlan) -> Work[bytes]:
    """Several takes of one song, each with a cover."""
    draw = Random(f"{plan.prompt}|{plan.seed}")  # noqa: S311 - songs, not secrets
    name = plan.title or title_of(plan.prompt)
    titles = (name, f"{name} (take 2)")
    files: list[Made[bytes]] = []
    covers: list[Made[bytes]] = []
    for take, title in enumerate(titles):
        tune = sound.loop(f"{plan.prompt}|{plan.seed}|{take}", sound.SONG_BEATS)
        seconds = draw.randint(*SONG_SECONDS)
        files.append(Made("mp3", song(sound.filled(tune, seconds * sound.RATE), title, plan.prompt), title, seconds))
        planes = [Image.new("L", (COVER_SIDE, COVER_SIDE)) for _ in RGB]
        Scene(plan.prompt, plan.seed + take, (COVER_SIDE, COVER_SIDE), RGB).draw(planes, STILL_MOMENT)
        covers.append(Made("jpg", encoded(Image.merge("RGB", planes), "jpg", plan.prompt), title))
    return Work(tuple(files), "1:1", covers=tuple(covers))


def title_of(prompt: str) -> str:
    """The first words of a prompt as a title."""
    return " ".join(prompt.split()[:5]).title() or "Untitled"


def song(samples: array[int], title: str, prompt: str) -> bytes:
    """The samples as an MP3 file."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        container.metadata.update({"title": title, "comment": prompt})
        record(
            container, container.add_stream("libmp3lame", rate=sound.RATE, options=dict(LAME), layout="mono"), samples
        )
    return buffer.getvalue()


def write_cached(folder: Path) -> None:
    """Write the small files of ``render="cached"``: real ones, of a second and a few kB."""
    plan = MediaPlan(kind="video", model="sora-2", prompt="sunrise over mountains", seed=7, seconds=1)
    data, final = clip(plan, "cached", (192, 108), ())
    (folder / "clip.mp4").write_bytes(data)
    (folder / "still.jpg").write_bytes(encoded(final, "jpg", plan.prompt))
    (folder / "still.png").write_bytes(encoded(final.reduce(2), "png", plan.prompt))
    tune = sound.filled(sound.loop(plan.prompt), sound.RATE)
    (folder / "song.mp3").write_bytes(song(tune, "Cached", plan.prompt))
