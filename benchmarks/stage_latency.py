"""Claim: scrubbing moves all panes and the plot's cursor within 50 ms at the 95th percentile, and panes never drift
apart by more than half a frame.

Opens the stage in a headless Chromium with three clips and a Plotly plot, scrubs to random frames in every view and
plays through a loop, all measured inside the page. "Moved" is from the slider's event until every pane and the cursor
are drawn, "painted" until the browser has presented that frame (it waits for the next screen refresh). Prints a table
and one line of JSON. Exits with status 1 when the claim does not hold.

    python benchmarks/stage_latency.py
    python benchmarks/stage_latency.py --frames 90 --side 256 --scrubs 200
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from a checkout, installed or not

from wamviz.core.environment import prepare  # noqa: E402

prepare()

CLAIM_MS = 50.0
VIEWS = ("side-by-side", "onion-skin", "wipe", "difference")
SCRUB = """async ([scrubs, seed]) => {
  const stage = document.querySelector("[data-testid=stage]");
  const range = document.querySelector("[data-testid=stage-scrub]");
  const line = document.querySelector("#action-plot .wv-plot-cursor");
  const rows = [];
  let state = seed;
  for (let k = 0; k < scrubs; k += 1) {
    state = (state * 1103515245 + 12345) % 2147483648;
    const frame = state % (Number(range.max) + 1);
    await new Promise((next) => setTimeout(next, 0));
    const start = performance.now();
    range.value = String(frame);
    range.dispatchEvent(new Event("input", { bubbles: true }));
    while (Number(stage.dataset.frame) !== frame) await new Promise(requestAnimationFrame);
    const moved = performance.now() - start;
    const apart = Math.abs(Number(line.dataset.time) - Number(stage.dataset.time));
    if (apart > 0.006) throw new Error("the cursor is elsewhere");
    await new Promise((painted) => requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = painted;
      channel.port2.postMessage(null);
    }));
    rows.push([moved, performance.now() - start, Number(stage.dataset.drift)]);
  }
  return rows;
}"""
PLAY = """async (loops) => {
  const stage = document.querySelector("[data-testid=stage]");
  const drifts = [];
  let before = -1, turns = 0, shown = 0;
  const start = performance.now();
  document.querySelector("[data-testid=stage-play]").click();
  while (turns < loops) {
    await new Promise(requestAnimationFrame);
    const frame = Number(stage.dataset.frame);
    drifts.push(Number(stage.dataset.drift));
    if (frame !== before) shown += 1;
    if (frame < before) turns += 1;
    before = frame;
  }
  document.querySelector("[data-testid=stage-play]").click();
  return { drift: Math.max(...drifts), perSecond: shown / ((performance.now() - start) / 1000) };
}"""


def app(folder: Path, frames: int, side: int, fps: float) -> Any:
    """A page with the stage and one plot; the three clips are noise, which is the hardest to decode."""
    import gradio as gr
    import numpy as np
    import plotly.graph_objects as go

    from wamviz.core.media import write_mp4
    from wamviz.ui.stage import Stage, empty_value

    rng = np.random.default_rng(0)
    value = empty_value()
    for origin in ("imagined", "recorded", "executed"):
        write_mp4(folder / f"{origin}.mp4", rng.integers(0, 256, (frames, side, side, 3), np.uint8), fps)
        path = np.cumsum(rng.normal(0, 0.01, (frames, 2)), axis=0) + 0.5
        clip = {"src": f"/gradio_api/file={folder / origin}.mp4", "frames": frames, "fps": fps, "width": side}
        clip |= {"height": side, "path": path.round(4).tolist(), "rate": fps}
        value["panes"][origin]["samples"] = [clip]
    times = np.arange(frames) / fps
    lines = [go.Scatter(x=times, y=rng.normal(size=frames), name=f"d{k}") for k in range(8)]
    with gr.Blocks() as demo:
        Stage(value)
        gr.Plot(go.Figure(lines).update_layout(height=320), elem_id="action-plot")
    return demo


def measure(address: str, chromium: str, scrubs: int) -> dict[str, Any]:
    """Scrub in every view, then play two loops; milliseconds, frames."""
    from playwright.sync_api import sync_playwright

    quiet = ["no-sandbox", "disable-gpu", "disable-quic", "disable-dev-shm-usage", "disable-background-networking"]
    quiet += ["disable-component-update", "disable-sync", "no-first-run"]
    found: dict[str, Any] = {"views": {}}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[f"--{name}" for name in quiet])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(300_000)
        page.goto(address)
        page.locator("#action-plot .wv-plot-cursor").wait_for(state="attached")
        loaded = "() => Object.values(document.querySelector('[data-testid=stage]').wamvizPlayer.clips)"
        page.wait_for_function(f"{loaded}.every((clip) => clip.cache.size >= Math.min(clip.frames, 60))")
        for view in VIEWS:
            page.locator(f"button[data-view={view}]").click()
            rows = page.evaluate(SCRUB, [scrubs, 1])
            moved, painted, drift = (sorted(row[k] for row in rows) for k in range(3))
            found["views"][view] = {
                "moved_p50": middle(moved, 0.5),
                "moved_p95": middle(moved, 0.95),
                "painted_p95": middle(painted, 0.95),
                "drift": drift[-1],
            }
        page.locator("button[data-view=side-by-side]").click()
        page.get_by_label("Speed").select_option("4")
        found["play"] = page.evaluate(PLAY, 2)
        browser.close()
    return found


def middle(values: list[float], part: float) -> float:
    """The value below which ``part`` of the sorted ``values`` lie."""
    return round(values[min(len(values) - 1, int(part * len(values)))], 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=31)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--fps", type=float, default=10.0)
    parser.add_argument("--scrubs", type=int, default=100, help="in each view")
    given = parser.parse_args()
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    chromium = os.environ.get("WAMVIZ_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        print("Chromium is missing: apt-get install chromium, or set WAMVIZ_CHROMIUM to its program.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        demo = app(folder, given.frames, given.side, given.fps)
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, allowed_paths=[name])
        try:
            found = measure(address, chromium, given.scrubs)
        finally:
            demo.close()
    print(f"{'view':<14}{'moved p50':>11}{'moved p95':>11}{'painted p95':>13}{'drift':>8}")
    for view, row in found["views"].items():
        print(f"{view:<14}{row['moved_p50']:>8} ms{row['moved_p95']:>8} ms{row['painted_p95']:>10} ms{row['drift']:>8}")
    print(f"playing at 4x: {found['play']['perSecond']:.0f} frames a second, drift {found['play']['drift']} frames")
    worst = max(row["moved_p95"] for row in found["views"].values())
    drift = max(found["play"]["drift"], *(row["drift"] for row in found["views"].values()))
    holds = worst <= CLAIM_MS and drift <= 0.5
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    print(json.dumps({"claim": "stage_latency", "holds": holds, "moved_p95_ms": worst, "drift": drift, "load": load}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
