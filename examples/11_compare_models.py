"""The same frame and the same words to one model in three formulations, and to the control that nothing moves.

    python -m examples.11_compare_models [MODEL]

Prints how long each took, how many seconds it imagined in one, and how close it came to what was recorded.
"""

from __future__ import annotations

import sys

from wamviz.datasets import SHIPPED
from wamviz.models import registry
from wamviz.runs.comparison import Outcome, compare_models, read
from wamviz.runs.sources import resolve

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
modes = [mode for mode in registry.entry(MODEL).capabilities.modes if mode in ("joint", "imagine_then_act", "act_only")]
candidates = read([*(f"{MODEL}:{mode}" for mode in modes), "copy-last-frame"])
context = resolve(f"{SHIPPED}#3@3")

print(f"'{context.instruction}'")
for _, event in compare_models(candidates, context):
    if not isinstance(event, Outcome):
        continue  # a preview of the one that imagines now
    if event.run is None:
        print(f"{event.candidate.title}: {event.error}")
        continue
    words = [f"{event.latency_s:.2f} s ({event.real_time_factor:.1f} times real time)"]
    if video := event.run.metrics.get("video"):
        words.append(f"PSNR {video['psnr']:.2f} dB")
    if actions := event.run.metrics.get("actions"):
        words.append(f"action error {actions['mae']:.3f} (hold still {actions['hold_mae']:.3f})")
    print(f"{event.candidate.title}: {', '.join(words)}")
