"""The model imagines, acts on the first half of it, looks again; the world says whether it succeeded.

python examples/06_closed_loop.py [MODEL]
"""

import sys
from pathlib import Path

from wamviz.models.registry import load
from wamviz.runs.closed_loop import loop_run, run_closed_loop, write_loop

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
OUT = Path("runs/06_closed_loop")

model = load(MODEL)
loop = run_closed_loop(
    model,
    seed=2_000_000,
    instruction="push the toaster lever",
    mode="act_only",  # no video is needed to act, and it is the quickest
    execute=8,
    limit=24,
    progress=lambda taken, limit, note: print(f"{taken}/{limit} {note}"),
)
write_loop(
    OUT, loop_run(model, "act_only", loop)
)  # a run like any other: `python -m wamviz inspect runs/06_closed_loop`
print(f"success: {loop.executed.success}, {loop.looks} looks, first touched: {loop.executed.meta['first_touched']}")
