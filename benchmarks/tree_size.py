"""Claim: everything that is tracked, weights, episodes and meshes together, stays below 56 MB."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

from _report import report

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sizes: Counter[str] = Counter()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            sizes[name.partition("/")[0]] += (ROOT / name).stat().st_size
    for folder, size in sizes.most_common(6):
        print(f"{folder:<16} {size / 1e6:6.1f} MB")
    return report("tree_size", "tracked files below 56 MB in all", {"tracked (MB)": (sizes.total() / 1e6, 56.0)})


if __name__ == "__main__":
    sys.exit(main())
