"""Claim: on 60 validation scenes mini-WAM in joint mode has a PSNR at least 0.5 dB above copy-last-frame and an action
error at most 0.55 of hold-still's.

    python benchmarks/model_quality.py [--seeds 1000000:1000060] [--mode joint] [--model mini-wam]
"""

from __future__ import annotations

import argparse
import json
import sys

import _report  # noqa: F401 - finds wamviz

from wamviz.cli.progress import TerminalProgress
from wamviz.runs.conditioning import parse_seeds
from wamviz.runs.evaluate import evaluate

PSNR_GAIN, ACTION_RATIO = 0.5, 0.55


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1000000:1000060", help="A:B, B not included")
    parser.add_argument("--mode", default="joint")
    parser.add_argument("--model", default="mini-wam")
    options = parser.parse_args()
    with TerminalProgress("model_quality", unit="episode") as progress:
        result = evaluate(options.model, options.mode, parse_seeds(options.seeds), progress=progress)
    video, actions = result["video"], result["actions"]
    gain = video["psnr"] - video["copy_last_psnr"]
    ratio = actions["mae"] / actions["hold_mae"]
    print(f"PSNR {video['psnr']:.2f} dB, copy-last-frame {video['copy_last_psnr']:.2f} dB: {gain:+.2f} dB")
    print(f"action error {actions['mae']:.4f}, hold-still {actions['hold_mae']:.4f}: ratio {ratio:.3f}")
    holds = gain >= PSNR_GAIN and ratio <= ACTION_RATIO
    claim = f"PSNR gain at least {PSNR_GAIN} dB, action error at most {ACTION_RATIO} of hold-still's"
    report = {"psnr_gain": round(gain, 3), "action_ratio": round(ratio, 3), "result": result}
    print(json.dumps({"benchmark": "model_quality", "claim": claim, "holds": bool(holds), **report}))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
