"""Tasks as the commands show them: as JSON, by the id under which another process finds them, and as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from aivideo_async.cli.output import number
from aivideo_async.client import Client
from aivideo_async.core.models import Output, TaskRecord


def task_object(record: TaskRecord, *, files: Sequence[Path] = ()) -> dict[str, JsonValue]:
    """A task as one JSON object. ``credits`` are estimated; ``urls`` are presigned, so whoever has them can fetch."""
    estimate = record.estimate
    return {
        "id": record.id,
        "service_id": record.service_id,
        "key": record.key,
        "model": record.model,
        "status": record.status.value,
        "credits": None if estimate is None or estimate.high is None else number(estimate.high),
        "files": [str(file) for file in files],
        "urls": [] if record.output is None else list(record.output.urls),
    }


def lasting_id(client: Client, record: TaskRecord) -> str:
    """The id to wait for from another process: the service's where our record dies with this one."""
    return record.id if client.store.durable else record.service_id or record.id


@dataclass(frozen=True, slots=True)
class Target:
    """Where results go: into a folder under names of their own, or to one file."""

    path: Path
    folder: bool


def ready(path: Path) -> Target:
    """The target that a user named, its folders made before anything is paid for. Blocks. Raises OSError.

    What is a folder already is one, and so is a new name without a suffix.
    """
    folder = path.is_dir() or not path.suffix
    (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
    return Target(path, folder)


async def save(client: Client, output: Output, target: Target) -> list[Path]:
    """Download every result; beside a single file, further ones are numbered. Raises DownloadError.

    Cancelling leaves no partial file.
    """
    path = target.path
    if target.folder:
        return [file.path for file in await client.download_all(output, path)]
    paths = [path.with_stem(f"{path.stem}-{n}") if n else path for n in range(len(output.urls))]
    return [(await client.download(output, path, index=n)).path for n, path in enumerate(paths)]
