"""What every test gets: a home of its own, no network look-ups, repeatable examples, and the system's Chromium.

Fixtures here know no room; a room's own fixtures live in the conftest.py of its folder.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from wamviz.core.environment import prepare

# One of several workers (``make test`` starts two): its processor is one, and torch would start a thread for each.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Before any test module imports gradio or a model: runs and caches of the person at the keyboard stay untouched.
_HOME = tempfile.mkdtemp(prefix="wamviz-test-")
os.environ["WAMVIZ_HOME"] = _HOME
prepare()

# Started in the background by a script, this process ignores Ctrl-C, and so would every program that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")

# The same examples on every machine: a red test is a defect, not the weather. Examples render and encode video, so
# there is no deadline a single one could miss on a busy machine.
settings.register_profile(
    "wamviz", deadline=None, derandomize=True, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("wamviz")


def unit_of(nodeid: str) -> str:
    """What one worker does as a whole: a file, and all that visits the running page."""
    file = nodeid.split("::", 1)[0]
    return "the page" if Path(file).parent.as_posix() in ("tests/ui", "tests/ui/pages") else file


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests of a file stay on one worker, which shares what they share, and so do all that visit the running page.

    One worker for those: the app starts once, and no two browsers wait for each other.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    config.option.loadscopereorder = False  # the order is that of pytest_collection_modifyitems
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a worker what takes long comes first, so that two workers end together: the page, slow tests, large files."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        count = Counter(unit_of(item.nodeid) for item in items)
        slow = {unit_of(item.nodeid) for item in items if item.get_closest_marker("slow")} | {"the page"}
        items.sort(key=lambda item: rank_unit(unit_of(item.nodeid), slow, count))


def rank_unit(unit: str, slow: set[str], count: Counter[str]) -> tuple[bool, bool, int, str]:
    """The page, then units with slow tests, then the larger before the smaller ones."""
    return unit != "the page", unit not in slow, -count[unit], unit


def pytest_collection_finish() -> None:
    """What is loaded by now stays until the end: no collection of garbage, of ours or of Python's, walks it again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture
def root() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty ``WAMVIZ_HOME`` for this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("WAMVIZ_HOME", str(folder))
    return folder


@pytest.fixture(autouse=True)
def _no_changed_environment() -> Iterator[None]:
    """A test that leaves a variable behind would decide how the next one runs."""
    before = dict(os.environ)
    yield
    # pytest's own; the renderer that the tabletop has chosen; where torch keeps what it compiles
    own = {"PYTEST_CURRENT_TEST", "MUJOCO_GL", "TORCHINDUCTOR_CACHE_DIR"}
    after = dict(os.environ)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} - own
    assert not changed, f"This test left environment variables changed: {sorted(changed)}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Where there is no Chromium, say so before Playwright starts: it ends in complaints when nothing comes of it."""
    if item.get_closest_marker("browser") and chromium() is None:
        message = "Chromium is missing: apt-get install chromium, or set WAMVIZ_CHROMIUM to its program."
        pytest.fail(message, pytrace=False) if os.environ.get("CI") else pytest.skip(message)


def chromium() -> str | None:
    """The system's Chromium; Playwright's own is never downloaded."""
    wanted = os.environ.get("WAMVIZ_CHROMIUM")
    return wanted or next(filter(None, map(shutil.which, CHROMIUM)), None)


@pytest.fixture(scope="session")
def base_url() -> None:
    """Tests open pages by full address. Takes the place of pytest-playwright's own, which pytest 9 warns about."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Start the system's Chromium, quietly: a root user's container has no sandbox, and nothing calls home."""
    return {
        **browser_type_launch_args,
        "executable_path": chromium(),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--autoplay-policy=no-user-gesture-required",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ],
    }
