from __future__ import annotations

import math
import pickle
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from aivideo_async.core.any_of import AnyOf
from aivideo_async.core.errors import ConfigurationError
from aivideo_async.core.retry import RetryPolicy
from aivideo_async.core.scheme_verifier import SchemeVerifier, verifier_for
from aivideo_async.core.schemes import SCHEMES, Scheme
from aivideo_async.core.signing import RawHeaders, StandardWebhooks, Verified
from aivideo_async.core.tokens import CallbackKeys, callback_key_from_api_key
from aivideo_async.core.webhooks import Verifier
from aivideo_async.jwks import JwksVerifier
from aivideo_async.settings import (
    BASE_URL,
    ROOM_FOR_TARGET,
    URL_LIMIT,
    BaseUrl,
    ClientSettings,
    api_key,
    callback_base,
    callback_keys,
    renewed,
    required_api_key,
    time_scale,
    verifier,
)
from aivideo_async.transport import Timeouts

KEY = "sk-made-up-0123456789"
CALLBACK_KEYS = ("a" * 32, "b" * 32)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOSTED = BaseUrl.parse(BASE_URL)
LOCAL = BaseUrl.parse("http://127.0.0.1:9000")
NAMES = [
    "AIVIDEO_API_KEY",
    "AIVIDEO_BASE_URL",
    "AIVIDEO_CALLBACK_URL",
    "AIVIDEO_CALLBACK_KEY",
    "AIVIDEO_WEBHOOK_SECRET",
    "AIVIDEO_TIME_SCALE",
]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - autouse
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def callback(url: str | None, service: BaseUrl = HOSTED, *, allow_insecure: bool = False) -> str | None:
    return callback_base(url, service=service, allow_insecure=allow_insecure)


def said(caught: pytest.ExceptionInfo[ConfigurationError]) -> str:
    """Everything of an error that could reach a log."""
    error = caught.value
    return "".join(traceback.format_exception(error)) + repr(error) + repr(pickle.loads(pickle.dumps(error)))


# The base URL


def test_the_hosted_service_is_the_default() -> None:
    base = BaseUrl.parse(None)
    assert (base.url, base.origin, base.loopback) == (BASE_URL, BASE_URL, False)


def test_the_base_url_comes_from_the_environment_and_the_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_BASE_URL", "https://one.example.com/")
    assert BaseUrl.parse(None).url == "https://one.example.com"
    assert BaseUrl.parse("https://two.example.com").url == "https://two.example.com"
    monkeypatch.setenv("AIVIDEO_BASE_URL", "")
    assert BaseUrl.parse(None).url == BASE_URL


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://API.example.com/relay/v2", "https://api.example.com"),
        ("https://api.example.com:443", "https://api.example.com"),
        ("https://api.example.com:8443/x", "https://api.example.com:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("HTTP://LOCALHOST", "http://localhost"),
    ],
)
def test_an_origin_is_scheme_host_and_port_however_they_are_written(url: str, origin: str) -> None:
    assert BaseUrl.parse(url).origin == origin


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "https://[::1]", "http://a.localhost"])
def test_only_loopback_may_do_without_https(url: str) -> None:
    assert BaseUrl.parse(url).loopback


@pytest.mark.parametrize("url", ["http://api.example.com", "http://10.0.0.1", "http://0x7f.1"])
def test_the_key_is_not_sent_over_http(url: str) -> None:
    with pytest.raises(ConfigurationError, match="must be https, the API key goes there"):
        BaseUrl.parse(url)


# What neither URL may be

NO_URLS = [
    ("ftp://example.com", "must be an http or https URL"),
    ("example.com", "must be an http or https URL"),
    ("https://", "must be an http or https URL"),
    ("https://example.com:0", "must be an http or https URL"),
    ("https://example.com:port", "is no URL"),
    ("https://example.com:99999", "is no URL"),
    ("https://[::1", "is no URL"),
    ("https://user@example.com", "user name or password"),
    ("https://:hunter2@example.com", "user name or password"),
    ("https://@example.com", "user name or password"),
    ("https://example.com/?a=b", "query or a fragment"),
    ("https://example.com/?", "query or a fragment"),
    ("https://example.com/#part", "query or a fragment"),
    ("https://example.com#", "query or a fragment"),
    ("https://éxample.com", "ASCII"),
    ("https://example.com/é", "ASCII"),
    ("https://example.com/a b", "ASCII"),
    ("https://example.com/\n", "ASCII"),
    ("https://exa\tmple.com", "ASCII"),
    ("https://example.com\\@evil.example", "user name or password"),
    ("https://example.com\\evil", "ASCII"),
    ("https://example.com/{id}", "ASCII"),
]


