"""The kinds of server that wamviz can speak to, and what each gives back.

Contract: a table that loads nothing: a kind names the module that speaks its protocol, which ``asking`` imports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wamviz.core.action_spaces import DROID_JOINTS
from wamviz.core.errors import InvalidInput, unknown_name
from wamviz.core.orientation import ORIENTATIONS
from wamviz.models.connections import Connection
from wamviz.models.remote import robots, veo_options, worker_info
from wamviz.models.remote.robots import Robot

ORIENTATION = "orientation"  # the setting that says which way round a policy learned its pictures
_PICTURES = {
    ORIENTATION: "upright, mirrored, upside down or turned: which way round its policy learned its pictures, where "
    "that is another than the robot's usual one"
}


def is_set(settings: Mapping[str, str], name: str) -> bool:
    """Whether a connection has a setting; ``no`` takes one back."""
    return settings.get(name, "no") != "no"


def _filmed(name: str) -> Callable[[Robot, Mapping[str, str]], Robot]:
    """``ServerKind.adapt_robot`` where video comes back only with a setting of this name."""

    def adapt_robot(robot: Robot, settings: Mapping[str, str]) -> Robot:
        return robot.filmed if robot.filmed is not None and is_set(settings, name) else robot

    return adapt_robot


@dataclass(frozen=True)
class ServerKind:
    """A protocol, and the systems that speak it.

    Attributes:
        name: what ``connect --kind`` takes.
        title: of the systems, for people.
        module: of this package, a ``PolicyProtocol`` of ``asking``.
        schemes: of its addresses.
        robots: the first is the usual one.
        token: the word before a token in the ``Authorization`` header.
        gives: what comes back, for people.
        max_samples: of one request.
        together: whether one question asks for all samples; else each is a question of its own.
        seeded: whether the seed is told to the server, so that the same one gives the same rollout.
        steps: denoising steps when the request names none; 0 where the server decides.
        max_guidance: see ``Capabilities``.
        settings: what a connection of this kind may set beside the usual, with a sentence on each.
        token_header: the header that holds the token.
        usual: what a new connection begins with where nothing else is said, by the name of its field.
        needs: a package that only this kind uses, as (module, how to install it).
        adapt_robot: the robot as a connection's settings make it; the same one where they change nothing about it.
        cost: what a number of samples will cost, in words, or None where asking is free.
        where: its servers are, for people.
        asks: whether only the server knows what it is, so that it is asked once, when it is connected.
    """

    name: str
    title: str
    module: str
    schemes: tuple[str, ...]
    robots: tuple[Robot, ...]
    token: str
    gives: str
    max_samples: int = 8
    together: bool = False
    seeded: bool = False
    steps: int = 0
    max_guidance: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)
    token_header: str = "Authorization"
    usual: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, str] | None = None
    adapt_robot: Callable[[Robot, Mapping[str, str]], Robot] = lambda robot, settings: robot
    cost: Callable[[Mapping[str, str], int], str] | None = None
    where: str = "on a server of yours"
    asks: bool = False

    def robot(self, name: str) -> Robot:
        """The robot of this name, the first for ""; or ``WamvizError`` with the nearest name."""
        for robot in self.robots:
            if name in ("", robot.name):
                return robot
        raise unknown_name(f"robot of kind {self.name}", name, [robot.name for robot in self.robots])

    @property
    def choices(self) -> tuple[str, ...]:
        """The names of its robots."""
        return tuple(robot.name for robot in self.robots)

    def check_settings(self, settings: Mapping[str, str]) -> None:
        """Raise ``WamvizError`` for a setting that this kind does not have."""
        for name in settings:
            if name not in self.settings:
                raise unknown_name(f"setting of kind {self.name}", name, self.settings)


def _libero_views(robot: Robot, settings: Mapping[str, str]) -> Robot:
    """``ServerKind.adapt_robot`` of a LIBERO server, whose policy may have learned one view alone."""
    for name, allowed in (("views", ("both", "one")), ("gripper", ("zero_one", "pm_one"))):
        if settings.get(name, allowed[0]) not in allowed:
            raise unknown_name(f"value of '{name}'", settings[name], allowed)
    return replace(robot, views=robot.views[:1]) if settings.get("views") == "one" else robot


_ROBOARENA = robots.Robot("droid", "Franka of DROID", (), robots.DROID_STATE, DROID_JOINTS, chunk=24)
# DreamZero's first chunk: one latent frame of the context and two imagined ones, nine frames at 5 a second.
_ROBOARENA = replace(_ROBOARENA, filmed=replace(_ROBOARENA, modes=("joint",), frames=8))
KINDS: dict[str, ServerKind] = {
    kind.name: kind
    for kind in (
        ServerKind(
            "openpi",
            "openpi (pi0, pi0-FAST, pi0.5; Cosmos3-Nano-Policy-DROID)",
            "openpi",
            ("ws", "wss"),
            (robots.DROID, robots.LIBERO, robots.ALOHA, robots.COSMOS3_DROID, robots.DROID_JOINTPOS),
            "Api-Key",
            "actions; with robot cosmos3-droid the imagined video too",
            settings=_PICTURES,
        ),
        ServerKind(
            "roboarena",
            "RoboArena (DreamZero and other policies of that arena; robot policies of vLLM-Omni)",
            "roboarena",
            ("ws", "wss"),
            (_ROBOARENA,),
            "Api-Key",
            "actions; the imagined video too where the folder in which DreamZero leaves it is named",
            settings={
                "videos": "the folder in which DreamZero's server leaves its videos, as this machine sees it; or no",
                "embodiment": "roboarena or droid, which vLLM-Omni's /v1/realtime/robot/openpi is told",
                **_PICTURES,
            },
            adapt_robot=_filmed("videos"),
        ),
        ServerKind(
            "lingbot-va",
            "LingBot-VA",
            "lingbot_va",
            ("ws", "wss"),
            (robots.LINGBOT_ROBOTWIN, robots.LINGBOT_FRANKA, robots.LINGBOT_LIBERO),
            "Api-Key",
            "actions; the imagined video too where the server sends it, which the released one does not",
            settings={
                "video": "yes where the server sends its video: rollouts can then go on chunk after chunk; or no",
                **_PICTURES,
            },
            adapt_robot=_filmed("video"),
        ),
        ServerKind(
            "groot",
            "GR00T N1.5, N1.6, N1.7",
            "groot",
            ("tcp",),
            (robots.GROOT_DROID, robots.GROOT_LIBERO),
            "api_token",
            "actions alone, under the names that the server gives them",
            settings={
                "layout": "nested (the usual), flat (a server with --use-sim-policy-wrapper) or n1.5 (that version)",
                **_PICTURES,
            },
            needs=("zmq", "pip install 'pyzmq>=27,<28', or the extra wamviz[groot]"),
        ),
        ServerKind(
            "cosmos-policy",
            "Cosmos Policy",
            "cosmos_policy",
            ("http", "https"),
            (robots.COSMOS_POLICY_ALOHA,),
            "Bearer",
            "actions, one future frame, a value; all candidates of best-of-N",
            together=True,
            settings=_PICTURES,
        ),
        ServerKind(
            "cosmos3-libero",
            "Cosmos3 on LIBERO",
            "cosmos3_libero",
            ("http", "https"),
            (robots.COSMOS3_LIBERO,),
            "Bearer",
            "actions and the imagined video",
            settings={
                "views": "both (the usual: agent view and wrist side by side) or one, where its policy learned one",
                "gripper": "zero_one (the usual: 1 is open, as in NVIDIA's copies of LIBERO) or pm_one (-1 is open)",
                **_PICTURES,
            },
            adapt_robot=_libero_views,
        ),
        ServerKind(
            "vllm-omni",
            "Cosmos3 on vLLM-Omni",
            "vllm_omni",
            ("http", "https"),
            (robots.COSMOS3_BRIDGE,),
            "Bearer",
            "actions and the imagined video; obeys given actions, explains a given video",
            max_samples=4,
            seeded=True,
            steps=30,
            max_guidance=10.0,
            settings={"flow_shift": "of its scheduler; 5.0 by default, as vLLM-Omni's examples with actions have it"},
        ),
        ServerKind(
            "veo",
            "Veo 3.1 (Google's API, with a key of yours)",
            "veo",
            ("https", "http"),
            (veo_options.SCENE,),
            "",
            "a video of 4, 6 or 8 s, no actions; every second of it is billed by Google",
            max_samples=4,
            settings=veo_options.SETTINGS,
            token_header="x-goog-api-key",
            usual={"url": veo_options.URL, "token_env": "GEMINI_API_KEY", "timeout": 900.0},
            needs=("google.genai", "pip install 'google-genai>=1.55,<3'"),
            adapt_robot=veo_options.adapt_robot,
            cost=veo_options.cost,
            where="at Google",
        ),
        ServerKind(
            "worker",
            "lerobot policies in an environment of their own (FastWAM, LingBot-VA, ACT, diffusion, pi0 ...)",
            "worker",
            ("http", "https"),
            (worker_info.UNASKED,),
            "Bearer",
            "what the policy gives: actions, and from FastWAM and LingBot-VA the imagined video",
            seeded=True,
            settings={**worker_info.SETTINGS, **_PICTURES},
            usual={"url": worker_info.URL},
            adapt_robot=worker_info.adapt_robot,
            asks=True,
        ),
    )
}


def kind_of(name: str) -> ServerKind:
    """The kind of this name, or ``WamvizError`` with the nearest one."""
    if name not in KINDS:
        raise unknown_name("kind of server", name, KINDS)
    return KINDS[name]


def robot_of(connection: Connection) -> Robot:
    """The robot of a connection, as its settings and its rate make it.

    Raises:
        WamvizError: no such kind, robot or setting; a rate where there are no actions.
    """
    kind = kind_of(connection.kind)
    kind.check_settings(connection.settings)
    robot = kind.adapt_robot(kind.robot(connection.robot), connection.settings)
    if text := connection.settings.get(ORIENTATION):
        if text not in ORIENTATIONS:
            raise unknown_name(ORIENTATION, text, ORIENTATIONS)
        robot = replace(robot, orientation=text)
    if not connection.rate:
        return robot
    if robot.actions is None:
        raise InvalidInput(f"Kind {kind.name} returns no actions, so that they have no rate.", "Leave --rate out.")
    return replace(robot, actions=replace(robot.actions, rate=float(connection.rate)))
