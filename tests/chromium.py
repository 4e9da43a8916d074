"""A real Chromium for the tests behind the marker ``browser``: what a page says and asks for is kept, and axe looks."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import resources
from typing import cast

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run"),
]
AXE = resources.files("axe_playwright_python") / "axe.min.js"


@contextmanager
def chromium() -> Generator[Browser]:
    """Debian's own."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Watched:
    """A page, what it said on its console, and which addresses it asked for."""

    page: Page
    said: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def strangers(self, own: str) -> list[str]:
        """Addresses beside those that begin with ``own``."""
        return [url for url in self.asked if not url.startswith(own)]

    def found(self) -> list[str]:
        """What axe finds, however small."""
        # Beside the page's policy, which lets no script in that is not ours.
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("() => axe.run({resultTypes: ['violations']})")
        violations = cast("list[dict[str, object]]", found["violations"])
        return [f"{violation['id']}: {violation['nodes']}" for violation in violations]
