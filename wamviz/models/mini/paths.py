"""A mode of a WAM is a path through two noise levels: one for the video, one for the actions.

``noise_path`` returns the levels before each denoising step and after the last one. A level that stays put belongs to
a part that is given (0), unused (1) or already finished (0); a level that falls is being denoised.
"""

from __future__ import annotations

from collections.abc import Sequence

from wamviz.errors import unknown_name
from wamviz.rollout import MODES


def falling(steps: int) -> list[float]:
    """Even levels from pure noise (1) to clean (0): ``steps + 1`` numbers."""
    return [1 - i / steps for i in range(steps + 1)]


def noise_path(mode: str, steps: int) -> list[tuple[float, float]]:
    """(video level, action level) pairs for a mode, ``steps + 1`` of them.

    >>> noise_path("joint", 2)
    [(1.0, 1.0), (0.5, 0.5), (0.0, 0.0)]
    >>> noise_path("imagine_then_act", 4)
    [(1.0, 1.0), (0.5, 1.0), (0.0, 1.0), (0.0, 0.5), (0.0, 0.0)]
    """
    levels = falling(steps)
    if mode == "joint":
        return [(s, s) for s in levels]
    if mode == "imagine_then_act":  # a single step cannot do both, so it takes at least two
        first = max(1, steps // 2)
        video = [(s, 1.0) for s in falling(first)]
        return video + [(0.0, s) for s in falling(max(1, steps - first))[1:]]
    if mode == "act_only":  # no video tokens at all
        return [(1.0, s) for s in levels]
    if mode == "forward_dynamics":
        return [(s, 0.0) for s in levels]
    if mode == "inverse_dynamics":
        return [(0.0, s) for s in levels]
    if mode == "video":
        return [(s, 1.0) for s in levels]
    raise unknown_name("mode", mode, MODES)


def levels_of(path: Sequence[tuple[float, float]], part: int) -> list[float]:
    """The levels at which one part (0 video, 1 actions) is denoised, without the final 0; empty if it never moves."""
    return [a[part] for a, b in zip(path, path[1:], strict=False) if a[part] != b[part]]
