"""The gallery's page: complete, self-contained, and deaf to whatever strangers wrote."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from aivideo_async.catalog import GptImage2, Kling3, KlingShot, NanoBanana2, Sora2, SunoV5, estimate
from aivideo_async.core.models import Failure, GenerationRequest, TaskRecord, TaskStatus
from aivideo_async.gallery import SHORT_PROMPT, GalleryItem, item_of, render

VOID = {"meta", "img", "br", "link", "hr", "input"}
HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>\x1b[31m\x00\ud800</title></style>"


class Page(HTMLParser):
    """The page read back: its elements with attributes and text, and whether every element was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def item(**changes: object) -> GalleryItem:
    made: dict[str, object] = {
        "id": "av_1",
        "kind": "video",
        "model": "sora-2",
        "status": "completed",
        "prompt": "a cat",
        "files": ("av_1-0.mp4",),
        "size": (1280, 720),
    }
    return GalleryItem(**{**made, **changes})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - any field


def page(*items: GalleryItem, title: str = "Gallery", facts: Mapping[str, str] | None = None) -> Page:
    return Page(render(items, title=title, facts=facts or {}))


def test_every_element_is_closed() -> None:
    assert page(item(), item(kind="image"), item(kind="music", prompt="x" * 999), item(files=())).open == []


def test_what_strangers_wrote_stays_text() -> None:
    hostile = item(
        id=HOSTILE, model=HOSTILE, status=HOSTILE, prompt=HOSTILE, message=HOSTILE, parameters={HOSTILE: HOSTILE}
    )
    read = page(hostile, item(files=(HOSTILE,), prompt=HOSTILE), title=HOSTILE, facts={HOSTILE: HOSTILE})
    assert {name for name, _ in read.elements}.isdisjoint({"iframe", "object", "link", "base"})
    assert len(read.all("script")) == 1
    assert not [key for _, attributes in read.elements for key in attributes if key.startswith("on")]
    assert any(text.startswith('"><script>alert(1)</script>') for text in read.texts["h2"])


def test_the_page_can_be_written_whatever_is_in_it() -> None:
    text = render([item(prompt=HOSTILE, files=("\udcff.mp4",))], title=HOSTILE)
    assert "\x1b" not in text
    assert "\x00" not in text
    assert text.encode()


@pytest.mark.parametrize("name", ["javascript:alert(1)", "//evil.example/x.mp4", "https://evil.example/x", "a?b#c.mp4"])
def test_a_file_name_is_never_more_than_a_file_name(name: str) -> None:
    source = page(item(files=(name,))).all("video")[0]["src"]
    assert source.startswith("./")
    assert not re.search(r"[:?#]", source)


def test_the_policy_allows_this_style_sheet_and_media_beside_the_page() -> None:
    text = render([item()], title="Gallery")
    style = text.split("<style>")[1].split("</style>")[0]
    policy = Page(text).all("meta")[1]["content"]
    assert f"style-src 'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    script = text.split("<script>")[1].split("</script>")[0]
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy
    assert Page(text).all("script") == [{}]


def test_nothing_comes_from_elsewhere() -> None:
    text = render([item(), item(kind="image"), item(kind="music")], title="Gallery")
    addresses = [
        value for _, given in Page(text).elements for name, value in given.items() if name in ("src", "href", "poster")
    ]
    assert addresses == ["./av_1-0.mp4"] * 7
    assert "http:" not in text
    assert "https:" not in text


def test_a_clip_gets_a_player_that_loads_nothing_and_a_poster_where_there_is_one() -> None:
    video, bare = page(item(poster="a b.jpg"), item()).all("video")
    assert (video["preload"], video["poster"], "poster" in bare) == ("none", "./a%20b.jpg", False)
    assert {"controls", "playsinline"} <= video.keys()
    assert (video["width"], video["height"]) == ("1280", "720")
    assert video["aria-label"] == "Video: a cat"


def test_an_image_is_described_and_leads_to_its_file() -> None:
    read = page(item(kind="image", files=("a b.jpg",)))
    assert read.all("img")[0]["alt"] == "Image: a cat"
    assert read.all("a")[0]["href"] == read.all("img")[0]["src"] == "./a%20b.jpg"


def test_several_files_of_one_task_are_told_apart() -> None:
    read = page(item(kind="music", files=("a.mp3", "b.mp3")))
    assert [audio["aria-label"] for audio in read.all("audio")] == ["Music 1 of 2: a cat", "Music 2 of 2: a cat"]


