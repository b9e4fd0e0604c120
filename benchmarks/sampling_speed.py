"""Claim: on two CPU cores mini-WAM shows its first preview within 0.25 s, a joint chunk of 16 frames at 256x256 and 16
actions within 0.8 s and acts within 0.06 s; and a joint chunk is at least 4 times as quick as the plain loop over the
same weights (30 Euler steps, the context looked at anew at every step and every picture drawn whole), without losing
more than 0.3 dB of PSNR to it.

Every time is the median of repeats in one run, and stands as a ratio as well: to the plain loop, to one sample, and
of floating-point operations a second to those of a large matrix product on the same device. Whether the plain loop's
actions succeed more often in closed loop is measured with ``--drive N`` scenes.

    python benchmarks/sampling_speed.py [--episodes 30] [--repeat 15] [--drive 40]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from _report import report
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from wamviz.core import devices
from wamviz.core.media import fit_square
from wamviz.core.rollout import Frames, Imagined, ImagineRequest, Observation, Preview, Rollout
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.paths import noise_path
from wamviz.models.mini.pipeline import MiniWAMPipeline, Observed
from wamviz.models.mini.transformer import HAND
from wamviz.models.mini.wam import MiniWAM, quietly
from wamviz.models.mini.warp import Pose
from wamviz.models.protocol import collect
from wamviz.runs.closed_loop import run_closed_loop
from wamviz.runs.sources import resolve

EULER_STEPS = 30


def seconds(call: Callable[[], Any], repeat: int, device: torch.device) -> float:
    """Median seconds of ``call``, once warm."""
    found = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return statistics.median(found[1:])


@torch.inference_mode()
def decide_plainly(pipeline: MiniWAMPipeline, observation: Observation, seed: int) -> tuple[Observed, Tensor, Tensor]:
    """Motion (1, K, M) and actions (1, K, A) of a joint chunk as a first reading of the paper would sample them."""
    net = pipeline.transformer
    size = pipeline.painter.config.image_size
    frame = fit_square(observation.frame[None], size)[0]
    camera = observation.cameras[observation.main_camera].square_projection()
    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(1, net.config.horizon, net.config.action_dim, generator=generator).to(pipeline.device)
    x = torch.randn(1, net.config.horizon, HAND + 3 * net.config.things, generator=generator).to(pipeline.device)
    path = noise_path("joint", EULER_STEPS)
    for (at_x, at_a), (to_x, to_a) in zip(path, path[1:], strict=False):
        observed = pipeline.observe(frame, camera, observation.state)
        context = pipeline.encode(observed.situation, observed.camera, observation.instruction)
        level = [torch.full((1,), value, device=pipeline.device) for value in (at_x, at_a)]
        clean_x, clean_a = net(x, a, *level, context)
        if at_a != to_a:
            a = a + (to_a - at_a) * (a - clean_a) / at_a
        if at_x != to_x:
            x = x + (to_x - at_x) * (x - clean_x) / at_x
    return observed, x * net.motion_scale(x), net.denormalise_actions(a)


@torch.inference_mode()
def plain(pipeline: MiniWAMPipeline, observation: Observation, seed: int = 0) -> Frames:
    """A joint chunk (T + 1, H, W, 3) for which nothing is kept between steps or pictures, and each is drawn whole."""
    observed, motion, actions = decide_plainly(pipeline, observation, seed)
    start = observed.situation
    joints = pipeline.transformer.answer(start.state, actions, start.last_action)[1]  # (1, K, 7)
    poses, _ = pipeline.follow(start, motion, actions, joints)
    frames = [observed.image]
    for index in range(motion.shape[1]):
        to = Pose(*(getattr(poses, name)[index : index + 1] for name in ("joints", "gripper", "things", "turns")))
        frames.append(pipeline.painter(pipeline.view(observed), to))
    return ((torch.cat(frames) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(1, -1).cpu().numpy()


def closeness(frames: Frames, reference: Frames) -> float:
    """PSNR in dB over the frames after the context."""
    error = np.square(frames[1:].astype(np.float64) - reference[1 : len(frames)]).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def matmul_rate(device: torch.device, dtype: torch.dtype, repeat: int) -> float:
    """Floating-point operations a second of a 2048 x 2048 matrix product."""
    x = torch.randn(2048, 2048, device=device, dtype=dtype)
    return float(2 * 2048**3 / seconds(lambda: x @ x, max(repeat, 5), device))


def first_preview(model: MiniWAM, request: ImagineRequest) -> None:
    """Run until the first imagined picture."""
    for event in model.imagine(request):
        if isinstance(event, Preview) and event.frames is not None and event.step > 0:
            return


class Plain:
    """The plain loop behind the model protocol, to drive the robot with: the same weights, ``EULER_STEPS`` steps."""

    def __init__(self, model: MiniWAM, pipeline: MiniWAMPipeline) -> None:
        self.capabilities, self.model, self.pipeline = model.capabilities, model, pipeline

    def imagine(self, request: ImagineRequest) -> Iterator[Imagined]:
        """The actions of one joint chunk."""
        actions = decide_plainly(self.pipeline, request.observation, request.seed)[2][0].cpu().numpy()
        yield Imagined((Rollout("imagined", None, 5.0, actions, self.capabilities.action_space),), {})


def drive(model: MiniWAM, slow: MiniWAMPipeline, count: int) -> dict[str, float]:
    """Closed-loop success of the sampler and of the plain loop's 30 steps on the same scenes."""
    done = {"sampler_success": 0, "plain_success": 0}
    plainly = Plain(model, slow)
    for seed in range(1_000_000, 1_000_000 + count):
        for name, driver in (("sampler_success", model), ("plain_success", plainly)):
            done[name] += bool(run_closed_loop(driver, seed).executed.success)  # type: ignore[arg-type]
    print(f"success in closed loop on {count} scenes: {done}")
    return {name: round(hits / count, 3) for name, hits in done.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=30, help="shipped episodes on which the two are compared")
    parser.add_argument("--repeat", type=int, default=15, help="the median of so many counts")
    parser.add_argument("--drive", type=int, default=0, help="scenes on which both drive the robot (minutes)")
    options = parser.parse_args()
    model = MiniWAM(checkpoint(), capabilities())
    with quietly():
        slow = MiniWAMPipeline.from_pretrained(checkpoint(), dtype=torch.float32, local_files_only=True)
    slow = slow.to(model.device, torch.float32)

    lost = []
    for index in range(options.episodes):
        context = resolve(f"assets/episodes#{index}")
        assert context.reference is not None and context.reference.frames is not None
        truth = fit_square(context.reference.frames, model.size)
        ours = collect(model, ImagineRequest(context.observation, horizon=16)).rollouts[0].frames
        assert ours is not None
        ours, theirs = ours[: len(truth)], plain(slow, context.observation)[: len(truth)]
        lost.append(closeness(theirs, truth) - closeness(ours, truth))
    print(f"PSNR over the plain loop's: {-statistics.mean(lost):+.2f} dB (mean of {len(lost)} episodes)")

    seen = context.observation
    given = np.zeros((model.capabilities.horizon, 7), np.float32)
    joint = ImagineRequest(seen, horizon=model.capabilities.horizon)
    calls: dict[str, Callable[[], Any]] = {
        "first preview": lambda: first_preview(model, joint),
        "joint": lambda: collect(model, joint),
        "act_only": lambda: collect(model, ImagineRequest(seen, "act_only")),
        "forward_dynamics": lambda: collect(model, ImagineRequest(seen, "forward_dynamics", actions=given)),
        "joint, 4 samples": lambda: collect(model, ImagineRequest(seen, samples=4, horizon=model.capabilities.horizon)),
        "plain loop": lambda: plain(slow, seen),
    }
    took = {name: seconds(call, options.repeat, model.device) for name, call in calls.items()}
    for name, value in took.items():
        print(f"{name:<20} {value:8.3f} s   {took['plain loop'] / value:6.1f} times as quick as the plain loop")
    with FlopCounterMode(display=False) as counter:
        collect(model, joint)
    flops = counter.get_total_flops()
    peak = matmul_rate(model.device, torch.float32, options.repeat)
    share = flops / took["joint"] / peak
    print(f"a joint chunk: {flops / 1e9:.1f} GFLOP, {share:.0%} of a matrix product's {peak / 1e9:.0f} GFLOP/s")
    driven = drive(model, slow, options.drive) if options.drive else {}
    return report(
        "sampling_speed",
        f"a preview in 0.25 s, a joint chunk in 0.8 s and a quarter of {EULER_STEPS} plain steps, actions in 0.06 s",
        {
            "first preview (s)": (took["first preview"], 0.25),
            "joint (s)": (took["joint"], 0.8),
            "act_only (s)": (took["act_only"], 0.06),
            "joint / plain loop": (took["joint"] / took["plain loop"], 0.25),
            "4 samples / one": (took["joint, 4 samples"] / took["joint"], 4.4),
            "PSNR lost (dB)": (statistics.mean(lost), 0.3),
        },
        **driven,
        seconds={name: round(value, 4) for name, value in took.items()},
        gigaflop=round(flops / 1e9, 2),
        share_of_matmul=round(share, 3),
        steps=model.capabilities.default_steps,
        precision="float32",
        device=devices.describe(),
        repeat=options.repeat,
    )


if __name__ == "__main__":
    sys.exit(main())
