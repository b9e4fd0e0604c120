"""Claim: on two CPU cores mini-WAM shows its first preview within 0.3 s, a joint chunk of 16 frames and 16 actions
within 1.5 s and acts within 0.15 s; 16 samples take at most 6 times one; and a joint chunk is at least 4 times as
quick as the plain loop over the same weights (float32, eager, 30 Euler steps, the context encoded anew at every
step), without losing more than 0.3 dB of PSNR to it.

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
from torch.utils.flop_counter import FlopCounterMode

from wamviz import devices
from wamviz.acting import run_closed_loop
from wamviz.media import fit_square
from wamviz.models.mini.entry import capabilities, checkpoint
from wamviz.models.mini.pipeline import MiniWAMPipeline
from wamviz.models.mini.wam import MiniWAM, quietly
from wamviz.models.protocol import collect
from wamviz.rollout import Frames, Imagined, ImagineRequest, Observation, Preview, Rollout
from wamviz.sources import resolve

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
def plain(pipeline: MiniWAMPipeline, observation: Observation, seed: int = 0) -> Frames:
    """A joint chunk (T + 1, H, W, 3) as a first reading of the paper would sample it: nothing is kept between steps."""
    net, vae = pipeline.transformer, pipeline.vae
    c = net.config
    frame = fit_square(observation.frame[None], vae.config.image_size)
    generator = torch.Generator().manual_seed(seed)
    shape = (1, c.horizon, c.latent_channels, c.latent_size, c.latent_size)
    x = torch.randn(shape, generator=generator).to(pipeline.device) * c.video_temperature
    a = torch.randn(1, c.horizon, c.action_dim, generator=generator).to(pipeline.device) * c.action_temperature
    known = observation.state is not None and len(observation.state) == c.state_dim
    state = torch.tensor(observation.state, device=pipeline.device)[None] if known else None
    for step in range(EULER_STEPS):
        level, after = 1 - step / EULER_STEPS, 1 - (step + 1) / EULER_STEPS
        image = pipeline.images(frame)
        context = vae.encode(image)
        told = None if state is None else net.normalise_states(state)
        cache = net.encode_context(context[:, None], told, *pipeline.words(observation.instruction))
        noise = torch.full((1,), level, device=pipeline.device)
        clean_x, clean_a = net(x, a, noise, noise, cache, context)
        x = x + (after - level) * (x - clean_x) / level
        a = a + (after - level) * (a - clean_a) / level
    latents = context + net.delta_scale(context) * x[0]
    images = torch.cat([vae.decode(one[None], image) for one in latents])  # (T, 3, H, W)
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).movedim(1, -1).cpu().numpy()
    return np.concatenate([frame, pixels])


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
        step = self.pipeline(
            fit_square(request.observation.frame[None], self.model.size)[0], request.observation.instruction,
            state=request.observation.state, steps=EULER_STEPS, seed=request.seed,
        )  # fmt: skip
        assert step.actions is not None
        yield Imagined((Rollout("imagined", None, 5.0, step.actions[0].numpy(), self.capabilities.action_space),), {})


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
        ours = collect(model, ImagineRequest(context.observation)).rollouts[0].frames
        assert ours is not None
        ours, theirs = ours[: len(truth)], plain(slow, context.observation)[: len(truth)]
        lost.append(closeness(theirs, truth) - closeness(ours, truth))
    print(f"PSNR over the plain loop's: {-statistics.mean(lost):+.2f} dB (mean of {len(lost)} episodes)")

    seen = context.observation
    given = np.zeros((model.capabilities.horizon, 7), np.float32)
    joint = ImagineRequest(seen)
    calls: dict[str, Callable[[], Any]] = {
        "first preview": lambda: first_preview(model, joint),
        "joint": lambda: collect(model, joint),
        "act_only": lambda: collect(model, ImagineRequest(seen, "act_only")),
        "forward_dynamics": lambda: collect(model, ImagineRequest(seen, "forward_dynamics", actions=given)),
        "joint, 16 samples": lambda: collect(model, ImagineRequest(seen, samples=16)),
        "plain loop": lambda: plain(slow, seen),
    }
    took = {name: seconds(call, options.repeat, model.device) for name, call in calls.items()}
    for name, value in took.items():
        print(f"{name:<20} {value:8.3f} s   {took['plain loop'] / value:6.1f} times as quick as the plain loop")
    with FlopCounterMode(display=False) as counter:
        collect(model, joint)
    flops = counter.get_total_flops()
    peak = matmul_rate(model.device, model.dtype, options.repeat)
    share = flops / took["joint"] / peak
    print(f"a joint chunk: {flops / 1e9:.1f} GFLOP, {share:.0%} of a matrix product's {peak / 1e9:.0f} GFLOP/s")
    driven = drive(model, slow, options.drive) if options.drive else {}
    return report(
        "sampling_speed",
        f"a preview in 0.3 s, a joint chunk in 1.5 s and a quarter of {EULER_STEPS} plain steps, actions in 0.15 s",
        {
            "first preview (s)": (took["first preview"], 0.3),
            "joint (s)": (took["joint"], 1.5),
            "act_only (s)": (took["act_only"], 0.15),
            "joint / plain loop": (took["joint"] / took["plain loop"], 0.25),
            "16 samples / one": (took["joint, 16 samples"] / took["joint"], 6.0),
            "PSNR lost (dB)": (statistics.mean(lost), 0.3),
        },
        **driven,
        seconds={name: round(value, 4) for name, value in took.items()},
        gigaflop=round(flops / 1e9, 2),
        share_of_matmul=round(share, 3),
        steps=model.capabilities.default_steps,
        precision=str(model.dtype).removeprefix("torch."),
        device=devices.describe(),
        repeat=options.repeat,
    )


if __name__ == "__main__":
    sys.exit(main())
