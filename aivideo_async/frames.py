"""The first and the last picture of a clip, by PyAV (extra ``sandbox``). It blocks and belongs into a thread."""

# PyAV's stubs leave keyword arguments without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aivideo_async.core.errors import ConfigurationError, DownloadError

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame

TAIL = 2_000_000
"""Microseconds from the end at which decoding begins; one keyframe is before it."""


def write_last_frame(clip: Path, target: Path) -> None:
    """Write the last picture of a clip as PNG.

    Raises ConfigurationError without the extra, and DownloadError for what is no whole clip.
    """
    _write(clip, target, "PNG", _last)


def write_poster(clip: Path, target: Path) -> None:
    """Write the first picture of a clip as JPEG, to stand for it until it is played. Raises as ``write_last_frame``."""
    _write(clip, target, "JPEG", lambda container: next(container.decode(video=0), None))


def _write(clip: Path, target: Path, kind: str, choose: Callable[[InputContainer], VideoFrame | None]) -> None:
    try:
        import av
        from av.error import FFmpegError
    except ImportError as error:  # pragma: no cover - the tests have the extra
        raise ConfigurationError(
            "taking a picture out of a clip needs PyAV", hint="pip install 'aivideo-async[sandbox]'"
        ) from error
    try:
        with av.open(str(clip)) as container:
            frame = choose(container)
            if frame is None:
                raise DownloadError("the clip has no picture", charged="yes")
            frame.to_image().save(target, kind)  # type: ignore[no-untyped-call]
    except (FFmpegError, IndexError) as error:
        raise DownloadError(f"the clip cannot be read: {error}", charged="yes") from error


def _last(container: InputContainer) -> VideoFrame | None:
    stream = container.streams.video[0]
    if container.duration is not None and container.duration > TAIL:
        container.seek(container.duration - TAIL)
    last: VideoFrame | None = None
    for frame in container.decode(stream):
        last = frame
    return last
