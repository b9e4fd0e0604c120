"""What every timing benchmark says at its end, in the same form; imported first, it makes this checkout importable."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script is run as it lies, nothing is installed


def report(name: str, claim: str, measured: dict[str, tuple[float, float]], **facts: Any) -> int:
    """Print measurements against their limits and the line of JSON; return the exit status.

    Args:
        name: of the benchmark.
        claim: in words.
        measured: what was measured -> (value, upper limit).
        facts: further JSON-ready facts.
    """
    for what, (value, limit) in measured.items():
        print(f"{what:<32} {value:8.3f}   limit {limit:g}   share {value / limit:.2f}")
    holds = all(value <= limit for value, limit in measured.values())
    numbers = {
        what: {"value": round(value, 4), "limit": limit, "share": round(value / limit, 3)}
        for what, (value, limit) in measured.items()
    }
    print(json.dumps({"benchmark": name, "claim": claim, "holds": holds, "measured": numbers, **facts}))
    return 0 if holds else 1


def lerobot_version(python: str) -> str | None:
    """The lerobot that another environment's interpreter has, or None where it has none."""
    asked = [python, "-c", "from importlib.metadata import version as v; import lerobot; print(v('lerobot'))"]
    answer = subprocess.run(asked, capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else None
