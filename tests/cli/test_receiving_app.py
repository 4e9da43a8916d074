"""The options of the commands about the receiver reach what they are for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aivideo_async.cli.app import app
from aivideo_async.cli.exits import HELP, Exit
from tests.loopback import refused_port
from tests.test_receiver import KEY, SECRET, task_body


def invoke(*arguments: str, typed: bytes | None = None) -> Result:
    return CliRunner().invoke(app, arguments, input=typed)


@pytest.mark.parametrize("command", ["sign", "verify", "replay"])
def test_the_exit_codes_are_in_the_help(command: str) -> None:
    shown = invoke("webhook", command, "--help")
    assert shown.exit_code == Exit.OK
    assert HELP in " ".join(shown.stdout.split())


def test_a_body_is_signed_verified_and_not_sent_where_nobody_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", KEY)
    (tmp_path / "secret").write_text(SECRET)
    secret = ("--secret-file", str(tmp_path / "secret"))
    url = f"http://127.0.0.1:{refused_port()}/hook"
    made = invoke("webhook", "sign", "--url", url, "--task", "av_1", "--json", *secret, typed=task_body("svc-1"))
    (tmp_path / "request.json").write_text(made.stdout)
    file = str(tmp_path / "request.json")
    verified = invoke("webhook", "verify", file, *secret)
    assert (verified.exit_code, verified.stdout.split(":")[0]) == (Exit.OK, "believed, by secret 1")
    sent = invoke("webhook", "replay", file, url + "/{id}/{token}", "--as-is")
    assert (sent.exit_code, sent.stderr) == (Exit.ERROR, "error: no connection (ClientConnectorError)\n")
    assert json.loads(invoke("webhook", "verify", file, "--json", "--when-captured", *secret).stdout)["verified"]


def test_what_cannot_be_done_has_its_code(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_text("[]")
    assert invoke("webhook", "verify", str(tmp_path / "request.json")).exit_code == Exit.USAGE
    assert invoke("webhook", "verify", str(tmp_path / "nothing.json")).exit_code == Exit.ERROR
    assert invoke("webhook", "sign", typed=b"{}").exit_code == Exit.CONFIGURATION
    assert invoke("listen").exit_code == Exit.CONFIGURATION
    assert invoke("doctor").exit_code == Exit.CONFIGURATION
    assert invoke("listen", "--port", "-1").exit_code == Exit.USAGE
