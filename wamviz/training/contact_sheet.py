"""A contact sheet: the worst, median and best of many unseen scenes by what is seen, executed above imagined.

``python -m wamviz.training.contact_sheet --model mini-wam --seeds 1000200:1000240 --out FILE.jpg`` imagines one chunk
(or ``--horizon`` frames) from the start of each scene, runs its actions in physics, and draws for each measure the two
worst, two median and two best scenes. It takes any registered model; look at it before believing a number.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tqdm import tqdm

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import Frames, ImagineRequest, Observation, WorldState
from wamviz.metrics.picture import Picture, small
from wamviz.models.protocol import WorldActionModel, collect
from wamviz.models.registry import load
from wamviz.runs.conditioning import parse_seeds
from wamviz.runs.picture import PICTURED, Physics, actions_behind, frames_at, hold_still, judge
from wamviz.training.command import run_command
from wamviz.worlds.tabletop import TabletopEnv, record_episode

MEASURES = {"moving_psnr": "PSNR of what moves", "sharpness": "sharpness", "arm_iou": "arm IoU"}
SHOWN = 6  # frames a scene
EACH = 2  # scenes of the worst, of the median and of the best
GAP, LINE = 4, 13  # px


class JudgedScene(NamedTuple):
    """One judged scene: its seed and instruction, ``SHOWN`` frames (n, 128, 128, 3) of both kinds, and the values."""

    seed: int
    instruction: str
    executed: Frames
    imagined: Frames
    picture: Picture


def judged_scenes(
    model: WorldActionModel, mode: str, seeds: Sequence[int], horizon: int | None = None, steps: int | None = None
) -> list[JudgedScene]:
    """Imagine from the first frame of each seed's expert episode, execute and judge; leave out what cannot be.

    Raises:
        WamvizError: the model lacks the mode, or the mode has no video that belongs to actions.
    """
    caps = model.capabilities
    possible = tuple(name for name in caps.modes if name in PICTURED)
    if mode not in possible:
        raise unknown_name("mode with a picture to judge", mode, possible)
    length, found = horizon or caps.horizon, []
    env = TabletopEnv(caps.frame_size[0] if caps.frame_size else 128, ("exterior",))
    scripted, physics = TabletopEnv(render=False), Physics(env.size)
    for seed in tqdm(seeds, desc="scenes", unit="scene"):
        episode = record_episode(scripted, seed)
        env.restore(seed, episode.snapshots[0])
        seen = env.observation(episode.instruction)
        observation = replace(seen, world_state=WorldState("tabletop", seed, episode.snapshots[0]))
        found += _judge(model, mode, observation, physics, hold_still(episode.actions, length), steps)
    env.close()
    physics.close()
    return found


def _judge(
    model: WorldActionModel,
    mode: str,
    observation: Observation,
    physics: Physics,
    chosen: NDArray[np.float32],
    steps: int | None,
) -> list[JudgedScene]:
    world = observation.world_state
    assert world is not None
    length = None if len(chosen) == model.capabilities.horizon else len(chosen)
    request = ImagineRequest(
        observation, mode, world.seed % 2**31, steps=steps, horizon=length,
        actions=chosen if mode == "forward_dynamics" else None,
    )  # fmt: skip
    imagined = collect(model, request).rollouts[0]
    actions = actions_behind(imagined)
    if actions is None or imagined.frames is None:
        return []
    played = physics.play(world, actions)
    frames, picture = frames_at(imagined, played.shown), judge(imagined, played)
    if frames is None or picture is None:
        return []
    rows = np.linspace(0, len(frames) - 1, SHOWN + 1).round().astype(int)[1:]
    return [JudgedScene(world.seed, observation.instruction, small(played.frames[rows]), small(frames[rows]), picture)]


def chosen(scenes: Sequence[JudgedScene], measure: str) -> list[tuple[str, JudgedScene]]:
    """The worst, median and best scenes by a measure, named so; sharpness is best where it is nearest to 1."""
    known = [scene for scene in scenes if getattr(scene.picture, measure) is not None]

    def goodness(scene: JudgedScene) -> float:
        value = float(getattr(scene.picture, measure))
        return -abs(np.log(max(value, 1e-6))) if measure == "sharpness" else value

    ranked = sorted(known, key=goodness)
    middle = max(0, len(ranked) // 2 - EACH // 2)
    parts = (("worst", ranked[:EACH]), ("median", ranked[middle : middle + EACH]), ("best", ranked[::-1][:EACH]))
    return [(name, scene) for name, part in parts for scene in part]


def draw_sheet(scenes: Sequence[JudgedScene], title: str) -> Image.Image:
    """The sheet: a column a measure, under it its scenes, executed above imagined."""
    columns = [[_block(name, scene, measure) for name, scene in chosen(scenes, measure)] for measure in MEASURES]
    columns = [column for column in columns if column]
    if not columns:
        raise WamvizError("There is no scene to draw.", "Use a mode with video and actions, and more seeds.")
    width, height = columns[0][0].size
    rows = max(len(column) for column in columns)
    page = Image.new("RGB", (len(columns) * (width + 4 * GAP), LINE + GAP + rows * (height + 2 * GAP)), "white")
    ImageDraw.Draw(page).text((2, 1), title, fill="black")
    for x, column in enumerate(columns):
        for y, block in enumerate(column):
            page.paste(block, (x * (width + 4 * GAP), LINE + GAP + y * (height + 2 * GAP)))
    return page


def _block(name: str, scene: JudgedScene, measure: str) -> Image.Image:
    """One scene: two lines of words, a row of executed and a row of imagined frames."""
    count, side = scene.executed.shape[:2]
    block = Image.new("RGB", (count * (side + 1), 2 * LINE + 2 * (side + 1)), "white")
    pen, picture = ImageDraw.Draw(block), scene.picture
    values = [
        f"{words} {getattr(picture, key):.2f}" for key, words in MEASURES.items() if getattr(picture, key) is not None
    ]
    if picture.objects_moved is not None:
        values.append(f"objects in place {picture.objects_moved:.0%} of {picture.objects}")
    pen.text((2, 0), f"{name} by {MEASURES[measure]}: seed {scene.seed}, {scene.instruction}"[:120], fill="black")
    pen.text((2, LINE - 1), "  ".join(values), fill="dimgray")
    for row, frames in enumerate((scene.executed, scene.imagined)):
        for column, frame in enumerate(frames):
            block.paste(Image.fromarray(frame), (column * (side + 1), 2 * LINE + row * (side + 1)))
    return block


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, draw, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m wamviz.training.contact_sheet", description=__doc__)
    parser.add_argument("--model", default="mini-wam", help="a registered model")
    parser.add_argument("--mode", default="joint", help="a mode whose video belongs to actions")
    parser.add_argument("--seeds", default="1000200:1000240", metavar="A:B", help="scenes")
    parser.add_argument("--horizon", type=int, default=None, help="frames; one chunk by default")
    parser.add_argument("--steps", type=int, default=None, help="of denoising; the model's default by default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jpg")
    options = parser.parse_args(arguments)

    def work() -> None:
        model = load(options.model, options.device)
        scenes = judged_scenes(model, options.mode, parse_seeds(options.seeds), options.horizon, options.steps)
        title = f"{options.model}, {options.mode}: {len(scenes)} unseen scenes {options.seeds}; executed above imagined"
        draw_sheet(scenes, title).save(options.out, quality=88)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
