"""The imagined actions meet physics, from the very same state.

python examples/03_act_it_out.py [MODEL]
"""

import sys
from pathlib import Path

from wamviz.core.media import write_mp4
from wamviz.core.rollout import ImagineRequest, Rollout
from wamviz.models.protocol import collect
from wamviz.models.registry import load
from wamviz.runs.execution import Acted, act_out
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
OUT = Path("runs/03_act_it_out")

context = resolve("tabletop:2000000", "push the toaster lever")  # a scene of the embedded world, by its seed
imagined = collect(load(MODEL), ImagineRequest(context.observation, seed=0)).rollouts[0]

for event in act_out(context.observation.world_state, imagined.actions, context.instruction):
    if isinstance(event, Acted):
        print(f"action {event.step}/{event.steps}")
    else:
        executed: Rollout = event

answer = {True: "done", False: "not done", None: "it cannot be told"}[executed.success]
print(f"'{executed.instruction}': {answer}; the hand touched {executed.meta['first_touched'] or 'nothing'}")
OUT.mkdir(parents=True, exist_ok=True)
assert executed.frames is not None  # what is executed is always filmed
write_mp4(OUT / "executed.mp4", executed.frames, executed.fps)
