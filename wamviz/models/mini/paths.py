"""A mode of a WAM is a path through two noise levels: one for motion, which is the video's latent, one for actions.

``noise_path`` returns the levels before each denoising step and after the last one. A level that stays put belongs to
a part that is given (0), unused (1) or already finished (0); a level that falls is being denoised. Decide first, draw
after: where both are imagined, the actions fall ahead of the motion, which is then foreseen for just those actions.
"""

from __future__ import annotations

from wamviz.core.errors import unknown_name
from wamviz.core.rollout import MODES


def falling(steps: int) -> list[float]:
    """Even levels from pure noise (1) to clean (0): ``steps + 1`` numbers."""
    return [1 - i / steps for i in range(steps + 1)]


def noise_path(mode: str, steps: int) -> list[tuple[float, float]]:
    """(motion level, action level) pairs for a mode; motion takes half of the ``steps`` that actions take.

    So does acting alone, which starts from little noise: for the best guess half of them do.

    ``video`` and ``imagine_then_act`` walk the path of ``joint``: what they imagine is its marginal, the actions are
    dropped afterwards (and then, for ``imagine_then_act``, read off the pictures along ``inverse_dynamics``).

    >>> noise_path("joint", 2)
    [(1.0, 1.0), (1.0, 0.5), (1.0, 0.0), (0.0, 0.0)]
    >>> noise_path("forward_dynamics", 4)
    [(1.0, 0.0), (0.5, 0.0), (0.0, 0.0)]
    """
    acting, moving = falling(steps), falling(max(1, steps // 2))
    if mode in ("joint", "video", "imagine_then_act"):
        return [*((1.0, a) for a in acting), *((m, 0.0) for m in moving[1:])]
    if mode == "act_only":
        return [(1.0, a) for a in moving]
    if mode == "forward_dynamics":
        return [(m, 0.0) for m in moving]
    if mode == "inverse_dynamics":
        return [(0.0, a) for a in acting]
    raise unknown_name("mode", mode, MODES)
