"""The console in a real Chromium: every view is driven, says nothing on its console, and asks nobody else."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from aiohttp import web
from playwright.sync_api import Browser, Page, expect

from aivideo_async.sandbox import Sandbox
from tests.chromium import Watched, chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(90)]  # axe looks at a view for up to two seconds

PLACES = (
    *("nowhere", "tasks/nobody", "keys/nobody"),  # first, so that what Chromium says of a 404 has come by the end
    *("tasks", "tasks?view=table", "tasks?q=nothing", "callbacks", "requests", "credits", "keys", "keys/default"),
    *("faults", "reset", "try"),
)
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


def ask(base: str, key: str, duration: int) -> tuple[int, str | None]:
    """Create a task through the API with this key: the status, and the code of a refusal."""
    body = json.dumps({"model": "sora-2", "prompt": "x", "duration": duration}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    url = f"{base.removesuffix('console/')}v1/videos/generations"
    try:
        with urlopen(Request(url, body, headers)) as response:  # noqa: S310 - our own sandbox
            return response.status, None
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["error"]["code"]


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


def test_a_fault_is_switched_on_listed_happens_and_is_removed(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}faults")
    active = page.locator("#active")
    expect(active).to_contain_text("every create goes its usual way")
    page.get_by_role("checkbox", name="Is refused by moderation").check()
    page.get_by_role("button", name="Let it happen").click()
    expect(active).to_contain_text("Task: is refused by moderation")
    page.get_by_role("checkbox", name="Is lost").check()
    page.get_by_label("Per cent").fill("100")
    page.get_by_label("Of what", exact=True).select_option("model:sora-2")
    page.get_by_label("Per cent").press("Enter")
    expect(active).to_contain_text("Callback: is lost100 % of sora-2")
    create(page, base, "a crowd", callback=service.hook)
    expect(page.get_by_text("The content was refused by moderation").first).to_be_visible(timeout=15_000)
    expect(page.get_by_text("Not sent: LoseCallback.")).to_be_visible()
    page.goto(f"{base}faults")
    expect(active).not_to_contain_text("moderation")
    active.get_by_role("button", name="Remove").click()
    expect(active).to_contain_text("every create goes its usual way")


def test_what_cannot_happen_is_said_where_it_was_asked_for(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}faults")
    page.get_by_role("button", name="Set it").click()
    expect(page.get_by_role("alert")).to_contain_text("tick first what shall happen")
    assert [text for text in watched.said if "422" not in text] == []
    watched.said.clear()


def test_a_task_that_runs_is_made_to_go_wrong_and_the_clock_moved_on(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}faults")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("paused")).to_be_visible()
    create(page, base, "a kite")
    page.get_by_label("What shall happen to this task").select_option("Fails")
    page.get_by_role("button", name="Let it happen").click()
    expect(page.locator(".facts")).to_contain_text("Fail")
    task = page.url
    page.goto(f"{base}faults")
    page.get_by_role("button", name="+10 min").click()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("paused")).to_be_hidden()
    before = page.locator(".clock").inner_text()
    expect(page.locator(".clock")).not_to_have_text(before)
    page.goto(task)
    expect(page.get_by_text("The provider could not generate this content.").first).to_be_visible(timeout=15_000)


def test_a_key_with_a_cap_is_made_refuses_and_is_topped_up(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}keys")
    page.get_by_label("Name").fill("staging")
    page.get_by_label("Credits of its own").fill("400")
    page.get_by_label("Credits an hour").fill("150")
    page.get_by_label("Addresses").fill("nowhere")
    page.get_by_role("button", name="Make a key").click()
    expect(page.get_by_text("'nowhere' is no IP and no CIDR")).to_be_visible()
    assert page.get_by_label("Credits an hour").input_value() == "150"
    page.get_by_label("Addresses").fill("127.0.0.0/8")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator("#issued").inner_text()
    assert [ask(base, key, duration) for duration in (4, 4)] == [(200, None), (429, "spend_limit_exceeded")]
    page.goto(f"{base}keys")
    expect(page.get_by_role("row", name="staging")).to_contain_text("100 of 150 an hour")
    assert key not in page.content()
    page.get_by_role("link", name="Change staging").click()
    page.get_by_label("Credits an hour").fill("1000")
    page.get_by_role("button", name="Save limits").click()
    expect(page.locator(".facts")).to_contain_text("100 of 1,000 an hour")
    page.get_by_label("Credits", exact=True).fill("25.5")
    page.get_by_role("button", name="Top up").click()
    expect(page.locator(".facts")).to_contain_text("325.5")
    page.goto(f"{base}credits")
    first = page.get_by_role("row").filter(has_text="+25.5")
    expect(first).to_contain_text("Top-up")
    expect(first).to_contain_text("account of staging")
    expect(page.locator(".chart svg").first).to_be_visible()
    assert [text for text in watched.said if "422" not in text] == []
    watched.said.clear()


def test_a_key_is_disabled_and_deleted_after_a_question(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}keys")
    page.get_by_label("Name").fill("short-lived")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator("#issued").inner_text()
    page.goto(f"{base}keys/short-lived")
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    assert ask(base, key, 4) == (401, "invalid_api_key")
    expect(page.get_by_role("button", name="Delete for good")).to_be_hidden()
    page.get_by_text("Delete this key").click()
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url("**/keys")
    expect(page.get_by_role("row", name="short-lived")).to_have_count(0)


def test_a_filter_that_leaves_nothing_is_dropped(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    create(page, base, "a kite")
    page.goto(f"{base}tasks?q=kite&status=failed")
    page.get_by_role("link", name="Drop the status").click()
    expect(page.locator(".cards > li")).to_have_count(1)


def test_a_reset_asks_and_forgets(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    create(page, base, "a kite")
    page.goto(f"{base}faults")
    page.get_by_role("link", name="Begin anew").click()
    expect(page.get_by_text("1 task with timelines and files")).to_be_visible()
    page.get_by_role("button", name="Forget all of it").click()
    expect(page.get_by_text("Nothing was made yet")).to_be_visible()
    page.goto(f"{base}credits")
    expect(page.get_by_text("Nothing was spent yet")).to_be_visible()


def test_music_has_covers_and_titles(watched: Watched, service: Service) -> None:
    page, base = watched.page, service.ready.result()
    page.goto(f"{base}try?model=suno-v5&prompt=rain")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".piece")).to_have_count(2, timeout=15_000)
    expect(page.locator(".piece img").first).to_be_visible()
    page.goto(f"{base}tasks")
    assert page.locator(".stage img").evaluate("async (image) => (await image.decode(), image.naturalWidth)") > 0


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
@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_axe_finds_nothing(watched: Watched, service: Service, theme: str, filled: bool) -> None:
    page, base = watched.page, service.ready.result()
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    for place in (*(fill(page, base, service.hook) if filled else ()), *PLACES):
        page.goto(f"{base}{place}")
        assert watched.found() == [], place
    assert [text for text in watched.said if "404" not in text] == []
    watched.said.clear()


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_nothing_is_wider_than_its_window(watched: Watched, service: Service, filled: bool) -> None:
    page, base = watched.page, service.ready.result()
    for place in (*(fill(page, base, service.hook) if filled else ()), *PLACES):
        page.goto(f"{base}{place}")
        for width in (360, 820, 2560):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, (place, width)
    assert [text for text in watched.said if "404" not in text] == []
    watched.said.clear()


def fill(page: Page, base: str, hook: str) -> list[str]:
    """Have something in every view: a fault, a task that has ended and one that runs. The places of the tasks."""
    page.goto(f"{base}faults")
    page.get_by_role("checkbox", name="Is lost").check()
    page.get_by_role("button", name="Set it").click()
    create(page, base, "a paper boat", callback=hook)
    ended = page.url.removeprefix(base)
    expect(page.get_by_text("Completed", exact=True)).to_be_visible(timeout=15_000)
    page.goto(f"{base}faults")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    create(page, base, "a kite")
    return [ended, page.url.removeprefix(base)]


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


def test_without_a_script_a_key_is_deleted_and_a_fault_removed(browser: Browser, service: Service) -> None:
    base = service.ready.result()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}keys")
    page.get_by_label("Name").fill("staging")
    page.get_by_role("button", name="Make a key").click()
    assert not page.get_by_role("button", name="Copy").count()
    page.goto(f"{base}keys/staging")
    page.get_by_text("Delete this key").click()
    page.get_by_role("button", name="Delete for good").click()
    assert page.get_by_role("row", name="staging").count() == 0
    page.goto(f"{base}faults")
    page.get_by_role("checkbox", name="Comes twice").check()
    page.get_by_role("button", name="Let it happen").click()
    page.locator("#active").get_by_role("button", name="Remove").click()
    assert "every create goes its usual way" in page.locator("#active").inner_text()
    context.close()
