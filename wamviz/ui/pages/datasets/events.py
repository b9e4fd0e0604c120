"""What the Datasets page's controls do: every event connected to its handler, and parts to components.

Contract: events only; each handler is a few lines around ``library`` and ``browsing``, and private to the page.
Whatever is refused becomes a sentence in the status, and everything else, what was typed above all, stays. The hub is
asked only after a name was typed or an episode of an open one was chosen; what comes in is told and can be stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import gradio as gr

from wamviz.ui import run_actions, run_view
from wamviz.ui.events import AT_ONCE, LATEST, PRIVATE, SCHEME, Updates, picked_in, player_number
from wamviz.ui.jobs import Jobs
from wamviz.ui.library import HUB, SHIPPED, Library, Opened, is_here, place_of, typed_path
from wamviz.ui.pages.datasets import action_space_form as correction
from wamviz.ui.pages.datasets import upload_form as uploading
from wamviz.ui.pages.datasets import view as browsing
from wamviz.ui.pages.datasets.download_task import watch_download
from wamviz.ui.pages.datasets.layout import DatasetsPage
from wamviz.ui.pages.datasets.view import Parts

PICKED = picked_in("wz-episodes")
FRAME = player_number("frame")
PLACE = "() => { window.wamviz.place(); }"
SCHEME_AND_REST = "(_, ...rest) => [window.wamviz.scheme(), ...rest]"
AFTER_STAGE = "async (_, ...rest) => { await window.wamviz.settled(); return [window.wamviz.scheme(), ...rest]; }"
SHOW = "() => { window.wamviz.place(); window.wamviz.show(); }"
NAMED = "place index page about query listing pages previous next stage start camera meaning facts status plot shipped "
NAMED += "correct kind names units hz gripper closed offset parts part earlier later"
PART = "stage start meaning facts status offset parts part earlier later"


class DatasetsEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        library: the datasets that are open.
        demo: the Blocks that it lies in.
    """

    def __init__(self, page: DatasetsPage, library: Library, demo: gr.Blocks) -> None:
        self.page, self.library, self.jobs = page, library, Jobs()
        self.named = {name: getattr(page, name) for name in NAMED.split()}
        whole = [page.theme, *self.named.values()]
        chosen = [page.index, page.camera, page.plot, *(self.named[name] for name in PART.split())]
        drawn = [page.theme, page.plot]
        rows = [page.listing, page.pages, page.page, page.previous, page.next, page.status]

        opened = demo.load(self.begin, page.theme, whole, js=SCHEME, **AT_ONCE)
        # Plotly is megabytes of script: it comes after the stage can be played.
        shown = [page.theme, page.place, page.index, page.offset]
        opened.then(self.draw, shown, drawn, js=AFTER_STAGE, **AT_ONCE)
        page.recolour.click(self.draw, shown, drawn, js=SCHEME_AND_REST, **AT_ONCE)
        for trigger in (page.open.click, page.path.submit):
            self._opens(trigger, self.typed, [page.path, page.theme], [*whole, page.stop], PRIVATE)
        page.stop.click(self.cancel, None, None, **AT_ONCE)
        page.files.change(
            uploading.described, [page.files], [page.table, page.acting, page.seeing, page.sort], **AT_ONCE
        )
        upload_inputs = [page.files, page.rate, page.told, page.theme, page.acting, page.seeing, page.sort]
        self._opens(page.upload.click, self.uploaded, upload_inputs, whole)
        self._opens(page.shipped.click, self.back, [page.theme], whole)
        correction_fields = [page.kind, page.names, page.units, page.hz, page.gripper, page.closed]
        page.apply.click(
            self.apply, [page.place, page.index, page.theme, *correction_fields], [*whole, page.applied], **AT_ONCE
        )
        page.query.change(self.search, [page.place, page.query], rows, **LATEST)
        page.previous.click(self.turned(-1), [page.place, page.query, page.page], rows, **AT_ONCE)
        page.next.click(self.turned(1), [page.place, page.query, page.page], rows, **AT_ONCE)
        picked = page.listing.pick(
            self.pick, [page.picked, page.place, page.camera, page.theme], chosen, js=PICKED, **LATEST
        )
        upload_inputs = [page.picked, page.place, page.camera, page.query, page.page, page.theme]
        brought = picked.then(self.bring, upload_inputs, [*whole, page.stop], js=PICKED, **PRIVATE)
        brought.then(None, js=SHOW, **PRIVATE)
        looked = [page.picked, page.place, page.index, page.camera, page.offset]
        seen = page.camera.input(self.look, looked, chosen, js=FRAME, **LATEST)
        seen.then(None, js=PLACE, **PRIVATE)
        part = [page.place, page.index, page.camera, page.offset, page.theme]
        for button, by in ((page.earlier, -1), (page.later, 1)):
            button.click(partial(self.part, by), part, chosen, **AT_ONCE).then(None, js=PLACE, **PRIVATE)

    def _opens(self, trigger: Any, handler: Any, inputs: list[Any], outputs: list[Any], how: Any = AT_ONCE) -> None:
        """Say that it is being opened, open it, and remember it in the page's address."""
        begun = trigger(lambda: browsing.busy("Opening"), None, [self.page.status], **AT_ONCE)
        begun.then(handler, inputs, outputs, **how).then(None, js=PLACE, **PRIVATE)

    # --- opening ----------------------------------------------------------------------------------------------------

    def begin(self, theme: str, request: gr.Request) -> Updates:
        """The page opens: on the episode that its address names, else on the shipped ones."""
        query = request.query_params
        if "open" not in query:
            return {self.page.theme: theme, **self._shown(self._shipped)}
        here = is_here(request.headers)
        updates = self._shown(lambda: self._linked(query["open"], query.get("camera", ""), here))
        if self.page.place not in updates:  # what was asked for is not to be had: the reason, above the shipped ones
            updates = {**self._shown(self._shipped), **updates}
        return {self.page.theme: theme, **updates}

    def typed(self, text: str, theme: str, request: gr.Request) -> Iterator[Updates]:
        """A path or a name of the hub was typed."""
        if not (text or "").strip().startswith(HUB):
            yield self.folder(text, theme, request)
            return
        here = is_here(request.headers)

        def work(progress: Any) -> Opened:
            self.library.allow(HUB, here)
            name, _, place = text.strip().partition("#")
            index = place_of(f"hub#{place}")[1] if place else None
            return self.library.hub(name, index, progress)

        def parts(opened: Opened) -> Parts:
            _, _, place = text.strip().partition("#")
            _, index, frame = place_of(f"hub#{place}") if place else ("", None, 0)
            return browsing.dataset_parts(opened, index, frame=frame)

        yield from self._fetched(work, parts, theme, request)

    def bring(
        self, picked: str, place: str, camera: str | None, query: str, page: int, theme: str, request: gr.Request
    ) -> Iterator[Updates]:
        """An episode of the hub was picked whose files are not here yet."""
        try:
            index = int(picked) if picked.isdecimal() else -1
            lacking = self.library.lacks(place, index)
        except Exception as error:
            yield self._refused(error)
            return
        if not lacking:
            yield {self.page.stop: gr.skip()}
            return
        here = is_here(request.headers)

        def work(progress: Any) -> Opened:
            self.library.allow(place, here)
            return self.library.bring(place, index, progress)

        def parts(opened: Opened) -> Parts:
            shown = {**browsing.list_parts(opened, query, page), **browsing.episode_parts(opened, index, camera or "")}
            return {**shown, "place": place}

        yield from self._fetched(work, parts, theme, request)

    def _fetched(
        self, work: Callable[[Any], Opened], parts: Callable[[Opened], Parts], theme: str, request: gr.Request
    ) -> Iterator[Updates]:
        """Tell what comes in, with a way to stop it, and show what came."""
        page, visitor = self.page, str(request.session_hash or "")
        switch = self.jobs.begin(visitor)
        yield {page.stop: gr.update(visible=True), page.status: browsing.busy("Asking the hub")}
        try:
            for event in watch_download(work, switch):
                if isinstance(event, Opened):
                    yield {**self._shown(partial(parts, event), theme), page.stop: gr.update(visible=False)}
                else:
                    yield {page.status: event}
        except Exception as error:
            yield {**self._refused(error), page.stop: gr.update(visible=False)}
        finally:
            switch.turn_off()  # a visitor who left waits for nothing any more
            self.jobs.end(visitor, switch)

    def cancel(self, request: gr.Request) -> None:
        """Turn the switch off; the download itself says that it stops, and that it has."""
        self.jobs.cancel(str(request.session_hash or ""))

    def folder(self, path: str, theme: str, request: gr.Request) -> Updates:
        """A path was typed."""
        here = is_here(request.headers)
        return self._shown(lambda: browsing.dataset_parts(self._folder(path, here)), theme)

    def _folder(self, path: str, here: bool) -> Opened:
        self.library.allow(str(typed_path(path)), here)
        return self.library.folder(path)

    def uploaded(
        self, files: list[str] | None, rate: Any, instruction: str, theme: str, acting: list[str] | None = None,
        seeing: list[str] | None = None, kind: str = "",
    ) -> Updates:  # fmt: skip
        """Files were uploaded."""
        read = float(rate) if rate else None  # an emptied field may come as 0, which is no rate either
        columns = {"actions": acting or [], "states": seeing or []}

        def make_parts() -> Parts:
            opened = self.library.upload(
                files or [], rate=read, instruction=instruction or "", columns=columns, kind=kind or ""
            )
            return browsing.dataset_parts(opened)

        return self._shown(make_parts, theme)

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
            changed = correction.changes(space, kind, names, units, rate, gripper, closed)
            layout = self.library.correct(place, changed).dataset.override
        except Exception as error:
            return {self.page.applied: run_actions.refused(error)["status"]}
        shown = self._shown(lambda: browsing.dataset_parts(self.library.at(place), index), theme)
        keep = f"To keep it, write {correction.sidecar(layout)} into wamviz.json in the dataset's folder."
        status = run_view.status("good", "Applied.", f"It holds while the page is served. {keep}")
        return {**shown, self.page.applied: status}

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
        """An episode was picked; the view stays the same where it has it. One of the hub may have to come first."""

        def make_parts() -> Parts:
            if self.library.lacks(place, int(picked)):
                return {"status": browsing.busy(f"Fetching episode {int(picked)}")}
            return browsing.episode_parts(self.library.at(place), int(picked), camera or "")

        return self._shown(make_parts, theme, place)

    def part(self, by: int, place: str, index: int | None, camera: str | None, offset: int, theme: str) -> Updates:
        """The part of a long episode before or after the one that is shown."""
        return self._shown(
            lambda: browsing.turned(self.library.at(place), index or 0, camera or "", offset, by), theme, place
        )

    def look(self, frame: str, place: str, index: int | None, camera: str | None, offset: int = 0) -> Updates:
        """Another view of the same episode, at the same frame."""
        at = offset + (int(frame) if frame.isdecimal() and len(frame) < 10 else 0)
        return self._shown(lambda: browsing.episode_parts(self.library.at(place), index or 0, camera or "", at))

    def draw(self, theme: str, place: str, index: int | None, offset: int = 0) -> Updates:
        """The plot, in the visitor's colours."""
        page = self.page
        try:
            opened = None if index is None else self.library.at(place)
            figure = None if opened is None else browsing.plot_parts(opened, index or 0, theme, offset)["plot"]
        except Exception as error:  # its sentence stands in the status since the episode was picked
            run_actions.refused(error)
            figure = None
        return {page.theme: theme, page.plot: figure}

    # --- parts to components ----------------------------------------------------------------------------------------

    def _shown(self, make: Callable[[], Parts], theme: str | None = None, place: str | None = None) -> Updates:
        """What ``make`` returns as updates, with the plot where ``theme`` is given; a sentence when it refuses."""
        try:
            parts = make()
            where = parts.get("place", place)
            if theme is not None and parts.get("index") is not None and where:
                parts |= browsing.plot_parts(self.library.at(where), parts["index"], theme, parts.get("offset", 0))
            if "place" in parts:
                parts.setdefault("status", [])
                parts["shipped"] = gr.update(visible=parts["place"] != SHIPPED)
                parts["correct"] = gr.update(visible=parts["place"] != SHIPPED and parts.get("index") is not None)
            return {self.named[name]: value for name, value in parts.items()}
        except Exception as error:
            return self._refused(error)

    def _refused(self, error: BaseException) -> Updates:
        return {self.page.status: run_actions.refused(error)["status"]}
