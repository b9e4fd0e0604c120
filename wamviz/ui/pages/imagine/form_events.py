"""The form of the main page: the context that is asked about, and the model that is asked.

Contract: ``FormEvents`` connects the pickers, the picture, the slider, the model and the mode; ``linked`` and
``fill_from_run`` put a whole question into the form. It samples nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.models import registry
from wamviz.runs.conditioning import REQUIRED
from wamviz.ui import choices, question_view, run_actions, run_view
from wamviz.ui.events import AT_ONCE, LATEST, NEW_SEED, PICKED, PRIVATE, SAID, Updates, visitor
from wamviz.ui.library import place_of
from wamviz.ui.offers import BEGUN, Newest, skip
from wamviz.ui.pages.imagine import view
from wamviz.ui.pages.imagine.layout import ImaginePage
from wamviz.ui.run_repository import TASKS
from wamviz.ui.scenes import Scene


class FormEvents:
    """Connects the form's components.

    Args:
        page: the built page.
    """

    def __init__(self, page: ImaginePage) -> None:
        self.page, self.newest = page, Newest()
        self._context_events()
        self._setting_events()

    def _context_events(self) -> None:
        page = self.page
        inputs = [page.scene, page.frame, page.instruction, page.model, page.mode]
        self.context = [
            page.scene,
            page.image,
            page.frame,
            page.caption,
            page.chips,
            page.given_words,
            page.status,
            page.offers.offer,
        ]
        page.offers.guard(
            page.cards.pick(self.pick, [page.picked, *inputs], self.context, js=PICKED, **LATEST),
            page.world.click(self.lay, [page.world_seed, *inputs], self.context, js=BEGUN, **AT_ONCE),
            page.image.input(self.add, [page.image, *inputs], self.context, js=BEGUN, **LATEST),
            page.image.clear(self.clear, inputs, self.context, js=BEGUN, **AT_ONCE),
        )
        moved = [page.image, page.caption, page.given_words]
        page.frame.input(self.scrub, inputs, moved, **LATEST)
        page.chips.pick(None, None, [page.instruction], js=SAID, **PRIVATE)

    def _setting_events(self) -> None:
        page = self.page
        inputs = [page.scene, page.frame, page.model, page.mode]
        mode = [page.mode_words, page.given_panel, page.given_words]
        model = [page.mode, page.model_words, page.samples, page.horizon, page.suggested, page.steps, page.guidance]
        model += [page.chips, *mode]
        chosen = page.model.input(self.model, inputs, [*model, page.offers.offer], js=BEGUN, **LATEST)
        page.offers.guard(chosen)
        page.mode.input(self.mode, inputs, mode, **LATEST)
        question = [page.scene, page.instruction, page.model, page.horizon, page.suggested]
        length = [page.horizon, page.suggested, page.horizon_words, page.fold]
        for control in (page.instruction, page.horizon):
            control.change(self.horizon, question, length, **LATEST)
        chosen.then(self.horizon, question, length, **LATEST)
        page.dice.click(None, None, [page.seed], js=NEW_SEED, **PRIVATE)

    # --- the context ------------------------------------------------------------------------------------------------

    def pick(
        self, picked: str, scene: Scene, frame: Any, instruction: str, model: str, mode: str, request: gr.Request
    ) -> Updates:
        """An episode was picked."""
        return self._context(lambda: self.page.scenes.episode(int(picked)), scene, instruction, model, mode, request)

    def lay(
        self, seed: Any, scene: Scene, frame: Any, instruction: str, model: str, mode: str, request: gr.Request
    ) -> Updates:
        """A fresh tabletop scene was asked for."""
        return self._context(lambda: self.page.scenes.world(seed), scene, instruction, model, mode, request)

    def add(
        self, added: Any, scene: Scene, frame: Any, instruction: str, model: str, mode: str, request: gr.Request
    ) -> Updates:
        """A picture was uploaded, dropped, pasted or taken."""
        if added is None:
            return skip(self.context)
        return self._context(lambda: self.page.scenes.picture(*added), scene, instruction, model, mode, request, frame)

    def clear(self, scene: Scene, frame: Any, instruction: str, model: str, mode: str, request: gr.Request) -> Updates:
        """The context was taken away; the instruction stays."""
        return self._context(Scene, scene, instruction, model, mode, request)

    def _context(
        self, make: Any, before: Scene, instruction: str, model: str, mode: str, request: gr.Request, frame: Any = 0
    ) -> Updates:
        """Show the scene that ``make`` returns; when it refuses, put the earlier picture back and say why."""
        page, who = self.page, visitor(request)
        begun = self.newest.begin(who)
        try:
            scene = make()
            # Words that the visitor wrote stay; words that came with the last scene make room for this one's.
            keep = instruction.strip() and instruction.strip() != before.instruction
            words = instruction if keep or not scene.instruction else scene.instruction
            offered = page.offers.values({"instruction": instruction}, {"instruction": words})
            updates = {**self._scene(scene, 0, model, mode), **offered, page.status: []}
        except Exception as error:
            parts = run_actions.refused(error)
            picture = None if before.kind == "none" else page.scenes.frame(before, int(frame or 0))
            updates = {page.status: parts["status"], page.image: picture}
        return updates if self.newest.end(who, begun) else skip(self.context)

    def _scene(self, scene: Scene, frame: int, model: str, mode: str) -> Updates:
        page, scenes = self.page, self.page.scenes
        return {
            page.scene: scene,
            page.image: None if scene.kind == "none" else scenes.frame(scene, frame),
            page.frame: question_view.frame_slider(scene, frame),
            page.caption: question_view.caption(scenes, scene, frame, choices.readable(model, mode)[0]),
            page.chips: question_view.chips(scenes, scene, frame, choices.readable(model, mode)[0]),
            page.given_words: self._given(scene, frame, model, mode),
        }

    def scrub(self, scene: Scene, frame: Any, instruction: str, model: str, mode: str, request: gr.Request) -> Updates:
        """Another frame of the episode."""
        page, number, who = self.page, int(frame or 0), visitor(request)
        begun = self.newest.current(who)
        updates = {
            page.image: page.scenes.frame(scene, number),
            page.caption: question_view.caption(page.scenes, scene, number),
            page.given_words: self._given(scene, number, model, mode),
        }
        return updates if self.newest.current(who) is begun else skip(list(updates))

    # --- the settings -----------------------------------------------------------------------------------------------

    def model(self, scene: Scene, frame: Any, model: str, mode: str) -> Updates:
        """Another model: its modes, its limits, what it pays attention to."""
        page = self.page
        try:
            model = choices.read_model(model)
        except WamvizError as error:
            return {page.model_words: question_view.sentences([str(error)]), page.offers.offer: ""}
        kept = choices.readable(model, mode)[1]
        settings = view.first_settings(model)
        return {
            **self._model(scene, frame, model, kept, settings),
            **page.offers.values({"mode": mode}, {"mode": kept}),
        }

    def _model(self, scene: Scene, frame: Any, model: str, mode: str, settings: Mapping[str, float]) -> Updates:
        """What the fields allow and say for a model. Sliders get their values with their limits, in one update: Gradio
        refuses an event that brings a value beyond them."""
        page, caps = self.page, choices.capabilities(model)
        return {
            page.mode: gr.update(choices=choices.modes(model)),
            page.model_words: question_view.sentences(choices.model_words(model)),
            page.samples: gr.update(maximum=caps.max_samples, value=settings["samples"]),
            page.horizon: gr.update(
                maximum=max(2, caps.longest),
                value=settings["horizon"],
                label=choices.horizon_label(model),
                visible=caps.longest > 1,
            ),
            page.suggested: choices.first_horizon(model),
            page.steps: gr.update(
                maximum=max(2, caps.max_steps),
                value=settings["steps"],
                visible=caps.default_steps > 0,
                label=choices.steps_label(model),
            ),
            page.guidance: gr.update(
                maximum=max(1.0, caps.max_guidance), value=settings["guidance"], visible=caps.max_guidance > 1
            ),
            page.chips: question_view.chips(page.scenes, scene, int(frame or 0), model),
            **self.mode(scene, frame, model, mode),
        }

    def mode(self, scene: Scene, frame: Any, model: str, mode: str) -> Updates:
        """Another mode: what it means, and what it must be given."""
        page = self.page
        try:
            mode = choices.read_mode(mode)
        except WamvizError as error:
            return {page.mode_words: question_view.sentences([str(error)])}
        return {
            page.mode_words: question_view.sentences([choices.MODE_WORDS[mode]]),
            page.given_panel: gr.update(visible=mode in REQUIRED),
            page.given_words: self._given(scene, int(frame or 0), model, mode),
        }

    def horizon(self, scene: Scene, instruction: str, model: str, horizon: Any, suggested: Any) -> Updates:
        """Other words or another horizon: what the task needs. A horizon that nobody chose follows the words."""
        page = self.page
        model, _ = choices.readable(model, None)
        found = question_view.length_of(page.scenes, scene, instruction or "")
        seconds, kind = (None, "") if found is None else (found.seconds, TASKS.get(found.kind, found.kind))
        proposed, now = choices.suggested_horizon(model, seconds), int(horizon or 0)
        follows = now == suggested
        now = proposed if follows else now
        words = choices.horizon_words(model, now, kind, seconds)
        return {
            page.horizon: gr.update(value=proposed) if follows and now != int(horizon or 0) else gr.skip(),
            page.suggested: proposed if follows else suggested,
            page.horizon_words: question_view.sentences([words] if words else []),
            page.fold: gr.update(value=choices.settings_title(model, now, seconds)),
        }

    def _given(self, scene: Scene, frame: int, model: str, mode: str) -> list[Any]:
        model, mode = choices.readable(model, mode)
        if mode not in REQUIRED:
            return []
        try:
            reference = self.page.scenes.context(scene, frame).reference
        except WamvizError:
            reference = None
        words = question_view.sentences([choices.given_words(model, mode, reference)])
        return [*words, *view.file_format(model)] if REQUIRED[mode] == "actions" else words

    # --- a whole question -------------------------------------------------------------------------------------------

    def menu(self) -> Updates:
        """The menu of models with what was connected since the page was built, be it here or by the command line."""
        registry.refresh()
        return {self.page.model: gr.update(choices=choices.menu())}

    def linked(self, source: str, camera: str, here: bool, seen: Mapping[str, Any]) -> Updates:
        """The form on the frame of an episode that a link of the Datasets page names; why not, where it cannot be."""
        page = self.page
        try:
            page.scenes.library.allow(place_of(source)[0], here)
            scene, frame = page.scenes.at(source, camera)
            model = choices.default_model()
            status = run_view.status("good", f"{scene.name}, episode {scene.number}, frame {frame}.", "Press Imagine.")
            updates = self._scene(scene, frame, model, choices.capabilities(model).modes[0])
            return {**updates, **page.offers.values(seen, {"instruction": scene.instruction}), page.status: status}
        except Exception as error:
            return {page.status: run_actions.refused(error)["status"]}

    def fill_from_run(self, run_id: str | None, here: bool, seen: Mapping[str, Any]) -> Updates:
        """The form as it was when a kept run was asked for, so that Imagine asks the same again.

        Args:
            seen: the guarded fields when the visitor asked for it.
        """
        page = self.page
        try:
            run = page.repository.load(run_id) if run_id else None
            if run is None:
                return {}
            scene, frame = page.scenes.of(run, page.repository.folder(run.id), here)
            model, mode = choices.read_model(run.model), run.mode
        except WamvizError:  # a model or an episode that is not here any more; the stage shows the run all the same
            return {}
        given = {"samples": run.samples, "steps": run.steps, "horizon": run.horizon, "guidance": run.guidance}
        settings = view.first_settings(model) | {name: value for name, value in given.items() if value is not None}
        values = {"instruction": run.instruction, "model": model, "mode": mode, "seed": run.seed}
        return {
            **self._scene(scene, frame, model, mode),
            **self._model(scene, frame, model, mode, settings),
            page.model: gr.update(choices=choices.menu()),
            **page.offers.values(seen, values),
        }

    def returned(self, question: Mapping[str, Any], seen: Mapping[str, Any]) -> Updates:
        """The form as it was when a job that is under way was started."""
        page, values = self.page, dict(question["fields"])
        scene, frame = question["scene"], int(question["frame"] or 0)
        try:
            model, mode = choices.readable(values["model"], values["mode"])
            settings = {name: values.pop(name) for name in view.first_settings(model)}
            shown = {**self._scene(scene, frame, model, mode), **self._model(scene, frame, model, mode, settings)}
            return {**shown, page.model: gr.update(choices=choices.menu()), **page.offers.values(seen, values)}
        except WamvizError:  # its dataset was closed meanwhile; the stage shows the job all the same
            return page.offers.values(seen, {name: values[name] for name in page.offers.fields})
