"""A page that holds only the stage and one plot, for the tests of the stage in a real browser.

Every frame carries its number as black and white blocks and its clip's colour, so that tests can read back what a pane
really shows.
"""

from __future__ import annotations

import gc
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly.graph_objects as go
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect

from wamviz.core.rollout import ActionSpace, Camera, Observation, Preview, Rollout
from wamviz.models.protocol import Capabilities
from wamviz.runs.sources import Context
from wamviz.runs.store import Run, write_run
from wamviz.ui.stage import Stage, StageValue, empty_value, preview_value, stage_value
from wamviz.ui.stage.messages import Ranked

expect.set_options(timeout=60_000)  # a busy machine is slow, not wrong

# Gradio's server warns through pandas about an option of pandas, and leaves event loops and sockets to the collector.
QUIET = (
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
)
SIDE, BLOCK, BITS = 128, 16, 8
EVIL = '<img src=x onerror="window.pwned=1"> ${7*6} {{value}} `${window.pwned=1}` </p><script>window.pwned=1</script>'
COLOURS = {
    "imagined": (200, 60, 60),
    "imagined-1": (60, 160, 60),
    "recorded": (60, 60, 200),
    "executed": (200, 200, 60),
}
SPACE = ActionSpace(("dx", "dy", "dz"), ("m", "m", "m"), "ee_delta", 10.0)
POSE = np.eye(4)
POSE[2, 3] = -1.0
CAMERA = Camera("front", SIDE, SIDE, np.array([[128.0, 0, 64], [0, 128, 64], [0, 0, 1]]), POSE)
CAPABILITIES = Capabilities("m", "M", "A model.", ("joint",), SPACE, (SIDE, SIDE), 10.0, 30)

