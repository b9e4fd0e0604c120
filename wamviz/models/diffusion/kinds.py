"""The pipelines of diffusers that wamviz can run, each a row: what it is called, what it takes, what it gives back.

Contract: a table that imports nothing heavy. Sizes are pixels, (H, W). Defaults are those of the pipelines' own
signatures in diffusers 0.42 and of the checkpoints named here. Adding a backbone is adding a row, and a tiny checkpoint
of it to the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from wamviz.models.diffusion.domains import DOMAINS, TIERS, VIEWS

Fit = Literal["aspect", "pad", "stretch"]


@dataclass(frozen=True)
class PipelineKind:
    """A pipeline class, and how wamviz calls it.

    Attributes:
        name: what ``connect --kind`` takes.
        title: for people.
        pipeline: the class of diffusers that runs it.
        accepts: classes that a ``model_index.json`` may name; most are the text-to-video twins of ``pipeline``.
        hub: checkpoints that fit, the usual one first, as ``OWNER/NAME@REVISION``.
        gives: what comes back, for people.
        modes: of ``wamviz.core.rollout.MODES``.
        size: of its video when nothing else is asked.
        multiple: both sides must be multiples of it.
        fit: how a context of another shape is brought in: ``aspect`` keeps its shape and about ``size``'s pixels,
            ``pad`` adds borders that are cut off again, ``stretch`` is undone afterwards.
        frames: of one model call, the context included.
        stride: frames are 1 + a multiple of it, because of the video autoencoder.
        whole: a model call always imagines ``frames``; else fewer where fewer are asked for.
        fps: frames a second.
        steps, guidance: the usual ones.
        fps_argument, guidance_argument: what the pipeline calls them; "" where it is not told.
        arguments: further arguments of every call.
        image_argument: what the context is called; ``video`` for one that takes a clip of one frame.
        prompted: whether it takes words.
        sized: whether it is told height and width; else it chooses by the context's shape.
        flow_shift: of its scheduler, or None for the checkpoint's own.
        caches: of denoising steps, as ``--set cache`` takes them.
        guarded: whether NVIDIA's guardrail belongs to it.
        needs: packages beside diffusers, as they are imported.
        full: parts that stay in float32 whatever the dtype.
        previewed: whether its latents between steps are those that its autoencoder decodes.
    """

    name: str
    title: str
    pipeline: str
    accepts: tuple[str, ...]
    hub: tuple[str, ...]
    gives: str
    modes: tuple[str, ...] = ("video",)
    size: tuple[int, int] = (480, 832)
    multiple: int = 16
    fit: Fit = "aspect"
    frames: int = 81
    stride: int = 4
    whole: bool = False
    fps: float = 16.0
    steps: int = 50
    guidance: float = 5.0
    fps_argument: str = ""
    guidance_argument: str = "guidance_scale"
    arguments: Mapping[str, int | float] = field(default_factory=dict)
    image_argument: str = "image"
    prompted: bool = True
    sized: bool = True
    flow_shift: float | None = None
    caches: tuple[str, ...] = ()
    guarded: bool = False
    needs: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    previewed: bool = False

    @property
    def schemes(self) -> tuple[str, ...]:
        """How its addresses begin."""
        return ("file", "hub")

    @property
    def choices(self) -> tuple[str, ...]:
        """It knows no robots: ``--set domain`` chooses what Cosmos3's actions mean."""
        return ()

    @property
    def acts(self) -> bool:
        """Whether actions come back."""
        return "joint" in self.modes

    @property
    def settings(self) -> Mapping[str, str]:
        """What ``--set`` takes, with a sentence on each."""
        found = {
            "dtype": "bf16, fp16, fp32 or auto (bf16 on a CUDA card, fp16 on an Apple GPU, fp32 on a CPU)",
            "offload": "none, model, group or sequential: ever less GPU memory, ever slower",
            "tiling": "on or off: decode the video tile by tile, which needs less memory",
            "steps": f"denoising steps when a request names none; {self.steps} by default",
            "fps": "frames a second" + ("" if self.acts else f"; {self.fps:g} by default"),
        }
        if self.previewed:
            found["previews"] = (
                "show a picture after every so many steps, which takes a decoding each; 0, none, by default"
            )
        if self.caches:
            found["cache"] = f"none or {', '.join(self.caches)}: skip denoising steps that would change little"
            found["cache_threshold"] = "how much may be skipped over; larger is faster and further from the model"
        if self.acts:
            return {**found, **_COSMOS3}
        found["frames"] = f"of one model call, the context included: 1 + a multiple of {self.stride}"
        if self.sized:
            found["size"] = f"HEIGHTxWIDTH, multiples of {self.multiple}; {self.size[0]}x{self.size[1]} by default"
            found["fit"] = f"aspect, pad or stretch: how a context of another shape is brought in; here {self.fit}"
        found["guidance"] = f"how much the words weigh when a request leaves that at 1; {self.guidance:g} by default"
        if self.prompted:
            found["negative"] = "words for what should not be seen"
        if self.name == "wan":
            found["flow_shift"] = "of its scheduler: 3 for 480p, 5 for 720p; the checkpoint's own by default"
        if self.guarded:
            found["safety"] = _SAFETY
        return found


