"""SOURCE strings to contexts: one place that knows what a context can be taken from.

Contract: ``resolve`` turns an image or video file, ``tabletop:SEED[@STEP]``, ``DATASET_DIR#EPISODE[@FRAME]``, the same
of ``hub:OWNER/NAME[@REVISION]``, ``picture:NAME``, a run id or the folder of a run into a ``Context``: the observation
for a model, and what really happened next where that is known. It decodes and, for the tabletop, lets the scripted
expert act; only a ``hub:`` name makes it ask a network. It knows no model and no page. Rooms are imported when a source
needs them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from wamviz.core.errors import InvalidInput, NotFound, WamvizError, unknown_name
from wamviz.core.rollout import Observation, Rollout, WorldState
from wamviz.runs.expert import expert_rollout
from wamviz.runs.pictures import PICTURE, read_kept

if TYPE_CHECKING:
    from wamviz.datasets import Dataset, Episode
    from wamviz.runs.store import Run

SourceKind = Literal["image", "video", "picture", "tabletop", "dataset", "episode", "run"]
HUB = "hub:"
FORMS = (
    "an image or video file, tabletop:SEED[@STEP], DATASET_DIR#EPISODE[@FRAME], "
    f"{HUB}OWNER/NAME[@REVISION]#EPISODE[@FRAME], or a run id"
)
Progress = Callable[[int, int, str], None]  # kB here, kB in all, file
TABLETOP_SIZE = 256  # pixels, as the shipped episodes have it; a model scales the context to its own size
VIDEO_MAGIC = re.compile(
    rb"....(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI |GIF8[79]a|OggS|\x00\x00\x01\xba|\x47.{187}\x47", re.DOTALL
)
DATASET_MAGIC = (b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"PK\x05\x06")  # HDF5, and a zip, which may hold a zarr group
REFERENCE_BYTES = 600_000_000  # of pictures that a reference may hold: no model here imagines half as long


@dataclass(frozen=True)
class Context:
    """What a model is handed, and what really happened from there on.

    Attributes:
        observation: frames by camera, state, world state, calibration, instruction.
        reference: recorded (or, in the tabletop, the expert's executed) rollout that starts at the context, or None.
        title: a few words for people.
        run, sample: the kept run that this is the context of, and which of its samples is meant; None otherwise.
    """

    observation: Observation
    reference: Rollout | None = None
    title: str = ""
    run: Run | None = None
    sample: int = 0

    @property
    def instruction(self) -> str:
        """What the robot is told."""
        return self.observation.instruction

    def reworded(self, instruction: str) -> Context:
        """The same with another instruction; a blank one stays blank: nobody is told what was not asked."""
        return replace(self, observation=replace(self.observation, instruction=instruction.strip()))


def resolve(source: str, instruction: str | None = None, progress: Progress | None = None) -> Context:
    """The context that ``source`` names.

    Args:
        source: see the module docstring.
        instruction: replaces the source's own instruction when neither None nor blank.
        progress: called while files of a ``hub:`` name come in.

    Raises:
        WamvizError: no such source, or it cannot be read; the message says which forms there are.
    """
    text = str(source).strip()
    kind = kind_of(text)
    if kind == "dataset":
        dataset = open_source(text, progress=progress)
        here = dataset.indices if text.startswith(HUB) else dataset.available
        name = f"Name one: {text}#{here[0]} .. {text}#{here[-1]}." if here else "None of their files are here."
        raise InvalidInput(f"'{text}' is a dataset of {len(here)} episodes.", name)
    if kind == "episode":
        context = _episode(text, progress)
    else:
        context = _READERS[kind](text)
    return context.reworded(instruction) if instruction and instruction.strip() else context


def kind_of(source: str) -> SourceKind:
    """Which form ``source`` has, or ``WamvizError`` when it has none; only its first bytes are read."""
    text = str(source).strip()
    if not text or "\0" in text:
        raise InvalidInput("The source is empty.", f"Give {FORMS}.")
    if text.startswith("tabletop:"):
        return "tabletop"
    if text.startswith(PICTURE):
        return "picture"
    if text.startswith(HUB):
        return "episode" if "#" in text else "dataset"
    path = _path(text)
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(188 + 1)
        if head.startswith(DATASET_MAGIC):
            return "dataset"
        return "video" if VIDEO_MAGIC.match(head) else "image"
    if path.is_dir():
        return "run" if (path / "rollout.json").is_file() else "dataset"
    if "#" in text:
        return "episode"
    if re.fullmatch(r"[0-9a-f]{16}", text):
        return "run"
    if text.partition(":")[0].lower() in ("tabletop", "table", "tabeltop", "table-top"):
        raise unknown_name("source", text, ["tabletop:SEED", "tabletop:SEED@STEP"])
    raise NotFound(f"There is no source '{text}'.", f"Give {FORMS}.")


def expert_episode(seed: int) -> Rollout:
    """The scripted expert's whole run of one tabletop scene, exterior view; recorded once and kept in this process."""
    return _expert(seed).rollout


def _path(text: str) -> Path:
    """``text`` as a path, ``~`` understood."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # ~nobody: no such user, so at most a file of that very name
        return Path(text)


# --- files ---


def _image(text: str) -> Context:
    from wamviz.core.media import read_image

    path = _path(text)
    frame = read_image(path)  # (H, W, 3)
    return Context(Observation({"exterior": frame}, source=text), title=path.name)


def _video(text: str) -> Context:
    from wamviz.core.media import read_video

    path = _path(text)
    frames, fps = read_video(path)  # (T, H, W, 3)
    reference = Rollout("recorded", frames, fps, camera="exterior", meta={"source": text}) if len(frames) > 1 else None
    return Context(Observation({"exterior": frames[0]}, source=text), reference, path.name)


def _picture(text: str) -> Context:
    return Context(Observation({"exterior": read_kept(text)}, source=text), title="a picture of one's own")


# --- datasets ---


def open_source(text: str, episode: int | None = None, progress: Progress | None = None) -> Dataset:
    """The dataset of a folder or of a ``hub:`` name; of the hub's, the files of ``episode`` are fetched as well."""
    if text.startswith(HUB):
        from wamviz.datasets.hub import open_hub

        return open_hub(text, episode, progress)
    from wamviz.datasets import open_dataset

    return open_dataset(_path(text))


def open_episode(text: str, progress: Progress | None = None) -> tuple[Episode, int]:
    """The episode and the frame that ``DATASET#EPISODE[@FRAME]`` names; no frame is decoded."""
    folder, _, place = text.rpartition("#")
    match = re.fullmatch(r"(\d{1,9})(?:@(\d{1,9}))?", place)
    if match is None:
        raise InvalidInput(f"'{place}' is no place in a dataset.", "Write DIR#EPISODE or DIR#EPISODE@FRAME.")
    if not folder or not (folder.startswith(HUB) or _path(folder).exists()):
        raise NotFound(f"There is no dataset folder '{folder}'.", f"The source was '{text}'.")
    index = int(match[1])
    return open_source(folder, index, progress).episode(index), int(match[2] or 0)


def _episode(text: str, progress: Progress | None = None) -> Context:
    episode, frame = open_episode(text, progress)
    observation = episode.observation(frame)
    if not text.startswith(HUB):  # of the hub, the commit that was opened and not a branch, which moves
        observation = replace(observation, source=text)
    # Of an hour's recording, only what fits; and of the last frame nothing is known that came after it.
    stop = frame + max(2, REFERENCE_BYTES // observation.frame.nbytes)
    last = episode.frame_count - 1
    title = f"{episode.dataset_title}, episode {episode.index}, frame {frame}"
    if episode.origin == "imagined":  # an exported run: what a model expected once is no measure of what happens
        return Context(observation, None, f"{title} (imagined)")
    try:
        reference = episode.rollout(start=frame, stop=None if stop > last else stop) if frame < last else None
    except WamvizError as error:  # the picture is whole: a model can start from it, and nothing is measured
        return Context(observation, None, f"{title} (what followed cannot be read: {error.message})")
    return Context(observation, reference, title)


# --- kept runs ---


def kept_run(text: str) -> Run:
    """The run whose id or folder ``text`` is, or ``WamvizError``."""
    from wamviz.runs import store

    path = _path(text)
    return store.read_run(path) if path.is_dir() else store.Store().load(text)


def _run(text: str) -> Context:
    return context_of(kept_run(text), source=text)


def context_of(run: Run, sample: int = 0, source: str | None = None) -> Context:
    """What ``run`` was handed, as far as it was kept: its frame, state, world and calibration.

    Args:
        sample: which of its samples is meant where a mode takes a run's video.
        source: what a run from this context says of where it came from; as this one says when None.
    """
    first = run.imagined[0]
    camera, (height, width) = first.camera or "exterior", run.context.shape[:2]
    model = None if first.camera_model is None else first.camera_model.resized(width, height)
    observation = Observation(
        {camera: run.context}, run.instruction, state=run.state, world_state=run.world_state,
        cameras={} if model is None else {camera: model}, source=run.source if source is None else source,
        orientation=orientation_of(run), previous_action=run.previous_action,
    )  # fmt: skip
    return Context(observation, run.reference, f"run {run.id}", run=run, sample=sample)


def orientation_of(run: Run) -> dict[str, str]:
    """Which way round the run's frames are, where the dataset of its context said so."""
    facts = run.reference.meta if run.reference is not None else {}
    return dict(facts.get("orientation", {}))


# --- the tabletop ---


def _tabletop(text: str) -> Context:
    match = re.fullmatch(r"tabletop:(\d{1,18})(?:@(\d{1,6}))?", text)
    if match is None:
        raise InvalidInput(f"'{text}' is no tabletop scene.", "Write tabletop:SEED or tabletop:SEED@STEP.")
    seed, step = int(match[1]), int(match[2] or 0)
    expert = _expert(seed)
    rollout = expert.rollout
    count = len(rollout.actions) if rollout.actions is not None else 0
    if step > count:
        raise InvalidInput(f"The expert's run of scene {seed} has no step {step}.", f"Its steps are 0 .. {count}.")
    observation = _observe(seed, expert.snapshots[step], rollout.instruction, text)
    reference = after(rollout, step) if step < count else None
    return Context(observation, reference, f"tabletop scene {seed}" + (f", step {step}" if step else ""))


def after(rollout: Rollout, step: int) -> Rollout:
    """The part of a rollout that starts at frame ``step``, where frames, actions and states go at one rate."""
    return replace(
        rollout,
        frames=None if rollout.frames is None else rollout.frames[step:],
        actions=None if rollout.actions is None else rollout.actions[step:],
        states=None if rollout.states is None else rollout.states[step:],
    )


@dataclass(frozen=True)
class _Expert:
    """One run of the scripted expert: the rollout of the exterior view and the state at each of its frames."""

    rollout: Rollout
    snapshots: np.ndarray  # (K + 1, S) float64


@lru_cache(maxsize=8)  # 10 MB each
def _expert(seed: int) -> _Expert:
    from wamviz.worlds.tabletop import TabletopEnv, record_episode

    env = TabletopEnv(size=TABLETOP_SIZE, cameras=("exterior",))
    try:
        episode = record_episode(env, seed)
        rollout = expert_rollout([episode], env.action_space, episode.instruction, bool(episode.success))
        return _Expert(rollout, episode.snapshots)
    finally:
        env.close()


def _observe(seed: int, snapshot: np.ndarray, instruction: str, source: str) -> Observation:
    """Both cameras' view of a state of the tabletop."""
    from wamviz.worlds.tabletop import TabletopEnv

    env = TabletopEnv(size=TABLETOP_SIZE)
    try:
        env.restore(seed, snapshot)
        return replace(env.observation(instruction), source=source, world_state=WorldState("tabletop", seed, snapshot))
    finally:
        env.close()


_READERS: dict[str, Callable[[str], Context]] = {
    "image": _image,
    "video": _video,
    "picture": _picture,
    "tabletop": _tabletop,
    "run": _run,
}
