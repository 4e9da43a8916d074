from __future__ import annotations

from dataclasses import replace

import pytest

from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.schemes import SCHEMES, Scheme

GITHUB = SCHEMES["github"]


def test_the_table_is_the_one_of_the_rules() -> None:
    names = {"stripe", "mux", "openrouter", "github", "slack", "shopify", "wavespeed", "kie", "fal"}
    assert set(SCHEMES) == names
    assert all(row.name == name for name, row in SCHEMES.items())


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"template": b""}, "signs what it has not"),
        ({"template": b"body"}, "signs what it has not"),
        ({"template": b"{body}{nonce}"}, "signs what it has not"),
        ({"template": b"{timestamp}.{body}"}, "needs a timestamp"),
        ({"headers": {"timestamp": b"x-time"}}, "needs a timestamp"),
        ({"headers": {"timestamp": b"x-time"}, "template": b"{timestamp}"}, "signs what it has not"),
        ({"signature": b"X-Signature"}, "cannot be one in lower case"),
        ({"signature": b""}, "cannot be one in lower case"),
        ({"headers": {"id": b"x-id "}}, "cannot be one in lower case"),
        ({"headers": {"id": b"x-hub-signature-256"}}, "twice"),
        ({"mark": b""}, "label without a mark"),
        ({"label": b""}, "label without a mark"),
        ({"stamp": b"t", "template": b"{timestamp}.{body}"}, "stands alone"),
        ({"key_form": "jwk", "encoding": "base64"}, "read in hex"),
        ({"delivery_id": "id"}, "does not sign its delivery id"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(changes: dict[str, bytes], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        replace(GITHUB, **changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - fields by name


def test_a_row_of_ones_own_is_data() -> None:
    row = Scheme(name="acme", signature=b"x-acme", template=b"{body}", encoding="base64")
    assert row == replace(SCHEMES["shopify"], name="acme", signature=b"x-acme")
