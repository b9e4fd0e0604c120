"""Run the benchmarks one after another, each in a process of its own, and sum them up in a table.

    python benchmarks/run.py [NAME ...] [--json FILE]

Exits with 1 when a claim does not hold or a benchmark does not come to an end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def names() -> list[str]:
    """Every benchmark beside this file."""
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem != "run" and not path.stem.startswith("_"))


def run(name: str) -> dict[str, Any]:
    """One benchmark's line of JSON; its other output is passed on as it comes."""
    print(f"== {name}", flush=True)
    last = ""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-u", str(HERE / f"{name}.py")]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    try:
        result = dict(json.loads(last))
    except (ValueError, TypeError):
        result = {"error": f"exit status {process.returncode} without a line of JSON"}
    return {"benchmark": name, "holds": False, **result}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(names())}")
    parser.add_argument("--json", type=Path, default=ROOT / "runs" / "bench.json", help="where the results go")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in names()]
    if unknown:
        parser.error(f"no benchmark '{unknown[0]}'; there are: {', '.join(names())}")
    results = [run(name) for name in options.names or names()]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print()
    for result in results:
        print(f"{'holds' if result['holds'] else 'FAILS':<6} {result['benchmark']}  {result.get('error', '')}".rstrip())
    print(f"{sum(bool(r['holds']) for r in results)} of {len(results)} claims hold; {options.json}")
    return 0 if all(result["holds"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
