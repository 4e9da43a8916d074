"""The console in a real Chromium: every view is driven, says nothing on its console, and asks nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect

from aivideo_async.sandbox import Sandbox
from tests.chromium import Watched, chromium

pytestmark = pytest.mark.browser

PLACES = ("tasks", "tasks?view=table", "callbacks", "requests", "credits", "keys", "faults", "try", "tasks?q=nowhere")
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnirts\u202c " + "long " * 900


class Service:
    """A sandbox with a receiver that answers 503 first, in a loop and a thread of its own."""

    def __init__(self) -> None:
        self.ready: Future[str] = Future()
        self.hook = ""
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _run(self) -> None:
        came: list[str] = []

        async def receive(request: web.Request) -> web.Response:
            came.append(request.path)
            return web.Response(status=503 if len(came) == 1 else 200)

        app = web.Application()
        app.add_routes([web.post("/hook/{token}", receive)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook/secret-token"
        async with Sandbox(console=True, render="cached", speed=240, credits=2_000) as sandbox:
            self.ready.set_result(str(sandbox.console_url))
            await self._over.wait()
        await runner.cleanup()

    def __enter__(self) -> str:
        self._thread.start()
        return self.ready.result(timeout=20)

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(timeout=20)
        self._loop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with service:
        yield service


@pytest.fixture
def watched(browser: Browser, service: Service) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    watched = Watched(context.new_page())
    yield watched
    context.close()
    own = service.ready.result().removesuffix("console/")
    assert watched.said == []
    assert watched.strangers(own) == []


def create(page: Page, base: str, prompt: str, *, callback: str = "") -> None:
    """Send a request from *Try it*; the page is the new task's afterwards."""
    page.goto(f"{base}try")
    page.get_by_label("prompt").fill(prompt)
    if callback:
        page.get_by_text("Everything else").click()
        page.get_by_label("callback_url").fill(callback)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/tasks/*-*")


def test_a_task_from_try_it_is_watched_to_its_end_and_its_callback_sent_again(
    watched: Watched, service: Service
) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(base)
    expect(page.get_by_text("Nothing was made yet")).to_be_visible()
    create(page, base, "a paper boat", callback=service.hook)
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_text("Completed", exact=True)).to_be_visible(timeout=15_000)
    page.wait_for_function("() => document.querySelector('.player video').readyState > 1")
    expect(page.get_by_text("Callback, attempt 1 (503)")).to_be_visible()
    expect(page.get_by_text("Callback, attempt 2 (200)")).to_be_visible(timeout=10_000)
    page.get_by_role("button", name="Send the callback again").click()
    expect(page.get_by_text("Callback, attempt 1 (200)")).to_be_visible()
    page.get_by_text("Delivery and answer").first.click()
    expect(page.get_by_text('"status": 503')).to_be_visible()
    assert "secret-token" not in page.content()


def test_the_price_and_the_code_follow_what_is_chosen_and_are_copied(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}try")
    expect(page.locator(".price")).to_contain_text("200")
    page.get_by_label("duration").select_option("12")
    expect(page.locator(".price")).to_contain_text("300")
    page.get_by_label("prompt").fill("a kite")
    expect(page.locator("#python")).to_contain_text("Sora2(duration=12, prompt='a kite')")
    page.get_by_role("button", name="Copy as Python").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "prompt='a kite'" in page.evaluate("() => navigator.clipboard.readText()")
    expect(page.locator("#curl")).to_be_hidden()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied").last).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()").startswith("curl -sS")
    expect(page.get_by_role("button", name="Copy as Python")).to_be_visible()
    page.get_by_label("Model").select_option("suno-v5")
    page.wait_for_url("**model=suno-v5*")
    expect(page.get_by_label("prompt")).to_have_value("a kite")


def test_a_refusal_is_said_beside_the_field(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}try?model=suno-v5&title=Rain")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".problem").first).to_contain_text("custom_mode")
    assert [text for text in watched.said if "422" not in text] == []
    watched.said.clear()


def test_a_fault_that_is_switched_on_is_seen(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}faults")
    page.get_by_role("checkbox", name="Is refused by moderation").check()
    page.get_by_role("button", name="Let it happen to the next create").click()
    expect(page.get_by_text("is refused by moderation", exact=False).last).to_be_visible()
    create(page, base, "a crowd")
    expect(page.get_by_text("The content was refused by moderation").first).to_be_visible(timeout=15_000)
    page.goto(f"{base}credits")
    expect(page.locator(".chart svg")).to_be_visible()


def test_a_list_follows_what_happens_elsewhere_and_comes_back_after_a_loss(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    create(page, base, "the first")
    page.goto(f"{base}tasks")
    find = page.get_by_label("Find in prompts and ids")
    find.fill("first")
    page.wait_for_url("**q=first*")
    other = page.context.new_page()
    create(other, base, "the first of another")
    expect(page.locator(".cards > li")).to_have_count(2)
    page.evaluate("() => rest()")
    create(other, base, "the first of a third, made while the page did not listen")
    page.evaluate("() => listen()")
    expect(page.locator(".cards > li")).to_have_count(3)
    assert find.input_value() == "first"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press("j")
    assert page.evaluate("() => document.activeElement.className") == "cover"
    page.keyboard.press("/")
    assert page.evaluate("() => document.activeElement.name") == "q"


def test_what_strangers_write_stays_text(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    create(page, base, HOSTILE)
    for place in ("tasks", "tasks?view=table", page.url.removeprefix(base)):
        page.goto(f"{base}{place}")
        assert page.locator("img").count() == 0
        expect(page.get_by_text("</style><script>alert(1)</script>").first).to_be_visible()
        assert "\u202e" not in page.content()
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_is_wider_than_the_page(
    watched: Watched, service: Service, theme: str
) -> None:
    page, base = watched.page, service.ready.result()
    create(page, base, "a paper boat", callback=service.hook)
    expect(page.get_by_text("Completed", exact=True)).to_be_visible(timeout=15_000)
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    for place in (page.url.removeprefix(base), *PLACES):
        page.goto(f"{base}{place}")
        assert watched.serious() == [], place
        for width in (360, 820, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, (place, width)
        page.set_viewport_size({"width": 1440, "height": 900})


def test_without_a_script_it_works_by_reloading(browser: Browser, service: Service) -> None:
    base = service.ready.result()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    create(page, base, "a kite")
    page.goto(f"{base}tasks?status=running&q=kite")
    assert page.locator(".cards > li").count() in {0, 1}
    page.goto(f"{base}try?model=sora-2&duration=4&prompt=x")
    assert "100" in page.locator(".price").inner_text()
    context.close()
