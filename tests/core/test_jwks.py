from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aivideo_async.core.errors import InvalidResponseError
from aivideo_async.core.jwks import keys_of
from tests.core.senders import X

KEY: dict[str, object] = {"kty": "OKP", "crv": "Ed25519", "x": X}
WEAK = {**KEY, "x": "A" * 43}


def a_set(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


def test_the_usable_keys_of_a_set_are_given_in_their_order() -> None:
    changes: tuple[dict[str, object], ...] = ({"kty": "RSA"}, {"crv": "X25519"}, {"use": "enc"}, {"x": 7}, {"x": "A"})
    others = [KEY | change for change in changes]
    assert len(keys_of(a_set(*others, WEAK, 7, None, KEY, KEY | {"use": "sig", "kid": "1"}))) == 2


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[],"keys":[]}', a_set(), a_set(WEAK), a_set(*[KEY] * 33), b"<html>"],
    ids=lambda document: repr(document[:20]),
)
def test_a_set_without_a_usable_key_is_no_answer(document: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        keys_of(document)


@given(
    st.binary()
    | st.lists(st.dictionaries(st.sampled_from(list(KEY)), st.text() | st.integers())).map(lambda e: a_set(*e))
)
def test_whatever_the_document_only_one_error_comes_out(document: bytes) -> None:
    with pytest.raises(InvalidResponseError):
        keys_of(document)
