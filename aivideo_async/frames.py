"""The last picture of a clip, by PyAV (extra ``sandbox``). It blocks and belongs into a thread."""

# PyAV's stubs leave keyword arguments without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

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
    try:
        import av
    except ImportError as error:  # pragma: no cover - the tests have the extra
        raise ConfigurationError(
            "taking the last frame of a clip needs PyAV", hint="pip install 'aivideo-async[sandbox]'"
        ) from error
    try:
        with av.open(str(clip)) as container:
            frame = _last(container)
            if frame is None:
                raise DownloadError("the clip has no picture", charged="yes")
            frame.to_image().save(target, "PNG")  # type: ignore[no-untyped-call]
    except (av.error.FFmpegError, IndexError) as error:
        raise DownloadError(f"the clip cannot be read: {error}", charged="yes") from error


def _last(container: InputContainer) -> VideoFrame | None:
    stream = container.streams.video[0]
    if container.duration is not None and container.duration > TAIL:
        container.seek(container.duration - TAIL)
    last: VideoFrame | None = None
    for frame in container.decode(stream):
        last = frame
    return last