# Reads the number and the colour out of what a pane shows, on a canvas of its own.
READ = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
window.look = (pane) => {
  const shown = document.querySelector(`[data-testid=pane-${pane}] canvas`);
  const side = 128;
  canvas.canvas.width = canvas.canvas.height = side;
  canvas.drawImage(shown, 0, 0, side, side);
  const at = (x, y) => [...canvas.getImageData(x, y, 1, 1).data];
  let number = 0;
  for (let bit = 0; bit < 8; bit += 1) if (at(bit * 16 + 8, 16)[0] > 128) number |= 1 << bit;
  return { number, left: at(16, 100), right: at(112, 100), bits: at(8, 16) };
};
"""


def film(colour: tuple[int, int, int], count: int) -> np.ndarray:
    """(T, 128, 128, 3) uint8: eight blocks on top say the frame's number, the rest has the clip's colour."""
    frames = np.empty((count, SIDE, SIDE, 3), np.uint8)
    frames[:] = colour
    for k in range(count):
        for bit in range(BITS):
            frames[k, 8:24, bit * BLOCK : (bit + 1) * BLOCK] = 255 * (k >> bit & 1)
    return frames


def rollout(origin: str, name: str, count: int, fps: float, **given: Any) -> Rollout:
    actions = np.tile(np.float32([0.01, 0, 0]), (count - 1, 1))
    return Rollout(origin, film(COLOURS[name], count), fps, actions, SPACE, camera_model=CAMERA, **given)


def make_run() -> Run:
    return Run(
        id="0123456789abcdef",
        created="2026-01-01T00:00:00+00:00",
        model="test",
        weights_digest="",
        mode="joint",
        instruction=EVIL,
        seed=0,
        steps=8,
        samples=2,
        source="",
        imagined=(
            rollout("imagined", "imagined", 31, 10.0, seed=0),
            rollout("imagined", "imagined-1", 31, 10.0, seed=1),
        ),
        context=film(COLOURS["recorded"], 1)[0],
        reference=rollout("recorded", "recorded", 46, 15.0, meta={"chunk": 4}),
        executed=rollout("executed", "executed", 16, 10.0, success=False),
        state=np.zeros(3, np.float32),
    )


def figure(title: str = "") -> go.Figure:
    plot = go.Figure(go.Scatter(x=[0.1, 3.0], y=[0.0, 1.0]))
    return plot.update_layout(height=220, title=title, hovermode="x")


class Lab:
    """A page that holds only the stage and one plot; a text box says which value to show."""

    def __init__(self, folder: Path) -> None:
        self.run = make_run()
        self.folder = write_run(folder / "run", self.run)

    def url(self, name: str) -> str:
        return f"/gradio_api/file={self.folder / name}"

    def value(self, case: str, *, ranking: Sequence[dict[str, Any]] = (), **given: Any) -> StageValue:
        run, given = self.run, {**given, "ranking": tuple(Ranked(**place) for place in ranking)}
        if case == "alone":
            run = replace(run, reference=None, executed=None)
        elif case == "same":
            value = stage_value(run, self.url, **given)
            recorded = replace(value.panes["recorded"], samples=value.panes["imagined"].samples[:1])
            return replace(value, panes={**value.panes, "recorded": recorded})
        elif case == "lost":
            return stage_value(run, lambda name: self.url("lost-" + name), **given)
        elif case == "elsewhere":
            return stage_value(run, lambda name: "http://example.invalid/" + name, **given)
        elif case == "empty":
            return empty_value(EVIL, EVIL, EVIL)
        elif case == "thought":
            run = replace(run, mode="act_only", imagined=tuple(replace(r, frames=None) for r in run.imagined))
        return stage_value(run, self.url, **given)

    def preview(self, step: int) -> StageValue:
        frames = np.stack([film((20 * step, 90, 90), 31), film((90, 90, 90), 31)]) if step else None
        context = Context(Observation({"front": self.run.context}, EVIL), self.run.reference)
        return preview_value(Preview(step, 8, frames, note="video"), CAPABILITIES, context, eta=2.5 if step else None)

    def build(self) -> gr.Blocks:
        with gr.Blocks() as demo:
            order, obeyed = gr.Textbox(label="order"), gr.Textbox(label="obeyed")
            stage = Stage(elem_id="the-stage")
            plot = gr.Plot(figure(), elem_id="action-plot")

            def obey(text: str) -> Any:
                told = json.loads(text)
                number = str(told.pop("number"))
                if "plot" in told:
                    return gr.skip(), gr.Plot(figure(told["plot"]), visible=bool(told["plot"])), number
                if "step" in told:
                    return self.preview(told["step"]), gr.skip(), number
                return self.value(**told), gr.skip(), number

            def opened(request: gr.Request) -> Any:
                query = dict(request.query_params)
                if "run" not in query:
                    return gr.skip()
                return self.value("run", frame=int(query["frame"]), view=query.get("view"))

            # By default an event that comes while its predecessor is being closed is dropped without a word.
            given: dict[str, Any] = {"show_progress": "hidden", "queue": False, "trigger_mode": "multiple"}
            order.submit(obey, order, [stage, plot, obeyed], **given)
            demo.load(opened, None, stage)
        return demo


@pytest.fixture(scope="session", name="lab")
def lab_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, str]]:
    lab = Lab(tmp_path_factory.mktemp("stage"))
    demo = lab.build()
    with socket.socket() as probe:  # Gradio's own search for a free port leaves sockets open
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {"server_name": "127.0.0.1", "server_port": port, "allowed_paths": [str(lab.folder)]}
    quiet = {"prevent_thread_lock": True, "quiet": True, "enable_monitoring": False, "_frontend": False}
    _, address, _ = demo.launch(**quiet, **options)
    yield lab, address
    demo.close(verbose=False)
    del demo
    gc.collect()  # while what Gradio leaves to the collector is still ignored


class Theatre:
    """One open page, its orders, and everything that it should never have done."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.faults: list[str] = []
        self.orders = 0
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.check(request.url))
        page.set_default_timeout(60_000)
        page.add_init_script(READ)
        self.stage = page.get_by_test_id("stage")
        self.scrub = page.get_by_test_id("stage-scrub")

    def heard(self, message: ConsoleMessage) -> None:
        lost = "/lost-" in message.location["url"]  # a test that asks for them; the browser reports it by itself
        if message.type == "error" and not lost:
            self.faults.append(message.text)

    def check(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.faults.append("asked for " + url)

    def open(self, query: str = "") -> None:
        self.page.goto(self.address + query)
        expect(self.stage).to_be_attached()

    def tell(self, **order: Any) -> None:
        """Give an order and wait until the server's answer is on the page."""
        self.orders += 1
        box = self.page.get_by_label("order")
        box.fill(json.dumps({**order, "number": f"{id(self)}-{self.orders}"}))
        box.press("Enter")
        expect(self.page.get_by_label("obeyed")).to_have_value(f"{id(self)}-{self.orders}")

    def show(self, case: str = "run", **given: Any) -> None:
        """Show a value from its very beginning, whatever an earlier test left."""
        self.tell(case="empty")
        expect(self.stage).to_have_attribute("data-state", "empty")
        self.page.evaluate(
            """() => { const p = document.querySelector("[data-testid=stage]").wamvizPlayer;
            Object.assign(p, { a: null, b: null, loop: true, hidden: false, showPaths: true, pixels: false, speed: 1,
              first: "imagined", second: "recorded", amounts: { "onion-skin": 0.5, wipe: 0.5, difference: 4 } }); }"""
        )
        self.tell(case=case, **{"frame": 0, "view": "side-by-side", "sample": 0, **given})
        expect(self.stage).to_have_attribute("data-state", "ready")
        self.settled()

    def settled(self) -> None:
        """Wait until the frame that is wanted is the frame that is shown."""
        self.page.wait_for_function(
            """() => { const stage = document.querySelector("[data-testid=stage]");
            return stage.wamvizPlayer.pending === null && !stage.dataset.waiting; }"""
        )

    def seek(self, frame: int) -> None:
        self.scrub.fill(str(frame))
        self.settled()
        expect(self.stage).to_have_attribute("data-frame", str(frame))

    def look(self, pane: str) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("pane => window.look(pane)", pane)
        return found

    def number(self, pane: str) -> int:
        return int(self.look(pane)["number"])

    def line(self, origin: str) -> Locator:
        """The part of its own path that a pane's clip has gone."""
        return self.page.get_by_test_id(f"pane-{origin}").locator(".wv-own .wv-past")

    def is_colour(self, seen: list[int], name: str) -> bool:
        return all(abs(a - b) < 12 for a, b in zip(seen, COLOURS[name], strict=False))


@pytest.fixture(scope="module", name="stalls")
def stalls_fixture(lab: tuple[Lab, str], browser: Browser) -> Iterator[Theatre]:
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    theatre = Theatre(context.new_page(), lab[1])
    theatre.open()
    yield theatre
    context.close()


@pytest.fixture(name="theatre")
def theatre_fixture(stalls: Theatre) -> Iterator[Theatre]:
    stalls.faults.clear()
    yield stalls
    assert stalls.faults == [], stalls.faults
