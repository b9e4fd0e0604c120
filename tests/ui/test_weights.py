"""Where weights come from stands beside what they imagined, and never beside what others imagined."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.ui.test_stage_values import CAPABILITIES, run, url
from wamviz.core.rollout import Preview
from wamviz.models.mini import entry
from wamviz.models.protocol import ModelEntry
from wamviz.models.registry import entries
from wamviz.ui import choices
from wamviz.ui.stage import preview_value, stage_value

ORIGIN = "5 M parameters, trained on 2 CPU cores for 4 hours"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"parameters": 5_212_345, "hardware": "2 CPU cores", "hours": 4.0}, ORIGIN),
        ({"parameters": 912_345, "hours": 5.5}, "912,345 parameters, trained for 5.5 hours"),
        ({"hardware": "one H100", "hours": 0.15}, "trained on one H100 for 9 minutes"),
        ({"hours": 1}, "trained for 1 hour"),
        ({"parameters": None, "hours": "long", "hardware": 2}, ""),
        ({"parameters": True, "hours": float("nan")}, ""),
        ({}, ""),
    ],
)
def test_only_what_is_known_is_said(told: dict, words: str) -> None:
    assert entry.origin_words(told) == words


def test_the_words_come_from_the_checkpoint(tmp_path: Path) -> None:
    """A folder without the file, or with a damaged one, says nothing."""
    assert entry.origin(tmp_path / "none") == ""
    for name, text in (("damaged", "{"), ("list", "[]"), ("good", json.dumps({"hours": 2.0}))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "training.json").write_text(text)
    assert [entry.origin(tmp_path / name) for name in ("damaged", "list", "good")] == ["", "", "trained for 2 hours"]


def test_the_digest_is_the_one_that_runs_carry() -> None:
    from wamviz.models.mini.entry import digest_of

    folder = entry.checkpoint()
    assert entry.weights_digest(folder) == digest_of(folder)
    assert entry.weights_digest(folder.parent / "none") == ""


def test_a_run_of_other_weights_claims_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    caps = replace(CAPABILITIES, extras={"origin": ORIGIN, "weights_digest": "abc"})
    known = {**entries(), "m": ModelEntry(caps, lambda device: SimpleNamespace())}
    monkeypatch.setattr("wamviz.ui.choices.registry.entry", lambda name: known[name])
    assert choices.weights_words(run(weights_digest="abc")) == ORIGIN
    assert choices.weights_words(run(weights_digest="abd")) == choices.weights_words(run()) == ""
    value = stage_value(run(), url, weights=ORIGIN)
    assert value["panes"]["imagined"]["weights"] == ORIGIN and value["panes"]["executed"]["weights"] == ""
    assert preview_value(Preview(1, 8), caps)["panes"]["imagined"]["weights"] == ORIGIN


def test_a_model_that_is_not_here_any_more_says_nothing() -> None:
    assert choices.weights_words(run(model="gone", weights_digest="abc")) == ""
