"""Looking into kept runs: which can be, and that it is the run that is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wamviz.core.errors import InvalidInput
from wamviz.models import registry
from wamviz.runs.imagine import imagine_run
from wamviz.runs.look_inside import look_into, request_of
from wamviz.runs.sources import resolve
from wamviz.runs.store import Run


@pytest.fixture(scope="module")
def run() -> Run:
    if registry.entry("mini-wam").missing():
        pytest.skip("mini-WAM is not here")
    *_, last = imagine_run("mini-wam", resolve("assets/episodes#0@0"), mode="act_only", horizon=16)
    assert isinstance(last, Run)
    return last


def test_the_run_itself_is_seen(run: Run) -> None:
    look = look_into(run)
    assert look.apart == 0.0 and (look.chunks, look.samples) == (1, 1)
    words = [token.name for token in look.inside.tokens if token.kind == "word" and token.there]
    assert words[0] in run.instruction


def test_what_cannot_be_looked_into_says_why(run: Run) -> None:
    first = run.imagined[0]
    with pytest.raises(InvalidInput, match="only mini-WAM"):
        request_of(replace(run, model="hold-still"))
    with pytest.raises(InvalidInput, match="a few actions at a time"):
        request_of(replace(run, imagined=(replace(first, meta={**first.meta, "driven": [1]}),)))
    with pytest.raises(InvalidInput, match="not kept"):
        request_of(replace(run, mode="inverse_dynamics"))
    with pytest.raises(InvalidInput, match="other weights"):
        look_into(replace(run, weights_digest="0" * 16))
    with pytest.raises(InvalidInput, match="no chunk 5"):
        look_into(run, chunk=4)
