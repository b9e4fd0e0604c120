"""Claim: once warm, the first preview comes within 1.5 s, a rollout of 16 frames with its actions within 6 s, and four
samples cost less than 2.5 times one, on two CPU cores.

    python benchmarks/imagine_speed.py [--model mini-wam] [--repeat 5]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from _report import report

from wamviz.core import devices
from wamviz.core.rollout import Preview
from wamviz.models import registry
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context, resolve


def once(model: str, context: Context, seed: int, samples: int = 1) -> tuple[float, float]:
    """Seconds from the press of the button to the first picture, and to the finished run with its metrics."""
    start = time.perf_counter()
    first = None
    for event in imagine_run(model, context, seed=seed, samples=samples):
        if first is None and isinstance(event, Preview) and event.frames is not None:
            first = time.perf_counter() - start
    total = time.perf_counter() - start
    return total if first is None else first, total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini-wam")
    parser.add_argument("--repeat", type=int, default=5, help="the median of so many counts")
    options = parser.parse_args()
    context = resolve("tabletop:1000000")
    once(options.model, context, 0)  # loads the weights
    ones = [once(options.model, context, 1 + i) for i in range(options.repeat)]
    fours = [once(options.model, context, 1 + i, samples=4) for i in range(options.repeat)]
    first, total = (statistics.median(column) for column in zip(*ones, strict=True))
    fan = statistics.median(seconds for _, seconds in fours)
    return report(
        "imagine_speed",
        "first preview within 1.5 s, one rollout within 6 s, four samples below 2.5 times one",
        {"first preview (s)": (first, 1.5), "one rollout (s)": (total, 6.0), "four samples / one": (fan / total, 2.5)},
        model=options.model,
        steps=registry.entry(options.model).capabilities.default_steps,
        device=devices.describe(),
        repeat=options.repeat,
    )


if __name__ == "__main__":
    sys.exit(main())
