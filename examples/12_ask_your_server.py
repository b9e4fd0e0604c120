"""Any of the servers that wamviz speaks to: what a question to it holds, and, given an address, its answer.

python examples/12_ask_your_server.py                           (what each kind of server is sent; nobody is asked)
python examples/12_ask_your_server.py groot tcp://127.0.0.1:5555
python examples/12_ask_your_server.py openpi ws://127.0.0.1:8000 cosmos3-droid

Pictures of the tabletop and a state of zeros stand in for your robot's, so a real policy's answer is an answer to
them. Asked about a dataset of that robot, it takes two commands:

    python -m wamviz connect NAME --kind openpi --url ws://127.0.0.1:8000 --robot droid --test
    python -m wamviz imagine "PATH#0@40" --model NAME
"""

import sys

import numpy as np

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.datasets import SHIPPED
from wamviz.models.backends import completed, entry_of
from wamviz.models.connections import Connection
from wamviz.models.remote.kinds import KINDS, robot_of
from wamviz.models.remote.robots import Robot
from wamviz.runs.sources import resolve

DROID = {"exterior_1_left": "exterior", "exterior_2_left": "exterior", "wrist_left": "wrist"}


def observation(robot: Robot) -> Observation:
    """One frame for each view that the robot's server wants, under the camera's usual name, and a state as long."""
    scene = resolve(f"{SHIPPED}#0").observation
    views = {view.like or view.key.rpartition("/")[2]: view.role.rpartition(" ")[2] for view in robot.views}
    views = views or DROID  # some servers say only when they are asked which they want
    frames = {name: scene.frames[role] for name, role in views.items()}
    count = sum(part.count for part in robot.state) or (0 if robot.views else 8)
    return Observation(frames, "pick up the mug", np.zeros(count, np.float32) if count else None)


def tell(kind: str, robot: Robot) -> None:
    """What a question holds and what comes back."""
    views = ", ".join(f"{view.key} ({view.role})" for view in robot.views) or "the pictures that the server names"
    state = ", ".join(f"{part.key} ({part.count})" for part in robot.state) or "no state"
    print(f"{kind} {robot.name}".strip() + f": {views}; {state}. Modes: {', '.join(robot.modes)}.")


def ask(connection: Connection) -> None:
    """What does it imagine? (``wamviz.models.backends.probe`` only looks whether it is there.)"""
    connection = completed(connection)  # a worker is asked what it serves
    tell(connection.kind, robot_of(connection))
    question = ImagineRequest(observation(robot_of(connection)), mode=robot_of(connection).modes[0])
    for event in entry_of(connection).load("cpu").imagine(question):
        if isinstance(event, Imagined):
            rollout = event.rollouts[0]
            if rollout.actions is not None and rollout.action_space is not None:
                print(f"{len(rollout.actions)} actions: {', '.join(rollout.action_space.names)}")
            if rollout.frames is not None:
                print(f"{len(rollout.frames)} frames, {rollout.duration:.1f} s of them")
            print("\n".join(event.notes))
        elif event.note:
            print(event.note)  # closing the stream here would close the connection


if len(sys.argv) > 2:
    kind, url, name = (*sys.argv[1:4], "")[:3]
    key = "GEMINI_API_KEY" if kind == "veo" else ""
    try:
        ask(Connection("server", kind, url, name, token_env=key))
    except WamvizError as error:
        print(error)
        raise SystemExit(2) from None
else:
    for kind, known in KINDS.items():
        for robot in known.robots:
            tell(kind, robot)
