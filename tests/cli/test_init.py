"""``main``: what is missing, what is loaded, and what a process ends with."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version

import pytest

from aivideo_async.cli import main
from aivideo_async.cli.exits import Exit
from tests.cli.processes import aivideo, python

LOADED = "; print(sorted({'aiohttp', 'typer', 'rich'} & sys.modules.keys()))"


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_its_extra_the_command_says_what_to_install(missing: str) -> None:
    ran = aivideo("demo", without=(missing,))
    assert ran.returncode == Exit.CONFIGURATION
    assert ran.stdout == ""
    assert ran.stderr == "error: this needs the extra 'cli': pip install 'aivideo-async[cli]'\n"


class Impatient:
    """Somebody who presses Ctrl-C while typer is being imported."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "typer":
            raise KeyboardInterrupt


@pytest.mark.crash
@pytest.mark.parametrize(("missing", "command"), [("av", "demo"), ("PIL", "sandbox")])
def test_without_the_sandbox_extra_the_demo_says_what_to_install(missing: str, command: str) -> None:
    ran = aivideo(command, without=(missing,))
    assert ran.returncode == Exit.CONFIGURATION
    assert ran.stdout == ""
    assert ran.stderr == "error: this needs the extra 'sandbox': pip install 'aivideo-async[sandbox]'\n"


def test_importing_the_command_loads_neither_aiohttp_nor_an_extra() -> None:
    assert python("import sys, aivideo_async.cli" + LOADED).stdout == "[]\n"


def test_help_loads_no_aiohttp() -> None:
    program = "import sys, contextlib, aivideo_async.cli as cli\nwith contextlib.suppress(SystemExit): cli.main()\n"
    ran = python(program + LOADED[2:], "generate", "--help")
    assert "Exit codes: 0 done;" in ran.stdout
    assert ran.stdout.endswith("['rich', 'typer']\n")


def test_a_missing_extra_is_noticed_in_this_process_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "typer", None)
    assert main() == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith("error: this needs the extra 'cli'")


def test_an_interruption_while_loading_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "typer")
    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    assert main() == Exit.INTERRUPTED


def test_the_version_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["aivideo", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"aivideo {version('aivideo-async')}\n"


def test_any_stream_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    monkeypatch.setattr(sys, "argv", ["aivideo", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert written.getvalue().startswith("aivideo ")


def test_what_a_stream_cannot_write_is_escaped_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_only)
    monkeypatch.setattr(sys, "argv", ["aivideo", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert ascii_only.errors == "backslashreplace"
