"""Actions as a CSV file, for people: what its columns are, an example of it, and writing one.

Contract: ``read_actions`` (``conditioning``) reads back what ``actions_csv`` writes, to the last bit of float32.
"""

from __future__ import annotations

import csv
import io

import numpy as np

from wamviz.core.rollout import ActionSpace, Floats


def actions_csv(actions: Floats, space: ActionSpace) -> str:
    """Actions (K, A) as text: the names of the space in the first row, then a row an action."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(space.names)
    writer.writerows([str(value) for value in row] for row in np.asarray(actions, np.float32))  # the shortest
    return text.getvalue()


def example_actions(space: ActionSpace) -> Floats:
    """Some legal actions (K, A): down, close, up where the space moves a hand; else rest."""
    rows = np.zeros((10, space.dim), np.float32)
    if space.kind == "ee_delta" and len(space.names) > 2 and space.names[2] == "dz":
        step = 0.03 / (0.05 if space.units[2].startswith("0.05") else 1.0)
        rows[:4, 2], rows[7:, 2] = -step, step
    if space.gripper_index is not None:
        rows[:, space.gripper_index] = 1 - space.gripper_closed
        rows[4:, space.gripper_index] = space.gripper_closed
    return space.clip(rows)


def describe_columns(space: ActionSpace) -> list[str]:
    """Each column in words, with its unit and limits.

    >>> from wamviz.core.action_spaces import TABLETOP_ACTIONS
    >>> describe_columns(TABLETOP_ACTIONS)[0], describe_columns(TABLETOP_ACTIONS)[6]
    ('dx in m, -0.06 .. 0.06', 'gripper, 0 .. 1 (1 is closed)')
    """
    words = []
    for k, (name, unit) in enumerate(zip(space.names, space.units, strict=True)):
        word = name if unit in ("1", "") else f"{name} in {unit}"
        if space.low is not None and space.high is not None:
            word += f", {space.low[k]:g} .. {space.high[k]:g}"
        if k == space.gripper_index:
            word += f" ({space.gripper_closed:g} is closed)"
        words.append(word)
    return words
