"""Do the imagined video, the stated actions and physics tell one story?

Contract: compares a rollout with what came of executing its own actions, and measures how much each video moves. A
video in which nothing moves agrees with everything ("background collapse", arXiv 2605.07514), so agreement counts only
where the imagined video moves about as much as the executed one; ``moves_enough`` says it. Knows no world and no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wamviz.core.rollout import Floats, Frames, Rollout
from wamviz.metrics.align import common_frames
from wamviz.metrics.registry import Metric, copy_last_frame, hold_still
from wamviz.metrics.trajectory import ade_fde, commanded_path, ee_path, path_length

GATE = 0.3  # share of the executed video's motion that an imagined one needs
NOTICEABLE = 0.02  # m; a shorter stated path asks for hardly any motion


@dataclass(frozen=True)
class Consistency:
    """Stated against executed.

    Attributes:
        path_ade, path_fde: average and final distance in m between the path that the actions state and the one that
            physics took; None where either is unknown.
        hold_path_ade: the average distance for a hand that does not move, the control for ``path_ade``.
        stated_length: metres along the stated path, or None.
        imagined_motion, executed_motion: ``motion_energy`` over the moments that both show, or None.
        moves_enough: whether the imagined video moves as much as the story needs; None where that cannot be said.
    """

    path_ade: float | None
    path_fde: float | None
    stated_length: float | None
    imagined_motion: float | None
    executed_motion: float | None
    moves_enough: bool | None
    hold_path_ade: float | None = None


def motion_energy(frames: Frames) -> float:
    """Mean absolute change of brightness from the context to each later frame of (T, H, W, 3), 0 .. 1."""
    if len(frames) < 2:
        return 0.0
    grey: NDArray[np.float32] = frames.mean(axis=3, dtype=np.float32)  # (T, H, W)
    return float(np.abs(grey[1:] - grey[:1]).mean() / 255)


def consistency(imagined: Rollout, executed: Rollout, start: Floats | None = None) -> Consistency:
    """Compare ``imagined`` with ``executed``, the rollout that came of its actions.

    Args:
        start: the state at the context, where the stated path begins; without it the executed rollout's first state.
    """
    if start is None and executed.states is not None:
        start = executed.states[0]
    stated, real = commanded_path(imagined, start), ee_path(executed, start)
    apart = still = None
    ours_space, theirs_space = imagined.action_space, executed.action_space
    if stated is not None and real is not None and ours_space is not None and theirs_space is not None:
        apart = ade_fde(stated, real, ours_space.rate, theirs_space.rate)
        staying = np.repeat(stated[:1], len(stated), axis=0)
        still = ade_fde(staying, real, ours_space.rate, theirs_space.rate)
    length = None if stated is None else path_length(stated)
    ours = theirs = None
    if imagined.frames is not None and executed.frames is not None:
        a, b, _ = common_frames(imagined, executed)
        ours, theirs = motion_energy(a), motion_energy(b)
    enough = None
    if ours is not None and theirs is not None:
        enough = ours >= GATE * theirs or (length is not None and length < NOTICEABLE)
    return Consistency(
        path_ade=None if apart is None else apart[0],
        path_fde=None if apart is None else apart[1],
        stated_length=length,
        imagined_motion=ours,
        executed_motion=theirs,
        moves_enough=enough,
        hold_path_ade=None if still is None else still[0],
    )


METRICS = (
    Metric(
        "execution",
        "executed_psnr",
        "Imagined against executed, PSNR",
        "PSNR between the imagined video and what its own actions really did.",
        "Huynh-Thu and Ghanbari 2008, Electronics Letters 44(13)",
        takes="executed",
        unit="dB",
        higher=True,
        baseline=copy_last_frame("copy_last_psnr", "The same for a video in which nothing moves."),
    ),
    Metric(
        "execution",
        "path_ade_m",
        "Stated against executed path",
        "Average distance in metres between the path that the actions state and the one that physics took.",
        "Pellegrini et al. 2009, ICCV; Alahi et al. 2016, CVPR",
        takes="executed",
        judges="actions",
        unit="cm",
        factor=100.0,
        digits=1,
        baseline=hold_still(
            "hold_path_ade_m", "The same for a hand that does not move: how far physics took it from where it began."
        ),
    ),
    Metric(
        "execution",
        "moves_enough",
        "",
        "Whether the imagined video moves about as much as the executed one; a still video agrees with everything "
        "(background collapse).",
        "arXiv 2605.07514",
        takes="executed",
    ),
)
