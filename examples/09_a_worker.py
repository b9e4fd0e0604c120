"""A policy behind a local socket: what lives in an environment of its own, wamviz asks through the worker's protocol.

python examples/09_a_worker.py [MODEL]

``wamviz/models/worker/wamviz_worker.py`` is one file without wamviz in it. It serves lerobot's policies by itself:

    path/to/lerobot-env/bin/python wamviz/models/worker/wamviz_worker.py --policy OWNER/NAME --fps 15
    python -m wamviz connect policy --kind worker --test

and, as here, anything else that has an ``info`` and an ``imagine(ask, tick)``; this one lets MODEL answer.
"""

import sys
import threading
from dataclasses import replace
from typing import Any

import numpy as np

from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.datasets import SHIPPED
from wamviz.models import registry
from wamviz.models.connections import Connection
from wamviz.models.remote.backend import completed, entry_of
from wamviz.models.worker.wamviz_worker import PROTOCOL, Answer, Ask, Tick, Worker
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"


class Policy:
    """What it wants and gives, and one chunk from one observation."""

    def __init__(self) -> None:
        self.model = registry.load(MODEL, "cpu")
        known = self.model.capabilities
        assert known.action_space is not None
        space = known.action_space
        means = {"names": list(space.names), "units": list(space.units), "kind": space.kind, "rate": space.rate}
        self.info: dict[str, Any] = {
            "wamviz_worker": PROTOCOL,
            "policy": MODEL,
            "title": f"{known.title} in a worker",
            "modes": ["joint"],
            "views": [{"key": "exterior", "size": None}],
            "state": None,
            "actions": means,
            "chunk": round(known.horizon * space.rate / known.video_fps),
            "frames": known.horizon,
            "steps": 0,
        }

    def imagine(self, ask: Ask, tick: Tick) -> Answer:
        """``tick`` tells of a step; it raises when nobody waits any more, which ends the work."""
        request = ImagineRequest(Observation({"exterior": ask.pictures["exterior"]}, ask.instruction), seed=ask.seed)
        for event in self.model.imagine(request):
            if isinstance(event, Imagined):
                rollout = event.rollouts[0]
                assert rollout.actions is not None and rollout.frames is not None
                return np.asarray(rollout.actions), {"exterior": rollout.frames}
            tick("imagining", event.step, event.steps)
        raise ValueError("the model ended without a rollout")


worker = Worker(Policy(), port=0)
threading.Thread(target=worker.serve_forever, daemon=True).start()

# The worker is asked once what it serves; from then on it is a model like any other.
connection = completed(Connection("policy", "worker", f"http://127.0.0.1:{worker.server_port}"))
served = entry_of(connection).load("cpu")
context = resolve(f"{SHIPPED}#0")
for event in served.imagine(ImagineRequest(replace(context.observation, state=None), seed=3)):
    if isinstance(event, Imagined):
        rollout = event.rollouts[0]
        assert rollout.frames is not None and rollout.actions is not None and rollout.action_space is not None
        print(f"'{rollout.instruction}': {len(rollout.frames)} frames of {rollout.duration:.1f} s came back,")
        print(f"{len(rollout.actions)} actions ({', '.join(rollout.action_space.names)})")
        print("\n".join(event.notes))
    elif event.note:
        print(event.note)  # closing the stream here would stop the worker at its next step
worker.shutdown()
worker.server_close()
