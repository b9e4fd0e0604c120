"""What the stage is told: runs, episodes, previews and nothing yet, as messages.

Contract: each function makes one ``StageValue``; where a pane has no clip it says why in words. Several models side
by side are ``several.py``'s. Nothing here knows Gradio, reads or writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wamviz.core.rollout import Camera, Floats, Preview, Rollout
from wamviz.models.protocol import Capabilities
from wamviz.runs import execution
from wamviz.runs.sources import Context
from wamviz.runs.store import Run
from wamviz.ui.stage.clips import file_clip, path_of, reference_strip, strip
from wamviz.ui.stage.messages import CHUNK, ORIGINS, FileClip, Pane, Progress, Ranked, StageValue, view_or_none

NOTHING_YET = "Nothing is imagined yet. Choose a context, write an instruction and press Imagine."
NO_RECORDING = "This context has no recording to compare with."
NOT_EXECUTED = "The imagined actions have not been executed yet. Press Run in simulator to execute them."
NO_WORLD = "These actions cannot be executed: the context has no known state in a simulated world."
NO_ACTIONS = "There are no actions to execute: this mode imagines video only."
ONLY_RECORDED = "This page plays what was recorded. Choose a frame and press Imagine from this frame."
PREVIEW_SAMPLES = 4


def stage_value(
    run: Run,
    url: Callable[[str], str],
    *,
    recorded_reason: str = NO_RECORDING,
    executed_reason: str | None = None,
    frame: int | None = None,
    view: str | None = None,
    sample: int | None = None,
    autoplay: bool = False,
    weights: str = "",
    ranking: tuple[Ranked, ...] = (),
) -> StageValue:
    """The value that shows a finished run.

    Args:
        run: the run, whose files lie where ``url`` says.
        url: address of one of the run's files by its name (``"rollout.mp4"``, ``"rollout-1.mp4"``,
            ``"reference.mp4"``, ``"executed.mp4"``), on this server.
        recorded_reason, executed_reason: why that pane is empty, where it is; a fitting sentence when not given.
        frame: where to stand, 0 is the context; None leaves it to the stage (the start of a new run). With a frame
            the stage does not play by itself.
        view: one of ``VIEWS``; None, or a name that does not exist, keeps the view that the user has.
        sample: which sample to show, from 0; None keeps the user's.
        autoplay: start playing, unless the user asked for reduced motion.
        weights: size and origin of the weights that made it, where they are known.
        ranking: its samples, the best first, where they were judged.
    """
    first = run.imagined[0]
    camera = camera_of(run)
    samples = tuple(
        file_clip(
            rollout,
            url("rollout.mp4" if k == 0 else f"rollout-{k}.mp4"),
            camera=camera,
            start=run.state,
            label=f"sample {k + 1}" if rollout.seed is None else f"seed {rollout.seed}",
            missing=no_video(run),
        )
        for k, rollout in enumerate(run.imagined)
    )
    executed = Pane("executed", missing=executed_reason or _why_not_executed(run))
    if run.executed is not None:
        clip = file_clip(run.executed, url("executed.mp4"), camera=camera, start=run.state)
        words = {None: "", True: "task succeeded", False: "task failed"}
        executed = replace(executed, samples=(clip,), verdict=words[run.executed.success])
    return StageValue(
        run=run.id,
        instruction=run.instruction,
        detail=" · ".join([run.model, run.mode.replace("_", " "), _seed(run)]),
        frame=frame,
        view=view_or_none(view),
        sample=sample,
        autoplay=autoplay,
        chunk=_chunk(first),
        ranking=ranking,
        panes={
            "imagined": Pane("imagined", samples, weights=weights),
            "recorded": recorded_pane(run.reference, url("reference.mp4"), recorded_reason, camera, run.state),
            "executed": executed,
        },
    )


def episode_value(
    rollout: Rollout | None,
    address: str,
    frames: int,
    width: int,
    height: int,
    *,
    fps: float = 1.0,
    instruction: str = "",
    detail: str = "",
    note: str = "",
    missing: str = "",
    frame: int = 0,
) -> StageValue:
    """The value that shows a recorded episode alone, without its frames being decoded for it.

    Args:
        rollout: its actions and states, for the path; its own frames may be left out. None where there are none.
        address: of its clip, on this server; "" where there is none, and ``missing`` says why.
        frames, width, height, fps: of that clip.
        frame: where to stand.
    """
    path = None if rollout is None else path_of(rollout, rollout.camera_model, None)
    rate = fps if rollout is None or rollout.action_space is None else rollout.action_space.rate
    clip = FileClip(address, "", frames, float(fps), width, height, "", path, float(rate))
    empty = empty_value(ONLY_RECORDED, missing or NO_RECORDING, ONLY_RECORDED)
    recorded = replace(empty.panes["recorded"], samples=(clip,) if address else ())
    panes = {**empty.panes, "recorded": recorded}
    return replace(empty, panes=panes, instruction=instruction, detail=detail, note=note, frame=frame)


def preview_value(
    preview: Preview,
    capabilities: Capabilities,
    context: Context | None = None,
    *,
    eta: float | None = None,
    executed_reason: str = "Nothing to execute yet: the actions are still being imagined.",
) -> StageValue:
    """The value that shows a run while it forms.

    Args:
        preview: one step of the stream; frames (N, T, H, W, 3) or None.
        capabilities: of the model, for its frame rate.
        context: what the model was handed; its reference is shown beside, its instruction above.
        eta: seconds that are left, None while unknown.
    """
    frames = () if preview.frames is None else preview.frames[:PREVIEW_SAMPLES]
    samples = tuple(strip(sample, capabilities.video_fps, f"sample {k + 1}") for k, sample in enumerate(frames))
    weights = str(capabilities.extras.get("origin", ""))
    return StageValue(
        instruction="" if context is None else context.instruction,
        preview=progress(preview, eta),
        panes={
            "imagined": Pane("imagined", samples, "The first frames appear with the next step.", weights=weights),
            "recorded": reference_pane(None if context is None else context.reference),
            "executed": Pane("executed", missing=executed_reason),
        },
    )


def empty_value(
    imagined_reason: str = NOTHING_YET, recorded_reason: str = NO_RECORDING, executed_reason: str = ""
) -> StageValue:
    """The value of a stage without a run; each pane says why it is empty."""
    reasons = (imagined_reason, recorded_reason, executed_reason or "There are no actions to execute yet.")
    panes = {name: Pane(name, missing=reason) for name, reason in zip(ORIGINS, reasons, strict=True)}
    return StageValue(panes=panes)


# --- parts that one run and several have in common ------------------------------------------------------------------


def camera_of(run: Run) -> Camera | None:
    """The first camera that any of the run's rollouts knows."""
    rollouts = [rollout for rollout in (*run.imagined, run.reference, run.executed) if rollout is not None]
    return next((rollout.camera_model for rollout in rollouts if rollout.camera_model is not None), None)


