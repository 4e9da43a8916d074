"""``aivideo webhook sign``, ``verify`` and ``replay``."""

from __future__ import annotations

import hmac
import io
import json
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from aivideo_async import ConfigurationError, InvalidRequestError, MemoryStore, WebhookReceiver
from aivideo_async.cli import webhook
from aivideo_async.cli.captured import Captured, from_text, to_object
from aivideo_async.cli.exits import Exit
from aivideo_async.cli.output import Screen
from tests.loopback import answering, http, serving
from tests.test_receiver import KEY, SECRET, task_body

BODY = task_body("svc-1")
OTHER = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
PUBLIC = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction] - autouse
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", KEY)


def printed(machine: bool = False) -> tuple[Screen, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return Screen(machine=machine, out=out, err=err), out, err


def signed(body: bytes = BODY, **more: object) -> Captured:
    screen, out, _ = printed(machine=True)
    options = {"secret_file": None, "url": "https://example.com/hook", "task": "av_1", **more}
    webhook.signed(screen, body, **options)  # type: ignore[arg-type]  # options by name
    return from_text(out.getvalue())


def verified(captured: Captured, **more: object) -> Mapping[str, object]:
    screen, out, _ = printed(machine=True)
    code = webhook.verify(screen, captured, **{"secret_file": None, **more})  # type: ignore[arg-type]
    told: Mapping[str, object] = json.loads(out.getvalue())
    assert (code is Exit.OK) == told["verified"]
    return told


def test_what_is_signed_is_verified() -> None:
    told = verified(signed())
    assert (told["id"], told["service_id"], told["status"], told["secret"]) == ("av_1", "svc-1", "completed", 0)


def test_headers_are_printed_and_for_a_url_a_curl_line(capsys: pytest.CaptureFixture[str]) -> None:
    screen, out, _ = printed()
    webhook.signed(screen, BODY, secret_file=None, delivery_id="msg_1", timestamp=1_790_000_000)
    lines = dict(line.split(": ", 1) for line in out.getvalue().splitlines())
    assert (lines["webhook-id"], lines["webhook-timestamp"]) == ("msg_1", "1790000000")
    screen, out, _ = printed()
    webhook.signed(screen, BODY, secret_file=None, url="https://example.com/a b", body_file="it's.json")
    words = shlex.split(out.getvalue())
    assert words[:3] == ["curl", "--data-binary", "@it's.json"]
    assert words[-1] == "https://example.com/a b"
    assert SECRET.removeprefix("whsec_") not in out.getvalue() + "".join(capsys.readouterr())


def test_a_secret_may_be_in_a_file_and_of_several_the_one_that_matched_is_named(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"{OTHER}\n{SECRET}\n")
    assert verified(signed(), secret_file=file)["secret"] == 1


def test_another_scheme_is_verified_and_nothing_is_signed_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made, secret = signed(), "a secret shared with GitHub"
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SCHEME", "github")
    monkeypatch.setenv("AIVIDEO_WEBHOOK_SECRET", secret)
    mac = hmac.new(secret.encode(), made.body, "sha256").hexdigest().encode()
    assert verified(replace(made, headers=[(b"X-Hub-Signature-256", b"sha256=" + mac)]))["verified"]
    with pytest.raises(ConfigurationError, match="only Standard Webhooks"):
        webhook.signed(printed()[0], BODY, secret_file=None)


def rewritten(made: Captured) -> Captured:
    return replace(made, body=made.body + b" ")


def redirected(made: Captured) -> Captured:
    return replace(made, path="/hook/av_2" + made.path[made.path.rindex("/") :])


def cut(made: Captured) -> Captured:
    return replace(made, headers=made.headers[:-1])


def doubled(made: Captured) -> Captured:
    return replace(made, headers=[*made.headers, made.headers[-1]])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (rewritten, "bad_signature"),
        (redirected, "bad_token"),
        (cut, "missing_header"),
        (doubled, "duplicate_header"),
    ],
)
def test_what_is_not_believed_is_told_in_words(change: Callable[[Captured], Captured], reason: str) -> None:
    told = verified(change(signed()))
    assert told["reason"] == reason
    screen, out, _ = printed()
    assert webhook.verify(screen, change(signed()), secret_file=None) is Exit.ERROR
    assert out.getvalue() == f"not believed ({reason}): {told['message']}\n"


def test_an_old_request_is_stale_now_and_right_when_it_came() -> None:
    old = signed(timestamp=int(time.time()) - 86_400)
    assert verified(old)["reason"] == "stale"
    assert verified(old, when_captured=True)["verified"] is True
    assert verified(replace(old, received_at=None), when_captured=True)["verified"] is True
    with pytest.raises(InvalidRequestError, match="when it came"):
        verified(replace(old, received_at=None, headers=[]), when_captured=True)


