from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from aivideo_async.part_file import PartFile


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def append(part: PartFile, piece: bytes) -> None:
    part.write(piece)
    part.hash(piece)


def begun(target: Path) -> PartFile:
    part = PartFile(target)
    part.open()
    return part


def test_a_target_appears_whole(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    append(part, b"one")
    append(part, b"two")
    part.sync()
    assert names(tmp_path) == {"clip.mp4.part"}

    part.commit()

    assert names(tmp_path) == {"clip.mp4"}
    assert (tmp_path / "clip.mp4").read_bytes() == b"onetwo"
    assert part.sha256 == hashlib.sha256(b"onetwo").hexdigest()


def test_what_begins_again_forgets_what_was_written(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    append(part, b"first, and longer")
    part.restart()
    append(part, b"second")
    part.commit()

    assert (tmp_path / "clip.mp4").read_bytes() == b"second"
    assert part.sha256 == hashlib.sha256(b"second").hexdigest()


def test_what_was_given_up_does_not_begin_again(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    part.discard()
    part.restart()

    assert names(tmp_path) == set()


def test_the_target_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")

    begun(tmp_path / "clip.mp4").commit()

    assert (tmp_path / "clip.mp4").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_an_older_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"old")
    part = begun(tmp_path / "clip.mp4")
    append(part, b"new")
    part.commit()

    assert (tmp_path / "clip.mp4").read_bytes() == b"new"


def test_what_is_discarded_leaves_nothing_and_stays_discarded(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    append(part, b"half")
    part.discard()
    part.discard()
    part.open()
    append(part, b"late")
    part.sync()
    part.commit()

    assert names(tmp_path) == set()


def test_discarding_after_the_commit_keeps_the_target(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    part.commit()
    part.commit()
    part.discard()

    assert names(tmp_path) == {"clip.mp4"}


def test_a_stale_part_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4.part").write_bytes(b"left over")
    part = begun(tmp_path / "clip.mp4")
    append(part, b"new")
    part.commit()

    assert (tmp_path / "clip.mp4").read_bytes() == b"new"


def test_a_part_that_another_download_writes_is_left_alone(tmp_path: Path) -> None:
    first, second = begun(tmp_path / "clip.mp4"), PartFile(tmp_path / "clip.mp4")

    with pytest.raises(FileExistsError, match="another download"):
        second.open()
    second.discard()
    append(first, b"first")
    first.commit()

    assert (tmp_path / "clip.mp4").read_bytes() == b"first"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    (tmp_path / "clip.mp4.part").symlink_to(precious)

    with pytest.raises(OSError, match=r"clip\.mp4\.part"):
        PartFile(tmp_path / "clip.mp4").open()

    assert precious.read_bytes() == b"precious"
    assert (tmp_path / "clip.mp4.part").is_symlink()


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "clip.mp4.part")

    with pytest.raises(FileExistsError, match="not a file of ours"):
        PartFile(tmp_path / "clip.mp4").open()

    assert (tmp_path / "clip.mp4.part").is_fifo()


def test_a_part_that_somebody_replaced_is_not_committed(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4.part").unlink()
    (tmp_path / "clip.mp4.part").write_bytes(b"a stranger's")

    with pytest.raises(OSError, match="somebody else"):
        part.commit()
    part.discard()

    assert (tmp_path / "clip.mp4.part").read_bytes() == b"a stranger's"
    assert names(tmp_path) == {"clip.mp4.part"}


def test_discarding_what_somebody_removed_is_quiet(tmp_path: Path) -> None:
    part = begun(tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4.part").unlink()

    part.discard()

    assert names(tmp_path) == set()


def test_discarding_what_was_never_opened_is_quiet(tmp_path: Path) -> None:
    PartFile(tmp_path / "clip.mp4").discard()

    assert names(tmp_path) == set()


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PartFile(tmp_path / "nowhere" / "clip.mp4").open()
