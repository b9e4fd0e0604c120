"""Suites are files: what is written is what is read, and what is no probe is refused with what would be one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wamviz.core.errors import WamvizError
from wamviz.probes import Contender, Probe, Prompt, Suite, read_suite, write_suite
from wamviz.probes import probe as probe_module
from wamviz.probes.probe import FIELDS, PROMPT_FIELDS, from_json, to_json

PROBE = Probe(
    "toast",
    "tabletop:3",
    Prompt("reference", "push the lever", parts=("push the lever",)),
    (Prompt("then", "push the lever, then pick up the orange", "then", ("push the lever", "pick up the orange")),
     Prompt("no-op", "do nothing", still=True)),
    (Contender("mini-wam", "act_only"),),
    samples=3, seed=7, horizon=32, note="Why.",
)  # fmt: skip
PLAIN = {"name": "toast", "context": "tabletop:3", "reference": {"instruction": "push the lever"}}


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    other = Probe("other", "a.png", Prompt("reference", "wave"))
    write_suite(tmp_path / "mine", Suite("mine", (other, PROBE)))
    assert read_suite(tmp_path / "mine") == Suite("mine", (other, PROBE))
    assert read_suite(tmp_path / "mine" / "toast.json") == Suite("toast", (PROBE,))
    assert "horizon" not in to_json(other) and "note" not in to_json(other)


def test_a_probe_needs_a_name_a_context_and_a_reference() -> None:
    probe = from_json(PLAIN)
    assert (probe.samples, probe.seed, probe.contenders) == (12, 0, (Contender("mini-wam", "joint"),))
    assert probe.prompts == (Prompt("reference", "push the lever"),)
    for name in ("name", "context", "reference"):
        with pytest.raises(WamvizError, match=f"'{name}' is missing"):
            from_json({key: value for key, value in PLAIN.items() if key != name})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"sampels": 3}, "Did you mean 'samples'"),
        ({"samples": "3"}, "a whole number"),
        ({"samples": True}, "a whole number"),
        ({"samples": 0}, "1 .. 1000 can"),
        ({"name": "A name"}, "Lower-case letters"),
        ({"context": " "}, "no context"),
        ({"contenders": ["mini-wam:joiint"]}, "Did you mean 'joint'"),
        ({"reference": {"instruction": " "}}, "no instruction"),
        ({"reference": {"instruction": "wave", "part": []}}, "Did you mean 'parts'"),
        ({"extensions": [{"name": "reference", "instruction": "wave"}]}, "two prompts called"),
        ({"extensions": [{"name": "a", "instruction": "wave", "still": True, "parts": ["wave"]}]}, "at once"),
        ({"extensions": [{"name": "a", "instruction": "wave", "parts": [1]}]}, "list of sentences"),
        ({"extensions": ["wave"]}, "no JSON object"),
        ({"form": 2}, "newer form"),
    ],
)  # fmt: skip
def test_what_is_no_probe_is_refused_with_what_would_be_one(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WamvizError) as refused:
        from_json({**PLAIN, **change}, "toast.json")
    assert sentence in str(refused.value)


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="no suite"):
        read_suite(tmp_path)
    (tmp_path / "torn.json").write_text('{"name": "to', encoding="utf-8")
    with pytest.raises(WamvizError, match="torn.json is no JSON"):
        read_suite(tmp_path)
    with pytest.raises(WamvizError, match="two probes called 'toast'"):
        Suite("twice", (PROBE, PROBE))
    with pytest.raises(WamvizError, match="Did you mean 'toast'"):
        Suite("one", (PROBE,)).probe("toasst")


def test_the_schema_names_the_fields_that_are_read() -> None:
    schema = json.loads(Path(probe_module.__file__).with_name("probe.schema.json").read_text(encoding="utf-8"))
    assert set(schema["properties"]) == set(FIELDS)
    assert set(schema["properties"]["reference"]["properties"]) == set(PROMPT_FIELDS)
    assert set(schema["properties"]["extensions"]["items"]["properties"]) == set(PROMPT_FIELDS)
