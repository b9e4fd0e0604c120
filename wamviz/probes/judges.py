"""Judges by rule: each says of one sample how far one thing holds, from 0 (no) to 1 (yes), or that it cannot tell.

Contract: a judge is a function of ``Evidence``, registered under a name, a question and a note on what it means; adding
one touches this module or another that is imported. They know what happened and not who imagined it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wamviz.core.rollout import Rollout
from wamviz.probes.probe import Prompt
from wamviz.probes.replay import Replay

AT_REST = 0.004  # m an action: slower is standing still
REST_S = 0.4  # s at the end for which a robot has to stand still to have stopped
CHANGED = 24  # of 255: a pixel that differs more has changed
MOVES = 0.004  # share of pixels that change, below which a video stands still


@dataclass(frozen=True)
class Evidence:
    """What a judge looks at.

    Attributes:
        prompt: what was asked.
        sample: the imagined rollout.
        replay: what physics made of its actions, or None.
    """

    prompt: Prompt
    sample: Rollout
    replay: Replay | None


Verdict = Callable[[Evidence], float | None]


@dataclass(frozen=True)
class Judge:
    """A question that a rule answers.

    Attributes:
        key: its name in files; title: in tables; note: what it looks at, and what it cannot see.
        verdict: 0 .. 1, or None where it cannot tell.
    """

    key: str
    title: str
    note: str
    verdict: Verdict


JUDGES: dict[str, Judge] = {}


def judge(key: str, title: str, note: str) -> Callable[[Verdict], Verdict]:
    """Decorator: make a rule known as a judge."""

    def register(verdict: Verdict) -> Verdict:
        if key in JUDGES:
            raise ValueError(f"There are two judges called {key!r}.")
        JUDGES[key] = Judge(key, title, note, verdict)
        return verdict

    return register


def judge_sample(evidence: Evidence) -> dict[str, float]:
    """What every judge says that can tell, by its key."""
    said = {key: one.verdict(evidence) for key, one in JUDGES.items()}
    return {key: round(float(value), 4) for key, value in said.items() if value is not None}


@judge("done", "done", "Physics executes the actions: every part of the instruction was done at some moment.")
def all_parts_done(evidence: Evidence) -> float | None:
    replay = evidence.replay
    if replay is None or not (replay.done or evidence.prompt.still):
        return None
    if evidence.prompt.still:
        return float(not replay.moved and replay.touched != "lever")
    return float(all(step is not None for step in replay.done))


@judge("first_part", "first part done", "Physics: the first part of a composed instruction was done.")
def first_part_done(evidence: Evidence) -> float | None:
    replay = evidence.replay
    return float(replay.done[0] is not None) if replay is not None and len(replay.done) > 1 else None


@judge("in_order", "in order", "Physics: of the parts that were done, each came after the one before it.")
def parts_in_order(evidence: Evidence) -> float | None:
    """None where fewer than two parts were done: what did not happen has no order."""
    steps = [step for step in evidence.replay.done if step is not None] if evidence.replay is not None else []
    return float(steps == sorted(steps)) if len(steps) > 1 else None


@judge("right_object", "right object first", "Physics: the hand touched first what the first part is about.")
def right_object_first(evidence: Evidence) -> float | None:
    replay = evidence.replay
    if replay is None or replay.wanted is None or replay.touched is None:
        return None
    return float(replay.touched == replay.wanted)


@judge("left_alone", "rest left alone", "Physics: nothing moved by over 3 cm but what the instruction is about.")
def rest_left_alone(evidence: Evidence) -> float | None:
    replay = evidence.replay
    if replay is None or not (replay.meant or evidence.prompt.still):
        return None
    return float(set(replay.moved) <= set(replay.meant))


@judge(
    "moves", "moves when asked", "At least 0.4 % of the video's pixels change; where nothing is to be done, fewer do."
)
def video_moves(evidence: Evidence) -> float | None:
    frames = evidence.sample.frames
    if frames is None or len(frames) < 2:
        return None
    first = frames[0].astype(np.int16)
    most = max(float((np.abs(frame - first) > CHANGED).any(-1).mean()) for frame in frames[1:])
    return float((most > MOVES) != evidence.prompt.still)


@judge("stopped", "stopped in the end", "The hand's commanded steps end in 0.4 s of rest.")
def stopped_in_the_end(evidence: Evidence) -> float | None:
    actions, space = evidence.sample.actions, evidence.sample.action_space
    if actions is None or space is None or space.kind != "ee_delta":
        return None
    last = max(1, round(REST_S * space.rate))
    if len(actions) <= last:
        return None
    return float((np.linalg.norm(actions[-last:, :3], axis=1) < AT_REST).all())