@pytest.mark.parametrize(("url", "why"), NO_URLS)
def test_an_odd_base_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"base URL \(AIVIDEO_BASE_URL\).*{why}"):
        BaseUrl.parse(url)


@pytest.mark.parametrize(("url", "why"), NO_URLS)
def test_an_odd_callback_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"callback URL \(AIVIDEO_CALLBACK_URL\).*{why}"):
        callback(url)


@pytest.mark.parametrize("url", ["https://u:hunter2@example.com", "https://u:hunter2@\u2100.com", "https://hunter2@[x"])
def test_a_password_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        BaseUrl.parse(url)
    assert "hunter2" not in said(caught)


# The callback URL


def test_there_may_be_no_callback_url() -> None:
    assert callback(None) is None
    assert callback("") is None


def test_the_callback_url_comes_from_the_environment_and_the_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_URL", "https://one.example.com/hooks/")
    assert callback(None) == "https://one.example.com/hooks"
    assert callback("https://two.example.com:8443/a") == "https://two.example.com:8443/a"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "localhost",
        "[::1]",
        "10.1.2.3",
        "192.168.0.9",
        "169.254.1.1",
        "[fd00::1]",
        "2130706433",
        "app",
        "app.internal",
    ],
)
def test_the_hosted_service_is_not_told_a_url_that_it_cannot_reach(host: str) -> None:
    for scheme in ("http", "https"):
        with pytest.raises(ConfigurationError, match=r"cannot reach the callback URL .* not public"):
            callback(f"{scheme}://{host}/hooks", allow_insecure=True)


def test_a_private_host_of_ones_own_does_not_help_a_private_callback_url() -> None:
    with pytest.raises(ConfigurationError, match="not public"):
        callback("https://10.0.0.1/hooks", BaseUrl.parse("https://10.0.0.2"))


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/hooks", "https://10.0.0.1/hooks", "https://app.internal/hooks"])
def test_a_service_on_this_machine_is_told_any(url: str) -> None:
    assert callback(url, LOCAL) == url


@pytest.mark.parametrize("service", [HOSTED, LOCAL])
def test_http_must_be_allowed(service: BaseUrl) -> None:
    with pytest.raises(ConfigurationError, match=r"must be https: .* \(or pass allow_insecure=True\)"):
        callback("http://hooks.example.com", service)
    assert callback("http://hooks.example.com", service, allow_insecure=True) == "http://hooks.example.com"


def test_a_whole_callback_url_has_at_most_512_bytes() -> None:
    target = f"/av_{'0' * 32}/{CallbackKeys(CALLBACK_KEYS[0]).mint('av_' + '0' * 32, now=time.time() + 1e9)}"
    assert len(target) <= ROOM_FOR_TARGET
    longest = "https://example.com/".ljust(URL_LIMIT - ROOM_FOR_TARGET, "x")
    assert callback(longest) == longest
    with pytest.raises(ConfigurationError, match="exceeds 512 bytes"):
        callback(longest + "x")


# The API key


