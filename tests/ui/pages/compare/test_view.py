"""The Compare page's parts without a browser: kept runs come back whatever became of their models."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wamviz.core.rollout import Observation
from wamviz.models import connections, registry
from wamviz.models.baselines import COPY_LAST_FRAME, Control
from wamviz.models.connections import Connection
from wamviz.models.protocol import ModelEntry
from wamviz.runs.comparison import Outcome, compare_models, read
from wamviz.runs.sources import Context
from wamviz.runs.store import Store
from wamviz.ui.pages.compare import view as candidates
from wamviz.ui.run_repository import RunRepository

CONTEXT = Context(Observation({"exterior": np.zeros((8, 8, 3), np.uint8)}, "wave"), title="a picture")


def test_a_link_opens_when_one_of_its_models_was_forgotten(tmp_path):
    """Its run is kept, and is shown beside the others; only picking it again is no longer offered."""
    registry.reset()
    caps = replace(COPY_LAST_FRAME, model_id="gone")
    registry.register(ModelEntry(caps, lambda device: Control(caps), resident=False))
    repository = RunRepository(Store(tmp_path))
    events = compare_models(read(("gone:video", "hold-still:joint")), CONTEXT)
    runs = [event.run for _, event in events if isinstance(event, Outcome)]
    for run in runs:
        repository.keep(run)
    registry.reset()
    parts = candidates.reopen(repository, ",".join(run.id for run in runs), None, None, "light")
    assert "Reopened" in str(parts["status"]) and [name for name, *_ in parts["held"]] == [
        "gone:video",
        "hold-still:joint",
    ]
    assert "gone, video" in str(parts["table"]) and parts["stage"].panes["contender-1"].samples
    assert candidates.recolour(parts["held"], repository, "dark")
    assert candidates.known(["gone:video", "hold-still:joint"]) == ["hold-still:joint"]


def test_what_is_billed_says_so_where_it_is_picked(home, monkeypatch):
    """The page has no other place that tells it before the question is sent."""
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    registry.reset()
    connections.keep(Connection("veo", "veo", "https://example.org", token_env="GEMINI_API_KEY"))
    try:
        labels = {name: label for label, name in candidates.offered()}
        assert "Google bills 1 video of 8 s" in labels["veo:video"] and "bills" not in labels["hold-still:joint"]
    finally:
        registry.reset()
