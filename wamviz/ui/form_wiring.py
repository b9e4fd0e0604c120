"""The form of the main page: the context that is asked about, and the model that is asked.

Contract: ``FormWiring`` connects the pickers, the picture, the slider, the model and the mode; ``linked`` and
``asked`` put a whole question into the form. It samples nothing.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.models import registry
from wamviz.runs.conditioning import REQUIRED
from wamviz.ui import choices, form, handlers, present
from wamviz.ui.events import AT_ONCE, LATEST, NEW_SEED, PICKED, PRIVATE, SAID, Updates
from wamviz.ui.imagine_page import ImaginePage
from wamviz.ui.library import place_of
from wamviz.ui.scenes import Scene


def frame_slider(scene: Scene, frame: int) -> Any:
    """The slider over the frames of a scene, hidden where there is one alone."""
    if scene.frames > 1:
        return gr.update(maximum=scene.frames - 1, value=frame, visible=True)
    # Hidden, it keeps its maximum: the browser goes on sending the number that it last showed.
    return gr.update(value=frame, visible=False)


class FormWiring:
    """Connects the form's components.

    Args:
        page: the built page.
    """

    def __init__(self, page: ImaginePage) -> None:
        self.page = page
        self._context_events()
        self._setting_events()

    def _context_events(self) -> None:
        page = self.page
        asked = [page.scene, page.frame, page.instruction, page.model, page.mode]
        context = [
            page.scene,
            page.image,
            page.frame,
            page.caption,
            page.instruction,
            page.chips,
            page.given_words,
            page.status,
        ]
        page.cards.pick(self.pick, [page.picked, *asked], context, js=PICKED, **LATEST)
        page.world.click(self.lay, [page.world_seed, *asked], context, **AT_ONCE)
        page.image.input(self.add, [page.image, *asked], context, **LATEST)
        page.image.clear(self.clear, asked, context, **AT_ONCE)
        moved = [page.image, page.caption, page.given_words]
        page.frame.input(self.scrub, asked, moved, **LATEST)
        page.chips.pick(None, None, [page.instruction], js=SAID, **PRIVATE)

    def _setting_events(self) -> None:
        page = self.page
        asked = [page.scene, page.frame, page.model, page.mode]
        mode = [page.mode_words, page.given_panel, page.given_words]
        model = [page.mode, page.model_words, page.samples, page.horizon, page.steps, page.guidance, page.chips, *mode]
        page.model.input(self.model, asked, model, **LATEST)
        page.mode.input(self.mode, asked, mode, **LATEST)
        page.dice.click(None, None, [page.seed], js=NEW_SEED, **PRIVATE)

    # --- the context ------------------------------------------------------------------------------------------------

    def pick(self, picked: str, scene: Scene, frame: Any, told: str, model: str, mode: str) -> Updates:
        """An episode was picked."""
        return self._context(lambda: self.page.scenes.episode(int(picked)), scene, told, model, mode)

    def lay(self, seed: Any, scene: Scene, frame: Any, told: str, model: str, mode: str) -> Updates:
        """A fresh tabletop scene was asked for."""
        return self._context(lambda: self.page.scenes.world(seed), scene, told, model, mode)

    def add(self, added: Any, scene: Scene, frame: Any, told: str, model: str, mode: str) -> Updates:
        """A picture was uploaded, dropped, pasted or taken."""
        if added is None:
            return {self.page.status: gr.skip()}
        return self._context(lambda: self.page.scenes.picture(*added), scene, told, model, mode, frame)

    def clear(self, scene: Scene, frame: Any, told: str, model: str, mode: str) -> Updates:
        """The context was taken away; the instruction stays."""
        return self._context(Scene, scene, told, model, mode)

    def _context(self, make: Any, before: Scene, told: str, model: str, mode: str, frame: Any = 0) -> Updates:
        """Show the scene that ``make`` returns; when it refuses, put the earlier picture back and say why."""
        page = self.page
        try:
            scene = make()
            # Words that the visitor wrote stay; words that came with the last scene make room for this one's.
            keep = told.strip() and told.strip() != before.instruction
            words = told if keep or not scene.instruction else scene.instruction
            return {**self._scene(scene, 0, model, mode), page.instruction: words, page.status: []}
        except Exception as error:
            parts = handlers.refused(error)
            picture = None if before.kind == "none" else page.scenes.frame(before, int(frame or 0))
            return {page.status: parts["status"], page.image: picture}

    def _scene(self, scene: Scene, frame: int, model: str, mode: str) -> Updates:
        page, scenes = self.page, self.page.scenes
        return {
            page.scene: scene,
            page.image: None if scene.kind == "none" else scenes.frame(scene, frame),
            page.frame: frame_slider(scene, frame),
            page.caption: form.caption(scenes, scene, frame),
            page.chips: form.chips(scenes, scene, frame, choices.readable(model, mode)[0]),
            page.given_words: self._given(scene, frame, model, mode),
        }

    def scrub(self, scene: Scene, frame: Any, told: str, model: str, mode: str) -> Updates:
        """Another frame of the episode."""
        page, number = self.page, int(frame or 0)
        return {
            page.image: page.scenes.frame(scene, number),
            page.caption: form.caption(page.scenes, scene, number),
            page.given_words: self._given(scene, number, model, mode),
        }

    # --- the settings -----------------------------------------------------------------------------------------------

    def model(self, scene: Scene, frame: Any, model: str, mode: str) -> Updates:
        """Another model: its modes, its limits, what it pays attention to."""
        page = self.page
        try:
            model = choices.read_model(model)
        except WamvizError as error:
            return {page.model_words: form.sentences([str(error)])}
        _, kept = choices.readable(model, mode)
        caps = choices.capabilities(model)
        return {
            page.mode: gr.update(choices=choices.modes(model), value=kept),
            page.model_words: form.sentences(choices.model_words(model)),
            page.samples: gr.update(maximum=caps.max_samples),
            page.horizon: gr.update(
                maximum=max(2, caps.longest),
                value=choices.first_horizon(model),
                label=choices.horizon_label(model),
                visible=caps.longest > 1,
            ),
            page.steps: gr.update(
                maximum=max(2, caps.max_steps), value=max(1, caps.default_steps), visible=caps.default_steps > 0
            ),
            page.guidance: gr.update(maximum=max(1.0, caps.max_guidance), value=1, visible=caps.max_guidance > 1),
            page.chips: form.chips(page.scenes, scene, int(frame or 0), model),
            **self.mode(scene, frame, model, kept),
        }

    def mode(self, scene: Scene, frame: Any, model: str, mode: str) -> Updates:
        """Another mode: what it means, and what it must be given."""
        page = self.page
        try:
            mode = choices.read_mode(mode)
        except WamvizError as error:
            return {page.mode_words: form.sentences([str(error)])}
        return {
            page.mode_words: form.sentences([choices.MODE_WORDS[mode]]),
            page.given_panel: gr.update(visible=mode in REQUIRED),
            page.given_words: self._given(scene, int(frame or 0), model, mode),
        }

    def _given(self, scene: Scene, frame: int, model: str, mode: str) -> list[Any]:
        model, mode = choices.readable(model, mode)
        if mode not in REQUIRED:
            return []
        try:
            reference = self.page.scenes.context(scene, frame).reference
        except WamvizError:
            reference = None
        return form.sentences([choices.given_words(model, mode, reference)])

    # --- a whole question -------------------------------------------------------------------------------------------

    def menu(self) -> Updates:
        """The menu of models with what was connected since the page was built, be it here or by the command line."""
        registry.refresh()
        return {self.page.model: gr.update(choices=choices.menu())}

    def linked(self, source: str, camera: str, here: bool) -> Updates:
        """The form on the frame of an episode that a link of the Datasets page names; why not, where it cannot be."""
        page = self.page
        try:
            page.scenes.library.allow(place_of(source)[0], here)
            scene, frame = page.scenes.at(source, camera)
            model = choices.default_model()
            told = present.status("good", f"{scene.name}, episode {scene.number}, frame {frame}.", "Press Imagine.")
            updates = self._scene(scene, frame, model, choices.capabilities(model).modes[0])
            return {**updates, page.instruction: scene.instruction, page.status: told}
        except Exception as error:
            return {page.status: handlers.refused(error)["status"]}

    def asked(self, run_id: str | None, here: bool) -> Updates:
        """The form as it was when a kept run was asked for, so that Imagine asks the same again."""
        page = self.page
        try:
            run = page.shelf.load(run_id) if run_id else None
            if run is None:
                return {}
            scene, frame = page.scenes.of(run, page.shelf.folder(run.id), here)
            model, mode = choices.read_model(run.model), run.mode
        except WamvizError:  # a model or an episode that is not here any more; the stage shows the run all the same
            return {}
        updates = {
            **self._scene(scene, frame, model, mode),
            **self.model(scene, frame, model, mode),
            page.instruction: run.instruction,
            page.model: gr.update(choices=choices.menu(), value=model),
            page.seed: run.seed,
        }
        asked = {page.samples: run.samples, page.steps: run.steps, page.horizon: run.horizon}
        for slider, value in {**asked, page.guidance: run.guidance}.items():
            if value is not None:
                updates[slider] = {**updates[slider], "value": value}
        return updates
