"""The id is the question's: every input changes it, nothing else does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.runs.store import check_id, run_id

FRAME = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
ASKED = {
    "model": "mini-wam",
    "weights_digest": "abc",
    "frame": FRAME,
    "instruction": "push the lever",
    "mode": "joint",
    "seed": 3,
    "steps": 8,
    "samples": 2,
    "actions": np.zeros((2, 7), np.float32),
    "video": np.zeros((2, 4, 4, 3), np.uint8),
    "state": np.zeros(14, np.float32),
    "previous_action": np.zeros(7, np.float32),
    "other_views": {"wrist": FRAME},
    "horizon": None,
    "guidance": 1.0,
    "draw": "",
}
OTHER = {
    "model": "hold-still",
    "weights_digest": "abd",
    "frame": FRAME + 1,
    "instruction": "push the lever.",
    "mode": "video",
    "seed": 4,
    "steps": None,
    "samples": 1,
    "actions": np.full((2, 7), 1e-6, np.float32),
    "video": np.ones((2, 4, 4, 3), np.uint8),
    "state": None,
    "previous_action": None,
    "other_views": {"hand": FRAME},
    "horizon": 40,
    "guidance": 2.5,
    "draw": "another",
}


def test_the_id_is_a_pure_function_of_the_inputs():
    copied = {**ASKED, "frame": np.asfortranarray(FRAME), "seed": np.int64(3), "other_views": {"wrist": FRAME.copy()}}
    assert run_id(**ASKED) == run_id(**copied)
    assert check_id(run_id(**ASKED)) == run_id(**ASKED)


@pytest.mark.parametrize("name", ASKED)
def test_every_input_changes_the_id(name):
    assert run_id(**{**ASKED, name: OTHER[name]}) != run_id(**ASKED)


def test_ids_survive_versions():
    """Permalinks are kept in people's notes: an id must never change for the same question."""
    plain = {name: ASKED[name] for name in ("model", "weights_digest", "frame", "instruction", "mode", "samples")}
    assert run_id(**plain, seed=0, steps=None) == "a07a3fdb6735850e"
    assert run_id(**{**ASKED, "previous_action": None}) == "1c97f379e822f7b8"
    assert run_id(**ASKED) == "09fbca6cb1c947a6"


def test_shape_counts_not_only_bytes():
    assert run_id(**{**ASKED, "frame": FRAME.reshape(2, 8, 3)}) != run_id(**ASKED)


@given(st.text(max_size=12), st.text(max_size=12))
def test_texts_do_not_run_into_each_other(a, b):
    if a and b:
        assert run_id(**{**ASKED, "model": a, "weights_digest": b}) != run_id(
            **{**ASKED, "model": a + b, "weights_digest": ""}
        )


@pytest.mark.parametrize(
    "text",
    ["", "..", "../../etc", "/etc/passwd", "a" * 15, "a" * 17, "A" * 16, "g" * 16, "a" * 16 + "\n", "a" * 16 + "\0",
     "0123456789abcde/", None, 5, b"a" * 16, "\uff41" * 16],
)  # fmt: skip
def test_what_is_no_id_is_refused(text):
    with pytest.raises(WamvizError, match="no run id"):
        check_id(text)


def test_a_run_checks_its_parts(make_run, make_rollout):
    with pytest.raises(WamvizError, match="no run id"):
        make_run(id="../x")
    with pytest.raises(WamvizError, match="origin 'imagined'"):
        make_run(imagined=())
    with pytest.raises(WamvizError, match="origin 'imagined'"):
        make_run(imagined=(make_rollout("recorded"),))
    with pytest.raises(WamvizError, match="must be recorded or executed"):
        make_run(reference=make_rollout("imagined"))
    with pytest.raises(WamvizError, match="not 'executed'"):
        make_run(executed=make_rollout("recorded"))
    with pytest.raises(WamvizError, match="The context"):
        make_run(context=np.zeros((4, 4)), id="0" * 16)
