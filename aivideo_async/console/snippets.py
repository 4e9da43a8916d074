"""The code that would do what the page did: as Python and as curl. Pure."""

from __future__ import annotations

import json
import shlex

from pydantic import JsonValue

from aivideo_async.catalog import MODELS, request_to_data
from aivideo_async.core.models import GenerationRequest
from aivideo_async.core.wire import create_request

LINE = 88
"""Letters of a line of code that is shown."""
SUFFIX = {"video": "mp4", "image": "jpg", "music": "mp3"}


def as_python(request: GenerationRequest) -> str:
    """A whole program; what is as the catalog has it by default is left out."""
    name, call = _call(request)
    return f"""import asyncio

from aivideo_async import Client
from aivideo_async.catalog import {name}

REQUEST = {call}


async def main() -> None:
    async with Client() as client:
        result = await client.run(REQUEST)
        await client.download(result, "result.{SUFFIX[request.kind]}")


asyncio.run(main())
"""


def as_curl(request: GenerationRequest, base_url: str, callback_url: str | None = None) -> str:
    """A command that creates the same task; the key comes from the environment."""
    post = create_request(request, form=request.body_forms()[0], callback_url=callback_url)
    body: JsonValue = json.loads(post.body or b"{}")
    return " \\\n  ".join(
        (
            f"curl -sS {shlex.quote(base_url + post.path)}",
            '-H "Authorization: Bearer $AIVIDEO_API_KEY"',
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(json.dumps(body, indent=2))}",
        )
    )


def as_shell(base_url: str, *commands: str) -> str:
    """The commands, behind what points a client to the service at this address."""
    exports = (f"export AIVIDEO_BASE_URL={base_url}", "export AIVIDEO_API_KEY=\u2026   # printed by aivideo sandbox")
    return "\n".join((*exports, *commands))


def _call(request: GenerationRequest) -> tuple[str, str]:
    """What is imported, and the expression that makes the request."""
    known = MODELS.get(request.model)
    if known is None or known is not type(request):
        return "parse_request", f"parse_request({request_to_data(request)!r})"
    given = {
        name: value
        for name, value in request.fields().items()
        if known.model_fields[name].get_default(call_default_factory=True) != value
    }
    arguments = [f"{name}={value!r}" for name, value in given.items()]
    call = f"{known.__name__}({', '.join(arguments)})"
    if len(call) > LINE:
        call = f"{known.__name__}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
    return known.__name__, call
