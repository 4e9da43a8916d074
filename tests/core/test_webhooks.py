from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from aivideo_async.core.errors import WebhookVerificationError
from aivideo_async.core.models import TaskStatus
from aivideo_async.core.signing import HmacKey, RawHeaders, StandardWebhooks, Verified, sign
from aivideo_async.core.tokens import CallbackKeys
from aivideo_async.core.webhooks import BODY_LIMIT, Verifier, split_target, unwrap
from tests.core.json_drawn import JSON, TEXT

NOW = 1_772_442_777.0
ID = "av_" + "0" * 32
KEYS = CallbackKeys(b"k" * 32)
TOKEN = KEYS.mint(ID, now=NOW)
PATH = f"/hooks/{ID}/{TOKEN}"
SECRET = HmacKey(b"s" * 32)
SIGNED = StandardWebhooks(SECRET)
BODY = b'{"id":"s1","status":"completed","model":"sora-2","output":{"urls":["https://cdn.example.com/1.mp4"]}}'

Pairs = list[tuple[bytes, bytes]]


def headers_of(body: bytes = BODY, key: HmacKey = SECRET) -> Pairs:
    made = sign([key], delivery_id="msg_1", timestamp=int(NOW), body=body)
    return [(name.encode(), value.encode()) for name, value in made.items()]


def reason(
    path: str | bytes = PATH, headers: RawHeaders = (), body: bytes = BODY, verifier: Verifier | None = None
) -> str:
    with pytest.raises(WebhookVerificationError) as caught:
        unwrap(path, headers, body, keys=KEYS, verifier=verifier, now=NOW)
    return caught.value.reason.value


@dataclass
class HeadersOnly:
    """A scheme that does not sign the body."""

    authenticates_body: bool = False

    def verify(self, headers: RawHeaders, body: bytes, *, now: float) -> Verified:
        del headers, body
        return Verified(None, int(now), 0)


def test_a_signed_callback_is_an_event_that_may_be_believed() -> None:
    event = unwrap(PATH, headers_of(), BODY, keys=KEYS, verifier=SIGNED, now=NOW)
    assert (event.task_id, event.signed, event.delivery_id, event.key_index) == (ID, True, "msg_1", 0)
    assert (event.report.service_id, event.report.status) == ("s1", TaskStatus.COMPLETED)
    assert event.report.urls == ("https://cdn.example.com/1.mp4",)


def test_without_a_verifier_the_token_suffices_and_the_body_is_a_claim() -> None:
    event = unwrap(PATH, headers_of(), BODY, keys=KEYS, verifier=None, now=NOW)
    assert (event.task_id, event.signed, event.delivery_id, event.key_index) == (ID, False, None, None)


def test_a_signature_that_leaves_out_the_body_makes_no_signed_event() -> None:
    event = unwrap(PATH, [], BODY, keys=KEYS, verifier=HeadersOnly(), now=NOW)
    assert (event.signed, event.delivery_id, event.key_index) == (False, None, 0)


@pytest.mark.parametrize(("status", "read"), [("processing", TaskStatus.PROCESSING), ("failed", TaskStatus.FAILED)])
def test_every_state_is_reported(status: str, read: TaskStatus) -> None:
    body = json.dumps({"id": "s1", "status": status}).encode()
    assert unwrap(PATH, [], body, keys=KEYS, verifier=None, now=NOW).report.status is read


def test_the_first_check_that_fails_names_the_reason() -> None:
    wrong_id, forged = (b"X-Task-Id", b"s2"), headers_of(key=HmacKey(b"f" * 32))
    assert reason("/x", body=b"x" * (BODY_LIMIT + 1), verifier=SIGNED) == "bad_body"
    assert reason("/x", body=b"no json", verifier=SIGNED) == "bad_token"
    assert reason(headers=[wrong_id], body=b"no json", verifier=SIGNED) == "missing_header"
    assert reason(headers=[*forged, wrong_id], body=b"no json", verifier=SIGNED) == "bad_signature"
    assert reason(headers=[*headers_of(b"no json"), wrong_id], body=b"no json", verifier=SIGNED) == "bad_body"
    assert reason(headers=[*headers_of(), wrong_id], verifier=SIGNED) == "id_mismatch"


def test_a_body_at_the_limit_is_read() -> None:
    body = BODY.ljust(BODY_LIMIT)
    assert unwrap(PATH, headers_of(body), body, keys=KEYS, verifier=SIGNED, now=NOW).signed