_SAFETY = (
    "on or off: NVIDIA's guardrail looks at words and frames; its licence asks for it or something alike, so that "
    "off is yours to answer for"
)
_COSMOS3 = {
    "domain": f"whose actions: {', '.join(DOMAINS)}",
    "view": f"what the model is told of the camera: {', '.join(VIEWS)}; the domain's own by default",
    "tier": f"size class that the context is fitted into: {', '.join(map(str, TIERS))} or auto",
    "chunk": "actions of one model call, a multiple of 4; the domain's own by default",
    "flow_shift": "of its scheduler; 10 by default, as NVIDIA's examples have it for actions",
    "safety": _SAFETY,
    "statistics": "a file with the actions' statistics (LeRobot's stats.json), to read and write physical numbers",
    "normalised": "how the model's numbers were made from those: minmax, quantiles or meanstd",
}
_GIVES = "the imagined video; no actions"
KINDS: dict[str, PipelineKind] = {
    kind.name: kind
    for kind in (
        PipelineKind(
            "cosmos3", "Cosmos3 (Nano, Super): video and actions", "Cosmos3OmniPipeline", ("Cosmos3OmniPipeline",),
            ("nvidia/Cosmos3-Nano@main", "nvidia/Cosmos3-Super@main"),
            "actions and the imagined video; obeys given actions, explains a given video",
            modes=("joint", "forward_dynamics", "inverse_dynamics"), size=(480, 832), frames=17, whole=True, fps=5.0,
            steps=30, guidance=1.0, fps_argument="fps", flow_shift=10.0, caches=("sea",), guarded=True,
            needs=("accelerate",), previewed=True,
        ),
        PipelineKind(
            "wan", "Wan 2.1 and 2.2, image to video", "WanImageToVideoPipeline",
            ("WanImageToVideoPipeline", "WanPipeline"),
            (
                "Wan-AI/Wan2.2-TI2V-5B-Diffusers@main", "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers@main",
                "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers@main", "Wan-AI/Wan2.2-I2V-A14B-Diffusers@main",
            ),
            _GIVES, multiple=32, caches=("first-block",), needs=("accelerate", "ftfy"), full=("vae",),
            previewed=True,
        ),
        PipelineKind(
            "ltx", "LTX-Video", "LTXImageToVideoPipeline",
            ("LTXImageToVideoPipeline", "LTXPipeline", "LTXConditionPipeline"), ("Lightricks/LTX-Video@main",), _GIVES,
            size=(512, 704), multiple=32, frames=161, stride=8, fps=25.0, guidance=3.0, fps_argument="frame_rate",
            caches=("first-block",),
        ),
        PipelineKind(
            "ltx2", "LTX-2, its video without its sound", "LTX2ImageToVideoPipeline",
            ("LTX2ImageToVideoPipeline", "LTX2Pipeline"), ("Lightricks/LTX-2@main",), _GIVES,
            size=(512, 768), multiple=32, frames=121, stride=8, fps=24.0, steps=30, guidance=3.0,
            fps_argument="frame_rate",
        ),
        PipelineKind(
            "cosmos-predict2", "Cosmos-Predict2, video to world", "Cosmos2VideoToWorldPipeline",
            ("Cosmos2VideoToWorldPipeline",),
            ("nvidia/Cosmos-Predict2-2B-Video2World@main", "nvidia/Cosmos-Predict2-14B-Video2World@main"), _GIVES,
            size=(704, 1280), fit="pad", frames=93, whole=True, steps=35, guidance=7.0, fps_argument="fps",
            guarded=True, needs=("accelerate", "torchvision"),
        ),
        PipelineKind(
            "cosmos-predict2.5", "Cosmos-Predict2.5", "Cosmos2_5_PredictBasePipeline",
            ("Cosmos2_5_PredictBasePipeline",),
            ("nvidia/Cosmos-Predict2.5-2B@diffusers/base/post-trained",
             "nvidia/Cosmos-Predict2.5-14B@diffusers/base/post-trained"), _GIVES,
            size=(704, 1280), fit="pad", frames=93, whole=True, steps=36, guidance=7.0, image_argument="video",
            arguments={"num_latent_conditional_frames": 1}, guarded=True,
            needs=("accelerate", "torchvision"),
        ),
        PipelineKind(
            "hunyuan-video", "HunyuanVideo-I2V", "HunyuanVideoImageToVideoPipeline",
            ("HunyuanVideoImageToVideoPipeline",), ("hunyuanvideo-community/HunyuanVideo-I2V@main",), _GIVES,
            size=(720, 1280), frames=129, fps=24.0, guidance=1.0, guidance_argument="true_cfg_scale",
        ),
        PipelineKind(
            "hunyuan-video-1.5", "HunyuanVideo 1.5, image to video", "HunyuanVideo15ImageToVideoPipeline",
            ("HunyuanVideo15ImageToVideoPipeline",), ("hunyuanvideo-community/HunyuanVideo-1.5-480p_i2v@main",), _GIVES,
            frames=121, fps=24.0, guidance=6.0, guidance_argument="guider", sized=False,
        ),
        PipelineKind(
            "cogvideox", "CogVideoX, image to video", "CogVideoXImageToVideoPipeline",
            ("CogVideoXImageToVideoPipeline",), ("THUDM/CogVideoX-5b-I2V@main", "THUDM/CogVideoX1.5-5B-I2V@main"),
            _GIVES, size=(480, 720), fit="pad", frames=49, whole=True, fps=8.0, guidance=6.0, caches=("first-block",),
        ),
        PipelineKind(
            "svd", "Stable Video Diffusion", "StableVideoDiffusionPipeline", ("StableVideoDiffusionPipeline",),
            ("stabilityai/stable-video-diffusion-img2vid-xt@main",), "the imagined video, which no words steer",
            size=(576, 1024), multiple=8, fit="pad", frames=25, stride=1, whole=True, fps=7.0, steps=25, guidance=3.0,
            fps_argument="fps", guidance_argument="max_guidance_scale", prompted=False,
        ),
    )
}  # fmt: skip
