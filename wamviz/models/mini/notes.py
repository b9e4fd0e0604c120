"""What mini-WAM says about a rollout in words: what it does not know, what it left out, how sure it is."""

from __future__ import annotations

import numpy as np

from wamviz.core.rollout import Floats, ImagineRequest

CHUNKED = "Decided {size} actions at a time, each chunk from where the one before ends: mistakes add up."


class Caution(str):
    """A note without which the rollout would be believed too much: it belongs beside the picture."""


def note_doubts(request: ImagineRequest, score: float, known: bool, strange: list[str]) -> list[str]:
    """Why a rollout from a context may be worth less than others.

    Args:
        score: how unfamiliar the picture is, above 1 out of distribution; known: whether the state was given.
        strange: words of the instruction that the model never met.
    """
    notes: list[str] = []
    if score > 1:
        text = (
            f"This frame looks unlike the tabletop frames that mini-WAM was trained on (unfamiliarity {score:.1f}, "
            "where 99 % of those stay below 1): out of distribution, so the rollout is unreliable."
        )
        notes.append(Caution(text))
    observation = request.observation
    if not known:
        notes.append("The robot's state is not known; mini-WAM read it off the picture.")
    if observation.cameras.get(observation.main_camera) is None:
        notes.append("The camera is not known; mini-WAM took it for the tabletop's usual one.")
    first = observation.frame if request.video is None else request.video[0]
    if (tall := first.shape[0]) != (wide := first.shape[1]):
        side = min(tall, wide)
        notes.append(f"mini-WAM sees the middle {side} x {side} pixels of this {wide} x {tall} picture.")
    if strange:
        listed = ", ".join(f"'{word}'" for word in strange[:5])
        verb = "are" if len(strange) > 1 else "is"
        notes.append(Caution(f"{listed} {verb} not in the training vocabulary of mini-WAM."))
    return notes


def note_beyond(beyond: int, what: str, verb: str, horizon: int | None, longest: int) -> list[str]:
    """That the last ``beyond`` of the given actions or frames were left out, and why; nothing where none were."""
    if beyond <= 0:
        return []
    if horizon is not None:
        return [f"The last {beyond} of the given {what} lie beyond the horizon of {horizon}."]
    return [f"mini-WAM can {verb} {longest} {what} in a row; the last {beyond} were left out."]


def note_strange_frames(strange: list[int], count: int) -> list[str]:
    """Which of the ``count`` frames of a given video look unlike training's."""
    if not strange:
        return []
    text = (
        f"{len(strange)} of the {count} frames of the video look unlike the tabletop frames that mini-WAM was trained "
        f"on (the first is frame {strange[0] + 1}): out of distribution, so the actions are unreliable."
    )
    return [Caution(text)]


def note_spread(actions: Floats) -> str:
    """How far apart the hands of several samples (N, K, A) end: what the model is unsure of, it varies."""
    ends = actions[:, :, :3].sum(1)  # (N, 3) m
    apart = 100 * float(np.linalg.norm(ends - ends.mean(0), axis=1).mean())
    return f"End-effector spread of the {len(actions)} samples {apart:.1f} cm at the end."
