"""The robots that served models were made for: which views and states they are sent, and what their actions mean.

Contract: plain frozen descriptions, one a robot and checkpoint family, taken from the servers' own sources. Sizes are
pixels, (H, W). Nothing here opens a connection or knows a protocol. Adding a robot is adding a ``Robot``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from wamviz.core.action_spaces import ALOHA_JOINTS, DROID_JOINTS, DROID_VELOCITY, OSC_POSE
from wamviz.core.errors import InvalidInput
from wamviz.core.rollout import ActionSpace

Fit = Literal["pad", "stretch", "as it is"]
Means = Literal["joints", "gripper", "pose", "all"]


@dataclass(frozen=True)
class RobotView:
    """A picture that a server wants.

    Attributes:
        key: its name on the wire.
        role: ``"exterior"`` or ``"wrist"``, ``"left "`` or ``"right "`` before it; decides which camera fits.
        size: (H, W) to send, or None for the context's own.
        fit: ``pad`` keeps the proportions with black borders, as openpi's clients do; ``stretch`` does not.
        like: the camera's usual name, where that is not the last part of the key.
        optional: whether it is left out where the context has no such camera.
    """

    key: str
    role: str
    size: tuple[int, int] | None
    fit: Fit = "pad"
    like: str = ""
    optional: bool = False


@dataclass(frozen=True)
class StatePart:
    """Numbers of the robot's state that a server wants.

    Attributes:
        key: their name on the wire.
        count: how many.
        means: ``joints`` (rad), ``gripper`` (0 open .. 1 closed), ``pose`` or, for a whole state, ``all``.
    """

    key: str
    count: int
    means: Means


@dataclass(frozen=True)
class Robot:
    """One robot as its models see it.

    Attributes:
        name: what ``connect --robot`` takes.
        title: for people.
        views, state: what is sent, in this order.
        actions: what comes back, with its rate; None where that is a video alone.
        chunk: actions a reply, as released; a server may answer with another number.
        modes: of ``wamviz.core.rollout.MODES``; ``act_only`` where no video comes back.
        frames: imagined frames a reply, without the context; 0 where no video comes back.
        longest: frames of the longest rollout, chunk after chunk, likewise; 0 where one chunk is all.
        filmed: the same robot where a setting of the connection brings the video (``ServerKind.adapt_robot``), or None.
        video_fps: frames a second of a video without actions; 0 beside actions, which tell it.
        steps: denoising steps when the request names none; 0 where its kind or the server decides.
        orientation: which way round its policies learned their pictures, of ``core.orientation.ORIENTATIONS``; "" where
            they learned them as everybody has them.
    """

    name: str
    title: str
    views: tuple[RobotView, ...]
    state: tuple[StatePart, ...]
    actions: ActionSpace | None
    chunk: int
    modes: tuple[str, ...] = ("act_only",)
    frames: int = 0
    longest: int = 0
    filmed: Robot | None = None
    video_fps: float = 0.0
    steps: int = 0
    orientation: str = ""

    def __post_init__(self) -> None:
        if self.actions is None:
            if self.frames < 1 or not self.video_fps > 0:
                raise InvalidInput(f"Robot '{self.name}' needs frames and their rate where it has no actions.")
        elif self.chunk < 1 or self.frames < 0:
            raise InvalidInput(f"Robot '{self.name}' needs a chunk of at least one action.")

    @property
    def space(self) -> ActionSpace:
        """The meaning of its actions, which are there whenever a server returns any."""
        assert self.actions is not None
        return self.actions

    @property
    def fps(self) -> float:
        """Frames a second: the last frame shows the end of the last action. Without video the rate of the actions."""
        if self.actions is None:
            return self.video_fps
        return self.actions.rate * self.frames / self.chunk if self.frames else self.actions.rate

    @property
    def gives(self) -> str:
        """What a reply holds, in words."""
        if self.actions is None:
            return "a video, no actions"
        video = {0: "actions alone, no video", 1: "actions and one future frame"}
        return video.get(self.frames, "actions and the imagined video")


def unnamed(widths: Mapping[str, int], rate: float) -> ActionSpace:
    """The action space of a robot of which only the server's names are known."""
    names = [name if width == 1 else f"{name}_{i + 1}" for name, width in widths.items() for i in range(width)]
    return ActionSpace(tuple(names), ("",) * len(names), "unnamed", rate)


