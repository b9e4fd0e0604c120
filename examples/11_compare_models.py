"""The same frame and the same words to one model in three formulations, and to the control that nothing moves.

    python -m examples.11_compare_models [MODEL]

Prints how long each took, how many seconds it imagined in one, and how close it came to what was recorded.
"""

from __future__ import annotations

import sys

from wamviz.datasets import SHIPPED
from wamviz.models import registry
from wamviz.side_by_side import Outcome, compare_models, read
from wamviz.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
modes = [mode for mode in registry.entry(MODEL).capabilities.modes if mode in ("joint", "imagine_then_act", "act_only")]
contenders = read([*(f"{MODEL}:{mode}" for mode in modes), "copy-last-frame"])
context = resolve(f"{SHIPPED}#3@3")

print(f"'{context.instruction}'")
for place, event in compare_models(contenders, context):
    if not isinstance(event, Outcome):
        print(f"  {contenders[place].title}: step {event.step} of {event.steps}", end="\r")
        continue
    if event.run is None:
        print(f"{event.contender.title}: {event.error}")
        continue
    metrics = event.run.metrics
    video, actions = metrics.get("video") or {}, metrics.get("actions") or {}
    print(
        f"{event.contender.title}: {event.latency_s:.2f} s ({event.real_time_factor:.1f} times real time), "
        f"PSNR {video.get('psnr', float('nan')):.2f} dB, action error {actions.get('mae', float('nan')):.3f}"
    )
