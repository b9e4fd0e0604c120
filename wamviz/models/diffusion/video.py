"""Video backbones: a context and words in, a clip out, no actions. One adapter; what differs is in the table."""

from __future__ import annotations

import math
from typing import Any

from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Frames, ImagineRequest
from wamviz.models.diffusion.framing import Framing, framing
from wamviz.models.diffusion.model import DiffusionModel, Sample, SamplingPlan, lengths, uint8
from wamviz.models.protocol import frames_asked


class VideoModel(DiffusionModel):
    """Any of the table's video pipelines."""

    def plan(self, request: ImagineRequest) -> SamplingPlan:
        """See ``DiffusionModel.plan``."""
        kind, options = self.kind, self.options
        if request.guidance < 1:
            raise WamvizError(
                f"{self.capabilities.title} takes guidance from 1 on, not {request.guidance:g}.",
                f"1 leaves it at the connection's own {options.guidance:g}.",
            )
        camera = self.view(request)
        frame = request.observation.frames[camera]
        placed = framing((frame.shape[0], frame.shape[1]), options.size, kind.multiple, options.fit)
        count = frames_asked(self.capabilities, request)
        each = options.frames - 1
        notes = [placed.words] if placed.words and kind.sized else []
        if count > each:
            notes.append(
                f"Imagined {each} frames at a time, each chunk from the last frame of the one before: mistakes add up, "
                "and motion starts anew."
            )
        if not kind.prompted:
            notes.append("This model takes no words: the instruction changed nothing.")
        return SamplingPlan(
            frame, camera, lengths(count, each), request.steps or options.steps, placed.model, tuple(notes),
            extra={"framing": placed},
        )  # fmt: skip

    def arguments(self, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample) -> dict[str, Any]:
        """See ``DiffusionModel.arguments``."""
        kind, options, framing = self.kind, self.options, self._framing(plan)
        picture = Image.fromarray(framing.fit(sample.context) if kind.sized else sample.context)
        keywords: dict[str, Any] = {
            kind.image_argument: [picture] if kind.image_argument == "video" else picture,
            "num_frames": self._frames(plan.lengths[chunk]),
            "output_type": "np",
            **kind.arguments,
        }
        if kind.sized:
            keywords["height"], keywords["width"] = framing.model
        if kind.prompted:
            keywords["prompt"] = request.observation.instruction
            guidance = options.guidance if request.guidance == 1 else request.guidance
            if options.negative:
                keywords["negative_prompt"] = options.negative
            elif kind.guidance_argument == "true_cfg_scale" and guidance > 1:
                keywords["negative_prompt"] = ""  # without one, this pipeline guides nothing
            self._guide(keywords, guidance)
        else:
            keywords[kind.guidance_argument] = options.guidance if request.guidance == 1 else request.guidance
        if kind.fps_argument:
            keywords[kind.fps_argument] = round(options.fps) if kind.fps_argument == "fps" else options.fps
        return keywords

    def take(self, request: ImagineRequest, plan: SamplingPlan, chunk: int, sample: Sample, output: Any) -> None:
        """See ``DiffusionModel.take``."""
        frames = self.unfit(plan, uint8(output.frames[0]))
        sample.add(frames[1 : 1 + plan.lengths[chunk]], None)  # frame 0 is the context once more

    def _frames(self, count: int) -> int:
        """How many frames to ask for, so that ``count`` new ones come: a whole chunk, or as few as the VAE allows."""
        if self.kind.whole:
            return self.options.frames
        return math.ceil(count / self.kind.stride) * self.kind.stride + 1

    def _guide(self, arguments: dict[str, Any], guidance: float) -> None:
        """Tell how much the words weigh, by an argument or on the pipeline's own guider."""
        if self.kind.guidance_argument == "guider":
            pipe = self.loaded().pipe
            pipe.guider = pipe.guider.new(guidance_scale=guidance)
        else:
            arguments[self.kind.guidance_argument] = guidance

    def unfit(self, plan: SamplingPlan, frames: Frames) -> Frames:
        """See ``DiffusionModel.unfit``."""
        return self._framing(plan).unfit(frames)

    @staticmethod
    def _framing(plan: SamplingPlan) -> Framing:
        framing: Framing = plan.extra["framing"]
        return framing
