"""The code that is shown is code: it runs, and sends what the page would send."""

from __future__ import annotations

import ast
import json
import shlex

import pytest

from aivideo_async.catalog import MODELS, GenericRequest, Kling3, Sora2, parse_request
from aivideo_async.console.snippets import as_curl, as_python, as_shell
from aivideo_async.core.models import GenerationRequest
from tests.console.asking import HOSTILE

REQUESTS: list[GenerationRequest] = [
    Sora2(prompt=HOSTILE + " it's \\ \n '''", duration=12),
    Kling3(multi_shots=True, multi_prompt=[{"prompt": "a", "duration": 2}]),  # type: ignore[list-item] # pyright: ignore[reportArgumentType] - as from JSON
    GenericRequest(kind="video", model="new-1", input={"prompt": "x"}),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_program_makes_the_same_request(request_: GenerationRequest) -> None:
    tree = ast.parse(as_python(request_))
    made = next(node for node in tree.body if isinstance(node, ast.Assign))
    names = {known.__name__: known for known in MODELS.values()}
    value: object = eval(ast.unparse(made.value), {**names, "parse_request": parse_request})  # noqa: S307 - our own code
    assert value == request_


@pytest.mark.parametrize("request_", REQUESTS)
def test_the_command_sends_the_same_fields(request_: GenerationRequest) -> None:
    words = shlex.split(as_curl(request_, "http://127.0.0.1:1", "http://127.0.0.1:2/x").replace("\\\n", ""))
    body = json.loads(words[words.index("-d") + 1])
    fields = request_.fields()
    assert {**body, **body.get("input", {})}.items() >= {
        name: value for name, value in fields.items() if name != "input"
    }.items() or body["input"] == fields
    assert body["callback_url"] == "http://127.0.0.1:2/x"


def test_a_command_for_a_shell_is_pointed_to_the_service() -> None:
    lines = as_shell("http://127.0.0.1:8787", "aivideo tasks").splitlines()
    assert [shlex.split(line, comments=True)[:2] for line in lines] == [
        ["export", "AIVIDEO_BASE_URL=http://127.0.0.1:8787"],
        ["export", "AIVIDEO_API_KEY=\u2026"],
        ["aivideo", "tasks"],
    ]
