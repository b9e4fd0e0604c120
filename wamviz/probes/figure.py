"""The article's figure of a probe: context | recorded strip | reference strip | extension strips | overlay of paths.

Always the first sample, never the best: nobody chose it.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.core.rollout import Frames
from wamviz.probes.probe import Probe
from wamviz.probes.results import Results
from wamviz.runs.store import Run
from wamviz.runs.store.slides import SlidePane, has_video, lay_strips, panes_of

TINTS = ((0, 114, 178), (204, 121, 167), (0, 158, 115), (230, 159, 0), (86, 180, 233))  # Okabe & Ito 2008
MOST_STRIPS = 4  # extensions in a figure; more can be read on no page
DPI = 300
VIDEO_SIDE, VIDEO_CRF = 128, 30  # of videos in a report: small enough for a suite of thirty


def first_run(results: Results, probe: str, prompt: str, contender: str) -> Run | None:
    """The first sample's run; None where it failed, is not kept any more or was never asked."""
    cell = next((c for c in results.samples(probe, prompt, contender) if c.sample == 0 and c.run), None)
    try:
        return None if cell is None else results.store.load(cell.run)
    except WamvizError:
        return None


def probe_figure(results: Results, probe: Probe, contender: str) -> Frames | None:
    """The figure of one probe and contender, (H, W, 3); None where nothing of it can be drawn."""
    panes: list[SlidePane] = []
    context: Frames | None = None
    for prompt in (probe.reference, *probe.extensions[:MOST_STRIPS]):
        run = first_run(results, probe.name, prompt.name, contender)
        if run is None or not has_video(run):
            continue
        context = run.context if context is None else context
        found = panes_of(run)
        if not panes:  # what was recorded belongs to the reference, and is the same for all
            panes += [replace(pane, name=_recorded(run)) for pane in found if pane.origin == "recorded"]
        kind = "reference" if prompt is probe.reference else prompt.name
        tint = TINTS[sum(pane.origin == "imagined" for pane in panes) % len(TINTS)]
        imagined = [replace(pane, name=f"{kind}: {_short(prompt.instruction)}", tint=tint) for pane in found]
        panes += [pane for pane in imagined if pane.origin == "imagined"]
    if context is None or not panes:
        return None
    small = f"{contender} · first sample of {probe.samples} · seed {probe.seed} · {probe.context} · wamviz"
    return lay_strips(context, panes, f"{results.suite.name}: {probe.name}", small)


def small_video(run: Run) -> bytes | None:
    """The run's first sample as an MP4 of a few kilobytes, at most 128 pixels high; None without video."""
    rollout = run.imagined[0]
    if rollout.frames is None:
        return None
    height, width = rollout.frames.shape[1:3]
    scale = min(1.0, VIDEO_SIDE / height)
    size = max(2, round(width * scale)), max(2, round(height * scale))
    frames = np.stack([np.asarray(Image.fromarray(f).resize(size, Image.Resampling.BOX)) for f in rollout.frames])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "small.mp4"
        write_mp4(path, frames, float(rollout.fps), crf=VIDEO_CRF, keyframe_every=1000)
        return path.read_bytes()


def save_figure(path: Path, figure: Frames) -> None:
    """Write a PNG that says 300 dots an inch."""
    Image.fromarray(figure).save(path, dpi=(DPI, DPI))


def _recorded(run: Run) -> str:
    """What was recorded, and what it was told: that need not be the probe's own reference."""
    assert run.reference is not None
    who = "recorded" if run.reference.origin == "recorded" else "scripted expert"
    return f"{who}: {_short(run.reference.instruction)}" if run.reference.instruction else who


def _short(words: str) -> str:
    return words if len(words) <= 90 else f"{words[:88]} …"
