"""Action spaces of robots that more than one room knows. Grippers: which value is closed is said in each space.

A unit may carry a factor: ``"0.05 m"`` means that 1 is 0.05 m.
"""

from __future__ import annotations

from wamviz.core.rollout import ActionSpace

TABLETOP_ACTIONS = ActionSpace(
    names=("dx", "dy", "dz", "drx", "dry", "drz", "gripper"),
    units=("m", "m", "m", "rad", "rad", "rad", "1"),
    kind="ee_delta",
    rate=5.0,
    gripper_index=6,
    gripper_closed=1.0,
    low=(-0.06, -0.06, -0.06, -0.4, -0.4, -0.4, 0.0),
    high=(0.06, 0.06, 0.06, 0.4, 0.4, 0.4, 1.0),
)
BRIDGE = ActionSpace(
    ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper"),
    ("m",) * 3 + ("rad",) * 3 + ("1",), "ee_delta", 5.0, gripper_index=6, gripper_closed=0.0,
)  # fmt: skip
# DROID's joint velocities are scaled: 1 is 0.2 rad a step of 1/15 s (checked against its recorded joint positions).
DROID_VELOCITY = ActionSpace(
    (*(f"joint{i}_velocity" for i in range(1, 8)), "gripper"),
    ("3 rad/s",) * 7 + ("1",), "joint_velocity", 15.0, gripper_index=7,
)  # fmt: skip
DROID_JOINTS = ActionSpace(
    (*(f"joint{i}" for i in range(1, 8)), "gripper"),
    ("rad",) * 7 + ("1",), "joint_position", 15.0, gripper_index=7,
)  # fmt: skip
DROID_POSE = ActionSpace(
    ("x", "y", "z", "roll", "pitch", "yaw", "gripper"),
    ("m",) * 3 + ("rad",) * 3 + ("1",), "ee_pose", 15.0, gripper_index=6,
)  # fmt: skip
# robosuite's OSC_POSE with its default limits, which LIBERO and robomimic's tasks use: shares of 5 cm and 0.5 rad a
# step; the gripper is -1 open .. 1 closed.
OSC_POSE = ActionSpace(
    ("dx", "dy", "dz", "drx", "dry", "drz", "gripper"),
    ("0.05 m",) * 3 + ("0.5 rad",) * 3 + ("1",), "ee_delta", 20.0, gripper_index=6,
    low=(-1.0,) * 7, high=(1.0,) * 7,
)  # fmt: skip
_ALOHA_ARM = ("waist", "shoulder", "elbow", "forearm_roll", "wrist_angle", "wrist_rotate", "gripper")
# Both arms' joints; each has a gripper, 1 is open, so that no single one is marked.
ALOHA_JOINTS = ActionSpace(
    tuple(f"{side}_{name}" for side in ("left", "right") for name in _ALOHA_ARM), (("rad",) * 6 + ("1",)) * 2,
    "joint_position", 50.0,
)  # fmt: skip
