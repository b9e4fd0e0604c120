"""Cosmos3: video and actions from one denoiser, in three of the modes.

Contract: ``joint`` is the pipeline's ``policy``, ``forward_dynamics`` obeys given actions, ``inverse_dynamics``
explains a given video and imagines none. A chunk is K actions and K + 1 frames at one rate: frame 0 is the context,
action k ends at frame k + 1. Longer rollouts go on from the last imagined frame (of a given video, from its own), and
frame 0 of later chunks is dropped. Actions are the model's own normalised numbers unless statistics turn them into
physical ones.

Sources: diffusers 0.42, ``pipeline_cosmos3_omni.py``; NVIDIA's cookbooks (cosmos3/generator/action) for 30 steps,
guidance 1 and flow shift 10.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

from wamviz.core.rollout import Frames, ImagineRequest
from wamviz.models.diffusion import statistics
from wamviz.models.diffusion.framing import Framing, within
from wamviz.models.diffusion.model import DiffusionModel, Sample, SamplingPlan, lengths, uint8
from wamviz.models.protocol import frames_asked

_MODES = {"joint": "policy"}
BLOCK = 16  # pixels a latent: frames come back in whole ones


class Cosmos3Model(DiffusionModel):
    """Cosmos3 for one robot."""

    def plan(self, request: ImagineRequest) -> SamplingPlan:
        """See ``DiffusionModel.plan``."""
        from diffusers.pipelines.cosmos.pipeline_cosmos3_omni import _ACTION_RESOLUTION_BINS as BINS
        from diffusers.video_processor import VideoProcessor

        camera = self.view(request)
        frame = request.observation.frames[camera]
        clip = request.video if request.mode == "inverse_dynamics" else None
        height, width = (frame if clip is None else clip[0]).shape[:2]
        tier, canvas = 0, (0, 0)
        for tier in [self.options.tier] if self.options.tier else [256, 480]:
            canvas = VideoProcessor.classify_height_width_bin(height, width, ratios=BINS[str(tier)])
            if height <= canvas[0] and width <= canvas[1]:
                break
        placed = within((height, width), canvas, BLOCK)
        count = frames_asked(self.capabilities, request)
        each = self.options.frames - 1
        notes = [*self._beyond(request, count)]
        if count > each:
            goes = "of the given video" if clip is not None else "imagined"
            notes.append(
                f"Taken {each} steps at a time, each chunk from the last frame {goes}"
                + (": mistakes add up." if clip is None else ".")
            )
        if self.options.statistics:
            notes.append(
                f"Actions were turned into physical numbers by the statistics given ({self.options.normalised})."
            )
        else:
            notes.append("Actions are the model's own normalised numbers, without units.")
        return SamplingPlan(
            frame, camera, lengths(count, each), request.steps or self.options.steps, placed.model, tuple(notes),
            extra={"framing": placed, "tier": tier},
        )  # fmt: skip

    def arguments(self, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample) -> dict[str, Any]:
        """See ``DiffusionModel.arguments``."""
        from diffusers import CosmosActionCondition

        options, framing = self.options, self._framing(plan)
        assert options.domain is not None
        start = sum(plan.lengths[:chunk])
        conditioning: dict[str, Any] = {
            "mode": _MODES.get(request.mode, request.mode),
            "chunk_size": options.frames - 1,
            "domain_name": options.domain.name,
            "resolution_tier": plan.extra["tier"],
            "view_point": options.view,
        }
        if request.mode == "inverse_dynamics":
            assert request.video is not None
            clip = framing.fit(request.video[start : start + options.frames])
            conditioning["video"] = [Image.fromarray(frame) for frame in clip]  # a short clip repeats its last frame
        else:
            conditioning["image"] = Image.fromarray(framing.fit(sample.context))
        if request.mode == "forward_dynamics":
            assert request.actions is not None
            actions = request.actions[start : start + options.frames - 1]
            table = self._statistics()
            conditioning["raw_actions"] = torch.from_numpy(
                np.ascontiguousarray(table.model(actions) if table else actions)
            )
        return {
            "prompt": request.observation.instruction,
            "action": CosmosActionCondition(**conditioning),
            "fps": options.fps,
            "guidance_scale": request.guidance,
            "use_system_prompt": False,
            # Nobody looks at the frames of inverse dynamics: they are the given ones, and decoding takes its time.
            "output_type": "latent" if request.mode == "inverse_dynamics" else "np",
            **({"enable_safety_check": False} if not options.guard else {}),
        }

    def take(self, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample, output: Any) -> None:
        """See ``DiffusionModel.take``."""
        count, start = plan.lengths[chunk], sum(plan.lengths[:chunk])
        frames = None
        if request.mode != "inverse_dynamics":
            frames = self.unfit(plan, uint8(output.video))[1 : 1 + count]
        if request.mode == "forward_dynamics":
            assert request.actions is not None
            sample.add(frames, request.actions[start : start + count])
            return
        actions = output.action[0].float().cpu().numpy()[:count]
        table = self._statistics()
        sample.add(frames, table.physical(actions) if table else actions)

    def _beyond(self, request: ImagineRequest, count: int) -> list[str]:
        """Say it when more was given than is taken."""
        count_given, what = 0, ""
        if request.mode == "forward_dynamics" and request.actions is not None:
            count_given, what = len(request.actions), "actions"
        elif request.mode == "inverse_dynamics" and request.video is not None:
            count_given, what = len(request.video) - 1, "frames"
        left = count_given - count
        return (
            [f"The last {left} of the given {what} were left out: {count} were asked for or fit."] if left > 0 else []
        )

    def _statistics(self) -> statistics.Statistics | None:
        options = self.options
        if not options.statistics or options.domain is None:
            return None
        return statistics.read(options.statistics, options.normalised, len(options.domain.names))

    def unfit(self, plan: SamplingPlan, frames: Frames) -> Frames:
        """See ``DiffusionModel.unfit``."""
        return self._framing(plan).unfit(frames)

    @staticmethod
    def _framing(plan: SamplingPlan) -> Framing:
        framing: Framing = plan.extra["framing"]
        return framing