@pytest.mark.parametrize("given", [KEY, SecretStr(KEY)])
def test_the_api_key_is_the_argument_or_comes_from_the_environment(
    given: str | SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api_key(None) is None
    monkeypatch.setenv("AIVIDEO_API_KEY", "sk-of-the-environment")
    keys = [required_api_key(argument).get_secret_value() for argument in (given, None, "")]
    assert keys == [KEY, "sk-of-the-environment", "sk-of-the-environment"]


def test_without_an_api_key_one_sentence_names_the_variable() -> None:
    with pytest.raises(ConfigurationError) as caught:
        required_api_key(None)
    assert str(caught.value) == "no API key: set AIVIDEO_API_KEY or pass api_key="


@pytest.mark.parametrize("damage", [f"{KEY}\n", f"{KEY}\r\nX: y", f" {KEY}", f"Bearer {KEY}", f"{KEY}é", f"{KEY}\x00"])
def test_a_key_that_cannot_stand_in_a_header_is_refused_and_not_repeated(damage: str) -> None:
    with pytest.raises(ConfigurationError, match="AIVIDEO_API_KEY") as caught:
        api_key(damage)
    assert KEY not in said(caught)


# The callback keys


def fingerprints(*keys: str | bytes) -> tuple[str, ...]:
    return CallbackKeys(keys).fingerprints()


def test_callback_keys_are_given_or_from_the_environment_or_of_the_api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    derived = callback_key_from_api_key(KEY)
    assert callback_keys(None, SecretStr(KEY)).fingerprints() == fingerprints(derived)
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", ", ".join(CALLBACK_KEYS))
    assert callback_keys(None, SecretStr(KEY)).fingerprints() == fingerprints(*CALLBACK_KEYS)
    assert callback_keys("c" * 32, None).fingerprints() == fingerprints("c" * 32)
    assert callback_keys([b"d" * 32, "c" * 32], None).fingerprints() == fingerprints(b"d" * 32, "c" * 32)


def test_callback_keys_that_are_loaded_are_taken_as_they_are() -> None:
    loaded = CallbackKeys(CALLBACK_KEYS)
    assert callback_keys(loaded, None) is loaded


def test_without_any_key_a_receiver_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"callback key or an API key \(set AIVIDEO_CALLBACK_KEY\)"):
        callback_keys(None, None)


