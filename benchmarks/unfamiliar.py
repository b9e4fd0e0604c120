"""Claim: mini-WAM tells frames and sentences of other worlds from its own: AUROC at least 0.9 on every set of them.

Frames that it knows are those of validation scenes a few random actions in. Strange ones: noise, grainy, mirrored,
darkened and recoloured frames, the same tabletop with things of other shapes and colours, and the pictures or videos of
``--real DIR``. Strange sentences ask for what no tabletop task knows. Whether a wide fan of samples foretells a large
error is reported as a rank correlation, without a limit.

    python benchmarks/unfamiliar.py [--seeds 1060000:1060060] [--real DIR]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import _report  # noqa: F401 - finds wamviz
import numpy as np
from numpy.typing import NDArray

from wamviz.cli.progress import TerminalProgress
from wamviz.core import media
from wamviz.core.rollout import Frames, ImagineRequest
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.text import unknown_words
from wamviz.models.mini.wam import MiniWAM
from wamviz.models.protocol import collect
from wamviz.runs.conditioning import parse_seeds
from wamviz.worlds.tabletop import TabletopEnv, record_episode, task_for_seed

LIMIT = 0.9
HELD_OUT = 1_060_000
ODD = ((1, 0, 1), (0, 1, 1), (0.05, 0.05, 0.05), (0.5, 1, 0), (0.4, 0.2, 0))  # colours that no thing here has
ELSEWHERE = (
    "fold the towel in half", "open the top drawer", "wipe the table with the sponge", "close the laptop",
    "pour water into the glass", "zip up the jacket", "hang the shirt on the rack", "unscrew the bottle cap",
    "turn off the faucet", "insert the plug into the socket", "scoop rice with the spoon", "water the plant",
    "peel the banana", "crack an egg", "hand me the screwdriver", "tie the shoelaces", "flip the pancake",
    "sort the laundry", "ring the doorbell", "sharpen the pencil",
)  # fmt: skip


def scenes(seeds: range, odd: bool) -> Iterator[Frames]:
    """Exterior frames (256, 256, 3) a few random actions into each scene, with its things replaced where ``odd``."""
    env = TabletopEnv(size=256, cameras=("exterior",))
    for seed in seeds:
        rng = np.random.default_rng(seed)
        env.reset(seed)
        for _ in range(int(rng.integers(0, 12))):
            env.step(np.r_[rng.normal(0, 0.02, 3), 0, 0, 0, 0].astype(np.float32))
        if odd:
            change_things(env, rng)
        yield env.render("exterior")
        if odd:  # its model is spoilt
            env.close()
            env = TabletopEnv(size=256, cameras=("exterior",))
    env.close()


def change_things(env: TabletopEnv, rng: np.random.Generator) -> None:
    """Other colours for every thing on the table, other shapes for the blocks; pictures only, no physics follows."""
    model = env._model
    bodies = {model.body(name).id for name in env.present}
    for geom in range(model.ngeom):
        if model.geom_bodyid[geom] in bodies and model.geom_group[geom] in (1, 2):
            model.geom_matid[geom] = -1
            model.geom_rgba[geom] = [*ODD[int(rng.integers(len(ODD)))], 1]
            if model.geom_type[geom] == 6:  # a box becomes a capsule or an ellipsoid
                model.geom_type[geom] = int(rng.choice([3, 4]))
                model.geom_size[geom] = [0.03, 0.05, 0.02]


def real_frames(folder: Path) -> Frames:
    """Up to 25 frames of every video, and every picture, under a folder."""
    found: list[Frames] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() == ".mp4":
            video = media.read_video(path)[0]
            found += list(media.fit_square(video[:: max(1, len(video) // 25)], 256))
        elif path.suffix.lower() in (".png", ".jpg", ".jpeg"):
            found += list(media.fit_square(media.read_image(path)[None], 256))
    return np.stack(found)


def auroc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float:
    """The chance that a random outsider scores above a random insider (ties count half)."""
    above = outside[:, None] > inside[None]
    return float((above + 0.5 * (outside[:, None] == inside[None])).mean())


def ranks(values: list[float]) -> NDArray[np.float64]:
    """0 .. n - 1 in ascending order."""
    return np.argsort(np.argsort(values)).astype(np.float64)


def spread_and_error(model: MiniWAM, seeds: range) -> tuple[list[float], list[float]]:
    """Of 8 samples from each first frame: how far their hands end apart, and their mean from the expert's (m)."""
    spreads, errors = [], []
    env = TabletopEnv(size=256, cameras=("exterior",))
    for seed in seeds:
        truth = record_episode(env, seed)
        count = min(len(truth.actions), model.capabilities.horizon)
        env.reset(seed)
        request = ImagineRequest(env.observation(truth.instruction), "act_only", seed=0, samples=8)
        ends = np.stack(
            [r.actions[:count, :3].sum(0) for r in collect(model, request).rollouts if r.actions is not None]
        )
        spreads.append(float(np.linalg.norm(ends.std(0))))
        errors.append(float(np.linalg.norm(ends.mean(0) - truth.actions[:count, :3].sum(0))))
    env.close()
    return spreads, errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default=f"{HELD_OUT}:{HELD_OUT + 60}", help="A:B, B not included")
    parser.add_argument("--real", type=Path, help="a folder of videos or pictures of other places")
    options = parser.parse_args()
    seeds = parse_seeds(options.seeds)
    model = MiniWAM(checkpoint(), capabilities(), "auto")
    rng = np.random.default_rng(0)
    known = np.stack(list(scenes(seeds, odd=False)))
    strange = {
        "noise": rng.integers(0, 256, known.shape).astype(np.uint8),
        "grainy": np.clip(known + rng.normal(0, 25, known.shape), 0, 255).astype(np.uint8),
        "mirrored": known[:, :, ::-1],
        "darkened": (known * 0.4).astype(np.uint8),
        "recoloured": known[..., [2, 0, 1]],
        "other things": np.stack(list(scenes(seeds, odd=True))),
    }
    if options.real is not None:
        strange["real"] = real_frames(options.real)
    with TerminalProgress("unfamiliar", unit="frame") as progress:
        total = len(known) + sum(map(len, strange.values()))
        done = 0

        def scores(frames: Frames) -> NDArray[np.float64]:
            nonlocal done
            out = []
            for frame in frames:
                out.append(model.ood_score(np.ascontiguousarray(frame)))
                done += 1
                progress(done, total, "")
            return np.array(out)

        inside = scores(known)
        outside = {name: scores(frames) for name, frames in strange.items()}
    found = {name: auroc(inside, score) for name, score in outside.items()}
    flagged = {name: round(float((score > 1).mean()), 3) for name, score in {"known": inside, **outside}.items()}
    said = [
        np.array([len(unknown_words(model.pipeline.tokenizer, t)) for t in texts]) for texts in (own(seeds), ELSEWHERE)
    ]
    found["sentences"] = auroc(*said)
    for name, value in found.items():
        print(f"{name:<14} AUROC {value:.3f}   flagged {flagged.get(name, float((said[1] > 0).mean())):.0%}")
    spreads, errors = spread_and_error(model, seeds)
    rho = float(np.corrcoef(ranks(spreads), ranks(errors))[0, 1])
    print(f"known frames flagged {flagged['known']:.1%}")
    print(f"spread of 8 samples against error of their mean: rank correlation {rho:.2f} (n {len(errors)})")
    holds = min(found.values()) >= LIMIT
    facts = {"auroc": {k: round(v, 4) for k, v in found.items()}, "flagged": flagged, "spread_error_rho": round(rho, 3)}
    claim = f"frames and sentences of other worlds: AUROC at least {LIMIT} on every set"
    print(json.dumps({"benchmark": "unfamiliar", "claim": claim, "holds": holds, "n": len(known), **facts}))
    return 0 if holds else 1


def own(seeds: range) -> list[str]:
    """What is said in the scenes of ``seeds``, in words of the held-out phrasings."""
    env = TabletopEnv(render=False)
    texts = []
    for seed in seeds:
        env.reset(seed)
        texts.append(task_for_seed(env, split="heldout").instruction)
    return texts


if __name__ == "__main__":
    sys.exit(main())
