"""What the Models page's controls do: every event connected to its handler.

Contract: events only; what is kept is ``connect_form``'s business and ``connection_fields`` reads the form. Adding,
changing, testing and forgetting make requests from this machine and change its files, so every handler of theirs
refuses visitors who do not sit at it, whatever their page shows. Filters are sifted by the page's script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import gradio as gr

from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.models import availability, catalog, connect_form, connections
from wamviz.models.connections import Connection
from wamviz.ui import run_actions, run_view
from wamviz.ui.events import AT_ONCE, LATEST, PRIVATE, Updates, picked_in
from wamviz.ui.jobs import Jobs, Switch
from wamviz.ui.library import Library, is_here
from wamviz.ui.pages.models import connection_form as fields
from wamviz.ui.pages.models import view as field_table
from wamviz.ui.pages.models.connection_task import Passed, Steps, check_connection, fetch_weights
from wamviz.ui.pages.models.layout import ModelsPage
from wamviz.ui.pages.models.view import BETWEEN, Found

SIFT = "(...asked) => window.wamviz.sift(...asked)"
ROW = picked_in("wz-links")
WAY = picked_in("wz-field")
PLACE = "(...axes) => window.wamviz.placed(...axes)"
FOLLOW = "() => { window.wamviz.follow(); }"
FORM = "() => { window.wamviz.form(); }"
ON_SERVER: dict[str, Any] = {**PRIVATE, "concurrency_id": "look", "concurrency_limit": 4}
ELSEWHERE = WamvizError(
    "This page is served to others, so connections are made, tested and forgotten at its own machine alone.",
    "There, open it at 127.0.0.1, or use the command wamviz connect.",
)


class ModelsEvents:
    """Connects the page's components.

    Args:
        page: the built page.
        library: knows whether every visitor is at this machine.
        demo: the Blocks that it lies in.
    """

    def __init__(self, page: ModelsPage, library: Library, demo: gr.Blocks) -> None:
        self.page, self.library, self.jobs = page, library, Jobs()
        self.found: dict[str, Found] = {}
        shown = [page.listing, page.table]
        form = [*page.fields, page.about, page.panel, page.editing, page.status]
        sift: dict[str, Any] = {"fn": None, "inputs": page.filters, "outputs": [page.count], "js": SIFT, **PRIVATE}

        demo.load(self.begin, None, [page.own, page.note, *shown, page.count, *form], **AT_ONCE).then(**sift)
        for control in page.filters:
            control.change(**sift)  # not input, which Gradio 6.31 drops for what is typed while the page still fills
        axes = [page.query, page.paradigm, page.integration, page.architecture]
        page.chart.pick(None, axes, axes, js=PLACE, **PRIVATE)
        page.kind.input(self.kind, [page.kind], [*page.fields, page.about], **LATEST)
        page.robot.input(self.robot, [page.kind, page.robot], [page.about], **LATEST)
        page.table.pick(self.way, [page.picked], form, js=WAY, **LATEST).then(None, js=FORM, **PRIVATE)
        page.clear.click(self.empty, None, form, **AT_ONCE)

        inputs = [page.editing, *page.fields]
        keeping = page.save.click(lambda: run_view.status("busy", "Keeping it …"), None, [page.status], **AT_ONCE)
        keeping.then(self.save, inputs, [*shown, page.panel, page.editing, page.status], **AT_ONCE).then(**sift)
        busy = [page.status, page.cancel]
        begun = page.test.click(self.started, None, busy, **AT_ONCE)
        begun.then(self.try_form, page.fields, [*busy, page.listing], **ON_SERVER)
        chosen = page.listing.pick(
            self.chosen, [page.picked], [*shown, *form, page.asked, page.cancel], js=ROW, trigger_mode="multiple",
            **AT_ONCE,
        )  # fmt: skip
        chosen.then(None, js=FOLLOW, **PRIVATE).then(**sift)
        page.look.click(self.try_kept, [page.asked], [*busy, *shown], **ON_SERVER).then(**sift)
        page.cancel.click(self.stop, None, None, **AT_ONCE)
        demo.unload(self.stop)

    # --- opening ----------------------------------------------------------------------------------------------------

    def begin(self, request: gr.Request) -> Updates:
        """The page opens: the whole of it for visitors at this machine, the map alone for others."""
        page, here = self.page, self._here(request)
        total = len(catalog.read_systems())
        updates = {page.own: gr.update(visible=here), page.count: field_table.counted(total, total)}
        if here:
            return {**updates, **self._form(fields.empty()), **self._shown(True)}
        note = run_view.status("idle", ELSEWHERE.message, ELSEWHERE.hint)
        return {**updates, page.note: note, **self._shown(False)}

    def _here(self, request: gr.Request) -> bool:
        return self.library.local and is_here(request.headers) and _ours(request.headers)

    def _allow(self, request: gr.Request) -> None:
        if not self._here(request):
            raise ELSEWHERE

    def _shown(self, here: bool) -> Updates:
        """The list and the map as they stand now."""
        setup = availability.read_setup()
        updates: Updates = {self.page.table: field_table.table(catalog.read_systems(), setup, here)}
        if here:
            updates[self.page.listing] = self._listing(setup)
        return updates

    def _listing(self, setup: availability.LocalSetup | None = None) -> Any:
        try:
            return field_table.connections(connections.read().values(), setup or availability.read_setup(), self.found)
        except WamvizError as error:  # the file was spoilt by hand
            return run_view.status("bad", error.message, error.hint)

    # --- the form ---------------------------------------------------------------------------------------------------

    def _form(self, filled: fields.Filled, *, opened: bool | None = None) -> Updates:
        page = self.page
        values = dict(zip(page.fields, filled.updates(len(page.settings)), strict=True))
        panel = {} if opened is None else {page.panel: gr.update(open=opened, label=filled.title)}
        return {**values, page.about: filled.about, page.editing: filled.editing, **panel}

    def kind(self, kind: str) -> Updates:
        """Another kind: its own fields. Name and address stay as they were typed."""
        page = self.page
        updates = self._form(fields.of_kind(kind))
        return {part: value for part, value in updates.items() if part not in (page.name, page.kind, page.editing)}

    def robot(self, kind: str, robot: str | None) -> Updates:
        """Another robot: what is said about it."""
        return {self.page.about: fields.about(kind, robot or "")}

    def way(self, picked: str) -> Updates:
        """A way in the map was picked: the form for it."""
        name, _, way = picked.partition(BETWEEN)
        try:
            kind, _, robot = way.partition("/")
            taken = connections.read()
            filled = fields.of_kind(kind, robot, suggested=fields.slug(name, taken))
            return {**self._form(filled, opened=True), self.page.status: []}
        except WamvizError as error:
            return self._refused(error)

    def empty(self) -> Updates:
        """The form as it was at first."""
        return {**self._form(fields.empty(), opened=True), self.page.status: []}

    def save(self, request: gr.Request, editing: str, *values: Any) -> Updates:
        """Keep what the form says."""
        page = self.page
        try:
            self._allow(request)
            known = connections.read()
            connection = fields.connection(known.get(editing), *values)
            if connection.name in known and connection.name != editing:
                raise InvalidInput(
                    f"There is a connection '{connection.name}' already.",
                    "Press Edit beside it to change it, or choose another name.",
                )
            kept = connect_form.keep(connection)
            self.found.pop(connection.name, None)
        except Exception as error:
            return self._refused(error)
        more = f"It is in the Imagine page's menu of models now. {kept.cost}".strip()
        panel = gr.update(label=fields.title(connection.name))
        status = run_view.status("good", kept.words, more)
        return {**self._shown(True), page.panel: panel, page.editing: connection.name, page.status: status}

    # --- the list ---------------------------------------------------------------------------------------------------

    def chosen(self, picked: str, request: gr.Request) -> Updates:
        """Test, Download, Edit or Forget was pressed beside a connection."""
        page = self.page
        what, _, name = picked.partition(" ")
        try:
            self._allow(request)
            if what == "forget":
                words = connect_form.forget(name)
                self.found.pop(name, None)
                return {**self._shown(True), page.status: run_view.status("good", words)}
            kept = _kept(name)
            if what == "edit":
                note = run_view.status("idle", f"Changing {name}.", "Another name makes a second connection.")
                return {**self._form(fields.of_connection(kept), opened=True), page.status: note}
            return {page.asked: picked, **self.started(request)}
        except Exception as error:
            return {**self._refused(error), page.asked: ""}

    # --- testing ----------------------------------------------------------------------------------------------------

    def started(self, request: gr.Request) -> Updates:
        """At once, before the queue: it can be stopped from now on."""
        self.jobs.begin(_visitor(request))
        return {self.page.status: run_view.status("busy", "Asking …"), self.page.cancel: gr.update(visible=True)}

    def try_kept(self, picked: str, request: gr.Request) -> Iterator[Updates]:
        """Look whether a kept connection is there, or fetch its weights; what came of it is remembered."""
        what, _, name = picked.partition(" ")
        if what == "fetch":
            yield from self._tried(lambda: _kept(name), request, fetch_weights, "Fetching", remember=True)
        else:
            yield from self._tried(lambda: connect_form.renewed(_kept(name)), request, remember=True)

    def try_form(self, request: gr.Request, *values: Any) -> Iterator[Updates]:
        """Look whether what the form says is there; nothing is kept."""
        yield from self._tried(lambda: fields.tentative(*values), request)

    def _tried(
        self,
        make: Callable[[], Connection],
        request: gr.Request,
        steps: Callable[[Connection, Switch], Steps] = check_connection,
        doing: str = "Asking",
        remember: bool = False,
    ) -> Iterator[Updates]:
        page, visitor = self.page, _visitor(request)
        switch, idle = self.jobs.current(visitor), {page.cancel: gr.update(visible=False)}
        try:
            self._allow(request)
            connection = make()
            where = f"{doing} {connection.url} …"
            for event in steps(connection, switch):
                if isinstance(event, Passed):
                    detail = f"{event.seconds} s" + (f", {event.words}" if event.words else "")
                    yield {page.status: run_view.status("busy", where, detail, event.done)}
                elif event is None:
                    yield {
                        page.status: run_view.status("idle", "Stopped; nobody waits for an answer any more."),
                        **idle,
                    }
                else:
                    updates: Updates = {page.status: run_view.status("good" if event.good else "bad", event.words)}
                    if remember:
                        self.found[connection.name] = event
                        updates |= self._shown(True)
                    yield {**updates, **idle}
        except Exception as error:
            yield {**self._refused(error), **idle}
        finally:
            self.jobs.end(visitor, switch)

    def stop(self, request: gr.Request) -> None:
        """Turn the switch off; what runs sees it at once, and says so itself."""
        self.jobs.cancel(_visitor(request))

    def _refused(self, error: BaseException) -> Updates:
        return {self.page.status: run_actions.refused(error)["status"]}


def _ours(headers: Mapping[str, str]) -> bool:
    """Whether a page of this app asks, not one of another site that is open in the same browser."""
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _kept(name: str) -> Connection:
    known = connections.read()
    if name not in known:
        raise InvalidInput(f"There is no connection '{name[:60]}' any more.", "Reload the page to see what there is.")
    return known[name]


def _visitor(request: gr.Request) -> str:
    return str(request.session_hash or "")
