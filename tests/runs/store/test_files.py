"""A run written is the run read, and what is damaged says so."""

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_video
from wamviz.core.rollout import WorldState
from wamviz.metrics import summarise
from wamviz.runs.store import read_run, write_run
from wamviz.runs.store.arrays import jsonable, read_arrays, write_arrays, write_json


def test_a_run_comes_back_bit_for_bit(tmp_path, make_run, make_rollout, same_run):
    run = make_run(executed=make_rollout("executed", 9))
    same_run(read_run(write_run(tmp_path / "out", run)), run)


@pytest.mark.parametrize(
    "fields",
    [
        {"reference": None, "world_state": None, "state": None, "steps": None},
        {"horizon": 40, "guidance": 2.5},
        {"previous_action": np.arange(7, dtype=np.float32) / 8},
        {"world_state": WorldState("tabletop", 2**40)},
        {"notes": (), "timings": {}, "metrics": {}, "instruction": "", "source": "\u00e4\u2028\n\"'"},
    ],
)
def test_what_is_not_known_stays_unknown(tmp_path, make_run, same_run, fields):
    run = make_run(**fields)
    same_run(read_run(write_run(tmp_path / "out", run)), run)


def test_a_run_that_was_written_small_has_its_frames_in_its_videos(tmp_path, make_run, make_rollout):
    """Close to what they were; actions, metrics and the context stay as they are, and the store keeps it like any."""
    run = make_run(executed=make_rollout("executed", 9))
    run = replace(run, metrics=summarise(run))
    back = read_run(write_run(tmp_path / "small", run, small=True))
    assert not any("frames" in read_arrays(path) for path in (tmp_path / "small").glob("*.npz"))
    pairs = [*zip(run.imagined, back.imagined, strict=True), (run.executed, back.executed)]
    for before, after in (*pairs, (run.reference, back.reference)):
        assert after.frames.shape == before.frames.shape and np.array_equal(after.actions, before.actions)
    assert back.metrics == jsonable(run.metrics) and np.array_equal(back.context, run.context)
    again = read_run(write_run(tmp_path / "whole", back))
    assert np.array_equal(again.imagined[0].frames, back.imagined[0].frames)
    (tmp_path / "small" / "executed.mp4").unlink()
    assert read_run(tmp_path / "small").executed.frames is None


def test_modes_without_video_or_without_actions_round_trip(tmp_path, make_run, make_rollout, same_run):
    acting = make_run(imagined=(make_rollout(video=False),), samples=1)
    video = make_run(seed=1, imagined=(make_rollout(acting=False),), samples=1)
    for name, run in (("acting", acting), ("video", video)):
        same_run(read_run(write_run(tmp_path / name, run)), run)
    assert not (tmp_path / "acting" / "rollout.mp4").exists()
    assert "actions" not in np.load(tmp_path / "video" / "rollout.npz").files


def test_a_run_of_an_earlier_version_is_read(tmp_path, make_run, same_run):
    """Runs kept before there was a horizon or guidance do not say them."""
    run = make_run()
    folder = write_run(tmp_path / "out", run)
    facts = json.loads((folder / "rollout.json").read_text())
    del facts["horizon"], facts["guidance"]
    write_json(folder / "rollout.json", facts)
    same_run(read_run(folder), run)


def test_the_files_are_those_of_the_contract(tmp_path, make_run):
    run = make_run()
    folder = write_run(tmp_path / "deep" / "out", run)
    assert {path.name for path in folder.iterdir()} == {
        "rollout.mp4", "rollout-1.mp4", "rollout.npz", "rollout.json", "context.png", "reference.mp4", "reference.npz",
    }  # fmt: skip
    with np.load(folder / "rollout.npz", allow_pickle=False) as arrays:
        assert arrays["frames"].shape == (2, 4, 18, 16, 3) and arrays["frames"].dtype == np.uint8
        assert arrays["actions"].shape == (2, 3, 7) and arrays["actions"].dtype == np.float32
        assert float(arrays["video_fps"]) == float(arrays["action_fps"]) == 5.0
    frames, fps = read_video(folder / "rollout.mp4")
    assert frames.shape == (4, 18, 16, 3) and fps == 5.0
    facts = json.loads((folder / "rollout.json").read_text())
    assert {"format", "model", "weights_digest", "mode", "instruction", "seed", "steps", "action_space", "timings",
            "versions", "metrics"} <= set(facts)  # fmt: skip
    assert facts["action_space"]["names"][0] == "dx"


def test_metrics_with_their_baselines_lie_in_the_json(tmp_path, make_run):
    run = make_run()
    run = replace(run, metrics=summarise(run))
    facts = json.loads((write_run(tmp_path / "out", run) / "rollout.json").read_text())
    assert facts["metrics"] == run.metrics
    assert facts["metrics"]["video"]["copy_last_psnr"] > 0 and facts["metrics"]["actions"]["hold_mae"] > 0


