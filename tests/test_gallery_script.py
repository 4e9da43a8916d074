"""The gallery in a real Chromium, opened from disk and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from aivideo_async.gallery import GalleryItem, render

pytestmark = pytest.mark.browser

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
AXE = resources.files("axe_playwright_python") / "axe.min.js"
CACHED = resources.files("aivideo_async.sandbox") / "cached"


def clip(number: int, **changes: object) -> GalleryItem:
    made: dict[str, object] = {
        "id": f"av_{number}",
        "kind": "video",
        "model": "sora-2" if number % 2 else "kling-3.0",
        "status": "completed",
        "prompt": f"boat number {number}",
        "parameters": {"duration": f"{number} s", "size": "1280x720"},
        "files": (f"av_{number}-0.mp4",),
        "poster": f"av_{number}-0.jpg",
        "size": (1280, 720),
        "credits": Decimal(100 * number),
    }
    return GalleryItem(**{**made, **changes})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - any field


ITEMS = [
    *(clip(number) for number in (1, 3, 2)),
    clip(4, status="failed", files=(), poster=None, credits=None, message="content refused", prompt="a crowd"),
    clip(5, kind="image", files=("av_1-0.jpg",), prompt="a still", poster=None),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Opened:
    """The page, and what it said and asked for."""

    page: Page
    said: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])

    def prompts(self) -> list[str]:
        return self.page.locator(".cards > li:visible h2").all_inner_texts()

    def choose(self, *prompts: str) -> None:
        for prompt in prompts:
            self.page.get_by_role("checkbox", name="Compare", description=prompt).check()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:
    (tmp_path / "gallery.html").write_text(render(ITEMS, title="Boats", lead="Three boats."), encoding="utf-8")
    for number in (1, 2, 3):
        (tmp_path / f"av_{number}-0.mp4").write_bytes((CACHED / "clip.mp4").read_bytes())
        (tmp_path / f"av_{number}-0.jpg").write_bytes((CACHED / "still.jpg").read_bytes())
    context = browser.new_context(offline=True, reduced_motion="reduce")
    found = Opened(context.new_page())
    found.page.on("console", lambda message: found.said.append(message.text))
    found.page.on("pageerror", lambda error: found.said.append(str(error)))
    found.page.on("request", lambda request: found.asked.append(request.url))
    found.page.goto((tmp_path / "gallery.html").as_uri())
    yield found
    context.close()
    assert found.said == []
    assert [url for url in found.asked if not url.startswith(tmp_path.as_uri())] == []


def test_no_clip_is_loaded_before_it_is_played_and_then_it_plays(opened: Opened) -> None:
    assert not [url for url in opened.asked if url.endswith(".mp4")]
    video = opened.page.locator("video").first
    video.evaluate("video => { video.muted = true; return video.play(); }")
    opened.page.wait_for_function("() => document.querySelector('video').currentTime > 0.05")
    assert [url[-10:] for url in opened.asked if url.endswith(".mp4")] == ["av_1-0.mp4"]


def test_cards_are_found_by_their_words_and_by_their_status(opened: Opened) -> None:
    assert opened.page.locator(".count").inner_text() == "5 in all"
    opened.page.get_by_label("Find").fill("boat KLING")
    assert opened.prompts() == ["boat number 2"]
    opened.page.get_by_label("Find").fill("")
    opened.page.get_by_label("Status").select_option("failed")
    assert opened.prompts() == ["a crowd"]
    assert opened.page.locator(".count").inner_text() == "1 of 5"
    opened.page.get_by_label("Find").fill("nowhere")
    assert opened.page.get_by_text("Nothing fits").is_visible()


def test_cards_are_sorted_by_what_they_cost_and_back(opened: Opened) -> None:
    opened.page.get_by_label("Order").select_option("cost")
    assert opened.prompts()[:2] == ["a still", "boat number 3"]
    opened.page.get_by_label("Order").select_option("cheap")
    assert opened.prompts()[:2] == ["a crowd", "boat number 1"]
    opened.page.get_by_label("Order").select_option("model")
    assert opened.prompts()[0] == "boat number 2"
    opened.page.get_by_label("Order").select_option("made")
    assert opened.prompts()[:3] == ["boat number 1", "boat number 3", "boat number 2"]


def test_two_are_compared_in_step(opened: Opened) -> None:
    page = opened.page
    opened.choose("boat number 1", "boat number 3")
    page.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog", name="Side by side")
    assert dialog.locator(".differs dt").all_inner_texts() == ["duration", "credits"] * 2
    page.wait_for_function("() => [...document.querySelectorAll('dialog video')].every((v) => v.readyState > 1)")
    dialog.get_by_role("button", name="Play").click()
    page.wait_for_function("() => [...document.querySelectorAll('dialog video')].every((v) => v.currentTime > 0.1)")
    dialog.get_by_role("button", name="Pause").click()
    dialog.get_by_label("Moment").fill("0.5")
    dialog.get_by_role("button", name="On a tenth of a second").click()
    page.wait_for_function("() => [...document.querySelectorAll('dialog video')].every((v) => !v.seeking)")
    at = dialog.locator("video").evaluate_all("videos => videos.map((video) => video.currentTime)")
    assert at == [pytest.approx(0.6, abs=0.02)] * 2


def test_a_third_takes_the_place_of_the_first_and_clearing_forgets_all(opened: Opened) -> None:
    opened.choose("boat number 1")
    assert opened.page.get_by_text("Choose one more").is_visible()
    assert opened.page.locator("#compare").is_disabled()
    opened.choose("boat number 3", "a still")
    assert opened.page.locator(".is-chosen h2").all_inner_texts() == ["boat number 3", "a still"]
    opened.page.get_by_role("button", name="Clear").click()
    assert opened.page.locator(".is-chosen").count() == 0
    assert not opened.page.locator(".chosen").is_visible()


def test_the_keyboard_alone_is_enough_and_focus_comes_back(opened: Opened) -> None:
    page = opened.page
    for prompt in ("boat number 1", "boat number 2"):
        page.get_by_role("checkbox", name="Compare", description=prompt).focus()
        page.keyboard.press("Space")
    page.locator("#compare").focus()
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.id") == "compare"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_either_scheme(scheme: str, opened: Opened) -> None:
    opened.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    assert serious(opened.page) == []
    opened.choose("boat number 1", "boat number 2")
    opened.page.get_by_role("button", name="Compare").click()
    assert serious(opened.page) == []


def serious(page: Page) -> list[str]:
    # The page's own policy lets no script in; what a debugger evaluates is not asked.
    page.evaluate(AXE.read_text())
    run = "async () => (await axe.run()).violations.map(({id, impact, nodes}) => [impact, `${id}: ${nodes[0].html}`])"
    found: list[tuple[str, str]] = page.evaluate(run)
    return [where for impact, where in found if impact in ("serious", "critical")]


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_is_wider_than_the_window(width: int, opened: Opened) -> None:
    opened.page.set_viewport_size(ViewportSize(width=width, height=800))
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.choose("boat number 1", "boat number 2")
    opened.page.get_by_role("button", name="Compare").click()
    assert opened.page.locator("#side").evaluate("side => side.scrollWidth - side.clientWidth") <= 0