DROID_STATE = (
    StatePart("observation/joint_position", 7, "joints"),
    StatePart("observation/gripper_position", 1, "gripper"),
)

# LIBERO's simulator draws from below upwards. Its policies were trained on, and their clients send, what turning that
# by half gives (openpi examples/libero/main.py, Isaac-GR00T libero_env.py, cosmos-framework closed_loop_eval.py): a
# mirror image of the scene. Cosmos Policy and LingBot-VA flip the rows alone, which gives the scene as it is.
# pi0, pi0-FAST and pi0.5 as openpi serves them (openpi: policies/droid_policy.py, libero_policy.py, aloha_policy.py).
DROID = Robot(
    "droid", "Franka of DROID",
    (
        RobotView("observation/exterior_image_1_left", "exterior", (224, 224)),
        RobotView("observation/wrist_image_left", "wrist", (224, 224)),
    ),
    DROID_STATE, DROID_VELOCITY, chunk=15,
)  # fmt: skip
# PolaRiS's and other joint-position policies of openpi on DROID (training/misc/polaris_config.py) answer the same keys.
DROID_JOINTPOS = replace(
    DROID, name="droid-jointpos", title="Franka of DROID, by joint positions", actions=DROID_JOINTS
)
LIBERO = Robot(
    "libero", "Panda of LIBERO",
    (
        RobotView("observation/image", "exterior", (224, 224)),
        RobotView("observation/wrist_image", "wrist", (224, 224)),
    ),
    (StatePart("observation/state", 8, "all"),), OSC_POSE, chunk=10, orientation="mirrored",
)  # fmt: skip
ALOHA = Robot(
    "aloha", "ALOHA's two arms",
    (
        RobotView("images/cam_high", "exterior", (224, 224)),
        RobotView("images/cam_left_wrist", "left wrist", (224, 224)),
        RobotView("images/cam_right_wrist", "right wrist", (224, 224)),
    ),
    (StatePart("state", 14, "all"),), ALOHA_JOINTS, chunk=50,
)  # fmt: skip

# Cosmos3-Nano-Policy-DROID (cosmos-framework: action_policy_server_robolab.py, action space joint_pos). The server lays
# the wrist view over two half-size exterior ones, 540 x 640 in all; sent at those sizes it need not scale anything.
COSMOS3_DROID = Robot(
    "cosmos3-droid", "Franka of DROID, with imagined video",
    (
        RobotView("observation/wrist_image_left", "wrist", (360, 640), "stretch"),
        RobotView("observation/exterior_image_1_left", "exterior", (180, 320), "stretch"),
        RobotView("observation/exterior_image_2_left", "exterior", (180, 320), "stretch"),
    ),
    DROID_STATE, DROID_JOINTS, chunk=32, modes=("joint",), frames=32,
)  # fmt: skip

# Cosmos Policy on ALOHA (cosmos-policy: aloha/deploy.py): fifty actions of 25 Hz and one future frame a camera.
COSMOS_POLICY_ALOHA = Robot(
    "aloha", "ALOHA's two arms",
    (
        RobotView("primary_image", "exterior", (224, 224), "stretch"),
        RobotView("left_wrist_image", "left wrist", (224, 224), "stretch"),
        RobotView("right_wrist_image", "right wrist", (224, 224), "stretch"),
    ),
    (StatePart("proprio", 14, "all"),),
    ActionSpace(ALOHA_JOINTS.names, ALOHA_JOINTS.units, ALOHA_JOINTS.kind, 25.0),
    chunk=50, modes=("joint",), frames=1,
)  # fmt: skip

# Cosmos3 on LIBERO (cosmos-framework: docs/action_policy_libero_posttrain.md, simulation/libero/closed_loop_eval.py):
# both views side by side, 256 x 512, a clip and a chunk out, whose numbers are brought to LIBERO's seven.
COSMOS3_LIBERO = Robot(
    "libero", "Panda of LIBERO",
    (
        RobotView("image", "exterior", (256, 256), "stretch", like="agentview_rgb"),
        RobotView("wrist_image", "wrist", (256, 256), "stretch", like="eye_in_hand_rgb", optional=True),
    ),
    (), OSC_POSE, chunk=16, modes=("joint",), frames=16, orientation="mirrored",
)  # fmt: skip

