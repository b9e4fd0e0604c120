"""Runs written back as LeRobot episodes: nothing is lost, nothing is mixed, nothing half-written is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_video
from wamviz.core.rollout import ORIGINS, Rollout
from wamviz.datasets import open_dataset
from wamviz.datasets.protocol import Episode
from wamviz.runs.store import Run, episodes
from wamviz.runs.store.episodes import COLUMNS, Written, export_lerobot
from wamviz.runs.store.forms import filler, frame_every

MakeRun = Callable[..., Run]
MakeRollout = Callable[..., Rollout]
VIDEO = "videos/observation.images.exterior/chunk-000/file-000.mp4"


@pytest.fixture
def run(make_run: MakeRun, make_rollout: MakeRollout) -> Run:
    """Two samples, a reference and an executed rollout; the last two have states."""
    return make_run(executed=make_rollout("executed", 60))


def by_origin(written: tuple[Written, ...]) -> dict[str, list[Episode]]:
    found: dict[str, list[Episode]] = {}
    for one in written:
        dataset = open_dataset(one.folder)
        assert dataset.missing == ()
        for index in dataset.indices:
            episode = dataset.episode(index)
            found.setdefault(episode.origin, []).append(episode)
    return found


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def assert_kept(episode: Episode, rollout: Rollout) -> None:
    back = episode.rollout()
    for name in ("actions", "states"):
        given, found = getattr(rollout, name), getattr(back, name)
        assert (given is None) == (found is None), name
        if given is not None:
            assert found.dtype == given.dtype and found.tobytes() == given.tobytes(), name
    for name in ("origin", "fps", "action_space", "camera", "success", "instruction"):
        assert getattr(back, name) == getattr(rollout, name), name
    assert back.camera_model is not None and rollout.camera_model is not None
    assert back.camera_model.to_json() == rollout.camera_model.to_json()


def test_every_rollout_comes_back_as_the_episode_of_its_origin(run: Run, tmp_path: Path) -> None:
    found = by_origin(export_lerobot([run], tmp_path / "d"))
    assert set(found) == set(ORIGINS)
    assert run.reference is not None and run.executed is not None
    for episode, rollout in zip(found["imagined"], run.imagined, strict=True):
        assert_kept(episode, rollout)
    assert_kept(found["recorded"][0], run.reference)
    assert_kept(found["executed"][0], run.executed)


def test_frames_are_those_of_the_file_and_near_what_was_given(run: Run, tmp_path: Path) -> None:
    y, x = np.mgrid[:18, :16]
    smooth = np.stack([np.stack([x * 9 + 8 * k, y * 9, np.full_like(x, 40 * k)], -1) for k in range(4)])
    one = replace(run.imagined[0], frames=smooth.astype(np.uint8))
    (written,) = export_lerobot([replace(run, imagined=(one, one))], tmp_path / "d", origins=("imagined",))
    decoded, fps = read_video(written.folder / VIDEO)
    assert fps == 5 and len(decoded) == 8
    for index in range(2):
        frames = open_dataset(written.folder).episode(index).frames()
        assert np.array_equal(frames, decoded[4 * index : 4 * index + 4])
        assert np.abs(frames.astype(int) - smooth).mean() < 3


def test_provenance_is_in_the_manifest_and_in_columns_of_its_own(run: Run, tmp_path: Path) -> None:
    written = export_lerobot([run], tmp_path / "d")
    for one in written:
        listed = json.loads((one.folder / "meta/wamviz.json").read_text())["episodes"]
        rows = pq.read_table(one.folder / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
        assert len(listed) == len(rows) == sum(one.episodes.values())
        for facts, row in zip(listed, rows, strict=True):
            assert {name: row[f"wamviz/{name}"] for name in COLUMNS} == {name: facts[name] for name in COLUMNS}
            assert facts["run"] == run.id
    facts = [episode.facts for episode in by_origin(written)["imagined"]]
    assert [fact["sample"] for fact in facts] == [0, 1]
    assert [fact["seed"] for fact in facts] == [rollout.seed for rollout in run.imagined]
    assert {fact["model"] for fact in facts} == {"m"} and {fact["weights_digest"] for fact in facts} == {"sha256:00"}


def test_what_no_model_made_names_no_model(run: Run, tmp_path: Path) -> None:
    recorded = by_origin(export_lerobot([run], tmp_path / "d"))["recorded"][0].facts
    assert recorded["model"] == recorded["mode"] == recorded["weights_digest"] == ""
    assert recorded["seed"] is None and recorded["sample"] is None


def test_different_forms_become_different_datasets(run: Run, make_rollout: MakeRollout, tmp_path: Path) -> None:
    assert run.reference is not None and run.reference.frames is not None
    big = replace(run.reference, frames=run.reference.frames.repeat(2, axis=1).repeat(2, axis=2))
    written = export_lerobot([replace(run, reference=big)], tmp_path / "d")
    assert [one.folder.name for one in written] == ["imagined", "recorded", "executed"]
    assert {one.form.size for one in written} == {(18, 16), (36, 32)}
    for one in written:
        assert one.folder.parent == tmp_path / "d"
        assert {episode["origin"] for episode in json.loads((one.folder / "meta/wamviz.json").read_text())["episodes"]}


def test_without_states_rollouts_of_one_form_share_a_dataset(run: Run, tmp_path: Path) -> None:
    (written,) = export_lerobot([run], tmp_path / "d", states=False)
    assert written.folder == tmp_path / "d" and written.form.state_names == ()
    assert dict(written.episodes) == {"imagined": 2, "recorded": 1, "executed": 1}
    assert open_dataset(written.folder).summary()["origins"] == {"imagined": 2, "recorded": 1, "executed": 1}


def test_a_shared_reference_and_a_run_named_twice_are_written_once(make_run: MakeRun, tmp_path: Path) -> None:
    first, second = make_run(seed=1), make_run(seed=2)
    written = export_lerobot([first, second, first], tmp_path / "d")
    counts = {origin: len(found) for origin, found in by_origin(written).items()}
    assert counts == {"imagined": 4, "recorded": 1}


def test_rollouts_without_frames_or_without_actions(
    make_run: MakeRun, make_rollout: MakeRollout, tmp_path: Path
) -> None:
    blind = make_run(samples=1, imagined=(make_rollout("imagined", 1, video=False),), reference=None)
    idle = make_run(samples=1, seed=3, imagined=(make_rollout("imagined", 2, acting=False),), reference=None)
    acting, showing = export_lerobot([blind, idle], tmp_path / "d")
    assert acting.form.size is None and showing.form.space is None
    episode = open_dataset(acting.folder).episode(0)
    assert episode.actions is not None and blind.imagined[0].actions is not None
    assert episode.cameras == () and episode.actions.tobytes() == blind.imagined[0].actions.tobytes()
    with pytest.raises(WamvizError, match="no video"):
        episode.frames()
    episode = open_dataset(showing.folder).episode(0)
    assert episode.actions is None and episode.frame_count == 4 and episode.rollout().action_space is None


def test_what_fills_the_place_of_an_action_is_marked(run: Run, tmp_path: Path) -> None:
    (written,) = export_lerobot([run], tmp_path / "d", origins=("imagined",))
    rows = pq.read_table(written.folder / "data/chunk-000/file-000.parquet").to_pydict()
    assert rows["wamviz.acted"] == [True, True, True, False] * 2
    last, before = np.array(rows["action"][3]), np.array(rows["action"][2])
    assert (last[:6] == 0).all() and last[6] == before[6]


def test_absolute_targets_are_held_and_steps_are_not(run: Run) -> None:
    space = run.imagined[0].action_space
    assert space is not None
    actions = np.arange(14, dtype=np.float32).reshape(2, 7)
    assert filler(space, actions).tolist() == [[0, 0, 0, 0, 0, 0, 13]]
    assert filler(replace(space, kind="joint_position"), actions).tolist() == actions[-1:].tolist()


def test_odd_sides_are_padded_and_said(run: Run, tmp_path: Path) -> None:
    frames = run.imagined[0].frames
    assert frames is not None
    odd = replace(run, imagined=(replace(run.imagined[0], frames=frames[:, :17, :15]),))
    (written,) = export_lerobot([odd], tmp_path / "d", origins=("imagined",))
    episode = open_dataset(written.folder).episode(0)
    assert episode.frames().shape == (4, 18, 16, 3)
    assert episode.facts["frame_size"] == [17, 15]
    model = episode.camera_model("exterior")
    assert model is not None and (model.width, model.height) == (16, 18)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fps": 10.0}, "frames at 10 and actions at 5 Hz"),
        ({"fps": 29.97, "actions": None, "action_space": None}, "29.97 frames a second"),
        ({"actions": np.zeros((9, 7), np.float32)}, "9 actions but only 4 frames"),
    ],
)
def test_what_lerobot_has_no_place_for_is_refused(run: Run, changed: dict, message: str, tmp_path: Path) -> None:
    strange = replace(run, imagined=(replace(run.imagined[0], **changed),))
    with pytest.raises(WamvizError, match=message) as caught:
        export_lerobot([strange], tmp_path / "d")
    assert "--only" in caught.value.hint and run.id in caught.value.message
    assert list(tmp_path.iterdir()) == []
    export_lerobot([strange], tmp_path / "d", origins=("recorded", "executed"))


def test_states_that_fit_nothing_are_left_out_and_said(run: Run, tmp_path: Path) -> None:
    assert run.reference is not None and run.reference.states is not None
    short = replace(run, reference=replace(run.reference, states=run.reference.states[:2]))
    (written,) = export_lerobot([short], tmp_path / "d", origins=("recorded",))
    assert written.form.state_names == () and "2 rows" in written.notes[0]


def test_nothing_to_write(make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="no executed rollout"):
        export_lerobot([make_run()], tmp_path / "d", origins=("executed",))
    with pytest.raises(WamvizError, match="Unknown origin"):
        export_lerobot([make_run()], tmp_path / "d", origins=("dreamt",))
    assert list(tmp_path.iterdir()) == []


def test_only_an_earlier_export_is_replaced_and_only_on_request(run: Run, make_run: MakeRun, tmp_path: Path) -> None:
    target = tmp_path / "d"
    export_lerobot([run], target)  # several datasets in one folder
    with pytest.raises(WamvizError, match="exists already.*--force"):
        export_lerobot([run], target)
    export_lerobot([make_run(seed=5)], target, states=False, force=True)
    assert open_dataset(target).summary()["episodes"] == 3
    (target / "meta/wamviz.json").write_text("{}")
    with pytest.raises(WamvizError, match="no export of wamviz"):
        export_lerobot([run], target, force=True)
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("ten years")
    for force in (False, True):
        with pytest.raises(WamvizError):
            export_lerobot([run], precious, force=force)
    assert (precious / "thesis.txt").read_text() == "ten years" and hidden(tmp_path) == []


def test_a_stopped_export_leaves_what_was_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "d"
    export_lerobot([run], target, states=False)
    before = sorted((path.name, path.stat().st_size) for path in target.rglob("*"))

    def stopped(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    for name in ("_stage", "assemble", "move_into_place"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(episodes, name, stopped)
            export_lerobot([run], target, force=True)
        assert sorted((path.name, path.stat().st_size) for path in target.rglob("*")) == before
        assert hidden(tmp_path) == []


def test_runs_are_taken_one_at_a_time(make_run: MakeRun, tmp_path: Path) -> None:
    order: list[str] = []

    def loading() -> object:
        for seed in range(3):
            order.append("load")
            yield make_run(seed=seed)

    export_lerobot(loading(), tmp_path / "d", total=3, progress=lambda *step: order.append(f"{step[0]}/{step[1]}"))  # type: ignore[arg-type]
    assert order == ["load", "1/3", "load", "2/3", "load", "3/3"]


def at_rate(rollout: Rollout, rate: float, fps: float | None = None) -> Rollout:
    assert rollout.action_space is not None
    return replace(rollout, fps=rate if fps is None else fps, action_space=replace(rollout.action_space, rate=rate))


def other_rate(run: Run, rate: float) -> Run:
    """The run of another model, which goes at ``rate``, from the same recording."""
    return replace(run, id=f"{int(rate):016x}", imagined=tuple(at_rate(one, rate) for one in run.imagined))


def test_a_selection_of_several_rates_becomes_a_dataset_a_rate(make_run: MakeRun, tmp_path: Path) -> None:
    """mini-WAM at 5 Hz beside a remote model at 15 Hz: folders by rate, every episode at its own, none lost."""
    slow, quick = make_run(seed=1, reference=None), other_rate(make_run(seed=2, reference=None), 15.0)
    written = export_lerobot([slow, quick], tmp_path / "d")
    assert {one.folder.name: (one.form.fps, dict(one.episodes)) for one in written} == {
        "5hz": (5, {"imagined": 2}),
        "15hz": (15, {"imagined": 2}),
    }
    for one, run in zip(written, (slow, quick), strict=True):
        info = json.loads((one.folder / "meta/info.json").read_text())
        assert info["fps"] == one.form.fps and info["codebase_version"] == "v3.0"
        for index, rollout in enumerate(run.imagined):
            assert_kept(open_dataset(one.folder).episode(index), rollout)
    export_lerobot([slow], tmp_path / "d", force=True)  # folders by rate are known as an export of ours
    assert open_dataset(tmp_path / "d").summary()["episodes"] == 2


def test_several_forms_of_one_rate_say_their_origins_as_well(make_run: MakeRun, tmp_path: Path) -> None:
    """The recorded rollout has states, so at 5 Hz there are two datasets; at 15 Hz there is one."""
    written = export_lerobot([make_run(seed=1), other_rate(make_run(seed=2), 15.0)], tmp_path / "d")
    assert [one.folder.name for one in written] == ["5hz-imagined", "5hz-recorded", "15hz"]
    assert by_origin(written).keys() == {"imagined", "recorded"}


def test_frames_rarer_than_actions_are_shown_as_long_as_they_last(make_run: MakeRun, tmp_path: Path) -> None:
    """One picture a chunk, as Cosmos Policy gives it: 4 actions a frame. Strangers find a row an action with the frame
    that was then shown; our reader finds the frames once, and every action."""
    draw = np.random.default_rng(0)
    shades = np.repeat(np.array([20, 120, 220], np.uint8), 18 * 16 * 3).reshape(3, 18, 16, 3)
    base = make_run(samples=1, reference=None)
    rare = replace(
        at_rate(base.imagined[0], 20.0, fps=5.0), frames=shades, actions=draw.normal(size=(8, 7)).astype(np.float32)
    )
    alike = at_rate(base.imagined[0], 20.0)
    assert (frame_every(rare), frame_every(alike)) == (4, 1)
    (written,) = export_lerobot([replace(base, imagined=(rare, alike), samples=2)], tmp_path / "d")
    dataset = open_dataset(written.folder)
    assert written.form.fps == 20
    one, other = dataset.episode(0), dataset.episode(1)
    assert (one.fps, one.frame_count, one.length) == (5.0, 3, 8) and (other.fps, other.frame_count) == (20.0, 4)
    assert one.facts["frame_every"] == 4 and one.actions is not None and rare.actions is not None
    back = one.rollout()
    assert back.actions is not None and back.actions.tobytes() == rare.actions.tobytes() and back.fps == rare.fps
    assert back.frames is not None and np.abs(back.frames.mean(axis=(1, 2, 3)) - [20, 120, 220]).max() < 4
    decoded, fps = read_video(written.folder / VIDEO)
    assert fps == 20 and np.array_equal(back.frames, decoded[:9:4])
    shown = decoded[:9].mean(axis=(1, 2, 3))
    assert np.abs(shown - [*[20] * 4, *[120] * 4, 220]).max() < 4
    middle = one.rollout(1, 3)
    assert middle.actions is not None and np.array_equal(middle.actions, rare.actions[4:8])
    assert np.array_equal(one.frames(start=2), back.frames[2:])


@pytest.mark.parametrize("told", [0, -1, 3.5, "4", True, 10**9, None])
def test_a_manifest_that_lies_about_its_frames_is_not_believed(run: Run, told: object, tmp_path: Path) -> None:
    (written,) = export_lerobot([run], tmp_path / "d", origins=("imagined",))
    path = written.folder / "meta/wamviz.json"
    facts = json.loads(path.read_text())
    for episode in facts["episodes"]:
        episode["frame_every"] = told
    path.write_text(json.dumps(facts))
    episode = open_dataset(written.folder).episode(0)
    assert episode.fps == 5 and episode.frames().shape == (4, 18, 16, 3)
