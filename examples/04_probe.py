"""A probe: a reference task, for which there is ground truth, and the composed extension beyond it, from one frame.

python examples/04_probe.py [MODEL]
"""

import sys

from wamviz.core.rollout import ImagineRequest
from wamviz.metrics.trajectory import ee_path
from wamviz.models.protocol import collect
from wamviz.models.registry import load
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
REFERENCE = "push the toaster lever"
EXTENSION = "push the toaster lever, then pick up the orange"

model = load(MODEL)
for words in (REFERENCE, EXTENSION):
    context = resolve("tabletop:2000000", words)
    request = ImagineRequest(context.observation, seed=3, samples=2)  # a fan of two from the same frame
    for rollout in collect(model, request).rollouts:
        path = ee_path(rollout, context.observation.state)  # (M, 3) metres
        where = "unknown" if path is None else ", ".join(f"{value:+.2f}" for value in path[-1])
        print(f"'{words}', seed {rollout.seed}: the hand ends at x, y, z = {where} m")
