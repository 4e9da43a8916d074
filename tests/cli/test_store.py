"""Where the commands keep their records, and what is said when they cannot."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from aivideo_async.cli.exits import Exit, code_of
from aivideo_async.cli.store import ELSEWHERE, named, opened_store, state_file
from aivideo_async.core.errors import AIVideoError, ConfigurationError, StoreError
from aivideo_async.stores import MemoryStore
from tests.cli.processes import aivideo

FILE = Path("aivideo", "aivideo.db")


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_the_state_directory_of_the_user_wins(platform: str, tmp_path: Path) -> None:
    assert state_file({"XDG_STATE_HOME": str(tmp_path)}, platform) == tmp_path / FILE


@pytest.mark.parametrize(
    ("platform", "folder"),
    [("linux", ".local/state"), ("freebsd14", ".local/state"), ("darwin", "Library/Application Support")],
)
@pytest.mark.parametrize("environment", [{}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "not/absolute"}])
def test_without_one_it_is_where_the_platform_keeps_such_things(
    platform: str, folder: str, environment: dict[str, str]
) -> None:
    assert state_file(environment, platform) == Path(os.environ["HOME"], folder) / FILE


def test_windows_has_a_place_of_its_own(tmp_path: Path) -> None:
    assert state_file({"LOCALAPPDATA": str(tmp_path)}, "win32") == tmp_path / FILE
    assert state_file({}, "win32") == Path(os.environ["HOME"], "AppData", "Local") / FILE


def test_who_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 2**31 - 2)
    with pytest.raises(ConfigurationError, match="no home directory") as refused:
        state_file({}, "linux")
    assert refused.value.hint == ELSEWHERE


async def test_by_itself_it_is_a_file_of_the_users_own_that_lasts() -> None:
    async with opened_store() as store:
        assert store.durable
    file = state_file(os.environ)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)] == [0o600, 0o700]


async def test_a_store_that_is_named_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIVIDEO_STORE", "memory:")
    assert named() == "memory:"
    async with opened_store() as store:
        assert isinstance(store, MemoryStore)
    monkeypatch.setenv("AIVIDEO_STORE", f"sqlite:///{tmp_path}/own.db")
    async with opened_store():
        assert (tmp_path / "own.db").exists()
    assert not state_file(os.environ).exists()


async def test_what_was_named_wrongly_is_not_answered_with_advice_to_name_something(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AIVIDEO_STORE", f"sqlite:///{tmp_path}/file/own.db")
    with pytest.raises(StoreError) as failed:
        async with opened_store():
            pass
    assert failed.value.hint is None


def unusable(tmp_path: Path, how: str) -> Path:
    """A state directory in which nothing can be kept."""
    home = tmp_path / "home"
    if how == "a file":
        home.touch()
    elif how == "another program's":
        (home / "aivideo").mkdir(parents=True)
        (home / FILE).write_text("a diary, of more than a few words" * 10)
    else:
        home.mkdir(mode=0o500)
    return home


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("a file", Exit.ERROR),
        ("another program's", Exit.CONFIGURATION),
        pytest.param(
            "read-only", Exit.ERROR, marks=pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
        ),
    ],
)
async def test_a_state_directory_that_cannot_be_used_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str, code: Exit
) -> None:
    home = unusable(tmp_path, how)
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    with pytest.raises(AIVideoError, match=str(home / FILE)) as failed:
        async with opened_store():
            pass
    assert (code_of(failed.value), failed.value.hint) == (code, ELSEWHERE)


def test_a_command_that_cannot_keep_records_says_so_in_one_sentence(tmp_path: Path) -> None:
    home = unusable(tmp_path, "a file")
    ran = aivideo("tasks", "--json", settings={"XDG_STATE_HOME": str(home)})
    assert (ran.returncode, len(ran.stderr.splitlines())) == (Exit.ERROR, 2)
    assert ran.stderr.startswith(f"error: {home / FILE}: Not a directory\nhint: AIVIDEO_STORE names")
    assert json.loads(ran.stdout)["error"]["hint"] == ELSEWHERE
