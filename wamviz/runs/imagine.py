"""The one path from a request to a finished run, used by the command line, the HTTP API and the page alike.

Contract: ``imagine_run`` resolves what the mode must be given and checks the request before any weight is loaded,
streams the model's previews and ends with one ``Run`` (metrics computed, nothing written: keeping it is the store's
business). Stopping is closing the generator: that closes the model's own generator, and sampling ends between two
steps. It knows no page and no argument parser.
"""

from __future__ import annotations

import platform
import secrets
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wamviz.core.devices import describe, ran_out_of_memory
from wamviz.core.errors import Busy, Unavailable, WamvizError
from wamviz.core.rollout import Floats, Frames, Imagined, ImagineRequest, Preview, Rollout, check_frames, cut
from wamviz.metrics.summary import summarise
from wamviz.models import registry
from wamviz.models.cache import resolve_device
from wamviz.models.protocol import (
    Capabilities,
    ImagineStream,
    ModelEntry,
    WorldActionModel,
    check_request,
    frames_asked,
    open_ended,
)
from wamviz.models.queue import DEVICE_QUEUE
from wamviz.runs.conditioning import resolve_conditioning
from wamviz.runs.expert import expert_answer
from wamviz.runs.infer_actions import join_video
from wamviz.runs.sources import Context
from wamviz.runs.store import Run, run_id


def imagine_run(
    model_id: str,
    context: Context,
    *,
    mode: str = "joint",
    seed: int = 0,
    samples: int = 1,
    steps: int | None = None,
    actions: str | Path | Floats | None = None,
    video: str | Path | Frames | None = None,
    horizon: int | None = None,
    guidance: float = 1.0,
    device: str = "auto",
    truth: bool = False,
) -> Iterator[Preview | Run]:
    """Check the request now; the returned iterator yields ``Preview``s and ends with the finished ``Run``.

    Args:
        model_id: a registered model.
        context: what ``sources.resolve`` returned, with the instruction (``Context.reworded`` gives it another); its
            reference, if any, is cut to the imagined duration.
        mode, seed, samples, steps, horizon, guidance: see ``ImagineRequest``.
        actions, video: files or arrays for the modes that must be given them; by default what the context holds, see
            ``conditioning.resolve_conditioning``.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"mps"``.
        truth: whether, in the tabletop, other words than the recording's get another reference: what the scripted
            expert does in physics when it is told them. It takes one to two seconds, once.

    Raises:
        WamvizError: the model cannot serve the request; raised here, before the first preview.
    """
    entry = registry.entry(model_id)
    entry.capabilities.check_mode(mode)
    found = resolve_conditioning(entry.capabilities, mode, context, actions=actions, video=video, horizon=horizon)
    given = found.actions, found.video
    request = ImagineRequest(context.observation, mode, seed, samples, steps, *given, horizon, guidance)
    check_request(entry.capabilities, request)
    stream = _stream(entry, context, request, device, truth)
    return stream if found.shown is None else _with_video(stream, *found.shown)


def _with_video(stream: Generator[Preview | Run], shown: Run, sample: int) -> Iterator[Preview | Run]:
    """The run at the end of ``stream`` gets the imagined video that its actions were inferred from."""
    with closing(stream):
        for event in stream:
            yield join_video(event, shown, sample) if isinstance(event, Run) else event


def _stream(
    entry: ModelEntry, context: Context, request: ImagineRequest, device: str, truth: bool
) -> Generator[Preview | Run]:
    capabilities = entry.capabilities
    steps = max(request.steps or capabilities.default_steps, 1)
    yield Preview(0, steps, note=f"loading {capabilities.title}")  # finding the device takes a moment already
    with DEVICE_QUEUE.join(resolve_device(entry, device), name_work(request, capabilities)) as turn:
        if entry.resident:  # a server does its own queueing, and a control takes no time
            while (wait := turn.wait()) is not None:
                yield Preview(0, steps, note=wait.words)
        if registry.entries().get(capabilities.model_id) is not entry:  # what was checked is not what would be asked
            raise Busy(f"{capabilities.title} was changed or forgotten while this waited.", "Ask once more.")
        started = time.perf_counter()
        try:
            with registry.MODEL_CACHE.borrow(entry, device) as model:
                loading = time.perf_counter() - started
                imagined = yield from _sampled(model, capabilities, request)
                model_facts = str(getattr(model, "weights_digest", "")), _runs_on(model)
                del model
        except (MemoryError, RuntimeError) as error:
            problem = out_of_memory(error, request, device)
            if problem is error:
                raise
            raise problem from error
    # The device is free for the next one: whoever stops here, with the run in hand, has stopped nothing.
    if truth and request.actions is None and request.video is None:  # what is given is not in other words
        context = with_truth(context)
    yield _finished(model_facts, capabilities, context, request, imagined, loading)


