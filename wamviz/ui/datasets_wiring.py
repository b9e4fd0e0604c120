"""What the Datasets page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler is a few lines around ``library`` and ``browsing``, and private to the page.
Whatever is refused becomes a sentence in the status, and everything else, what was typed above all, stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from wamviz.ui import browsing, correction, handlers, present
from wamviz.ui.browsing import Parts
from wamviz.ui.datasets_page import DatasetsPage
from wamviz.ui.library import SHIPPED, Library, Opened, is_here, place_of, typed_path
from wamviz.ui.wiring import AT_ONCE, LATEST, PRIVATE, SCHEME

PICKED = "(_, ...rest) => [document.querySelector('#wz-episodes .wz-markup').dataset.picked, ...rest]"
FRAME = "(_, ...rest) => [String(document.querySelector('#wz-stage .wv-stage').wamvizPlayer.frame), ...rest]"
PLACE = "() => { window.wamviz.place(); }"
SCHEME_AND_REST = "(_, ...rest) => [window.wamviz.scheme(), ...rest]"
AFTER_STAGE = "async (_, ...rest) => { await window.wamviz.settled(); return [window.wamviz.scheme(), ...rest]; }"
SHOW = "() => { window.wamviz.place(); window.wamviz.show(); }"
NAMED = "place index page about query listing pages previous next stage start camera meaning facts status plot shipped "
NAMED += "correct kind names units hz gripper closed"
Updates = dict[Any, Any]


class DatasetsWiring:
    """Connects the page's components.

    Args:
        page: the built page.
        library: the datasets that are open.
        demo: the Blocks that it lies in.
    """

    def __init__(self, page: DatasetsPage, library: Library, demo: gr.Blocks) -> None:
        self.page, self.library = page, library
        self.named = {name: getattr(page, name) for name in NAMED.split()}
        whole = [page.theme, *self.named.values()]
        chosen = [page.index, page.camera, page.stage, page.start, page.meaning, page.facts, page.status, page.plot]
        drawn = [page.theme, page.plot]
        rows = [page.listing, page.pages, page.page, page.previous, page.next, page.status]

        opened = demo.load(self.begin, page.theme, whole, js=SCHEME, **AT_ONCE)
        # Plotly is megabytes of script: it comes after the stage can be played.
        opened.then(self.draw, [page.theme, page.place, page.index], drawn, js=AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, [page.theme, page.place, page.index], drawn, js=SCHEME_AND_REST, **AT_ONCE)
        for trigger in (page.open.click, page.path.submit):
            self._opens(trigger, self.folder, [page.path, page.theme], whole)
        self._opens(page.upload.click, self.uploaded, [page.files, page.rate, page.told, page.theme], whole)
        self._opens(page.shipped.click, self.back, [page.theme], whole)
        told = [page.kind, page.names, page.units, page.hz, page.gripper, page.closed]
        page.apply.click(self.apply, [page.place, page.index, page.theme, *told], [*whole, page.applied], **AT_ONCE)
        page.query.change(self.search, [page.place, page.query], rows, **LATEST)
        page.previous.click(self.turned(-1), [page.place, page.query, page.page], rows, **AT_ONCE)
        page.next.click(self.turned(1), [page.place, page.query, page.page], rows, **AT_ONCE)
        picked = page.listing.pick(
            self.pick, [page.picked, page.place, page.camera, page.theme], chosen, js=PICKED, **LATEST
        )
        picked.then(None, js=SHOW, **PRIVATE)
        looked = [page.picked, page.place, page.index, page.camera]
        seen = page.camera.input(self.look, looked, chosen, js=FRAME, **LATEST)
        seen.then(None, js=PLACE, **PRIVATE)

    def _opens(self, trigger: Any, handler: Any, inputs: list[Any], outputs: list[Any]) -> None:
        """Say that it is being opened, open it, and remember it in the page's address."""
        begun = trigger(lambda: browsing.busy("Opening"), None, [self.page.status], **AT_ONCE)
        begun.then(handler, inputs, outputs, **AT_ONCE).then(None, js=PLACE, **PRIVATE)

    # --- opening ----------------------------------------------------------------------------------------------------

    def begin(self, theme: str, request: gr.Request) -> Updates:
        """The page opens: on the episode that its address names, else on the shipped ones."""
        asked = request.query_params
        if "open" not in asked:
            return {self.page.theme: theme, **self._shown(self._shipped)}
        here = is_here(request.headers)
        updates = self._shown(lambda: self._linked(asked["open"], asked.get("camera", ""), here))
        if self.page.place not in updates:  # what was asked for is not to be had: the reason, above the shipped ones
            updates = {**self._shown(self._shipped), **updates}
        return {self.page.theme: theme, **updates}

    def folder(self, path: str, theme: str, request: gr.Request) -> Updates:
        """A path was typed."""
        here = is_here(request.headers)
        return self._shown(lambda: browsing.dataset_parts(self._folder(path, here)), theme)

    def _folder(self, path: str, here: bool) -> Opened:
        self.library.allow(str(typed_path(path)), here)
        return self.library.folder(path)

    def uploaded(self, files: list[str] | None, rate: Any, told: str, theme: str) -> Updates:
        """Files were uploaded."""
        read = float(rate) if rate else None  # an emptied field may come as 0, which is no rate either
        return self._shown(
            lambda: browsing.dataset_parts(self.library.upload(files or [], rate=read, instruction=told or "")), theme
        )

    def back(self, theme: str) -> Updates:
        """The shipped episodes again."""
        return self._shown(self._shipped, theme)

    def _shipped(self) -> Parts:
        return browsing.dataset_parts(self.library.at(SHIPPED))

    def _linked(self, source: str, camera: str, here: bool) -> Parts:
        place, index, frame = place_of(source)
        self.library.allow(place, here)
        return browsing.dataset_parts(self.library.at(place), index, camera, frame)

    def apply(
        self, place: str, index: int | None, theme: str, kind: str, names: str, units: str, rate: Any, gripper: str,
        closed: Any,
    ) -> Updates:  # fmt: skip
        """What the numbers mean was corrected."""
        try:
            space = self.library.at(place).dataset.episode(index or 0).action_space
            told = correction.changes(space, kind, names, units, rate, gripper, closed)
            layout = self.library.correct(place, told).dataset.told
        except Exception as error:
            return {self.page.applied: handlers.refused(error)["status"]}
        shown = self._shown(lambda: browsing.dataset_parts(self.library.at(place), index), theme)
        keep = f"To keep it, write {correction.sidecar(layout)} into wamviz.json in the dataset's folder."
        said = present.status("good", "Applied.", f"It holds while the page is served. {keep}")
        return {**shown, self.page.applied: said}

    # --- looking ----------------------------------------------------------------------------------------------------

    def search(self, place: str, query: str) -> Updates:
        """Other words in the search field: its first page."""
        return self._shown(lambda: browsing.list_parts(self.library.at(place), query))

    def turned(self, by: int) -> Callable[[str, str, int], Updates]:
        """The next page of the list, or the one before."""

        def turn(place: str, query: str, page: int) -> Updates:
            return self._shown(lambda: browsing.list_parts(self.library.at(place), query, page + by))

        return turn

    def pick(self, picked: str, place: str, camera: str | None, theme: str) -> Updates:
        """An episode was picked; the view stays the same where it has it."""
        return self._shown(
            lambda: browsing.episode_parts(self.library.at(place), int(picked), camera or ""), theme, place
        )

    def look(self, frame: str, place: str, index: int | None, camera: str | None) -> Updates:
        """Another view of the same episode, at the same frame."""
        at = int(frame) if frame.isdecimal() and len(frame) < 10 else 0
        return self._shown(lambda: browsing.episode_parts(self.library.at(place), index or 0, camera or "", at))

    def draw(self, theme: str, place: str, index: int | None) -> Updates:
        """The plot, in the visitor's colours."""
        page = self.page
        try:
            figure = None if index is None else browsing.plot_parts(self.library.at(place), index, theme)["plot"]
        except Exception as error:  # its sentence stands in the status since the episode was picked
            handlers.refused(error)
            figure = None
        return {page.theme: theme, page.plot: figure}

    # --- parts to components ----------------------------------------------------------------------------------------

    def _shown(self, make: Callable[[], Parts], theme: str | None = None, place: str | None = None) -> Updates:
        """What ``make`` returns as updates, with the plot where ``theme`` is given; a sentence when it refuses."""
        try:
            parts = make()
            where = parts.get("place", place)
            if theme is not None and parts.get("index") is not None and where:
                parts |= browsing.plot_parts(self.library.at(where), parts["index"], theme)
            if "place" in parts:
                parts.setdefault("status", [])
                parts["shipped"] = gr.update(visible=parts["place"] != SHIPPED)
                parts["correct"] = gr.update(visible=parts["place"] != SHIPPED and parts.get("index") is not None)
            return {self.named[name]: value for name, value in parts.items()}
        except Exception as error:
            return self._refused(error)

    def _refused(self, error: BaseException) -> Updates:
        return {self.page.status: handlers.refused(error)["status"]}