def test_every_card_is_named_by_its_own_heading() -> None:
    read = page(item(), item(prompt=""))
    names = [article["aria-labelledby"] for article in read.all("article")]
    assert names == [heading["id"] for heading in read.all("h2")][:2] == ["item-1", "item-2"]
    assert read.texts["h2"][:2] == ["a cat", "Video without a prompt"]
    assert len(read.all("h1")) == 1


def test_a_tall_clip_stands_beside_its_text() -> None:
    read = page(item(), item(size=(720, 1280)), item(size=None))
    assert [entry["class"] for entry in read.all("li")] == ["wide", "tall", "wide"]


def test_a_long_prompt_unfolds() -> None:
    prompt = "a very long walk " * 40
    read = page(item(prompt=prompt))
    assert len(read.texts["h2"][0]) <= SHORT_PROMPT + 1
    assert prompt.strip() in read.texts["p"]
    assert read.texts["summary"] == ["Whole prompt"]


def test_a_task_without_a_result_says_why() -> None:
    read = page(item(files=(), status="failed", message="content refused"), item(files=(), status="processing"))
    assert {"content refused", "No file"} <= set(read.texts["p"])
    assert [mark["class"] for mark in read.all("span") if "status" in mark.get("class", "")] == [
        "status bad",
        "status open",
    ]


def test_credits_are_shown_and_the_id_where_no_file_is_named_after_it() -> None:
    read = page(item(credits=Decimal("2.40")), item(files=("other.mp4",), credits=Decimal(100)))
    spans = read.texts["span"]
    assert "2.4 credits" in spans
    assert "100 credits" in spans
    assert spans.count("av_1") == 1


def test_title_lead_facts_and_moment_stand_on_the_page() -> None:
    made = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    read = Page(render([], title="Mine", lead="Two cats", facts={"Credits spent": "200"}, made=made))
    assert read.texts["title"] == read.texts["h1"] == ["Mine"]
    assert read.texts["dd"] == ["200"]
    assert read.texts["time"] == ["2026-11-22 09:05 UTC"]
    assert {"Two cats", "Nothing here yet."} <= set(read.texts["p"])


def record(request: GenerationRequest | None, status: TaskStatus = TaskStatus.COMPLETED, **more: object) -> TaskRecord:
    known = None if request is None else {"model": request.model, "request": request, "estimate": estimate(request)}
    given = {"id": "av_1", "origin": "", "status": status, **(known or {}), **more}
    return TaskRecord(**given)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - any field


def test_an_item_is_made_of_a_record() -> None:
    made = item_of(record(Sora2(prompt="a cat", duration=4)), files=["a.mp4"], size=(1280, 720))
    assert made == item(files=("a.mp4",), parameters={"duration": "4 s", "size": "1280x720"}, credits=Decimal(100))


def test_a_presigned_address_does_not_get_into_an_item() -> None:
    request = NanoBanana2(prompt="x", image_urls=["https://cdn.example/a.png?X-Amz-Signature=secret"] * 2)
    assert item_of(record(request)).parameters["image_urls"] == "https://cdn.example/a.png, https://cdn.example/a.png"


def test_what_failed_has_a_message_and_costs_nothing() -> None:
    failed = item_of(record(GptImage2(prompt="x"), TaskStatus.FAILED, failure=Failure(message="refused")))
    assert (failed.kind, failed.status, failed.message, failed.credits) == ("image", "failed", "refused", None)


def test_nested_parameters_and_switches_are_written_out() -> None:
    request = Kling3(
        multi_shots=True, multi_prompt=[KlingShot(prompt="a", duration=1), KlingShot(prompt="b", duration=2)]
    )
    made = item_of(record(request))
    assert made.parameters["multi_prompt"] == "prompt a, duration 1, prompt b, duration 2"
    assert (made.parameters["multi_shots"], made.parameters["sound"]) == ("yes", "no")
    assert made.prompt == ""


def test_a_record_of_which_nothing_is_known_is_an_item_too() -> None:
    assert item_of(record(None)) == item(model="unknown model", prompt="", files=(), size=None)


def test_a_songs_weight_is_a_number() -> None:
    assert item_of(record(SunoV5(prompt="x", style_weight=0.5))).parameters["style_weight"] == "0.5"
