from __future__ import annotations

import pytest
from pydantic import JsonValue

from aivideo_async.sandbox.dialect import RefusedError
from aivideo_async.sandbox.inputs import check_inputs
from tests.sandbox.asking import an_engine, refused


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest", "http://10.0.0.1/a.png", "http://[fd00::1]/a.png", "ftp://192.0.2.1/a",
     "data:image/png;base64,AA", "file:///etc/passwd", "http://100.64.0.1/"],
)  # fmt: skip
def test_what_the_service_could_not_ask_for_is_refused(url: str) -> None:
    with pytest.raises(RefusedError, match="image_urls: a public http or https URL is required"):
        check_inputs({"image_urls": ["https://h.example/a.png", url]})
    body: JsonValue = {"model": "sora-2", "prompt": "x", "image_urls": [url]}
    assert refused(an_engine(), body) == (400, "invalid_request")


@pytest.mark.parametrize(
    "url", ["https://h.example/a.png", "http://127.0.0.1:1/a", "http://[::1]/a", "https://8.8.8.8/a"]
)
def test_names_public_addresses_and_this_machine_are_taken(url: str) -> None:
    check_inputs({"image_urls": [url], "prompt": "http://10.0.0.1/"})
