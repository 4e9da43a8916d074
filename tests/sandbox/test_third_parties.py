"""What others wrote, against the sandbox: a client of curl and jq, and schemathesis by what it serves."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import anyio.to_thread
import pytest

from aivideo_async.sandbox import Sandbox

SCRIPT = Path(__file__).with_name("third_party.sh")
TOOLS = ("bash", "curl", "jq", "nc", "xxd")
WRONG = {"LIMITED_KEY": "rate-limit", "BROKEN_KEY": "server-error", "UPSTREAM_KEY": "upstream-error",
         "FAILING_KEY": "moderation"}  # fmt: skip
BOUND = 12
"""Seconds of schemathesis."""


def run(folder: Path, command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script, and a tool of our own environment
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=90, check=False
    )


def keys_of(sandbox: Sandbox) -> dict[str, str]:
    keys = {"KEY": sandbox.api_key, "POOR_KEY": sandbox.issue_key("poor", credits=Decimal(1))}
    keys["FOREIGN_KEY"] = sandbox.issue_key("foreign", addresses=["192.0.2.0/24"])
    keys["CAPPED_KEY"] = sandbox.issue_key("capped", hourly=Decimal(10))
    for name, fault in WRONG.items():
        keys[name] = sandbox.issue_key(name)
        sandbox.faults.set(fault, key=name)
    return keys


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_a_client_that_knows_only_the_pages_does_everything(tmp_path: Path) -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    assert not missing, f"{missing} are Debian packages of these names (nc: netcat-openbsd)"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with Sandbox(render="cached", speed=3600) as sandbox:
        environment = {"BASE": sandbox.base_url, "PORT": str(port), **keys_of(sandbox)}
        done = await anyio.to_thread.run_sync(run, tmp_path, ["bash", str(SCRIPT)], environment)
        assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["done"]), done.stdout + done.stderr
        assert {entry.code for entry in sandbox.requests if entry.endpoint in {"create", "get_task"}} == {
            "", "invalid_request", "invalid_api_key", "insufficient_credits", "ip_not_allowed", "model_not_found",
            "task_not_found", "rate_limit_exceeded", "spend_limit_exceeded", "internal_error", "upstream_error",
        }  # fmt: skip


@pytest.mark.crash
@pytest.mark.timeout(120)
async def test_schemathesis_finds_no_5xx_and_nothing_that_is_not_described(tmp_path: Path) -> None:
    async with Sandbox(render="cached", speed=7200, credits=10**9) as sandbox:
        command = [
            str(Path(sys.executable).with_name("st")), "run", f"{sandbox.base_url}/openapi.json", "--no-color",
            "-H", f"Authorization: Bearer {sandbox.api_key}", "--seed", "1", "-n", "25", "--max-time", str(BOUND),
            # a model's own limits are not in the description, so not all that it describes is taken
            "--exclude-checks", "positive_data_acceptance",
        ]  # fmt: skip
        done = await anyio.to_thread.run_sync(run, tmp_path, command, dict[str, str]())
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        assert {entry.endpoint for entry in sandbox.requests} >= {"create", "get_task", "get_credits"}
        assert not [entry for entry in sandbox.requests if entry.status is None or entry.status >= 500]
        assert len(sandbox.requests) > 200
