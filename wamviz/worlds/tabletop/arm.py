"""MJCF of the Franka Panda: joints, drawn meshes, a few collision shapes, hand, fingers and the wrist camera.

Link frames and joint ranges follow Franka's published kinematics (the same that ``robot`` computes with). Inertias
are rounded: gravity is compensated and the joints are position-controlled, so they hardly matter at 5 Hz.
Lengths in metres, angles in radians.
"""

from __future__ import annotations

from dataclasses import dataclass

MESHES = (*(f"link{i}" for i in range(8)), "hand", "finger")
FINGER_TRAVEL = 0.04  # of each finger, m
GRIP_FORCE = 25.0  # N


@dataclass(frozen=True)
class _Link:
    """One moving link: where its frame sits in the previous one, and how it is driven."""

    name: str
    pos: str
    quat: str
    mass: float
    centre: str
    low: float
    high: float
    gain: float  # N m / rad
    torque: float  # N m
    painted: bool  # False: the whole mesh is white, no palette needed
    hull: str = ""  # collision geoms; only the outer links can meet the table

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name}: the joint range is empty.")


_WRIST_HULL = '<geom class="arm" type="capsule" fromto="0 0 0 .088 0 0" size=".055"/>'
_FLANGE_HULL = '<geom class="arm" type="cylinder" pos="0 0 .06" size=".045 .045"/>'
_LINKS = (
    _Link("link1", "0 0 .333", "1 0 0 0", 2.5, "0 -.03 -.05", -2.897, 2.897, 900, 87, False),
    _Link("link2", "0 0 0", "1 -1 0 0", 2.5, "0 -.07 .03", -1.763, 1.763, 900, 87, False),
    _Link("link3", "0 -.316 0", "1 1 0 0", 2.5, ".03 .02 -.06", -2.897, 2.897, 800, 87, True),
    _Link("link4", ".0825 0 0", "1 1 0 0", 2.5, "-.05 .05 .02", -3.072, -0.0698, 800, 87, True),
    _Link("link5", "-.0825 .384 0", "1 -1 0 0", 2.2, "-.01 .04 -.1", -2.897, 2.897, 400, 40, True),
    _Link("link6", "0 0 0", "1 1 0 0", 1.5, ".06 -.01 -.01", -0.0174, 3.752, 300, 40, True, _WRIST_HULL),
    _Link("link7", ".088 0 0", "1 1 0 0", 0.7, ".01 0 .06", -2.897, 2.897, 200, 40, True, _FLANGE_HULL),
)


def _finger(name: str, quat: str) -> str:
    return (
        f'<body name="{name}" pos="0 0 .0584" quat="{quat}" gravcomp="1">'
        '<inertial mass=".05" pos="0 0 .03" diaginertia="1e-5 1e-5 1e-5"/>'
        f'<joint name="{name}" type="slide" axis="0 1 0" range="0 {FINGER_TRAVEL}" armature=".05" damping="8"/>'
        '<geom class="drawn" mesh="finger" material="panda"/>'
        '<geom class="pad" type="box" pos="0 .0145 .027" size=".0105 .0125 .012"/>'
        '<geom class="pad" type="box" pos="0 .0085 .0445" size=".0105 .0085 .0095"/></body>'
    )


def arm() -> str:
    """The ``<body>`` of the arm, its base at the world's origin."""
    text = '<body name="link0"><geom class="drawn" mesh="link0" material="panda"/>'
    for i, link in enumerate(_LINKS, start=1):
        material = "panda" if link.painted else "panda_white"
        text += (
            f'<body name="{link.name}" pos="{link.pos}" quat="{link.quat}" gravcomp="1">'
            f'<inertial mass="{link.mass}" pos="{link.centre}" diaginertia=".02 .02 .01"/>'
            f'<joint name="joint{i}" axis="0 0 1" range="{link.low} {link.high}" armature=".3" damping="8"/>'
            f'<geom class="drawn" mesh="{link.name}" material="{material}"/>{link.hull}'
        )
    text += (
        '<body name="hand" pos="0 0 .107" quat="0.9238795 0 0 -0.3826834" gravcomp="1">'
        '<inertial mass=".73" pos="0 0 .03" diaginertia=".001 .0025 .0017"/>'
        '<geom class="drawn" mesh="hand" material="panda"/>'
        '<geom class="arm" type="box" pos="0 0 .04" size=".032 .1 .025"/>'
        '<site name="tcp" pos="0 0 .1034" size=".004" rgba="0 0 0 0"/>'
        '<camera name="wrist" pos=".086 0 .015" xyaxes="0 1 0 .94 0 .26" fovy="75"/>'
    )
    text += _finger("finger_left", "1 0 0 0") + _finger("finger_right", "0 0 0 1") + "</body>"
    return text + "</body>" * (len(_LINKS) + 1)


def actuators() -> str:
    """Position control of the seven joints and of the finger opening."""
    joints = "".join(
        f'<position name="joint{i}" joint="joint{i}" kp="{link.gain}" dampratio="1"'
        f' forcerange="-{link.torque} {link.torque}"/>'
        for i, link in enumerate(_LINKS, start=1)
    )
    return joints + (
        '<position name="gripper" joint="finger_left" kp="600" kv="25"'
        f' forcerange="-{GRIP_FORCE} {GRIP_FORCE}" ctrlrange="0 {FINGER_TRAVEL}"/>'
    )


def couplings() -> str:
    """The fingers move together, and the toast sinks with the lever."""
    return (
        '<equality><joint joint1="finger_left" joint2="finger_right" solref=".005 1"/>'
        '<joint joint1="toast" joint2="lever" polycoef="0 1 0 0 0" solref=".01 1"/></equality>'
        '<contact><exclude body1="hand" body2="finger_left"/><exclude body1="hand" body2="finger_right"/></contact>'
    )
