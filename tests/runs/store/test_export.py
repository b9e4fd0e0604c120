"""Downloads are whole, share one clock, and hold the numbers exactly."""

import csv
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.core.media import read_video
from wamviz.runs.store import Store
from wamviz.runs.store.export import KINDS, action_table


@pytest.fixture(scope="module")
def downloads(make_run, make_rollout, tmp_path_factory):
    """(kept run, download by kind) of a run with everything, beside which lie files that are no part of it."""
    folder = tmp_path_factory.mktemp("downloads")
    store, run = Store(folder / "runs"), make_run(executed=make_rollout("executed", 4))
    store.save(run)
    (folder / "secret.txt").write_text("secret")
    (store.folder(run.id) / "private.txt").write_text("mine")
    (store.folder(run.id) / "rollout-7.mp4").symlink_to(folder / "secret.txt")
    return store.folder(run.id), {kind: store.export(run.id, kind) for kind in KINDS}


def test_every_kind_can_be_downloaded(downloads):
    folder, found = downloads
    for kind, path in found.items():
        assert path.suffix == (".zip" if kind == "lerobot" else f".{kind}") and path.stat().st_size > 0
        assert folder in path.parents


def test_the_lerobot_download_is_a_dataset_of_the_runs_rollouts(store, make_run, tmp_path):
    """Unpacked, it is what the command ``export`` writes: every rollout an episode, its actions bit for bit."""
    from wamviz.datasets import open_dataset

    run = make_run()
    store.save(run)
    with zipfile.ZipFile(store.export(run.id, "lerobot")) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / f"wamviz-{run.id}-lerobot"
    imagined, recorded = open_dataset(folder / "imagined"), open_dataset(folder / "recorded")
    assert len(imagined) == 2 and len(recorded) == 1
    for index, rollout in enumerate(run.imagined):
        episode = imagined.episode(index)
        assert episode.actions.tobytes() == rollout.actions.tobytes() and episode.facts["run"] == run.id
    strange = make_run(seed=9, imagined=(replace(run.imagined[0], fps=7.0),), samples=1)
    store.save(strange)
    with pytest.raises(WamvizError, match="frames at 7 and actions at 5 Hz"):
        store.export(strange.id, "lerobot")
    assert not list((store.root / strange.id / "exports").iterdir())


def test_an_unknown_kind_names_the_nearest(store, make_run):
    run = make_run()
    store.save(run)
    with pytest.raises(WamvizError, match="Did you mean 'mp4'"):
        store.export(run.id, "mp3")


def test_videos_are_slides_of_720_lines(downloads):
    _, found = downloads
    frames, fps = read_video(found["mp4"])
    assert fps == 5.0 and frames.shape == (4, 720, 1280, 3)
    with Image.open(found["gif"]) as gif:
        assert gif.n_frames > 1 and gif.size == (1280, 720)
    with Image.open(found["png"]) as strip:
        assert strip.width > strip.height > 600


def test_a_run_without_video_has_no_mp4_but_a_zip(store, make_run, make_rollout):
    run = make_run(imagined=(make_rollout(video=False),), samples=1, reference=None)
    store.save(run)
    for kind in ("mp4", "gif", "png"):
        with pytest.raises(WamvizError, match="no video"):
            store.export(run.id, kind)
    with zipfile.ZipFile(store.export(run.id, "zip")) as archive:
        names = {os.path.basename(name) for name in archive.namelist()}
    assert names == {"README.txt", "rollout.json", "rollout.npz", "context.png", "actions.csv"}


def test_a_run_without_actions_has_no_csv_but_a_zip(store, make_run, make_rollout):
    run = make_run(imagined=(make_rollout(acting=False),), samples=1, reference=None)
    store.save(run)
    with pytest.raises(WamvizError, match="no actions"):
        store.export(run.id, "csv")
    with zipfile.ZipFile(store.export(run.id, "zip")) as archive:
        assert not any(name.endswith(".csv") for name in archive.namelist())


def test_the_table_reads_back_as_the_same_float32(store, make_run, make_rollout):
    run = make_run(executed=make_rollout("executed", 4))
    store.save(run)
    with store.export(run.id, "csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header[0] == "time (s)"
    assert header[1] == "recorded dx (m)" and header[7] == "recorded gripper (1)"
    assert {"imagined dx (m)", "imagined-1 drz (rad)", "executed dx (m)"} <= set(header)
    assert [float(row[0]) for row in rows] == [0.2, 0.4, 0.6]
    column = header.index("imagined-1 drz (rad)")
    assert np.array_equal(np.array([row[column] for row in rows], np.float32), run.imagined[1].actions[:, 5])


def test_rows_of_two_rates_meet_by_time(make_run, make_rollout):
    reference = make_rollout("recorded", 50)
    fast = replace(reference, action_space=replace(reference.action_space, rate=10.0))
    header, rows = action_table(make_run(reference=fast, samples=1))
    assert [row[0] for row in rows] == [0.1, 0.2, 0.3, 0.4, 0.6]
    recorded, imagined = header.index("recorded dx (m)"), header.index("imagined dx (m)")
    assert [row[recorded] is not None for row in rows] == [True, True, True, False, False]
    assert [row[imagined] is not None for row in rows] == [False, True, False, True, True]


def test_the_zip_holds_everything_once_and_nothing_else(downloads):
    folder, found = downloads
    with zipfile.ZipFile(found["zip"]) as archive:
        names = archive.namelist()
        assert archive.testzip() is None
        text = archive.read(f"wamviz-{folder.name}/README.txt").decode()
    assert len(names) == len(set(names))
    assert {os.path.dirname(name) for name in names} == {f"wamviz-{folder.name}"}
    assert {os.path.basename(name) for name in names} == {
        "README.txt", "rollout.json", "rollout.npz", "rollout.mp4", "rollout-1.mp4", "context.png", "reference.mp4",
        "reference.npz", "executed.mp4", "executed.npz", "side-by-side.mp4", "side-by-side.gif",
        "filmstrip.png", "actions.csv",
    }  # fmt: skip
    assert "rollout.npz" in text


def test_downloads_are_made_once_and_follow_the_run(store, make_run, make_rollout):
    run = make_run()
    store.save(run)
    first = store.export(run.id, "mp4")
    stamp = first.stat().st_mtime_ns
    assert store.export(run.id, "mp4").stat().st_mtime_ns == stamp
    store.attach_executed(run.id, make_rollout("executed", 4))
    assert not first.exists()
    assert store.export(run.id, "mp4").stat().st_mtime_ns != stamp
