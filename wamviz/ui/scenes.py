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

from wamviz.core.errors import InvalidInput, WamvizError, unknown_name
from wamviz.core.media import read_image, resize
from wamviz.core.rollout import Frames, Observation, WorldState, cut
from wamviz.datasets import Dataset
from wamviz.datasets.protocol import Episode
from wamviz.runs.sources import Context, resolve
from wamviz.runs.store import Run
from wamviz.ui.library import SHIPPED, Library, place_of
from wamviz.ui.pictures import thumbnail

log = logging.getLogger(__name__)
LONGEST = 1024  # pixels; no model here sees more, and a run should not carry a 25-megapixel photograph
REFERENCE_SECONDS = 30.0  # of what happened next; no model here imagines as long
REFERENCE_BYTES = 600_000_000  # of its pictures


@dataclass(frozen=True)
class Scene:
    """What a session remembers of its context.

    Attributes:
        kind: ``episode``, ``world`` (a fresh tabletop scene) or ``picture``; ``none`` before anything was chosen.
        number: the episode's index or the scene's seed.
        path, name: of a picture, where it lies and what the visitor called it; of an episode, its dataset's title.
        place: the dataset of an episode, see ``library``.
        camera: the view of an episode; "" is its main one.
        frames: how many frames there are to choose from.
        instruction: what was told in the recording, or "".
    """

    kind: str = "none"
    number: int = 0
    path: str = ""
    name: str = ""
    frames: int = 1
    instruction: str = ""
    place: str = SHIPPED
    camera: str = ""

    @property
    def shipped(self) -> bool:
        """Whether it is one of the shipped episodes, which the picker shows."""
        return self.kind == "episode" and self.place == SHIPPED


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
        library: the datasets that are open; one with ``dataset`` alone when None.
    """

    def __init__(self, dataset: Dataset | None = None, library: Library | None = None) -> None:
        self.library = library or Library(dataset)
        self.problem = self.library.problem
        self._episode = lru_cache(maxsize=64)(self._open)

    @property
    def indices(self) -> tuple[int, ...]:
        """Numbers of the episodes that can be picked."""
        return () if self.problem else tuple(self.library.at(SHIPPED).dataset.available)

    def cards(self) -> list[Card]:
        """Every episode with the picture of its first frame."""
        found = []
        for index in self.indices:
            try:
                episode = self._of(SHIPPED, index)
                picture = thumbnail(episode.frames(stop=1)[0])
            except WamvizError as error:
                log.warning("Episode %d is left out of the picker: %s", index, error)
                continue
            found.append(Card(index, str(episode.facts.get("kind", "")), episode.instruction, picture))
        return found

    def episode(self, index: int, place: str = SHIPPED, camera: str = "") -> Scene:
        """The scene of an episode: a shipped one, or one of a dataset that is open."""
        found = self._of(place, index)
        if not found.cameras:
            raise InvalidInput(f"Episode {index} of '{found.dataset_title}' has no video here to start from.")
        if camera and camera not in found.cameras:
            raise unknown_name("camera", camera, found.cameras)
        return Scene(
            "episode", index, name=found.dataset_title, frames=found.frame_count, instruction=found.instruction,
            place=place, camera=camera,
        )  # fmt: skip

    def at(self, text: str, camera: str = "") -> tuple[Scene, int]:
        """The scene and the frame that ``PLACE#EPISODE@FRAME`` names, as the link of the Datasets page does."""
        place, index, frame = place_of(text)
        scene = self.episode(index, place, camera)
        if frame >= scene.frames:
            raise InvalidInput(f"Episode {index} has no frame {frame}.", f"Its frames are 0 .. {scene.frames - 1}.")
        return replace(scene, instruction=self._of(place, index).instruction_at(frame)), frame

    def world(self, seed: object) -> Scene:
        """A tabletop scene laid out from a seed, with the scripted expert's execution as the reference."""
        if not isinstance(seed, int | float) or seed != int(seed) or not 0 <= seed < 2**31:
            raise InvalidInput(f"'{seed}' is no scene seed.", "Write a whole number from 0 up, e.g. 2100.")
        context = resolve(f"tabletop:{int(seed)}")
        reference = context.reference
        count = 1 if reference is None or reference.frames is None else len(reference.frames)
        return Scene("world", int(seed), frames=count, instruction=context.instruction)

    def picture(self, path: str, name: str = "") -> Scene:
        """A visitor's picture; ``WamvizError`` when it is none, too large or damaged."""
        read_image(path)
        return Scene("picture", path=path, name=name or Path(path).name)

    def of(self, run: Run, folder: Path, here: bool = True) -> tuple[Scene, int]:
        """The scene and the frame that a kept run in ``folder`` started from; its context as a picture where the
        source is not at hand. ``WamvizError`` when that cannot be read either.

        Args:
            here: whether the visitor sits at this machine, and may see episodes out of its folders.
        """
        place, _, at = run.source.partition("@")
        frame = int(at) if at.isdecimal() else 0
        name, _, number = place.partition("#") if "#" in place else place.partition(":")
        if name == SHIPPED and number.isdecimal() and int(number) in self.indices:
            return self.episode(int(number)), frame
        if "#" in run.source:
            try:  # an episode of a dataset that is still open, or can be opened again
                self.library.allow(place_of(run.source)[0], here)
                return self.at(run.source, run.imagined[0].camera or "")
            except WamvizError:
                log.info("'%s' is not at hand; its kept picture stands in for it", run.source)
        if name == "tabletop" and number.isdecimal():
            return self.world(int(number)), frame
        return self.picture(str(folder / "context.png"), run.source.removeprefix("picture ") or "context"), 0

    def frame(self, scene: Scene, number: int) -> Frames:
        """The picture (H, W, 3) of one frame of a scene."""
        if scene.kind == "episode":
            number = min(max(number, 0), scene.frames - 1)
            episode = self._of(scene.place, scene.number)
            return bounded(episode.frames(scene.camera or None, start=number, stop=number + 1)[0])
        return self.context(scene, number).observation.frame

    def world_state(self, scene: Scene) -> WorldState | None:
        """The simulated world's state at the start of a scene, or None; no frame of an episode is decoded for it."""
        if scene.kind == "episode":
            return self._of(scene.place, scene.number).world_state(0)
        return self.context(scene, 0).observation.world_state

    def context(self, scene: Scene, number: int = 0, seconds: float = REFERENCE_SECONDS) -> Context:
        """What a model is handed at frame ``number`` of a scene, with the ``seconds`` that really followed."""
        context = self._context(scene, min(max(int(number), 0), scene.frames - 1), seconds)
        return context if context.reference is None else replace(context, reference=cut(context.reference, seconds))

    def _context(self, scene: Scene, number: int, seconds: float) -> Context:
        if scene.kind == "episode":
            return self._recorded(scene, number, seconds)
        if scene.kind == "world":
            return resolve(f"tabletop:{scene.number}" + (f"@{number}" if number else ""))
        if scene.kind == "picture":
            frame = bounded(read_image(scene.path))
            return Context(Observation({"exterior": frame}, source=f"picture {scene.name}"), title=scene.name)
        raise InvalidInput("There is no context frame yet.", "Pick an episode, or add a picture of your own.")

    def _recorded(self, scene: Scene, number: int, seconds: float) -> Context:
        """The context at a frame of an episode, the chosen view first."""
        episode = self._of(scene.place, scene.number)
        seen = episode.observation(number)
        camera = scene.camera or seen.main_camera
        frames = {name: seen.frames[name] for name in (camera, *(other for other in seen.frames if other != camera))}
        observation = replace(seen, frames=frames, source=f"{scene.place}#{scene.number}@{number}")
        left = episode.frame_count - number
        most = int(min(REFERENCE_SECONDS, seconds + 1) * episode.fps)  # a second more than is kept: rates differ
        most = min(most, REFERENCE_BYTES // observation.frame.nbytes)
        stop = None if scene.shipped or left <= max(2, most) else number + max(2, most)
        where = f"pisode {scene.number}, frame {number}"
        try:
            reference = episode.rollout(start=number, stop=stop, camera=camera) if left > 1 else None
        except WamvizError as error:  # the picture is whole: a model can start from it, and nothing is measured
            reference, where = None, f"{where} (what followed cannot be read: {error.message})"
        return Context(observation, reference, f"E{where}" if scene.shipped else f"{scene.name}, e{where}")

    def _of(self, place: str, index: int) -> Episode:
        """An episode, remembered for as long as its dataset stays open as it was."""
        return self._episode(self.library.at(place).key, place, index)

    def _open(self, key: str, place: str, index: int) -> Episode:
        return self.library.at(place).dataset.episode(index)


def bounded(frame: Frames, longest: int = LONGEST) -> Frames:
    """``frame`` (H, W, 3) scaled down so that no side is longer than ``longest``; smaller ones stay as they are."""
    height, width = frame.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return frame
    return resize(frame, max(1, round(height * scale)), max(1, round(width * scale)))