def test_without_a_secret_it_is_a_hint_and_without_a_key_the_token_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = signed()
    monkeypatch.delenv("AIVIDEO_CALLBACK_KEY")
    screen, out, err = printed()
    assert webhook.verify(screen, replace(made, path="/"), secret_file=None) is Exit.OK
    assert "the token is not looked at" in err.getvalue()
    monkeypatch.setenv("AIVIDEO_CALLBACK_KEY", KEY)
    monkeypatch.delenv("AIVIDEO_WEBHOOK_SECRET")
    screen, out, err = printed()
    assert webhook.verify(screen, made, secret_file=None) is Exit.OK
    assert out.getvalue().startswith("a hint: the token is right")
    monkeypatch.delenv("AIVIDEO_CALLBACK_KEY")
    with pytest.raises(ConfigurationError, match="nothing to verify with"):
        webhook.verify(screen, made, secret_file=None)


def test_what_is_missing_to_sign_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "public").write_text(PUBLIC)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="cannot sign"):
        signed(secret_file=tmp_path / "public")
    with pytest.raises(ConfigurationError, match="holds no webhook secret"):
        signed(secret_file=tmp_path / "bytes")
    monkeypatch.delenv("AIVIDEO_CALLBACK_KEY")
    with pytest.raises(ConfigurationError, match="needs the callback key"):
        signed()
    monkeypatch.delenv("AIVIDEO_WEBHOOK_SECRET")
    with pytest.raises(ConfigurationError, match="no secret to sign with"):
        signed(task=None)


async def replayed(captured: Captured, *answers: bytes, **more: object) -> tuple[list[bytes], str, Exit]:
    seen: list[bytes] = []
    screen, out, _ = printed()
    async with serving(answering(*(answers or (http(200, b"ok"),)), seen=seen)) as url:
        options = {"secret_file": None, "as_is": False, **more}
        code = await webhook.replay(screen, captured, url + "/{id}/{token}", **options)  # type: ignore[arg-type]
    return seen, out.getvalue(), code


async def test_as_it_was_means_byte_for_byte() -> None:
    old = signed(timestamp=1_790_000_000)
    seen, _, code = await replayed(old, as_is=True)
    assert code is Exit.OK
    assert seen[0].startswith(b"POST /av_1/" + old.path.rpartition("/")[2].encode())
    assert seen[0].endswith(b"\r\n\r\n" + BODY)
    assert all(name + b": " + value in seen[0] for name, value in old.headers)


@pytest.mark.parametrize("new_id", [False, True])
async def test_made_fresh_an_old_request_is_believed_again(new_id: bool) -> None:
    old = signed(timestamp=1_790_000_000, delivery_id="msg_old")
    old = replace(old, headers=[*old.headers, (b"X-Timestamp", b"1790000000")])
    seen, _, _ = await replayed(old, new_id=new_id)
    head = seen[0].partition(b"\r\n\r\n")[0].split(b"\r\n")
    pairs = [line.partition(b": ") for line in head[1:]]
    headers = [(name, value) for name, _, value in pairs]
    path = head[0].split()[1].decode()
    assert verified(Captured(path=path, headers=headers, body=BODY))["verified"] is True
    assert ((b"webhook-id", b"msg_old") in headers) is not new_id
    assert abs(int(dict(headers)[b"X-Timestamp"]) - time.time()) < 100


async def test_the_svix_names_of_a_signature_are_kept() -> None:
    old = signed()
    old = replace(old, headers=[(name.replace(b"webhook", b"svix"), value) for name, value in old.headers])
    seen, _, _ = await replayed(old)
    assert b"svix-signature: v1," in seen[0]
    assert b"webhook-" not in seen[0]


async def test_an_unsigned_request_stays_unsigned_and_what_has_no_token_needs_none() -> None:
    old = replace(signed(), headers=[(b"X-Event", b"task.completed")])
    seen, _, _ = await replayed(old)
    assert b"webhook-" not in seen[0]
    with pytest.raises(InvalidRequestError, match="does not end in an id and a token"):
        await replayed(replace(old, path="/"))


async def test_what_is_answered_is_printed_harmlessly_and_decides_the_code() -> None:
    seen, told, code = await replayed(signed(), http(500, b"\x1b[2Jboo\xff"))
    assert code is Exit.ERROR
    assert told.startswith("500 after ")
    assert told.endswith("\\x1b[2Jboo\ufffd\n")
    assert len(seen) == 1


async def test_our_own_receiver_takes_what_is_replayed() -> None:
    receiver, (screen, _, _) = WebhookReceiver(MemoryStore()), printed()
    async with receiver.serve() as server:
        url = server.url + "/{id}/{token}"
        for new_id in (False, False, True):
            assert (
                await webhook.replay(screen, signed(delivery_id="m"), url, secret_file=None, as_is=False, new_id=new_id)
                is Exit.OK
            )
    assert (receiver.stats["verified"], receiver.stats["duplicates"]) == (2, 1)


def test_files_and_standard_input_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = signed()
    (tmp_path / "request.json").write_text(json.dumps(to_object(made)))
    assert webhook.load(str(tmp_path / "request.json")) == made
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"bytes")))
    assert webhook.read_bytes("-") == b"bytes"
