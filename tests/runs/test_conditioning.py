"""Files handed over beside the context: the same table comes back from every format, and every bad one is explained."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from wamviz.core.action_spaces import TABLETOP_ACTIONS
from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.core.media import write_mp4
from wamviz.core.rollout import ActionSpace, Observation, Rollout
from wamviz.models import registry
from wamviz.models.baselines import COPY_LAST_FRAME, Control
from wamviz.models.protocol import Capabilities, ModelEntry
from wamviz.runs.comparison import Outcome, compare_models, read
from wamviz.runs.conditioning import parse_seeds, read_actions, read_clip, resolve_conditioning
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context

TABLES = npst.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.just(7)),
    elements=st.floats(-1e3, 1e3, width=32, allow_nan=False, allow_infinity=False),
)


def write(path: Path, table: np.ndarray, space: ActionSpace = TABLETOP_ACTIONS) -> None:
    rows = [",".join(repr(float(value)) for value in row) for row in table]
    {
        ".npy": lambda: np.save(path, table),
        ".npz": lambda: np.savez(path, actions=table),
        ".json": lambda: path.write_text(json.dumps(table.tolist())),
        ".csv": lambda: path.write_text("\n".join([",".join(space.names), *rows])),
    }[path.suffix]()


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".json", ".csv"])
@given(table=TABLES)
def test_every_format_gives_the_table_back(
    suffix: str, table: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("actions") / f"a{suffix}"
    write(path, table)
    assert np.array_equal(read_actions(path, TABLETOP_ACTIONS), table)


def test_a_csv_file_needs_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("0,0,-0.02,0,0,0,1\n\n0,0,0,0,0,0,1\n")
    assert read_actions(path).shape == (2, 7)


def test_columns_of_a_csv_file_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time (s),gripper,dx,dy,dz,drx,dry,drz\n0.2,1,.1,.2,.3,.4,.5,.6\n")
    assert read_actions(path, TABLETOP_ACTIONS).tolist() == [pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0])]


def test_a_downloaded_table_is_read_as_what_was_imagined(tmp_path: Path) -> None:
    names = list(zip(TABLETOP_ACTIONS.names, TABLETOP_ACTIONS.units, strict=True))
    header = ["time (s)", *(f"recorded {n} ({u})" for n, u in names), *(f"imagined {n} ({u})" for n, u in names)]
    rows = [["0.2", *["9"] * 7, *["0.5"] * 7], ["0.4", *["9"] * 7, *[""] * 7]]
    path = tmp_path / "wamviz.csv"
    path.write_text("\n".join(",".join(row) for row in [header, *rows]))
    assert read_actions(path, TABLETOP_ACTIONS).tolist() == [[0.5] * 7]


def test_one_sample_of_a_run_is_taken_and_several_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", actions=np.zeros((1, 4, 7)), frames=np.zeros((1, 2, 4, 4, 3), np.uint8))
    np.savez(tmp_path / "many.npz", actions=np.zeros((3, 4, 7)))
    assert read_actions(tmp_path / "one.npz").shape == (4, 7)
    with pytest.raises(WamvizError, match="3 samples"):
        read_actions(tmp_path / "many.npz")


class Trap:
    """Unpickling this would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_nothing_is_ever_unpickled(tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    np.save(tmp_path / "a.npy", np.array([Trap(sprung)], object), allow_pickle=True)
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Trap(sprung)))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(WamvizError):
            read_actions(tmp_path / name)
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "1,2\n1\n", "row 2"),
        ("a.csv", "dx,dy\n1,2\n", "no column 'dz'"),
        ("a.csv", "\n", "no rows"),
        ("a.json", "{", "could not be read"),
        ("a.json", "[[1,2],[3]]", "rows of one length"),
        ("a.json", '{"frames": []}', "no entry 'actions'"),
        ("a.json", '"text"', "table of numbers"),
        ("a.json", "[]", "shape"),
        ("a.json", "[[0,0,0,0,0,0,NaN]]", "not finite"),
        ("a.json", "[[0,0,0]]", "3 numbers an action"),
        ("a.json", "[[0,0,0,0,0,0,{}]]", "table of numbers"),
        ("a.npz", "no archive", "could not be read"),
        ("a.npy", "no array", "could not be read"),
        ("a.txt", "1 2 3", "Unknown kind of actions file '.txt'"),
        ("a.csv", "", "empty"),
        ("a.csv", b"\xff\xfe\x00", "could not be read"),
    ],
)
def test_a_bad_file_is_refused_in_plain_words(tmp_path: Path, name: str, content: str | bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(WamvizError, match=says):
        read_actions(path, TABLETOP_ACTIONS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="no actions file"):
        read_actions(tmp_path / "none.csv")
    with pytest.raises(WamvizError, match="no video file"):
        read_clip(tmp_path / "none.mp4", 5, 16)


@given(start=st.integers(0, 10**6), count=st.integers(1, 10**4))
def test_seeds_are_half_open(start: int, count: int) -> None:
    assert parse_seeds(f"{start}:{start + count}") == range(start, start + count)


@pytest.mark.parametrize("text", ["", ":", "5:", "a:b", "9:3", "4:4", "-1:3", "1:2:3", "1.5:2", "0:99999999999"])
def test_a_bad_range_of_seeds_is_refused(text: str) -> None:
    with pytest.raises(WamvizError, match="range of seeds"):
        parse_seeds(text)


def ramp(count: int) -> np.ndarray:
    """(T, 32, 32, 3): frame i is a grey that says i."""
    return np.stack([np.full((32, 32, 3), 10 + 4 * i, np.uint8) for i in range(count)])


def test_a_clip_is_matched_by_time(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", ramp(41), 20)  # 2 s at four times the model's rate
    clip = read_clip(tmp_path / "a.mp4", 5, 16)
    assert len(clip) == 11  # 2 s at 5 Hz, context included
    assert np.abs(clip[:, 16, 16, 0].astype(int) - (10 + 16 * np.arange(11))).max() <= 4


def test_a_long_clip_is_cut_at_the_horizon(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", ramp(30), 5)
    assert len(read_clip(tmp_path / "a.mp4", 5, 16)) == 17


def test_a_clip_of_one_frame_explains_nothing(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", ramp(1), 5)
    with pytest.raises(WamvizError, match="at least 0.20 s"):
        read_clip(tmp_path / "a.mp4", 5, 16)


# --- what a mode is given ---

ACTING = Capabilities(
    "acting", "Acting", "", ("joint", "forward_dynamics", "inverse_dynamics"), TABLETOP_ACTIONS, None, 5.0, 16
)
ENDLESS = replace(ACTING, open_horizon=64, max_horizon=64)


def context(count: int = 40, origin: str = "recorded", space: ActionSpace = TABLETOP_ACTIONS) -> Context:
    """A context with ``count`` actions and as many frames recorded after it."""
    frames = ramp(count + 1)
    actions = np.arange(count * space.dim, dtype=np.float32).reshape(count, space.dim) / 1000
    return Context(Observation({"exterior": frames[0]}), Rollout(origin, frames, 5.0, actions, space))  # type: ignore[arg-type]


def test_recorded_actions_are_taken_for_one_chunk_or_by_a_model_that_goes_on_all_of_them() -> None:
    recorded = context()
    assert recorded.reference is not None and recorded.reference.actions is not None
    for caps, horizon, count in ((ACTING, None, 16), (ENDLESS, None, 40), (ENDLESS, 8, 8), (ACTING, 12, 12)):
        found = resolve_conditioning(caps, "forward_dynamics", recorded, horizon=horizon)
        assert found.video is None and np.array_equal(found.actions, recorded.reference.actions[:count])


def test_the_recorded_video_is_taken_with_its_context_first() -> None:
    found = resolve_conditioning(ACTING, "inverse_dynamics", context())
    assert found.actions is None and np.array_equal(found.video, ramp(41)[:17])


def test_what_is_handed_over_comes_before_what_was_recorded(tmp_path: Path) -> None:
    table = np.full((3, 7), 0.5, np.float32)
    write(tmp_path / "a.csv", table)
    for given_actions in (tmp_path / "a.csv", str(tmp_path / "a.csv"), table):
        found = resolve_conditioning(ACTING, "forward_dynamics", context(), actions=given_actions)
        assert np.array_equal(found.actions, table)
    clip = ramp(5)[::-1]
    assert np.array_equal(resolve_conditioning(ACTING, "inverse_dynamics", context(), video=clip).video, clip)


def test_a_mode_that_takes_nothing_is_given_nothing_and_refuses_what_is_handed_over() -> None:
    found = resolve_conditioning(ACTING, "joint", context())
    assert (found.actions, found.video, found.shown) == (None, None, None)
    with pytest.raises(InvalidInput, match="Mode joint takes no actions. Use mode forward_dynamics"):
        resolve_conditioning(ACTING, "joint", context(), actions=np.zeros((1, 7), np.float32))
    with pytest.raises(InvalidInput, match="Mode forward_dynamics takes no video. Use mode inverse_dynamics"):
        resolve_conditioning(ACTING, "forward_dynamics", context(), video=ramp(3))


JOINTS = ActionSpace(("a", "b"), ("rad", "rad"), "joint_position", 5.0)
PICTURE = Context(Observation({"exterior": ramp(1)[0]}))


@pytest.mark.parametrize(
    ("start", "mode", "why"),
    [
        (PICTURE, "forward_dynamics", "none were recorded after this frame. Give a file"),
        (PICTURE, "inverse_dynamics", "none was recorded after this frame. Give a video file"),
        (context(space=JOINTS), "forward_dynamics", "this frame in the action space of Acting"),
    ],
)
def test_what_is_missing_is_said(start: Context, mode: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        resolve_conditioning(ACTING, mode, start)


@pytest.fixture
def obedient() -> Iterator[str]:
    """The id of a model that takes actions and shows that nothing moves."""
    caps = replace(COPY_LAST_FRAME, model_id="obedient", modes=("forward_dynamics",), action_space=TABLETOP_ACTIONS)
    registry.reset()
    registry.register(ModelEntry(caps, lambda device: Control(caps), resident=False))
    yield caps.model_id
    registry.reset()


def test_imagining_and_comparing_say_the_same(obedient: str) -> None:
    """One function resolves it for both, so neither takes what the other refuses."""
    with pytest.raises(InvalidInput) as alone:
        imagine_run(obedient, PICTURE.reworded("wait"), mode="forward_dynamics")
    stream = compare_models(read([f"{obedient}:forward_dynamics", "copy-last-frame:video"]), PICTURE)
    errors = [event.error for _, event in stream if isinstance(event, Outcome)]
    assert errors[0] == str(alone.value)
    *_, run = imagine_run(obedient, context(6), mode="forward_dynamics")
    *_, outcome = (e for _, e in compare_models(read(["copy-last-frame:video", f"{obedient}:forward_dynamics"]),
                                                context(6)) if isinstance(e, Outcome))  # fmt: skip
    assert outcome.run is not None and outcome.run.id == run.id
