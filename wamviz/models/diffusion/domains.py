"""The robots that Cosmos3 was trained on: how wide their actions are and, where it is known, what each number is.

Contract: plain frozen descriptions; widths are diffusers' own table (``pipeline_cosmos3_omni.py``,
``_EMBODIMENT_TO_RAW_ACTION_DIM``), and a test holds the two together. The layouts follow the comment above that table:
a pose is three numbers of position and six of rotation (the first two columns of its matrix, arXiv 1812.07035), a hand
is one number, five fingertips are fifteen. Rates and chunks are those of NVIDIA's own examples (cosmos: cookbooks
cosmos3/generator/action) or of the recorded data. Numbers are the model's own, normalised, so that no unit is claimed.
"""

from __future__ import annotations

from dataclasses import dataclass

from wamviz.core.errors import WamvizError, unknown_name
from wamviz.core.rollout import ActionSpace

VIEWS = ("ego_view", "third_person_view", "wrist_view", "concat_view")
TIERS = (256, 480, 704, 720)
# Of libero the width is not fixed by the domain, so that diffusers runs no actions for it; no_action has none.
WITHOUT_ACTIONS = ("libero", "no_action")


def _pose(prefix: str = "") -> tuple[str, ...]:
    return tuple(f"{prefix}{name}" for name in ("x", "y", "z", *(f"r{i}" for i in range(1, 7))))


def _arms(*sides: str) -> tuple[str, ...]:
    return tuple(name for side in sides for name in (*_pose(f"{side}_"), f"{side}_gripper"))


def _hands() -> tuple[str, ...]:
    tips = tuple(f"finger{i}_{axis}" for i in range(1, 6) for axis in "xyz")
    wrists = (f"hand{i}_{name}" for i in (1, 2) for name in (*_pose("wrist_"), *tips))
    return (*_pose("ego_"), *wrists)


@dataclass(frozen=True)
class Domain:
    """One embodiment of Cosmos3.

    Attributes:
        name: what diffusers calls it.
        title: for people.
        names: of its actions' numbers, in order.
        rate: actions and frames a second.
        chunk: actions a model call in its examples.
        view: which camera its videos were taken with, as the model is told.
        known: whether the order of the numbers is known; else they are only counted.
    """

    name: str
    title: str
    names: tuple[str, ...]
    rate: float = 10.0
    chunk: int = 16
    view: str = "third_person_view"
    known: bool = True

    def space(self, rate: float, units: tuple[str, ...] = ()) -> ActionSpace:
        """Its actions at ``rate`` Hz; without units unless statistics of the user's name them.

        No gripper is marked: which end of the model's own number is closed differs between the domains and is stated
        nowhere (NVIDIA's DROID server turns it round on the way in and out).
        """
        return ActionSpace(self.names, units or ("",) * len(self.names), "unnamed", rate)


_ARM = (*_pose(), "gripper")
_AGIBOT = (*_pose("ego_"), *_arms("arm1", "arm2"))
DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (
        Domain("bridge_orig_lerobot", "WidowX of BridgeData", _ARM, 5.0),
        Domain("droid_lerobot", "Franka of DROID", _ARM, 15.0),
        Domain("umi", "UMI's hand-held gripper", _ARM, 20.0, view="ego_view"),
        Domain("fractal", "Google robot of RT-1", _ARM, 3.0),
        Domain("pusht", "Push-T, a point in the plane", ("x", "y")),
        Domain("robomind-franka", "Franka of RoboMIND", _ARM),
        Domain("robomind-ur", "UR5 of RoboMIND", _ARM),
        Domain("robomind-franka-dual", "two Frankas of RoboMIND", _arms("arm1", "arm2")),
        Domain("agibotworld", "AgiBot World", _AGIBOT, view="ego_view"),
        Domain("agibot_gear_gripper", "AgiBot with grippers", _AGIBOT, view="ego_view"),
        Domain("agibot_gear_gripper_ext", "AgiBot with grippers, extended", _AGIBOT, view="ego_view"),
        Domain("galbot", "Galbot", tuple(f"a{i}" for i in range(1, 31)), view="ego_view", known=False),
        Domain("av", "a vehicle's own motion", _pose(), chunk=60, view="ego_view"),
        Domain("camera_pose", "a camera's own motion", _pose(), view="ego_view"),
        Domain("hand_pose", "two human hands", _hands(), view="ego_view"),
    )
}


def domain_of(name: str) -> Domain:
    """The domain of this name, or ``WamvizError`` with the nearest one."""
    if name in WITHOUT_ACTIONS:
        raise WamvizError(
            f"Domain '{name}' of Cosmos3 has no fixed width of actions, so that diffusers runs none for it.",
            f"Choose one of: {', '.join(DOMAINS)}.",
        )
    if name not in DOMAINS:
        raise unknown_name("domain of Cosmos3", name, DOMAINS)
    return DOMAINS[name]