def recorded_pane(
    reference: Rollout | None, address: str, reason: str, camera: Camera | None, start: Floats | None
) -> Pane:
    """What was recorded, as a file of the run."""
    if reference is None:
        return Pane("recorded", missing=reason)
    clip = file_clip(reference, address, camera=camera, start=start, missing="The recording has no video.")
    return Pane(_name(reference), (clip,))


def reference_pane(reference: Rollout | None) -> Pane:
    """What was recorded, while it is not yet a file of a run."""
    if reference is None:
        return Pane("recorded", missing=NO_RECORDING)
    clip = reference_strip(reference)
    return Pane(_name(reference), () if clip is None else (clip,))


def progress(preview: Preview, eta: float | None) -> Progress:
    """How far along, as the stage says it."""
    return Progress(preview.step, preview.steps, eta, preview.note)


def no_video(run: Run) -> str:
    """Why a rollout of this run has no video, where it has none."""
    if run.mode in ("act_only", "inverse_dynamics"):
        return f"Mode {run.mode.replace('_', ' ')} imagines actions only, so there is no video to show."
    return "Actions came back without a video, so there is none to show; the run's notes say more."


def _name(reference: Rollout) -> str:
    """Only what was read from a file is called recorded; an expert in physics is a reference."""
    return "recorded" if reference.origin == "recorded" else "reference"


def _why_not_executed(run: Run) -> str:
    first = run.imagined[0]
    if first.actions is None:
        return NO_ACTIONS
    if run.world_state is None:
        return NO_WORLD
    return execution.why_not(run.world_state, first.actions, first.action_space) or NOT_EXECUTED


def _seed(run: Run) -> str:
    return "seed not told" if run.imagined[0].seed is None else f"seed {run.seed}"


def _chunk(rollout: Rollout) -> int:
    """Frames of the clip that one action chunk lasts."""
    actions = rollout.meta.get("chunk")
    if isinstance(actions, int) and actions > 0 and rollout.action_space is not None:
        return max(1, round(actions / rollout.action_space.rate * rollout.fps))
    return CHUNK
