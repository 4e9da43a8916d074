from __future__ import annotations

import base64
import hmac

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from aivideo_async.core.errors import ConfigurationError, InvalidRequestError
from aivideo_async.core.tokens import ID_PATTERN, TOKEN_PATTERN, CallbackKeys, callback_key_from_api_key

NOW = 1_772_442_777.0
HOUR, DAY = 3_600, 86_400
KEY, OLD = b"k" * 32, b"o" * 32
KEYS = CallbackKeys(KEY)
ID = "av_" + "0" * 32


def test_a_token_is_made_as_the_page_says() -> None:
    expiry = b"492514"
    mac = hmac.digest(KEY, b"aivideo/callback/v1|" + ID.encode() + b"|" + expiry, "sha256")
    token = KEYS.mint(ID, now=NOW)
    assert token == f"492514.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"
    assert 0 <= 492514 * HOUR - (NOW + 7 * DAY) < HOUR


def test_a_token_lives_seven_days_and_is_gone_an_hour_later() -> None:
    token = KEYS.mint(ID, now=NOW)
    assert KEYS.check(ID, token, now=NOW)
    assert KEYS.check(ID, token, now=NOW + 7 * DAY)
    assert not KEYS.check(ID, token, now=NOW + 7 * DAY + HOUR)


def test_a_lifetime_may_be_chosen() -> None:
    token = KEYS.mint(ID, now=0.0, lifetime=HOUR)
    assert token.startswith("1.")
    assert KEYS.check(ID, token, now=HOUR)
    assert not KEYS.check(ID, token, now=HOUR + 1)


def test_a_token_belongs_to_one_id_and_one_key() -> None:
    token = KEYS.mint(ID, now=NOW)
    assert not KEYS.check(ID + "0", token, now=NOW)
    assert not CallbackKeys(OLD).check(ID, token, now=NOW)


def test_the_first_key_mints_and_all_check() -> None:
    rotated = CallbackKeys([KEY, OLD])
    assert rotated.check(ID, CallbackKeys(OLD).mint(ID, now=NOW), now=NOW)
    assert rotated.mint(ID, now=NOW) == KEYS.mint(ID, now=NOW)


@given(st.data())
def test_no_other_token_than_the_minted_one_is_taken(data: st.DataObject) -> None:
    token = KEYS.mint(ID, now=NOW)
    at = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.characters().filter(lambda char: char != token[at]))
    changed = data.draw(st.sampled_from((token[:at] + char + token[at + 1 :], token[:at] + char + token[at:])))
    assert not KEYS.check(ID, changed, now=NOW)


@given(st.text() | st.just(ID), st.text() | st.from_regex(TOKEN_PATTERN, fullmatch=True), st.floats())
def test_whatever_comes_in_checking_only_says_no(id: str, token: str, now: float) -> None:
    event(f"well-formed: {ID_PATTERN.fullmatch(id) is not None and TOKEN_PATTERN.fullmatch(token) is not None}")
    assert KEYS.check(id, token, now=now) is False


@given(st.from_regex(ID_PATTERN, fullmatch=True), st.floats(0, 1e11))
def test_what_was_minted_is_taken(id: str, now: float) -> None:
    assert KEYS.check(id, KEYS.mint(id, now=now), now=now)


@pytest.mark.parametrize("id", ["", "a/b", "a|b", "é", "a\n", "a" * 129, "..", "%41"])
def test_an_id_that_cannot_stand_in_a_path_is_refused(id: str) -> None:
    with pytest.raises(InvalidRequestError, match="callback URL"):
        KEYS.mint(id, now=NOW)
    assert not KEYS.check(id, KEYS.mint(ID, now=NOW), now=NOW)


@pytest.mark.parametrize("keys", [b"k" * 31, "k" * 31, "", [KEY, b"short"]])
def test_a_short_key_is_refused_without_showing_it(keys: str | bytes | list[str | bytes]) -> None:
    with pytest.raises(ConfigurationError, match="at least 32 bytes") as caught:
        CallbackKeys(keys)
    assert "kkkk" not in str(caught.value)


def test_a_list_of_keys_is_not_empty() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        CallbackKeys([])


def test_text_and_its_utf8_bytes_are_the_same_key() -> None:
    assert CallbackKeys("ö" * 16).fingerprint() == CallbackKeys("ö".encode() * 16).fingerprint()


def test_text_that_is_no_unicode_is_a_key_too() -> None:
    assert CallbackKeys("\ud800" * 32).fingerprint() != CallbackKeys("\ud801" * 32).fingerprint()


def test_fingerprints_name_the_keys_the_minting_one_first() -> None:
    keys = CallbackKeys([KEY, OLD])
    assert keys.fingerprints() == (KEYS.fingerprint(), CallbackKeys(OLD).fingerprint())
    assert keys.fingerprint() == KEYS.fingerprint()
    assert keys.fingerprint() in repr(keys)
    assert len(keys.fingerprint()) == 16


def test_the_key_of_an_api_key_is_hkdf_and_always_the_same() -> None:
    # RFC 5869 with an empty salt and one block, by hand.
    secret = hmac.digest(bytes(32), b"sk-test", "sha256")
    expected = hmac.digest(secret, b"aivideo/callback-key/v1\x01", "sha256")
    assert callback_key_from_api_key("sk-test") == expected
    assert CallbackKeys(expected).check(ID, CallbackKeys(expected).mint(ID, now=NOW), now=NOW)


def test_an_empty_api_key_gives_no_callback_key() -> None:
    with pytest.raises(ConfigurationError, match="empty API key"):
        callback_key_from_api_key("")


def test_a_pictures_token_opens_that_picture_of_that_task_until_it_expires_and_no_callback() -> None:
    old, new = CallbackKeys("o" * 32), CallbackKeys(["n" * 32, "o" * 32])
    token = old.mint_picture("av_1", 3, now=1_790_000_000.0, lifetime=3600.0)
    assert new.check_picture("av_1", token, now=1_790_000_000.0) == 3
    assert new.check_picture("av_2", token, now=1_790_000_000.0) is None
    assert new.check_picture("av_1", token.replace(".3.", ".4."), now=1_790_000_000.0) is None
    assert new.check_picture("av_1", token, now=1_790_000_000.0 + 3 * 3600) is None
    assert new.check_picture("a/1", token, now=0.0) is new.check_picture("av_1", "", now=0.0) is None
    expiry, _, mac = token.split(".")
    assert not new.check("av_1", f"{expiry}.{mac}", now=1_790_000_000.0)
