"""What a worker says of its policy, as a robot.

Contract: loads nothing. ``GET /info`` of ``wamviz/models/worker/wamviz_worker.py`` is asked once, when the worker is
connected, and kept with the connection as text; every word of it is judged, because it came from elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from wamviz.core.errors import Damaged, Unavailable, WamvizError
from wamviz.core.rollout import MODES, ActionSpace
from wamviz.models.remote.robots import Robot, RobotView, StatePart

URL = "http://127.0.0.1:8765"
PROTOCOL = 1
SETTINGS = {"info": "what the worker said of its policy; connect asks it, nobody has to write it"}
# Stands for a policy until the worker was asked; ``adapt_robot`` never lets it be used.
UNASKED = Robot("policy", "What the worker serves", (), (), ActionSpace(("?",), ("",), "unnamed", 1.0), chunk=1)


def adapt_robot(robot: Robot, settings: Mapping[str, str]) -> Robot:
    """The robot that the worker described.

    Raises:
        WamvizError: it was not asked yet, or what it said cannot be.
    """
    if "info" not in settings:
        raise Unavailable("The worker was not asked yet what it serves.", "Start it, then: connect NAME --test")
    return described(settings["info"])


def described(text: str) -> Robot:
    """A worker's own description as a robot.

    Raises:
        WamvizError: it is no such description, or of a protocol that this wamviz does not speak.
    """
    try:
        facts = json.loads(text)
        if facts["wamviz_worker"] != PROTOCOL:
            raise Damaged(
                f"The worker speaks protocol {str(facts['wamviz_worker'])[:20]}, this wamviz {PROTOCOL}.",
                "Take wamviz_worker.py from this wamviz.",
            )
        return _robot(facts)
    except WamvizError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged("What the worker says of itself cannot be understood.", "Is it a wamviz_worker?") from error


def _robot(facts: Mapping[str, Any]) -> Robot:
    means = facts["actions"]
    names, units = [str(name)[:60] for name in means["names"]], [str(unit)[:20] for unit in means["units"]]
    if not 1 <= len(names) <= 200 or not 0 < float(means["rate"]) <= 1000:
        raise ValueError("actions")
    modes = tuple(facts["modes"])
    if not modes or any(mode not in MODES for mode in modes):
        raise ValueError("modes")
    state = facts["state"]
    counts = [int(facts[name]) for name in ("chunk", "frames", "steps")]
    if not 1 <= counts[0] <= 10_000 or not 0 <= counts[1] <= 2000 or not 0 <= counts[2] <= 1000:
        raise ValueError("counts")
    return Robot(
        str(facts["policy"])[:60],
        str(facts["title"])[:200],
        tuple(_view(view) for view in facts["views"]),
        () if state is None else (StatePart(str(state["key"])[:60], _count(state["count"]), "all"),),
        ActionSpace(tuple(names), tuple(units), str(means["kind"]), float(means["rate"])),
        chunk=counts[0],
        modes=modes,
        frames=counts[1],
        steps=counts[2],
    )


def _view(facts: Mapping[str, Any]) -> RobotView:
    key, size = str(facts["key"])[:100], facts["size"]
    low = key.lower()
    side = next((f"{name} " for name in ("left", "right") if name in low), "")
    held = any(word in low for word in ("wrist", "hand", "gripper"))
    if size is not None and not (len(size) == 2 and all(type(n) is int and 8 <= n <= 4096 for n in size)):
        raise ValueError("size")
    pixels = None if size is None else (size[0], size[1])
    return RobotView(key, f"{side if held else ''}{'wrist' if held else 'exterior'}", pixels,
                "stretch" if facts.get("fit") == "stretch" else "pad")  # fmt: skip


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 1000:
        raise ValueError("count")
    return value
