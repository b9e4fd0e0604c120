"""What is known at the start of a chunk, and how motion leads from there to poses that can be drawn.

Pure tensor functions between the denoiser, which speaks of displacements, and the painter, which wants joints and
places. Axis letters: N samples, K actions, D state dims, O things, M motion dims.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from wamviz.models.mini.arm import DOWN, hand_of
from wamviz.models.mini.arm_pose import certainty, solve_arm
from wamviz.models.mini.detector import Detected, turn_facing
from wamviz.models.mini.inverse_kinematics import rest_joints, solve_joints
from wamviz.models.mini.kinematics import rotation_matrices
from wamviz.models.mini.raster import project
from wamviz.models.mini.transformer import HAND
from wamviz.models.mini.warp import THINGS, Pose, held_turns

_STILL = 0.006  # m: a thing that is foreseen to move less stays
_GROWTH = 0.003  # m of doubt that a chunk adds to where things are
_IK_STEPS = 3  # from where actions take an arm that nothing stops to where it is foreseen


@dataclass(frozen=True)
class Situation:
    """Where everything is, for N samples of the same context picture.

    Attributes:
        state: (N, D) physical: tool, rotation, gripper, joints; known: whether it was given rather than read.
        places: (N, O, 3) m, NaN where a thing is not there; doubt: (N, O) m.
        facing: (N, O, 2), how things are turned, see ``detector.Detected``.
        turns: (N, O) rad, how far things were turned since the context picture.
        last_action: (N, A) physical, which led here and which the arm may still be following; NaN where not known.
    """

    state: Tensor
    known: bool
    places: Tensor
    doubt: Tensor
    facing: Tensor
    turns: Tensor
    last_action: Tensor

    def __post_init__(self) -> None:
        if self.state.shape[1] != 14 or self.places.shape[:2] != self.doubt.shape:
            raise ValueError(f"State {tuple(self.state.shape)} or places {tuple(self.places.shape)} are misshapen.")

    @property
    def pose(self) -> Pose:
        """What the painter wants of it."""
        return Pose(self.state[:, 7:], self.state[:, 6], self.places, self.turns)

    def repeat(self, count: int) -> Situation:
        """The same for ``count`` samples, where it is that of one."""
        if len(self.state) == count:
            return self
        return replace(self, **{k: getattr(self, k).expand(count, *getattr(self, k).shape[1:]) for k in _TENSORS})

    def first(self) -> Situation:
        """That of the first sample."""
        return replace(self, **{k: getattr(self, k)[:1] for k in _TENSORS})

    def seen(self, camera: Tensor) -> Tensor:
        """Where things are in the picture of a camera (1, 3, 4): (N, O, 2) in 0..1."""
        return project(self.places.nan_to_num(), camera.expand(len(self.places), -1, -1))[0]


_UNSEEN = 0.05  # m of doubt from which a thing counts as hidden
_GRASPED = 0.01  # m of doubt about what is between the fingers
_OPEN = 0.08  # gripper below which the hand holds nothing
_GRASPABLE = ("orange", "mug", "red_block", "green_block", "blue_block")


def assume_held(state: Tensor, places: Tensor, doubt: Tensor) -> tuple[Tensor, Tensor]:
    """What is hidden while the hand is not open is taken to be in it: fingers and palm hide what they hold.

    Args:
        state: (N, D); places: (N, O, 3) m as they were seen; doubt: (N, O) m.

    Returns:
        places and doubt; of the graspable things that were doubted most, at most one a sample is moved.
    """
    graspable = torch.tensor([name in _GRASPABLE for name in THINGS], device=doubt.device)
    hidden = doubt.masked_fill(~graspable | places.isnan().any(-1), 0.0)
    most, which = hidden.max(1)
    held = (most > _UNSEEN) & (state[:, 6] > _OPEN)
    mask = held[:, None] & (torch.arange(doubt.shape[1], device=doubt.device) == which[:, None])  # (N, O)
    return torch.where(mask[..., None], state[:, None, :3], places), doubt.masked_fill(mask, _GRASPED)


_TENSORS = ("state", "places", "doubt", "facing", "turns", "last_action")


def complete_state(tool: Tensor, turn: Tensor, gripper: Tensor) -> Tensor:
    """A state (N, 14) from what a picture shows: tool (N, 3) m, turn (N, 3) rad, gripper (N,)."""
    down = torch.tensor(DOWN, device=tool.device).diag()
    joints = rest_joints(tool, rotation_matrices(turn) @ down)
    return torch.cat([tool, turn, gripper[:, None], joints], 1)


def read_state(found: Detected, camera: Tensor) -> Tensor:
    """States (N, 14) as pictures taken by cameras (N, 3, 4) show them.

    The tool alone is found to 2 cm, most of it along the line of sight; where all of the arm's marks are seen says it
    several times better.
    """
    tool = found.places(camera, -torch.inf)[:, -1]
    guess = complete_state(tool, found.turn, found.gripper)[:, 7:]
    joints = solve_arm(found.marks, certainty(found.spread), camera, guess)
    return torch.cat([hand_of(joints), found.gripper[:, None], joints], 1)


def follow_motion(start: Situation, motion: Tensor, actions: Tensor, joints: Tensor) -> tuple[Pose, Situation]:
    """Physical motion (N, K, M), actions (N, K, A) and the arm's answer to them to poses and the situation after them.

    Args:
        joints: (N, K, 7) rad, where the actions take the arm with nothing in its way.

    Returns:
        the pose after each action, N * K of them in order of samples, and the situation after the last.
    """
    n, k = motion.shape[:2]
    hand = start.state[:, None, :6] + motion[..., :6]  # (N, K, 6)
    gripper = motion[..., 6].clamp(0, 1)
    shift = motion[..., HAND:].unflatten(-1, (-1, 3))  # (N, K, O, 3)
    shift = shift * (shift.norm(dim=-1, keepdim=True) > _STILL)
    things = start.places[:, None] + shift
    down = torch.tensor(DOWN, device=motion.device).diag()
    turned = rotation_matrices(hand[..., 3:].flatten(0, 1)).unflatten(0, (n, k)) @ down
    joints = solve_joints(joints.flatten(0, 1), hand[..., :3].flatten(0, 1), turned.flatten(0, 1), _IK_STEPS, 0.0)
    whole = torch.cat([start.places[:, None], things], 1)
    hands = torch.cat([start.state[:, None, :3], hand[..., :3]], 1)
    yaw = torch.cat([start.state[:, None, 5], hand[..., 5]], 1)
    turns = start.turns[:, None] + held_turns(whole, hands, yaw, actions[..., 6] > 0.5)[:, 1:]
    state = torch.cat([hand, gripper[..., None], joints.unflatten(0, (n, k))], -1)  # (N, K, 14)
    flat = state.flatten(0, 1)
    pose = Pose(flat[:, 7:], flat[:, 6], things.flatten(0, 1), turns.flatten(0, 1))
    facing = turn_facing(start.facing, turns[:, -1] - start.turns)
    return pose, replace(
        start, state=state[:, -1], places=things[:, -1], doubt=start.doubt + _GROWTH, facing=facing, turns=turns[:, -1],
        last_action=actions[:, -1],
    )  # fmt: skip