def test_nothing_that_is_not_finite_gets_into_the_json(tmp_path, make_run):
    run = make_run(timings={"total": float("nan")}, metrics={"video": {"psnr": float("inf")}})
    folder = write_run(tmp_path / "out", run)
    text = (folder / "rollout.json").read_text()
    assert "NaN" not in text and "Infinity" not in text
    assert read_run(folder).metrics == {"video": {"psnr": None}}


def test_writing_anew_replaces_the_run_and_leaves_the_rest(tmp_path, make_run, make_rollout, same_run):
    folder = write_run(tmp_path / "out", make_run(samples=3, executed=make_rollout("executed")))
    (folder / "my notes.txt").write_text("mine")
    other = make_run(seed=1, samples=1, reference=None)
    write_run(folder, other)
    same_run(read_run(folder), other)
    assert {path.name for path in folder.iterdir()} == {
        "rollout.mp4", "rollout.npz", "rollout.json", "context.png", "my notes.txt"
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failed_write_leaves_nothing(tmp_path, make_run, make_rollout):
    uneven = (make_rollout(count=4), make_rollout(count=5))
    with pytest.raises(WamvizError, match="differ in their frames"):
        write_run(tmp_path / "out", make_run(imagined=uneven))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(WamvizError, match="is a file"):
        write_run(tmp_path / "file", make_run())
    with pytest.raises(WamvizError, match="cannot be written"):
        write_run(tmp_path / "file" / "out", make_run())


@pytest.mark.parametrize("rate", [240.0, 1000.0, 0.5])
def test_unusual_rates_are_kept_exactly(tmp_path, make_run, make_rollout, rate):
    run = make_run(imagined=(make_rollout(fps=rate),), samples=1)
    assert read_run(write_run(tmp_path / "out", run)).imagined[0].fps == rate


# --- what is read may be anything -----------------------------------------------------------------------------------


def spoiled(folder, change):
    facts = json.loads((folder / "rollout.json").read_text())
    change(facts)
    (folder / "rollout.json").write_text(json.dumps(facts))


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.pop("format"),
        lambda facts: facts.update(format="1"),
        lambda facts: facts.update(format=99),
        lambda facts: facts.update(id="../../etc/passwd"),
        lambda facts: facts.pop("rollouts"),
        lambda facts: facts.update(rollouts=[]),
        lambda facts: facts.update(rollouts={"0": 1}),
        lambda facts: facts.update(rollouts=facts["rollouts"] * 2),
        lambda facts: facts["rollouts"][0].update(fps="fast"),
        lambda facts: facts["rollouts"][0].update(fps=-1),
        lambda facts: facts["rollouts"][0].update(origin="dreamt"),
        lambda facts: facts["rollouts"][0].update(meta=[1]),
        lambda facts: facts["rollouts"][0].update(action_space={"names": 5}),
        lambda facts: facts["rollouts"][0].update(camera_model={"name": "c"}),
        lambda facts: facts["rollouts"][0].update(seed="x"),
        lambda facts: facts.update(seed=None),
        lambda facts: facts.update(timings=[1, 2]),
        lambda facts: facts.update(metrics="none"),
        lambda facts: facts.update(world_state=[1]),
        lambda facts: facts.update(world_state={"world": "t", "seed": 1, "snapshot": {"a": 1}}),
        lambda facts: facts.update(state=[[1.0]]),
        lambda facts: facts.update(notes=5),
        lambda facts: facts.update(reference=[3]),
    ],
)
def test_a_hostile_manifest_is_refused_in_words(tmp_path, make_run, change):
    folder = write_run(tmp_path / "out", make_run())
    spoiled(folder, change)
    with pytest.raises(WamvizError) as caught:
        read_run(folder)
    assert "Traceback" not in str(caught.value) and len(str(caught.value)) < 500


