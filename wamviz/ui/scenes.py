"""Where a rollout can start: shipped episodes at any frame, a fresh tabletop scene, a visitor's own picture.

Contract: a ``Scene`` is the small thing that a visitor's session remembers; ``Scenes`` turns it into pictures,
words and the ``Context`` that a model is handed. Pictures from visitors are judged here, before anything shows
or keeps them. It draws no layout.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from wamviz.datasets import Dataset, shipped
from wamviz.datasets.base import Episode
from wamviz.errors import WamvizError
from wamviz.media import read_image, resize
from wamviz.rollout import Frames, Observation
from wamviz.sources import Context, resolve
from wamviz.store import Run
from wamviz.ui.pictures import thumbnail

log = logging.getLogger(__name__)
LONGEST = 1024  # pixels; no model here sees more, and a run should not carry a 25-megapixel photograph
SHIPPED = "assets/episodes"  # how a shipped episode is named to people and in the files of a run


@dataclass(frozen=True)
class Scene:
    """What a session remembers of its context.

    Attributes:
        kind: ``episode``, ``world`` (a fresh tabletop scene) or ``picture``; ``none`` before anything was chosen.
        number: the episode's index or the scene's seed.
        path, name: of a picture, where it lies and what the visitor called it.
        frames: how many frames there are to choose from.
        instruction: what was told in the recording, or "".
    """

    kind: str = "none"
    number: int = 0
    path: str = ""
    name: str = ""
    frames: int = 1
    instruction: str = ""


@dataclass(frozen=True)
class Card:
    """One episode in the picker."""

    index: int
    kind: str
    instruction: str
    picture: str


class Scenes:
    """The shipped episodes and everything else that can be a context.

    Args:
        dataset: the episodes to offer; the shipped ones when None. Without any, pictures and fresh scenes remain.
    """

    def __init__(self, dataset: Dataset | None = None) -> None:
        self.problem = ""
        self._dataset = dataset
        if dataset is None:
            try:
                self._dataset = shipped()
            except WamvizError as error:
                self.problem = str(error)
        self._episode = lru_cache(maxsize=64)(self._open)

    @property
    def indices(self) -> tuple[int, ...]:
        """Numbers of the episodes that can be picked."""
        return () if self._dataset is None else tuple(self._dataset.available)

    def cards(self) -> list[Card]:
        """Every episode with the picture of its first frame."""
        found = []
        for index in self.indices:
            try:
                episode = self._episode(index)
                picture = thumbnail(episode.frames(stop=1)[0])
            except WamvizError as error:
                log.warning("Episode %d is left out of the picker: %s", index, error)
                continue
            found.append(Card(index, str(episode.facts.get("kind", "")), episode.instruction, picture))
        return found

    def episode(self, index: int) -> Scene:
        """The scene of a shipped episode."""
        found = self._episode(index)
        return Scene("episode", index, frames=found.frame_count, instruction=found.instruction)

    def world(self, seed: object) -> Scene:
        """A tabletop scene laid out from a seed, with the scripted expert's execution as the reference."""
        if not isinstance(seed, int | float) or seed != int(seed) or not 0 <= seed < 2**31:
            raise WamvizError(f"'{seed}' is no scene seed.", "Write a whole number from 0 up, e.g. 2100.")
        context = resolve(f"tabletop:{int(seed)}")
        reference = context.reference
        count = 1 if reference is None or reference.frames is None else len(reference.frames)
        return Scene("world", int(seed), frames=count, instruction=context.instruction)

    def picture(self, path: str, name: str = "") -> Scene:
        """A visitor's picture; ``WamvizError`` when it is none, too large or damaged."""
        read_image(path)
        return Scene("picture", path=path, name=name or Path(path).name)

    def of(self, run: Run, folder: Path) -> tuple[Scene, int]:
        """The scene and the frame that a kept run in ``folder`` started from; its context as a picture where the
        source is not at hand. ``WamvizError`` when that cannot be read either."""
        place, _, at = run.source.partition("@")
        frame = int(at) if at.isdecimal() else 0
        name, _, number = place.partition("#") if "#" in place else place.partition(":")
        if name == SHIPPED and number.isdecimal() and int(number) in self.indices:
            return self.episode(int(number)), frame
        if name == "tabletop" and number.isdecimal():
            return self.world(int(number)), frame
        return self.picture(str(folder / "context.png"), run.source.removeprefix("picture ") or "context"), 0

    def frame(self, scene: Scene, number: int) -> Frames:
        """The picture (H, W, 3) of one frame of a scene."""
        if scene.kind == "episode":
            number = min(max(number, 0), scene.frames - 1)
            return self._episode(scene.number).frames(start=number, stop=number + 1)[0]
        return self.context(scene, number).observation.frame

    def context(self, scene: Scene, number: int = 0) -> Context:
        """What a model is handed at frame ``number`` of a scene."""
        number = min(max(int(number), 0), scene.frames - 1)
        if scene.kind == "episode":
            episode = self._episode(scene.number)
            observation = replace(episode.observation(number), source=f"{SHIPPED}#{scene.number}@{number}")
            reference = episode.rollout(start=number) if number < episode.frame_count - 1 else None
            return Context(observation, reference, f"Episode {scene.number}, frame {number}")
        if scene.kind == "world":
            return resolve(f"tabletop:{scene.number}" + (f"@{number}" if number else ""))
        if scene.kind == "picture":
            frame = bounded(read_image(scene.path))
            return Context(Observation({"exterior": frame}, source=f"picture {scene.name}"), title=scene.name)
        raise WamvizError("There is no context frame yet.", "Pick an episode, or add a picture of your own.")

    def _open(self, index: int) -> Episode:
        if self._dataset is None:
            raise WamvizError("No episodes are shipped here.", self.problem)
        return self._dataset.episode(index)


def bounded(frame: Frames, longest: int = LONGEST) -> Frames:
    """``frame`` (H, W, 3) scaled down so that no side is longer than ``longest``; smaller ones stay as they are."""
    height, width = frame.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return frame
    return resize(frame, max(1, round(height * scale)), max(1, round(width * scale)))