def with_truth(context: Context) -> Context:
    """A context with what really happens when its words are done, where the recording's were others.

    As the expert does it in physics, if it can; else, and where nothing is asked for, the recording stays.
    """
    recorded = context.reference
    if not context.instruction or (
        recorded is not None and _words(recorded.instruction) == _words(context.instruction)
    ):
        return context
    answer = expert_answer(context.observation, [context.instruction])
    return replace(context, reference=answer) if answer is not None and answer.success else context


def _sampled(
    model: WorldActionModel, capabilities: Capabilities, request: ImagineRequest
) -> Generator[Preview, None, Imagined]:
    stream: ImagineStream = model.imagine(request)
    imagined: Imagined | None = None
    try:
        for event in stream:
            if isinstance(event, Imagined):
                imagined = event
                continue
            if not isinstance(event, Preview):
                raise WamvizError(f"Model '{capabilities.model_id}' yields a {type(event).__name__}, no Preview.")
            for sample in () if event.frames is None else event.frames:  # a page that draws it must not break on it
                check_frames(sample, f"A preview of model '{capabilities.model_id}'")
            yield event
    finally:
        close = getattr(stream, "close", None)  # a stopped page must stop the sampling, not only the iteration
        if close is not None:
            close()
    if imagined is None:
        raise WamvizError(f"Model '{capabilities.model_id}' stopped without a rollout.")
    return imagined


def name_work(request: ImagineRequest, capabilities: Capabilities) -> str:
    """What takes about the same time every time, for the device's queue: the model, and how much is asked of it."""
    frames = "open" if open_ended(capabilities, request) else frames_asked(capabilities, request)
    return f"{capabilities.model_id} {request.mode} {request.samples} x {frames} in {request.steps}"


def out_of_memory(error: Exception, request: ImagineRequest, device: str) -> Exception:
    """Advice in place of a device's memory error; any other error comes back as it is.

    A model that knows more (its precision, where its parts lie) gives its own advice before this one is asked.
    """
    if not ran_out_of_memory(error):
        return error
    ways = [f"fewer samples than {request.samples}"] if request.samples > 1 else []
    ways += ["a shorter horizon"] if request.horizon else []
    ways += [] if device == "cpu" else ["--device cpu"]
    hint = f"Try {', or '.join(ways)}." if ways else "Close what else needs memory, or take a smaller model."
    return Unavailable("The device's memory is not enough for this.", hint)


def _finished(
    model_facts: tuple[str, str],
    capabilities: Capabilities,
    context: Context,
    request: ImagineRequest,
    imagined: Imagined,
    loading: float,
) -> Run:
    digest, device = model_facts
    steps = (request.steps or capabilities.default_steps) if capabilities.default_steps else None
    observation = request.observation
    rollouts, reference, horizon = imagined.rollouts, context.reference, unusual_horizon(capabilities, request)
    if horizon is not None:  # a model that always imagines a whole chunk gives more than was asked for
        rollouts = tuple(cut(rollout, horizon / capabilities.video_fps) for rollout in rollouts)
    if reference is None and request.video is not None:  # an uploaded video is what really happened, and is shown so
        reference = Rollout("recorded", request.video, capabilities.video_fps, camera=observation.main_camera)
    if reference is not None:
        reference = cut(reference, max(rollout.duration for rollout in rollouts))
    run = Run(
        id=run_id(
            model=capabilities.model_id,
            weights_digest=digest,
            frame=observation.frame,
            instruction=observation.instruction,
            mode=request.mode,
            seed=request.seed,
            steps=steps,
            samples=request.samples,
            actions=request.actions,
            video=request.video,
            state=observation.state,
            previous_action=observation.previous_action,
            other_views={name: view for name, view in observation.frames.items() if name != observation.main_camera},
            horizon=horizon,
            guidance=request.guidance,
            # Asked twice, such a model answers twice: the second answer, perhaps paid for, must not pass for the first.
            draw="" if capabilities.deterministic else secrets.token_hex(8),
        ),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model=capabilities.model_id,
        weights_digest=digest,
        mode=request.mode,
        instruction=observation.instruction,
        seed=request.seed,
        steps=steps,
        samples=request.samples,
        source=observation.source or context.title,
        imagined=rollouts,
        context=observation.frame,
        reference=reference,
        executed=None,
        timings={**imagined.timings, "load": round(loading, 3)},
        notes=(*imagined.notes, *_unmeasured(capabilities, request), *_reference_notes(request, reference)),
        versions=versions(device),
        metrics={},
        world_state=observation.world_state,
        state=observation.state,
        horizon=horizon,
        guidance=request.guidance,
        previous_action=observation.previous_action,
    )
    return replace(run, metrics=summarise(run))