@pytest.mark.parametrize("given", ["hunter2", "", ["a" * 32, "hunter2"], [], b"hunter2"])
def test_a_callback_key_that_is_too_short_is_refused_and_not_repeated(given: str | bytes | list[str | bytes]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        callback_keys(given, SecretStr(KEY))
    assert "hunter2" not in said(caught)


def test_a_comma_too_many_is_a_key_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", f"{CALLBACK_KEYS[0]},")
    with pytest.raises(ConfigurationError, match="at least 32 bytes"):
        callback_keys(None, None)


# The sender's secret


def test_the_sender_signs_nothing_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verifier(None) is None
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", "")
    assert verifier(None) is None


@pytest.mark.parametrize(("text", "count"), [(SECRET, 1), (f"{SECRET}, {SECRET}", 2)])
def test_secrets_come_from_the_environment(text: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", text)
    assert repr(verifier(None)).startswith(f"<StandardWebhooks keys={count} ")


def test_given_secrets_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", "whsec_no")
    assert isinstance(verifier(SECRET), StandardWebhooks)
    assert isinstance(verifier([SECRET, SECRET]), StandardWebhooks)


def test_a_scheme_of_ones_own_is_taken_as_it_is() -> None:
    @dataclass
    class Own:
        """A scheme that nobody else has."""

        authenticates_body: bool = True

        def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
            return Verified(None, int(now), len(headers) + len(body))

    own = Own()
    assert verifier(own) is own


@pytest.mark.parametrize("given", ["hunter2", "", "whsec_hunter2!", [], [SECRET, "hunter2"]])
def test_what_is_no_secret_is_refused_and_not_repeated(given: str | list[str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        verifier(given)
    assert "hunter2" not in said(caught)


@pytest.mark.parametrize("scheme", ["stripe", SCHEMES["stripe"]])
def test_a_scheme_is_named_beside_its_secrets(scheme: str | Scheme) -> None:
    assert repr(verifier([SECRET, "other"], scheme)) == "<SchemeVerifier stripe keys=2 tolerance=300.0>"


def test_a_scheme_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SCHEME", "github")
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", "one-long-enough-secret, another-long-enough-one")
    assert repr(verifier(None)) == "<SchemeVerifier github keys=2 tolerance=300.0>"
    assert repr(verifier(SECRET)) == "<StandardWebhooks keys=1 tolerance=300.0>"
    assert repr(verifier(SECRET, "svix")).startswith("<StandardWebhooks keys=1 ")
    own = StandardWebhooks(SECRET)
    assert verifier(own) is own


@pytest.mark.parametrize("scheme", ["stripe", "svix", SCHEMES["fal"], "Fal", "nobody"])
def test_a_scheme_without_a_secret_is_no_way_to_believe_everybody(scheme: str | Scheme) -> None:
    with pytest.raises(ConfigurationError, match="needs a secret"):
        verifier(None, scheme)


def test_keys_that_are_published_need_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SCHEME", "fal")
    assert isinstance(verifier(None), JwksVerifier)


def test_a_verifier_and_a_scheme_contradict_each_other() -> None:
    with pytest.raises(ConfigurationError, match="its scheme already"):
        verifier(StandardWebhooks(SECRET), "stripe")


@pytest.mark.parametrize(
    "old", [verifier_for("stripe", "a" * 16, tolerance=60), verifier_for("svix", SECRET, tolerance=60)]
)
def test_other_secrets_keep_the_scheme_and_its_window(old: StandardWebhooks | SchemeVerifier) -> None:
    new = renewed(old, [SECRET, SECRET])
    assert repr(new) == repr(old).replace("keys=1", "keys=2")


@pytest.mark.parametrize("old", [None, AnyOf(StandardWebhooks(SECRET)), JwksVerifier()])
def test_there_is_no_secret_to_replace_where_none_was_given(old: Verifier | None) -> None:
    with pytest.raises(ConfigurationError, match="no secret to replace"):
        renewed(old, SECRET)


@pytest.mark.parametrize("old", [None, verifier_for("kie", "a" * 16)])
def test_what_a_callback_is_worth_does_not_change(old: Verifier | None) -> None:
    with pytest.raises(ConfigurationError, match="what a callback is worth"):
        renewed(old, StandardWebhooks(SECRET))


# The time scale


def test_the_time_scale_is_1_or_of_the_environment_and_the_argument_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert time_scale(None) == 1.0
    monkeypatch.setenv("AIVIDEO_TIME_SCALE", "60")
    assert time_scale(None) == 60.0
    assert time_scale(2.5) == 2.5
    monkeypatch.setenv("AIVIDEO_TIME_SCALE", "quick")
    assert time_scale(2.5) == 2.5


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "quick", "1,5"])
def test_an_impossible_time_scale_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIVIDEO_TIME_SCALE", text)
    with pytest.raises(ConfigurationError, match=r"AIVIDEO_TIME_SCALE is no number|time scale must be above 0"):
        time_scale(None)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_time_scale_is_refused_as_an_argument_too(scale: float) -> None:
    with pytest.raises(ConfigurationError, match="time scale must be above 0"):
        time_scale(scale)


# All of them together

Make = Callable[..., ClientSettings]


@pytest.fixture
def make() -> Make:
    def settings(**changes: object) -> ClientSettings:
        values: Mapping[str, object] = {
            "base_url": HOSTED,
            "api_key": SecretStr(KEY),
            "callback_base": None,
            "callback_keys": CallbackKeys(CALLBACK_KEYS),
            "body_form": "auto",
            "timeouts": Timeouts(),
            "retry": RetryPolicy(),
            "usual_seconds": {"sora-2": 300.0},
            "max_concurrency": 1,
            "close_timeout": 0.0,
            "ask_rate": 0.1,
            "time_scale": 1.0,
            "clock": time.time,
            **changes,
        }
        return ClientSettings(**values)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - fields by name

    return settings


def test_settings_do_not_show_secrets(make: Make) -> None:
    shown = repr(make())
    assert all(secret not in shown for secret in (KEY, *CALLBACK_KEYS))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("body_form", "xml"),
        ("max_concurrency", 0),
        ("close_timeout", -1.0),
        ("close_timeout", math.nan),
        ("ask_rate", 0.0),
        ("ask_rate", math.nan),
        ("ask_rate", math.inf),
        ("usual_seconds", {"sora-2": -1.0}),
        ("usual_seconds", {"sora-2": math.nan}),
    ],
)
def test_impossible_settings_are_refused(make: Make, name: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=name):
        make(**{name: value})
