"""The real app in a process of its own, and browsers that watch what its pages do.

Its own process, because a server shares neither the warnings that pytest turns into errors nor the interpreter
lock with the tests that wait for it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from wamviz.core.errors import WamvizError
from wamviz.datasets import shipped
from wamviz.runs.store import RunSummary, Store

PATIENCE = 60_000  # milliseconds: a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Paced:
    """The far end of the model that goes on only when a test lets it; see ``paced_app``."""

    process: subprocess.Popen[str]

    def _ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def allow(self, steps: int) -> None:
        self._ask(f"allow {steps}")

    def break_at(self, step: int) -> None:
        self._ask(f"break {step}")

    def rest(self) -> None:
        """Forget what earlier tests allowed and counted."""
        self._ask("rest")

    def tell(self) -> dict[str, Any]:
        """``started``, ``steps_done``, ``closed`` and the names that were ``looked_up`` outside this machine."""
        return self._ask("tell")


@dataclass
class Site:
    """The running app."""

    url: str
    store: Store
    paced: Paced
    log: Path

    def logged(self) -> str:
        """What the server wrote to its log."""
        return self.log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The real app with the shipped episodes and an empty store."""
    try:
        shipped()
    except WamvizError as error:
        pytest.skip(str(error))
    with _started(tmp_path_factory.mktemp("site")) as (site, _):
        yield site


@pytest.fixture(scope="module")
def class_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, dict[str, Any]]]:
    """The same given to a class, with its ``code`` and the teacher's ``key``."""
    with _started(tmp_path_factory.mktemp("class"), "8b") as (site, told):
        yield site, told


@contextmanager
def _started(folder: Path, *arguments: str) -> Iterator[tuple[Site, dict[str, Any]]]:
    port = _free_port()
    log = folder / "log.txt"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    program = str(Path(__file__).with_name("paced_app.py"))
    command = [sys.executable, program, str(folder / "runs"), str(port), *arguments]
    with log.open("w", encoding="utf-8") as errors, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
    ) as process:  # fmt: skip
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert '"ready"' in ready, log.read_text(encoding="utf-8")
        yield Site(f"http://127.0.0.1:{port}", Store(folder / "runs"), Paced(process), log), json.loads(ready)
        process.kill()  # nothing of it is to be kept


@pytest.fixture(scope="session")
def kept(site: Site) -> list[RunSummary]:
    """At least two kept runs, newest first."""
    client = Client(site.url, verbose=False, analytics_enabled=False)
    for place in ("#0@1", "#1@1"):
        client.predict(source=place, model="hold-still", api_name="/imagine")
    client.close()
    return site.store.list()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Watch:
    """What a page did that it should not have done."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def follow(self, page: Page, url: str) -> None:
        def said(message: ConsoleMessage) -> None:
            if message.type == "error":
                self.errors.append(f"{message.text} {message.location.get('url', '')}")

        def asked(request: Request) -> None:
            if not request.url.startswith((url, "data:", "blob:")):
                self.outside.append(request.url)

        page.on("console", said)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", asked)


@pytest.fixture(scope="module")
def guest(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor a module, as patient in what it does as ``expect`` is in what it waits for, who keeps what every page
    loads; what a page notes about its visitor is forgotten between tests."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(guest: BrowserContext) -> Iterator[Page]:
    """A fresh page of that visitor."""
    page = guest.new_page()
    yield page
    if not page.url.startswith("about:"):
        page.evaluate("localStorage.clear()")
    page.close()


@pytest.fixture
def watched(page: Page, site: Site) -> tuple[Page, Watch]:
    """A fresh page and what it does that it should not."""
    watch = Watch()
    watch.follow(page, site.url)
    return page, watch


@pytest.fixture(scope="module")
def visit(browser: Browser, site: Site) -> Iterator[tuple[Page, Watch]]:
    """One visitor a module: loading Gradio and Plotly is most of what a browser test costs."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page, watch = context.new_page(), Watch()
    watch.follow(page, site.url)
    page.goto(site.url)
    yield page, watch
    context.close()


@pytest.fixture(scope="module")
def visited(browser: Browser, site: Site) -> Iterator[Page]:
    """One visitor a module, who sees no error and asks nobody outside, from the first test to the last."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, watch = context.new_page(), Watch()
    watch.follow(page, site.url)
    yield page
    context.close()
    assert watch.errors == []
    assert watch.outside == []


@pytest.fixture
def opened(visit: tuple[Page, Watch], site: Site) -> Iterator[Page]:
    """The main page on its first episode, whatever the test before did with it; a test fails when the page wrote an
    error to the console or asked anybody outside."""
    page, watch = visit
    site.paced.allow(100)
    expect(page.get_by_test_id("imagine")).to_be_enabled()
    site.paced.rest()
    watch.errors.clear()
    page.locator(".wz-card").nth(1).click()
    expect(page.locator(".wz-caption")).to_contain_text("Episode 1 ")
    page.get_by_test_id("instruction").fill("")
    page.locator(".wz-card").first.click()
    expect(page.locator(".wz-caption")).to_contain_text("Episode 0 ")
    yield page
    assert watch.errors == []
    assert watch.outside == []


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Uploads, good and bad."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("pictures")
    (folder / "letter.png").write_text("dear robot", encoding="utf-8")
    Image.new("RGB", (320, 240), (200, 120, 40)).save(folder / "kitchen.png")
    Image.new("1", (8000, 5000)).save(folder / "huge.png")
    return folder
