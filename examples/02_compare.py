"""Imagined beside recorded: frames and actions are matched by time, and every number has its control beside it.

python examples/02_compare.py [MODEL]
"""

import sys

from wamviz.core.rollout import ImagineRequest
from wamviz.datasets import SHIPPED
from wamviz.metrics.actions import compare_actions
from wamviz.metrics.video import compare_video
from wamviz.models.protocol import collect
from wamviz.models.registry import load
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"

context = resolve(f"{SHIPPED}#0@4")  # any frame of an episode can be the context
recorded = context.reference
assert recorded is not None

imagined = collect(load(MODEL), ImagineRequest(context.observation, seed=0)).rollouts[0]

video = compare_video(imagined, recorded)
assert video is not None  # None: one of the two has no video
print("time   PSNR   copy-last-frame")
for time, psnr, control in zip(video.times, video.psnr, video.copy_last_psnr, strict=True):
    print(f"{time:4.1f}  {psnr:5.2f}   {control:5.2f}")

actions = compare_actions(imagined, recorded)
assert actions is not None  # None: no actions, or of another kind
print(f"action error {actions.mae:.3f} of half the range; a robot that holds still has {actions.hold_mae:.3f}")
