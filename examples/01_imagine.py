"""A frame and a sentence in, a run's files out.

python examples/01_imagine.py [MODEL]
"""

import sys
from pathlib import Path

from wamviz.core.rollout import Preview
from wamviz.datasets import SHIPPED
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import resolve
from wamviz.runs.store import write_run

MODEL = sys.argv[1] if len(sys.argv) > 1 else "mini-wam"
OUT = Path("runs/01_imagine")

# The first frame of a shipped episode: what the robot sees, what it was told, and what really happened next.
context = resolve(f"{SHIPPED}#0")
print(f"{context.title}: '{context.instruction}'")

# Imagining is a stream: previews while the future forms, the finished run at its end.
for event in imagine_run(MODEL, context, mode="joint", seed=0):
    if isinstance(event, Preview):
        print(f"step {event.step}/{event.steps} {event.note}")
    else:
        run = event

write_run(OUT, run)
print(f"{run.id}: {', '.join(sorted(file.name for file in OUT.iterdir()))} in {OUT}")