def test_a_token_of_another_task_is_refused() -> None:
    assert reason(f"/hooks/av_other/{TOKEN}") == "bad_token"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([b"s2"], "id_mismatch"),
        ([b""], "id_mismatch"),
        ([b"s1", b"s1"], "duplicate_header"),
        ([b"S1"], "id_mismatch"),
        ([b"\xff"], "id_mismatch"),
    ],
)
def test_the_header_and_the_body_name_one_task(values: list[bytes], why: str) -> None:
    assert reason(headers=[(b"x-TASK-id", value) for value in values]) == why


def test_the_header_that_names_the_task_may_stand_in_spaces() -> None:
    headers = [(b"X-Task-Id", b" s1\t")]
    assert unwrap(PATH, headers, BODY, keys=KEYS, verifier=None, now=NOW).report.service_id == "s1"


@pytest.mark.parametrize("body", [b"{}", b'{"id":"../x","status":"failed"}', b'{"id":"s1"}', b'{"status":"failed"}'])
def test_an_object_that_is_no_task_is_a_bad_body(body: bytes) -> None:
    assert reason(body=body) == "bad_body"


@pytest.mark.parametrize(
    "target",
    [
        PATH,
        f"/{ID}/{TOKEN}",
        f"{ID}/{TOKEN}",
        f"/a/b//c/{ID}/{TOKEN}",
        f"{PATH}?a=/b/c",
        f"https://x{PATH}",
        PATH.encode(),
    ],
)
def test_id_and_token_are_the_last_two_segments(target: str | bytes) -> None:
    assert split_target(target) == (ID, TOKEN)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        f"/{TOKEN}",
        f"{PATH}/",
        f"{PATH}#x",
        f"{PATH};x",
        f"{PATH}\n",
        f"{PATH}%00",
        f"/hooks/{ID}//{TOKEN}",
        f"/hooks/{ID}%2F{TOKEN}",
        f"/hooks/%61v_{'0' * 32}/{TOKEN}",
        f"/hooks/../{TOKEN}",
        f"/hooks\\{ID}\\{TOKEN}",
        f"/hooks/{ID}/{TOKEN.replace('.', '%2e')}",
        f"/hooks/é/{TOKEN}",
        f"/hooks/?{PATH}",
        PATH.encode() + b"\xff",
        PATH.encode("utf-16"),
    ],
)
def test_a_target_that_is_odd_in_any_way_has_no_token(target: str | bytes) -> None:
    with pytest.raises(WebhookVerificationError, match="bad_token"):
        split_target(target)


@given(st.text() | st.binary())
@example("/" * 10_000)
def test_whatever_the_target_it_is_split_or_refused(target: str | bytes) -> None:
    with pytest.raises(WebhookVerificationError, match="bad_token"):
        split_target(target)


IDS = st.sampled_from(["s1", "s1", "s1", "s2", "../x", 7, None])
FIELDS = ["id", "taskId", "status", "model", "created_at", "completed_at", "progress", "output", "error"]
TASKS = st.fixed_dictionaries(
    {"id": IDS, "status": st.sampled_from(["completed", "completed", "failed", "processing"])},
    optional={
        "output": JSON | st.fixed_dictionaries({"urls": JSON | st.lists(TEXT), "metadata": JSON}),
        **dict.fromkeys(FIELDS[3:7], JSON),
        "error": JSON,
    },
).map(lambda task: json.dumps(task).encode())


NAMES = st.sampled_from([b"x-task-id", b"X-Event"]) | st.binary()


@given(
    path=st.sampled_from(
        [PATH, PATH.encode(), PATH + "?a=b", "/hooks" + PATH, PATH + "/", f"/x/{TOKEN}", b"\xff/\xff"]
    ),
    headers=st.lists(st.tuples(NAMES, st.just(b"s1") | st.binary()), max_size=3),
    body=TASKS | TASKS.map(lambda body: body[:-1]) | JSON.map(lambda value: json.dumps(value).encode()) | st.binary(),
    signed=st.booleans(),
)
def test_whatever_comes_in_only_one_error_comes_out(
    path: str | bytes, headers: Pairs, body: bytes, signed: bool
) -> None:
    verifier = SIGNED if signed else None
    try:
        unwrap(path, [*headers, *headers_of(body)], body, keys=KEYS, verifier=verifier, now=NOW)
    except WebhookVerificationError as error:
        event(error.reason.value)
    else:
        event("accepted")
