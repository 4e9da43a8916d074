from __future__ import annotations

from typing import cast

from aivideo_async.catalog import MODELS
from tests.sandbox.test_server import Json, world


async def test_it_is_served_and_names_every_model_once() -> None:
    async with world() as w:
        status, document = await w.get("/openapi.json")
    paths = cast("dict[str, Json]", document["paths"])
    named: list[str] = []
    for path in ("videos", "images", "music"):
        body = cast("Json", cast("Json", paths[f"/v1/{path}/generations"]["post"])["requestBody"])
        named += cast("list[str]", _at(body, "content", "application/json", "schema", "properties", "model")["enum"])
    assert (status, sorted(named)) == (200, sorted(MODELS))
    assert cast("list[Json]", document["servers"])[0]["url"] == w.sandbox.base_url


def _at(value: Json, *names: str) -> Json:
    for name in names:
        value = cast("Json", value[name])
    return value
