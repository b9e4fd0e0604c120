"""The public HTTP endpoints: /imagine, /compare, /compare_models and /models, usable from gradio_client.

Contract: named, typed parameters; JSON and files come back; an error is the same sentence that the page shows.
``/imagine`` streams: every step is an intermediate answer, the last one is the run. A source names what lies on
the server only by fixed forms, never by a path: whoever has a file sends it.

    from gradio_client import Client, handle_file
    client = Client("http://127.0.0.1:7860")
    facts, files = client.predict(
        image=handle_file("kitchen.png"), instruction="pick up the orange", api_name="/imagine"
    )
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.media import read_image, read_video
from wamviz.core.plain import jsonable
from wamviz.core.rollout import Observation, Rollout
from wamviz.metrics import compare_video, metric_notes, metric_sources
from wamviz.metrics.registry import joint_keys
from wamviz.models import registry
from wamviz.runs import comparison
from wamviz.runs.imagine import Eta
from wamviz.runs.sources import Context, resolve
from wamviz.runs.store import Run
from wamviz.ui import choices, jobs, run_actions
from wamviz.ui.contexts import RUN
from wamviz.ui.library import SHIPPED, is_here
from wamviz.ui.run_repository import RunRepository
from wamviz.ui.scenes import Scenes, bounded

FORMS = f"{SHIPPED}#EPISODE[@FRAME], tabletop:SEED[@STEP], or the id of a kept run"
Answer = tuple[dict[str, Any], list[str] | None]


def endpoints(repository: RunRepository, scenes: Scenes) -> None:
    """Add the endpoints to the current Blocks; they have no visible part."""
    ends = Endpoints(repository, scenes)
    with gr.Column(visible=False):
        files = gr.File(label="files", file_count="multiple")
        expose(ends.imagine, [gr.JSON(label="run"), files], **jobs.ON_MODEL)
        expose(ends.compare, gr.JSON(label="metrics"))
        expose(ends.compare_models, gr.JSON(label="outcomes"), **jobs.ON_MODEL)
        expose(ends.models, gr.JSON(label="models"))


def expose(function: Callable[..., Any], outputs: Any, **how: Any) -> None:
    """Make ``function`` the endpoint of its own name; its parameters, their types and defaults become the inputs."""
    inputs = [component(one) for one in inspect.signature(function).parameters.values() if one.name != "request"]
    gr.Button().click(function, inputs, outputs, api_name=function.__name__, show_progress="hidden", **how)


def component(parameter: inspect.Parameter) -> Any:
    """The invisible field behind a parameter: a file for ``str | None``, text for ``str``, else a number."""
    name, default = parameter.name, parameter.default
    if parameter.annotation == "str | None":
        return gr.File(label=name, type="filepath")
    if parameter.annotation == "str":
        return gr.Textbox(default, label=name)
    return gr.Number(default, label=name, precision=0 if parameter.annotation == "int" else None)


def answers(stream: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """A stream of plain JSON; whatever goes wrong becomes the sentence that the page would show."""

    @functools.wraps(stream)
    def answered(*args: Any, **named: Any) -> Iterator[Any]:
        try:
            yield from map(plain_answer, stream(*args, **named))
        except Exception as error:
            title = error.title if isinstance(error, WamvizError) else "Mistake in wamviz"
            raise gr.Error(run_actions.refused(error)["sentence"], title=title, print_exception=False) from None

    return answered


class Endpoints:
    """The public functions, as ``gradio_client`` sees them.

    Args:
        repository: the runs that can be named, and where new ones are kept.
        scenes: the contexts that can be named.
    """

    def __init__(self, repository: RunRepository, scenes: Scenes) -> None:
        self._repository, self._scenes = repository, scenes

    @answers
    def imagine(
        self,
        image: str | None = None,
        source: str = "",
        instruction: str = "",
        model: str = "",
        mode: str = "",
        seed: int = 0,
        samples: int = 1,
        steps: int = 0,
        actions: str | None = None,
        video: str | None = None,
        horizon: int = 0,
        guidance: float = 1.0,
    ) -> Iterator[Answer]:
        """Imagine rollouts from one frame and one sentence.

        Args:
            image: the context frame, an uploaded picture; or leave it out and name a source.
            source: assets/episodes#EPISODE[@FRAME], tabletop:SEED[@STEP], or the id of a kept run.
            instruction: what the robot is told; the source's own when empty.
            model: a registered model; the default one when empty.
            mode: one of the model's modes; its first when empty.
            seed: sampling seed; sample i uses seed + i.
            samples: how many rollouts.
            steps: denoising steps; 0 for the model's default.
            actions: for forward_dynamics, a file of actions (npz, npy, csv or json); recorded ones when left out.
            video: for inverse_dynamics, a video file; when left out the recorded one, or the own one of a kept run.
            horizon: frames to imagine in all; 0 until the task is done for a model that can tell (mini-WAM: at most 64
                frames), else one chunk; with actions or a video as long as those are.
            guidance: weight of the words, 1 as trained; above 1 only where the model has it (see /models).

        Returns:
            The run as JSON (id, metrics with their baselines, timings, versions) and its files.
        """
        model = model or choices.default_model()
        context = named_context(image, source, instruction, self._repository, self._scenes)
        stream = run_actions.imagine_on_card(
            model,
            context,
            mode=mode or choices.capabilities(model).modes[0],
            seed=run_actions.whole(seed, "seed"),
            samples=run_actions.whole(samples, "number of samples"),
            steps=run_actions.whole(steps or 0, "number of steps") or None,
            actions=actions,
            video=video,
            horizon=run_actions.whole(horizon or 0, "horizon") or None,
            guidance=run_actions.number(guidance, "guidance"),
            truth=True,
        )
        eta = Eta()
        with closing(stream):  # type: ignore[type-var]
            for event in stream:
                if isinstance(event, Run):
                    yield run_answer(self._repository.keep(event), self._repository)
                    return
                left = eta.update(event.step, event.steps)
                yield {"step": event.step, "steps": event.steps, "note": event.note, "seconds_left": left}, None

    @answers
    def compare(self, imagined: str | None = None, reference: str | None = None, run: str = "") -> Iterator[Any]:
        """Compare an imagined video with what really happened, frame by frame, beside a video in which nothing moves.

        Args:
            imagined: a video file whose first frame is the context.
            reference: a video file of what really happened, from the same context on.
            run: instead of two files, the id of a kept run.

        Returns:
            PSNR in dB, SSIM and, where its weights are, LPIPS by frame and on average, the copy-last-frame baseline
            beside each, what they mean and who defined them.
        """
        yield _compare(self._repository, imagined, reference, run)

    @answers
    def compare_models(
        self,
        image: str | None = None,
        source: str = "",
        instruction: str = "",
        contenders: str = "",
        seed: int = 0,
        seconds: float = 0.0,
    ) -> Iterator[list[dict[str, Any]]]:
        """Ask several models or modes the same, one after the other; a failure doesn't stop the others.

        Args:
            image, source, instruction, seed: as for /imagine.
            contenders: two to four of MODEL or MODEL:MODE, separated by commas.
            seconds: how long each imagines; 0 until it is done, for a model that can tell, else one chunk.

        Returns:
            For each: model, mode, and run id, latency_s, real_time_factor and metrics, or error.
        """
        names = comparison.read(name for name in contenders.split(",") if name.strip())
        lasting = run_actions.number(seconds or 0, "seconds") or None
        comparison.check_seconds(lasting)
        context = named_context(image, source, instruction, self._repository, self._scenes)
        stream = comparison.compare_models(
            names,
            context,
            seed=run_actions.whole(seed, "seed"),
            seconds=lasting,
            imagine=run_actions.imagine_on_card,
        )
        found: list[dict[str, Any]] = []
        with closing(stream):  # type: ignore[type-var]
            for _, event in stream:
                if isinstance(event, comparison.Outcome):
                    if event.run is not None:
                        self._repository.keep(event.run)
                    found.append(event.to_json())
                yield found

    def models(self, request: gr.Request) -> list[dict[str, Any]]:
        """Every registered model: its modes, its limits, whether it can run here and why not."""
        found = [registry.model_facts(entry) for entry in registry.entries().values()]
        here = self._scenes.library.local and is_here(request.headers)
        return jsonable(found if here else [without_places(one) for one in found])  # type: ignore[no-any-return]


def without_places(facts: dict[str, Any]) -> dict[str, Any]:
    """A model's facts for visitors elsewhere: no server's address, no folder of this machine."""
    extras = {name: value for name, value in facts.get("extras", {}).items() if name not in ("url", "checkpoint")}
    public = {**facts, "missing": "It cannot run here."} if facts.get("missing") else facts
    return {**public, **({"extras": extras} if extras else {})}


def named_context(
    image: str | None, source: str, instruction: str, repository: RunRepository, scenes: Scenes
) -> Context:
    """The context that a request names; ``WamvizError`` when it names none, two, or a path on this server.

    Args:
        instruction: what the robot is told; the source's own when blank.
    """
    context = _find_context(image, source.strip(), repository, scenes)
    return context.reworded(instruction) if instruction.strip() else context


def _find_context(image: str | None, source: str, repository: RunRepository, scenes: Scenes) -> Context:
    if image and source:
        raise InvalidInput("An image and a source were given; a rollout starts at one of them.", "Leave one out.")
    if image:
        name = Path(image).name
        return Context(Observation({"exterior": bounded(read_image(image))}, source=f"picture {name}"), title=name)
    if not source:
        raise InvalidInput("There is no context frame.", f"Send an image, or name a source: {FORMS}.")
    episode = re.fullmatch(rf"(?:{re.escape(SHIPPED)})?#(\d{{1,6}})(?:@(\d{{1,6}}))?", source)
    if episode:
        return scenes.context(scenes.episode(int(episode[1])), int(episode[2] or 0))
    if source.startswith("tabletop:"):
        return resolve(source)
    if RUN.fullmatch(source):
        return resolve(str(repository.folder(source)))
    raise InvalidInput(
        f"'{source[:60]}' is no source that can be named here.", f"Use {FORMS}; a file of yours goes into image."
    )


def run_answer(run: Run, repository: RunRepository) -> tuple[dict[str, Any], list[str]]:
    """What ``/imagine`` ends with: the run's own JSON and the paths of its files."""
    folder = repository.folder(run.id)
    facts = json.loads((folder / "rollout.json").read_text(encoding="utf-8"))
    return facts, [str(file) for file in sorted(folder.iterdir()) if file.is_file() and not file.name.startswith(".")]


