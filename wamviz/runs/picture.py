"""Imagined video judged against physics of its own actions: the ``picture`` part of ``evaluate``.

Contract: ``Physics`` restores the exact state of a context, runs actions and draws only the moments that are asked for,
in the size of the model's own frames: drawn at 256 and averaged to 128, the very same scene is softer than drawn at 128
(sharpness 0.89), so that a model that draws at 256 would be blamed for it. Of larger frames every second is judged,
because they take four times as long to draw. ``judge`` compares an imagined rollout with them; ``report`` makes the
JSON of many. The imagined actions are executed where the model made them, the given ones in ``forward_dynamics``; a
video without actions (mode ``video``) is judged only where ``meta["actions_drawn"]`` holds those that it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import Floats, Frames, Rollout, WorldState
from wamviz.metrics.picture import MOVED, SIDE, Picture, Seen, compare_picture
from wamviz.metrics.segmenter import segment, segment_classes, segmenter_missing
from wamviz.runs.accumulator import bootstrap
from wamviz.runs.execution import why_not
from wamviz.worlds.tabletop import ACTION_SPACE, SEGMENTS, TabletopEnv

PICTURED = ("joint", "forward_dynamics", "imagine_then_act", "video")  # modes whose video belongs to actions
LONG = 48  # frames of the rollout whose third chunk is judged by itself
THIRD = (33, 48)  # its first and last frame
ACTIONS_DRAWN = "actions_drawn"  # in the meta of a video without actions: those that it was drawn from
VALUES = ("psnr", "moving_psnr", "sharpness", "arm_iou", "objects_moved")
DIGITS = 4  # of the values by episode


class Played(NamedTuple):
    """What physics made of some actions.

    Attributes:
        context: (H, W, 3) uint8; frames: (T, H, W, 3) of the moments ``shown``.
        context_mask: (128, 128) uint8 into ``SEGMENTS``; masks: (T, 128, 128).
        moved: the classes whose object lies more than 3 cm from where it lay, at the last moment shown.
        path: (K + 1, 3) m, where the hand went.
        shown: the moments, counted in actions from the context on.
    """

    context: Frames
    frames: Frames
    context_mask: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    moved: tuple[int, ...]
    path: Floats
    shown: tuple[int, ...]


class Physics:
    """The tabletop, drawn only when asked.

    Args:
        size: of the frames to be judged, pixels; smaller ones than 128 are drawn at 128.
    """

    def __init__(self, size: int = SIDE) -> None:
        self.size = max(size, SIDE)
        self._env = TabletopEnv(self.size, cameras=())

    def moments(self, first: int, last: int) -> range:
        """The moments of ``first .. last`` (counted in actions) that are judged: the last one and, if fine, each."""
        every = 1 if self.size == SIDE else 2
        return range(last, first - 1, -every)[::-1]

    def play(self, world: WorldState, actions: Floats, shown: Sequence[int] | None = None) -> Played:
        """Run ``actions`` (K, 7) from ``world``; ``shown`` are the moments to draw, 1 .. K, all of them where None."""
        env = self._env
        if (reason := why_not(world, actions, ACTION_SPACE)) is not None:
            raise InvalidInput(reason)
        env.restore(world.seed, world.snapshot)
        wanted = tuple(range(1, len(actions) + 1) if shown is None else shown)
        if not wanted or max(wanted) > len(actions) or min(wanted) < 1:
            raise InvalidInput(f"Of {len(actions)} actions, moments 1 .. {len(actions)} can be drawn, not {wanted}.")
        start = {name: env.position(name) for name in env.present}
        context, context_mask = env.render(), env.segment(size=SIDE)
        frames, masks, path = [], [], [env.ee_position()]
        moved: tuple[int, ...] = ()
        for step, action in enumerate(actions, 1):
            env.step(action)
            path.append(env.ee_position())
            if step in wanted:
                frames.append(env.render())
                masks.append(env.segment(size=SIDE))
                away = {name: float(np.linalg.norm(env.position(name) - start[name])) for name in start}
                moved = tuple(SEGMENTS.index(name) for name, far in away.items() if far > MOVED)
        route = np.array(path, np.float32)
        return Played(context, np.stack(frames), context_mask, np.stack(masks), moved, route, wanted)

    def close(self) -> None:
        """Give the graphics memory back."""
        self._env.close()


def actions_behind(imagined: Rollout) -> Floats | None:
    """The actions (K, 7) that a video belongs to: its own, or those that it was drawn from, or None."""
    if imagined.actions is not None:
        return imagined.actions
    drawn = imagined.meta.get(ACTIONS_DRAWN)
    if drawn is None:
        return None
    actions = np.asarray(drawn, np.float32)
    return actions if actions.ndim == 2 and np.isfinite(actions).all() else None


def hold_still(actions: Floats, count: int) -> Floats:
    """Actions (K, 7) cut to ``count``, or followed by ones that stay and leave the gripper as it was told."""
    rest = np.zeros((max(0, count - len(actions)), actions.shape[1]), np.float32)
    if len(actions):
        rest[:, 6] = actions[-1, 6]
    return np.concatenate([actions[:count], rest]).astype(np.float32)


def frames_at(imagined: Rollout, shown: Sequence[int]) -> Frames | None:
    """The imagined frames at the moments ``shown`` (counted in the tabletop's actions); None where one is missing."""
    if imagined.frames is None:
        return None
    exact = np.asarray(shown) / ACTION_SPACE.rate * imagined.fps
    rows = np.round(exact).astype(int)
    if np.abs(rows - exact).max() > 1e-6 or rows.max() >= len(imagined.frames):
        return None
    chosen: Frames = imagined.frames[rows]
    return chosen


def judge(imagined: Rollout, played: Played) -> Picture | None:
    """An imagined rollout beside what physics showed at the same moments; None where it shows none of them."""
    frames = frames_at(imagined, played.shown)
    if frames is None:
        return None
    seen = None
    if segmenter_missing() is None and segment_classes() == SEGMENTS:
        seen = Seen(played.context_mask, played.masks, segment(frames), played.moved)
    return compare_picture(frames, played.frames, played.context, seen)


class JudgedPicture(NamedTuple):
    """One imagined stretch: the scene's seed, the frame of the episode that was its context, and what was seen."""

    seed: int
    start: int
    picture: Picture


def report(rows: Sequence[JudgedPicture]) -> dict[str, Any] | None:
    """The ``picture`` JSON: means over episodes with 95 % bootstrap intervals, copies of the context beside them.

    ``by_episode`` keeps what each episode's stretches reach on average, so that the worst can be found.
    """
    if not rows:
        return None
    seeds = sorted({row.seed for row in rows})
    mine = {seed: [row.picture for row in rows if row.seed == seed] for seed in seeds}
    found: dict[str, Any] = {}
    by_episode: dict[str, list[Any]] = {"seed": list(seeds)}
    for name in VALUES:
        for key in (name, f"copy_{name}"):
            weights = [_weight(pictures, key) for pictures in mine.values()]
            means = [_mean(pictures, key) for pictures in mine.values()]
            _add(found, key, means, weights)
            if key == name:
                by_episode[name] = [None if mean is None else round(mean, DIGITS) for mean in means]
    gains = [_gain(pictures) for pictures in mine.values()]
    _add(found, "moving_gain_db", gains, [float(gain is not None) for gain in gains])
    by_episode["moving_gain_db"] = [None if gain is None else round(gain, DIGITS) for gain in gains]
    by_episode["objects"] = [sum(picture.objects for picture in pictures) for pictures in mine.values()]
    return {**found, "n": len(seeds), "stretches": len(rows), "by_episode": by_episode}


def _add(found: dict[str, Any], key: str, means: list[float | None], weights: list[float]) -> None:
    known = [(mean, weight) for mean, weight in zip(means, weights, strict=True) if mean is not None and weight > 0]
    values, weigh = [mean for mean, _ in known], [weight for _, weight in known]
    found[key] = round(float(np.average(values, weights=weigh)), 5) if known else None
    if not key.startswith("copy_"):
        found[f"{key}_ci95"] = bootstrap(values, weigh)


def _weight(pictures: list[Picture], key: str) -> float:
    """An episode counts once; of objects it counts each."""
    if key.endswith("objects_moved"):
        return float(sum(picture.objects for picture in pictures))
    return 1.0


def _mean(pictures: list[Picture], key: str) -> float | None:
    """The mean of an episode's stretches; where objects are counted, each weighs as many as it moves."""
    known = [(getattr(p, key), p.objects if key.endswith("objects_moved") else 1) for p in pictures]
    known = [(value, weight) for value, weight in known if value is not None]
    return float(np.average([v for v, _ in known], weights=[w for _, w in known])) if known else None


def _gain(pictures: list[Picture]) -> float | None:
    gains = [
        p.moving_psnr - p.copy_moving_psnr
        for p in pictures
        if p.moving_psnr is not None and p.copy_moving_psnr is not None
    ]
    return float(np.mean(gains)) if gains else None