# Cosmos3 on BridgeData, as its examples run it: the hand's change (three of position, six of rotation) and the gripper
# in the model's own normalised numbers, 16 steps of 5 Hz. Nothing says what 1 means, so that no unit is claimed.
COSMOS3_BRIDGE = Robot(
    "bridge", "WidowX of BridgeData",
    (RobotView("input_reference", "exterior", None, "as it is"),),
    (),
    ActionSpace(("dx", "dy", "dz", *(f"r{i}" for i in range(1, 7)), "gripper"), ("",) * 10, "unnamed", 5.0),
    chunk=16, modes=("joint", "forward_dynamics", "inverse_dynamics"), frames=16,
)  # fmt: skip

# LingBot-VA (wan_va/configs: va_robotwin_cfg.py, va_franka_cfg.py, va_libero_cfg.py). Of its 30 channels the server
# returns the used ones, in this order: left hand, left gripper, right hand, right gripper. A reply is F latent frames
# of A actions, of which the first frame is the context: (2, 16), (4, 20) and (4, 4). Pictures are sent at the sizes to
# which the server stretches them. Rotations are quaternions; a gripper is 1 when open; nothing says the rate of the two
# robots with two arms, so that 50 Hz is ALOHA's. RoboTwin's poses are relative to where the arms are at the start.
_HAND = ("x", "y", "z", "qx", "qy", "qz", "qw", "gripper")
_HANDS = ActionSpace(
    tuple(f"{side}_{name}" for side in ("left", "right") for name in _HAND),
    (("m",) * 3 + ("1",) * 5) * 2,
    "unnamed",
    ALOHA_JOINTS.rate,
)


def _lingbot(robot: Robot, latents: int) -> Robot:
    """With the robot as it is where the server sends its video: four frames a latent one after the context's."""
    frames = 4 * (latents - 1)
    return replace(robot, filmed=replace(robot, frames=frames, longest=frames + 4 * latents * 7))  # eight chunks


def _three(high: tuple[int, int], wrist: tuple[int, int]) -> tuple[RobotView, ...]:
    return (
        RobotView("cam_high", "exterior", high, "stretch"),
        RobotView("cam_left_wrist", "left wrist", wrist, "stretch"),
        RobotView("cam_right_wrist", "right wrist", wrist, "stretch"),
    )


LINGBOT_ROBOTWIN = _lingbot(
    Robot(
        "robotwin", "two arms of RoboTwin", _three((256, 320), (128, 160)), (), _HANDS,
        chunk=16, modes=("imagine_then_act",),
    ),
    latents=2,
)  # fmt: skip
LINGBOT_FRANKA = _lingbot(
    Robot(
        "franka", "two Frankas", _three((224, 320), (224, 320)), (), _HANDS, chunk=60, modes=("imagine_then_act",)
    ),
    latents=4,
)  # fmt: skip
LINGBOT_LIBERO = _lingbot(
    Robot(
        "libero", "Panda of LIBERO",
        (
            RobotView("agentview_rgb", "exterior", (128, 128), "stretch", like="image"),
            RobotView("eye_in_hand_rgb", "wrist", (128, 128), "stretch", like="wrist_image"),
        ),
        (), OSC_POSE, chunk=12, modes=("imagine_then_act",), orientation="upright",
    ),
    latents=4,
)  # fmt: skip

# GR00T N1.x as released for DROID and LIBERO (Isaac-GR00T: examples/DROID/main_gr00t.py, configs/data/
# embodiment_configs.py, examples/Libero). The server says itself which views and states it wants. Its LIBERO gripper is
# 0 closed .. 1 open, which its own client turns into robosuite's 1 .. -1.
GROOT_DROID = Robot("droid", "Franka of DROID", (), DROID_STATE, DROID_JOINTS, chunk=32)
GROOT_LIBERO = Robot(
    "libero", "Panda of LIBERO", (), (),
    replace(OSC_POSE, gripper_closed=0.0, low=(-1.0,) * 6 + (0.0,)), chunk=40, orientation="mirrored",
)  # fmt: skip