def _runs_on(model: object) -> str:
    """Where a model runs, in words: what it says itself, such as a server's address, else this machine's device."""
    return str(getattr(model, "runs_on", "")) or describe(str(getattr(model, "device", "cpu")))


def unusual_horizon(capabilities: Capabilities, request: ImagineRequest) -> int | None:
    """The frames that were asked for, or None where as many come without asking: the same question, the same id."""
    frames = frames_asked(capabilities, request)
    if open_ended(capabilities, replace(request, horizon=None)):  # without asking, as many as the task needs
        return request.horizon
    return None if frames == frames_asked(capabilities, replace(request, horizon=None)) else frames


def _unmeasured(capabilities: Capabilities, request: ImagineRequest) -> tuple[str, ...]:
    """Say it when actions are read out of a video by a model that cannot tell videos it knows from others."""
    if request.mode != "inverse_dynamics" or capabilities.extras.get("knows") == "measured":
        return ()
    domain = capabilities.extras.get("domain") or capabilities.extras.get("robot")
    known = f" ({domain})" if domain else ""
    return (
        f"Nothing here measures whether this video lies within what {capabilities.title} was trained on{known}: where "
        "it does not, its actions mean nothing.",
    )


def _reference_notes(request: ImagineRequest, reference: Rollout | None) -> tuple[str, ...]:
    """Say it when the recorded rollout answers other words than the imagined one."""
    if reference is None or not reference.instruction:
        return ()
    if _words(reference.instruction) == _words(request.observation.instruction):
        return ()
    note = f"The recorded rollout answers '{reference.instruction}', not this instruction"
    return (f"{note}: read the comparison as what the words change.",)


def _words(text: str) -> str:
    return " ".join(text.lower().replace(".", " ").split())


def versions(device: str) -> dict[str, str]:
    """What a run was made with: package versions of the parts in use, and the device."""
    found = {"python": platform.python_version(), "device": device}
    for name in ("wamviz", "numpy", "torch", "diffusers", "transformers", "mujoco"):
        if name in sys.modules:  # only what this process really used; looking must not load anything
            found[name] = str(getattr(sys.modules[name], "__version__", _packaged(name)))
    return found


def _packaged(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "source"


@dataclass
class Eta:
    """Seconds that are left, from the steps measured so far.

    The clock starts when step 0 was last reported: before it lies the loading of the model, which says
    nothing about the speed of a step.

    >>> ticks = iter([0.0, 2.0])
    >>> eta = Eta(clock=lambda: next(ticks))
    >>> eta.update(0, 8), eta.update(2, 8)
    (None, 6.0)
    """

    clock: Callable[[], float] = time.perf_counter
    _start: tuple[int, float] | None = field(default=None, init=False)

    def update(self, step: int, steps: int) -> float | None:
        """Tell that ``step`` of ``steps`` are done; return the seconds that remain, or None while unknown."""
        now = self.clock()
        if self._start is None or step <= self._start[0]:
            self._start = (step, now)
            return None
        return (now - self._start[1]) / (step - self._start[0]) * max(0, steps - step)