keys = st.sampled_from(["format", "id", "rollouts", "fps", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(keys, part, max_size=4),
)


@given(anything)
def test_any_json_is_a_run_or_a_plain_refusal(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("any")
    (folder / "rollout.json").write_text(json.dumps(value))
    with pytest.raises(WamvizError):
        read_run(folder)


def test_fields_of_a_later_version_do_not_disturb(tmp_path, make_run, same_run):
    run = make_run()
    folder = write_run(tmp_path / "out", run)

    def later(facts):
        facts["colour"] = "blue"
        facts["rollouts"][0]["depth"] = True
        facts["rollouts"][0]["action_space"]["frame"] = "base"
        facts["rollouts"][0]["camera_model"]["lens"] = "wide"

    spoiled(folder, later)
    same_run(read_run(folder), run)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "[" * 100_000, "\udc80".encode("utf-8", "surrogatepass"), b"\xff"]
)
def test_a_torn_manifest_is_refused_in_words(tmp_path, text):
    (tmp_path / "rollout.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WamvizError, match=r"rollout\.json"):
        read_run(tmp_path)


def test_a_huge_manifest_is_not_even_read(tmp_path, monkeypatch):
    monkeypatch.setattr("wamviz.runs.store.arrays.JSON_LIMIT", 100)
    (tmp_path / "rollout.json").write_text(" " * 200)
    with pytest.raises(WamvizError, match="larger than"):
        read_run(tmp_path)


def test_no_run_is_said_plainly(tmp_path):
    with pytest.raises(WamvizError, match="holds no run"):
        read_run(tmp_path)
    with pytest.raises(WamvizError, match="holds no run"):
        read_run(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["rollout.npz", "context.png"])
@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_cut_file_is_refused_in_words(tmp_path, make_run, name, kept):
    folder = write_run(tmp_path / "out", make_run())
    (folder / name).write_bytes((folder / name).read_bytes()[:kept])
    with pytest.raises(WamvizError):
        read_run(folder)


@given(position=st.floats(0, 1), value=st.integers(0, 255))
def test_a_flipped_byte_never_crashes(tmp_path_factory, make_run, position, value):
    folder = tmp_path_factory.mktemp("flipped")
    write_arrays(folder / "rollout.npz", {"frames": np.zeros((1, 2, 3, 4), np.uint8), "video_fps": np.float64(5)})
    data = bytearray((folder / "rollout.npz").read_bytes())
    data[int(position * (len(data) - 1))] = value
    (folder / "rollout.npz").write_bytes(data)
    try:
        read_arrays(folder / "rollout.npz")
    except WamvizError:
        pass


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    np.savez(tmp_path / "trap.npz", frames=np.array([Trap()], object))
    with pytest.raises(WamvizError, match="cannot be read"):
        read_arrays(tmp_path / "trap.npz")


def test_an_archive_that_unpacks_too_large_or_holds_strangers_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("wamviz.runs.store.arrays.ARRAYS_LIMIT", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("frames.npy", bytes(5000))
    with pytest.raises(WamvizError, match="unpacks to more"):
        read_arrays(tmp_path / "bomb.npz")
    with pytest.raises(WamvizError, match="Ask for fewer"):
        write_arrays(tmp_path / "large.npz", {"frames": np.zeros(2000, np.uint8)})
    with zipfile.ZipFile(tmp_path / "strange.npz", "w") as archive:
        archive.writestr("../evil.npy", b"")
    with pytest.raises(WamvizError, match="none of a rollout's"):
        read_arrays(tmp_path / "strange.npz")


@pytest.mark.parametrize("shape", [(4, 18, 16, 3), (2, 4, 18, 16), (2, 4, 18, 16, 4), (2, 0, 18, 16, 3)])
def test_frames_of_a_wrong_shape_are_refused(tmp_path, make_run, shape):
    folder = write_run(tmp_path / "out", make_run())
    arrays = read_arrays(folder / "rollout.npz")
    write_arrays(folder / "rollout.npz", {**arrays, "frames": np.zeros(shape, np.uint8)})
    with pytest.raises(WamvizError):
        read_run(folder)


def test_a_lost_execution_costs_only_itself(tmp_path, make_run, make_rollout):
    run = make_run(executed=make_rollout("executed"))
    run = replace(run, metrics=summarise(run))
    folder = write_run(tmp_path / "out", run)
    (folder / "executed.npz").write_bytes(b"torn")
    found = read_run(folder)
    assert found.executed is None and found.reference is not None
    assert found.metrics["execution"] is None
    assert found.notes[-1].startswith("The executed rollout is lost")


def test_json_takes_what_models_put_into_meta():
    value = {
        "a": np.float32(1.5),
        2: (np.int64(3), np.array([1.0, np.nan])),
        "b": np.bool_(True),
        "c": {1},
        "d": object,
    }
    assert jsonable(value) == {"a": 1.5, "2": [3, [1.0, None]], "b": True, "c": [1], "d": "<class 'object'>"}


@given(
    st.dictionaries(st.text(max_size=6), st.text(max_size=12) | st.lists(st.floats(allow_nan=False) | st.integers()))
)
def test_lists_on_one_line_change_no_value(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("json") / "x.json"
    write_json(path, value)
    expected = {
        k: [None if abs(x) == float("inf") else x for x in v] if isinstance(v, list) else v for k, v in value.items()
    }
    assert json.loads(path.read_text(encoding="utf-8")) == expected