def _compare(repository: RunRepository, imagined: str | None, reference: str | None, run_id: str) -> dict[str, Any]:
    if run_id.strip():
        return dict(repository.load(run_id.strip()).metrics)
    if not imagined or not reference:
        raise InvalidInput("Two videos are needed.", "Send imagined and reference, or name a kept run.")
    videos = [read_video(path) for path in (imagined, reference)]
    ours, theirs = (
        Rollout(origin, frames, fps) for origin, (frames, fps) in zip(("imagined", "recorded"), videos, strict=True)
    )
    found = compare_video(ours, theirs)
    if found is None:
        raise InvalidInput("The two videos share no moment after the context.", "Each needs at least two frames.")
    curves = {name: values for name in joint_keys("video") if isinstance(values := getattr(found, name), np.ndarray)}
    means: dict[str, Any] = {name: round(float(values.mean()), 5) for name, values in curves.items()}
    by_frame = {f"{name}_by_frame": [round(float(v), 5) for v in values] for name, values in curves.items()}
    if found.lpips_missing:
        means |= {"lpips": None, "copy_last_lpips": None, "lpips_missing": found.lpips_missing}
    times = [round(float(t), 5) for t in found.times]
    return {
        "video": {**means, "times": times, **by_frame},
        "notes": {name: metric_notes()[name] for name in curves},
        "sources": {name: metric_sources()[name] for name in curves},
    }


def plain_answer(answer: Any) -> Any:
    """An endpoint's answer in the types of JSON; several outputs stay a tuple, which Gradio tells from a list."""
    return tuple(map(jsonable, answer)) if isinstance(answer, tuple) else jsonable(answer)
