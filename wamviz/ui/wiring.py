"""What the main page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler here is a few lines around a pure function. All of them are private to the
page (the public endpoints are in ``api``). A handler's dict of named parts becomes updates in ``_updates``, the
one place that knows which component a name means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from wamviz.core.errors import WamvizError
from wamviz.models import registry
from wamviz.ui import choices, form, handlers, jobs, present
from wamviz.ui.imagine_page import ImaginePage
from wamviz.ui.jobs import Jobs, Switch
from wamviz.ui.library import is_here, place_of
from wamviz.ui.scenes import Scene

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
# Only what samples or simulates goes through the queue: its event stream is opened and closed by the browser, and
# Gradio 6.31 can lose the answer to an event that is sent just as the stream of the one before closes.
AT_ONCE: dict[str, Any] = {**PRIVATE, "queue": False}
# Of quick clicks, the last one counts. Only inputs may be read then, not the event: when Gradio 6.31 comes back to a
# click that had to wait, it gathers the inputs anew but sends the event of the click before.
LATEST: dict[str, Any] = {**AT_ONCE, "trigger_mode": "always_last"}
PICKED = "(_, ...rest) => [document.querySelector('#wz-cards .wz-markup').dataset.picked, ...rest]"
SAMPLE = "(_, ...rest) => [String(document.querySelector('#wz-stage .wv-stage').wamvizPlayer.sample), ...rest]"
EXAMPLE = "(_, ...rest) => [document.querySelector('#wz-examples .wz-markup').dataset.picked, ...rest]"
SAID = "() => document.querySelector('#wz-chips .wz-markup').dataset.picked"
ON_MODEL: dict[str, Any] = {**PRIVATE, **jobs.ON_MODEL}
ON_PHYSICS: dict[str, Any] = {**PRIVATE, "concurrency_id": "physics", "concurrency_limit": 1}
NEW_SEED = "() => Math.floor(Math.random() * 2147483647)"
SCHEME = "() => window.wamviz.scheme()"
SCHEME_AND_REST = "(_, run) => [window.wamviz.scheme(), run]"
SCHEME_AFTER_STAGE = "async (_, run) => { await window.wamviz.settled(); return [window.wamviz.scheme(), run]; }"
Updates = dict[Any, Any]


def frame_slider(scene: Scene, frame: int) -> Any:
    """The slider over the frames of a scene, hidden where there is one alone."""
    if scene.frames > 1:
        return gr.update(maximum=scene.frames - 1, value=frame, visible=True)
    # Hidden, it keeps its maximum: the browser goes on sending the number that it last showed.
    return gr.update(value=frame, visible=False)


class Wiring:
    """Connects one page's components.

    Args:
        page: the built page.
        demo: the Blocks that it lies in, for opening and closing.
    """

    def __init__(self, page: ImaginePage, demo: gr.Blocks) -> None:
        self.page, self.jobs = page, Jobs()
        self.named: dict[str, Any] = {
            "run": page.run,
            "stage": page.stage,
            "metrics": page.metrics,
            "action_plot": page.action_plot,
            "metric_plot": page.metric_plot,
            "path_plot": page.path_plot,
            "told": page.told,
            "table": page.table,
            "facts": page.facts,
            "downloads": page.downloads,
            "verdict": page.verdict,
            "status": page.status,
            "imagine": page.imagine,
            "cancel": page.cancel,
            "act_why": page.act_why,
            "explain": page.explain,
        }
        self.everything = list(self.named.values())
        self._context_events()
        self._setting_events()
        self._run_events()
        asked = [page.scene, page.image, page.frame, page.caption, page.instruction, page.chips, page.given_words]
        asked += [page.model, page.mode, page.model_words, page.mode_words, page.given_panel, page.samples, page.steps]
        restored = [page.theme, *self.everything, *asked, page.seed, page.horizon, page.guidance]
        chosen = page.examples.pick(self.example, [page.picked, page.theme], restored, js=EXAMPLE, **LATEST)
        chosen.then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        opened = demo.load(self.open, page.theme, restored, js=SCHEME, **AT_ONCE)
        # Plotly is megabytes of script: it comes after the stage can be played.
        drawn = [page.theme, page.action_plot, page.metric_plot, page.path_plot]
        opened.then(self.draw, [page.theme, page.run], drawn, js=SCHEME_AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, [page.theme, page.run], drawn, js=SCHEME_AND_REST, **AT_ONCE)
        demo.unload(self.leave)

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

    def _run_events(self) -> None:
        page = self.page
        wish = [page.scene, page.frame, page.instruction, page.model, page.mode, page.seed, page.samples, page.steps]
        buttons = [page.imagine, page.cancel, page.status]
        page.instruction.submit(None, js="() => { document.getElementById('wz-imagine').click(); }", **PRIVATE)
        begun = page.imagine.click(self.begin, None, buttons, **AT_ONCE)
        begun.then(None, js="() => { window.wamviz.show(); }", **PRIVATE)
        done = begun.then(
            self.run,
            [*wish, page.given, page.horizon, page.guidance, page.run, page.theme],
            self.everything,
            **ON_MODEL,
        )
        done.then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        acting = page.act.click(self.begin, None, buttons, **AT_ONCE)
        acting.then(self.act, [page.run, page.theme], self.everything, **ON_PHYSICS)
        reading = page.explain.click(self.begin, None, buttons, **AT_ONCE)
        asked = [page.picked, page.run, page.model, page.theme]
        read = reading.then(self.explain, asked, self.everything, js=SAMPLE, **ON_MODEL)
        read.then(None, js="() => { window.wamviz.remember(); }", **PRIVATE)
        page.cancel.click(self.cancel, None, [page.status], **AT_ONCE)
        page.share.click(None, None, [page.status], js="async () => await window.wamviz.share()", **PRIVATE)

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
            page.given_panel: gr.update(visible=mode in choices.GIVEN),
            page.given_words: self._given(scene, int(frame or 0), model, mode),
        }

    def _given(self, scene: Scene, frame: int, model: str, mode: str) -> list[Any]:
        model, mode = choices.readable(model, mode)
        if mode not in choices.GIVEN:
            return []
        try:
            reference = self.page.scenes.context(scene, frame).reference
        except WamvizError:
            reference = None
        return form.sentences([choices.given_words(model, mode, reference)])

    # --- running ----------------------------------------------------------------------------------------------------

    def begin(self, request: gr.Request) -> Updates:
        """At once, before the queue: the button is taken, and Cancel works while others are served."""
        self.jobs.begin(visitor(request))
        page = self.page
        waiting = present.status("busy", "Waiting for the model …", done=0.0)
        return {
            page.imagine: gr.update(interactive=False),
            page.cancel: gr.update(interactive=True),
            page.status: waiting,
        }

    def run(
        self,
        scene: Scene,
        frame: Any,
        told: str,
        model: str,
        mode: str,
        seed: Any,
        samples: Any,
        steps: Any,
        given: str | None,
        horizon: Any,
        guidance: Any,
        held: str | None,
        theme: str,
        request: gr.Request,
    ) -> Iterator[Updates]:
        """Imagine, step by step."""
        wish = handlers.Wish(scene, frame, told, model, mode, seed, samples, steps, given, horizon, guidance)
        yield from self._running(
            lambda switch: handlers.imagine(wish, self.page.scenes, self.page.shelf, switch, held, theme), request
        )

    def act(self, run_id: str | None, theme: str, request: gr.Request) -> Iterator[Updates]:
        """Act the imagined actions out, action by action."""
        yield from self._running(lambda switch: handlers.act_out(run_id, self.page.shelf, switch, theme), request)

    def explain(
        self, sample: str, run_id: str | None, model: str, theme: str, request: gr.Request
    ) -> Iterator[Updates]:
        """Read the actions out of the imagined video, of the sample that is shown."""
        reader, _ = choices.readable(model, None)
        yield from self._running(
            lambda switch: handlers.explain(run_id, sample, reader, self.page.shelf, switch, theme), request
        )

    def _running(self, start: Callable[[Switch], Iterator[handlers.Parts]], request: gr.Request) -> Iterator[Updates]:
        who = visitor(request)
        switch = self.jobs.current(who)
        try:
            for parts in start(switch):
                yield self._updates(parts)
        finally:
            self.jobs.end(who, switch)

    def cancel(self, request: gr.Request) -> Any:
        """Turn the switch off; the generator itself has the last word."""
        stopping = self.jobs.cancel(visitor(request))
        return present.status("busy", "Stopping after this step …") if stopping else gr.skip()

    # --- opening and closing ----------------------------------------------------------------------------------------

    def open(self, theme: str, request: gr.Request) -> Updates:
        """The page opens: with a permalink, on that run."""
        asked, page = request.query_params, self.page
        parts: handlers.Parts = {}
        form: Updates = {}
        if "run" in asked:
            parts = handlers.reopen(page.shelf, asked["run"], asked.get("frame"), asked.get("view"), theme)
            parts = {name: value for name, value in parts.items() if not name.endswith("_plot")}  # they follow
            form = self._asked(parts.get("run"), is_here(request.headers))
        elif "context" in asked:
            form = self._linked(asked["context"], asked.get("camera", ""), is_here(request.headers))
        return {page.theme: theme, **self._updates(parts), **self._menu(), **form}

    def example(self, run_id: str, theme: str, request: gr.Request) -> Updates:
        """One of the shipped examples onto the stage, playing, and its question into the form."""
        page = self.page
        try:
            run = page.shelf.load(run_id)
            told = present.status("idle", "An example, imagined earlier.", "Press Imagine to make one now.")
            parts = {**handlers.run_parts(run, page.shelf, theme, autoplay=True), "status": told}
            return {page.theme: theme, **self._updates(parts), **self._asked(run.id, is_here(request.headers))}
        except Exception as error:
            return {page.status: handlers.refused(error)["status"]}

    def _menu(self) -> Updates:
        """The menu of models with what was connected since the page was built, be it here or by the command line."""
        registry.refresh()
        return {self.page.model: gr.update(choices=choices.menu())}

    def _linked(self, source: str, camera: str, here: bool) -> Updates:
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

    def _asked(self, run_id: str | None, here: bool) -> Updates:
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

    def draw(self, theme: str, run_id: str | None) -> Updates:
        """The plots, in the visitor's colours."""
        return {self.page.theme: theme, **self._updates(handlers.recolour(run_id, self.page.shelf, theme))}

    def leave(self, request: gr.Request) -> None:
        """Nobody watches any more: stop sampling."""
        self.jobs.cancel(visitor(request))

    def _updates(self, parts: handlers.Parts) -> Updates:
        """Named parts to components."""
        updates: Updates = {self.named[name]: value for name, value in parts.items() if name in self.named}
        if "running" in parts:
            updates[self.page.imagine] = gr.update(interactive=not parts["running"])
            updates[self.page.cancel] = gr.update(interactive=parts["running"])
        if "explain" in parts:
            updates[self.page.explain] = gr.update(visible=parts["explain"])
        if "act" in parts:
            updates[self.page.act_why] = form.why(parts["act"])
        return updates


def visitor(request: gr.Request) -> str:
    """Which open page a request comes from."""
    return str(request.session_hash or "")
