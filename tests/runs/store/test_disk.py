"""Kept once, whole or not at all, and never outside its folder."""

import json
import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.runs.store import Store, read_run
from wamviz.runs.store.disk import HIDDEN, STALE_SECONDS


def full(*_: object) -> None:
    raise OSError(28, "No space left")


def test_a_kept_run_survives_a_restart(store, make_run, same_run):
    run = make_run()
    assert store.save(run) == run.id
    same_run(Store(store.root).load(run.id), run)


def test_the_default_root_is_in_the_home_of_wamviz(home, make_run):
    Store().save(make_run())
    assert (home / "runs" / make_run().id / "rollout.json").is_file()


def test_nothing_is_made_before_the_first_save(store):
    assert store.list() == [] and store.scan() == ([], [])
    assert not store.root.exists()


def test_saving_again_changes_nothing(store, make_run):
    run = make_run()
    store.save(run)
    before = {path.name: path.stat().st_mtime_ns for path in store.folder(run.id).iterdir()}
    assert store.save(replace(run, created="2030-01-01T00:00:00+00:00")) == run.id
    assert {path.name: path.stat().st_mtime_ns for path in store.folder(run.id).iterdir()} == before
    assert [entry.name for entry in os.scandir(store.root)] == [run.id]


def test_saving_again_keeps_what_was_executed(store, make_run, make_rollout, same_rollout):
    run, executed = make_run(), make_rollout("executed", 4)
    store.save(run)
    store.attach_executed(run.id, executed)
    store.save(run)
    same_rollout(store.load(run.id).executed, executed)


def test_saving_again_adds_what_was_missing(store, make_run, same_rollout):
    full = make_run()
    store.save(replace(full, reference=None, world_state=None, state=None))
    assert not store.list()[0].has_reference
    store.save(full)
    found = store.load(full.id)
    same_rollout(found.reference, full.reference)
    assert found.world_state is not None and found.state is not None
    assert found.metrics["video"]["psnr"] > 0
    assert store.list()[0].has_reference


def test_an_execution_is_attached_with_its_numbers(store, make_run, make_rollout, same_rollout):
    run, executed = make_run(), make_rollout("executed", 4)
    store.save(run)
    completed = store.attach_executed(run.id, executed)
    assert completed.metrics["execution"]["success"] is True
    found = store.load(run.id)
    same_rollout(found.executed, executed)
    assert found.metrics == completed.metrics
    assert (store.folder(run.id) / "executed.mp4").is_file()
    summary = store.list()[0]
    assert summary.has_executed and summary.success is True


def test_another_execution_takes_the_place_of_the_first(store, make_run, make_rollout, same_rollout):
    run = make_run()
    store.save(run)
    store.attach_executed(run.id, make_rollout("executed", 4))
    second = make_rollout("executed", 5, video=False)
    store.attach_executed(run.id, second)
    same_rollout(store.load(run.id).executed, second)
    assert not (store.folder(run.id) / "executed.mp4").exists()


def test_a_crash_between_archive_and_manifest_heals_itself(store, make_run, make_rollout, monkeypatch):
    run = make_run()
    store.save(run)
    with monkeypatch.context() as patch:
        patch.setattr("wamviz.runs.store.disk.write_json", full)
        with pytest.raises(WamvizError, match="No space left"):
            store.attach_executed(run.id, make_rollout("executed", 4))
    found = store.load(run.id)
    assert found.executed is not None
    assert found.metrics["execution"]["success"] is True


def test_only_executions_are_attached(store, make_run, make_rollout):
    run = make_run()
    store.save(run)
    with pytest.raises(WamvizError, match="not 'executed'"):
        store.attach_executed(run.id, make_rollout("recorded"))
    assert store.load(run.id).executed is None


def test_the_history_is_newest_first_and_can_be_cut(store, make_run):
    for seed in (3, 1, 2):
        store.save(make_run(seed))
    found = store.list()
    assert [summary.seed for summary in found] == [3, 2, 1]
    assert [summary.seed for summary in store.list(2)] == [3, 2]
    first = found[0]
    assert first.model == "m" and first.samples == 2 and first.has_reference and not first.has_executed
    assert (first.folder / "context.png").is_file()


def test_the_history_sees_what_changed_meanwhile(store, make_run, make_rollout):
    run = make_run()
    store.save(run)
    assert not store.list()[0].has_executed
    Store(store.root).attach_executed(run.id, make_rollout("executed"))
    assert store.list()[0].has_executed
    Store(store.root).delete(run.id)
    assert store.list() == []


def test_deleting_forgets_the_run_alone(store, make_run):
    one, other = make_run(1), make_run(2)
    store.save(one), store.save(other)
    store.delete(one.id)
    assert [summary.id for summary in store.list()] == [other.id]
    assert [entry.name for entry in os.scandir(store.root)] == [other.id]
    with pytest.raises(WamvizError, match="No run"):
        store.delete(one.id)
    with pytest.raises(WamvizError, match="No run"):
        store.load(one.id)


# --- damage and malice ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["..", "../secret", "/etc/passwd", "a" * 15, "A" * 16, "", "x" * 16, "a" * 16 + "/.."])
def test_no_id_leads_outside(store, make_run, make_rollout, text):
    store.save(make_run())
    (store.root.parent / "secret").mkdir()
    for act in (
        lambda: store.load(text),
        lambda: store.delete(text),
        lambda: store.export(text, "zip"),
        lambda: store.folder(text),
        lambda: store.attach_executed(text, make_rollout("executed")),
    ):
        with pytest.raises(WamvizError, match="no run id"):
            act()
    assert (store.root.parent / "secret").is_dir()


def test_a_link_is_no_run(store, make_run, tmp_path):
    run = make_run()
    outside = Store(tmp_path / "elsewhere")
    outside.save(run)
    store.root.mkdir()
    (store.root / run.id).symlink_to(outside.folder(run.id))
    found, notes = store.scan()
    assert found == [] and "link" in notes[0]
    with pytest.raises(WamvizError, match="No run"):
        store.load(run.id)
    store.save(run)  # takes the link's place, and what it pointed to stays
    assert not (store.root / run.id).is_symlink()
    assert outside.load(run.id).id == run.id


def spoil(path: Path, how: str) -> None:
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "no object":
        path.write_text("[1]")
    elif how == "another run":
        path.write_text(json.dumps({**json.loads(path.read_text()), "id": "0" * 16}))
    elif how == "wrong types":
        path.write_text(json.dumps({**json.loads(path.read_text()), "seed": [], "metrics": 3}))
    elif how == "later":
        path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    else:
        path.write_text(" " * 2000)


@pytest.mark.parametrize("how", ["missing", "empty", "no object", "another run", "wrong types", "later", "huge"])
def test_a_torn_run_is_left_out_with_a_note_and_can_be_made_anew(store, make_run, same_run, monkeypatch, how):
    torn, whole = make_run(1), make_run(2)
    store.save(torn), store.save(whole)
    spoil(store.root / torn.id / "rollout.json", how)
    if how == "huge":
        monkeypatch.setattr("wamviz.runs.store.arrays.JSON_LIMIT", 1000)
        assert all(torn.id in note or whole.id in note for note in store.scan()[1])
        monkeypatch.setattr("wamviz.runs.store.arrays.JSON_LIMIT", 10**7)
    found, notes = store.scan()
    assert [summary.id for summary in found] == [whole.id]
    assert len(notes) == 1 and torn.id in notes[0]
    with pytest.raises(WamvizError):
        store.load(torn.id)
    store.save(torn)
    same_run(store.load(torn.id), torn)
    assert len(list(os.scandir(store.root))) == 2


def test_strange_entries_under_the_root_do_no_harm(store, make_run):
    run = make_run()
    store.save(run)
    (store.root / "notes.txt").write_text("x")
    (store.root / "0123456789abcdef").write_text("a file with the name of a run")
    (store.root / "fedcba9876543210").mkdir()
    found, notes = store.scan()
    assert [summary.id for summary in found] == [run.id]
    assert len(notes) == 2


def test_left_overs_of_a_dead_process_are_swept_but_not_those_of_a_living_one(store, make_run):
    store.root.mkdir()
    old, young = store.root / f"{HIDDEN}old", store.root / f"{HIDDEN}young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "rollout.npz").write_bytes(b"half")
    past = time.time() - STALE_SECONDS - 60
    os.utime(old, (past, past))
    store.save(make_run())
    assert not old.exists() and young.exists()


def test_a_full_disk_is_said_plainly_and_leaves_nothing(store, make_run, monkeypatch):
    monkeypatch.setattr("wamviz.runs.store.files.write_png", full)
    with pytest.raises(WamvizError, match="cannot be kept: No space left.*WAMVIZ_HOME"):
        store.save(make_run())
    assert list(store.root.iterdir()) == []


def test_a_root_that_is_a_file_is_said_plainly(tmp_path, make_run):
    (tmp_path / "runs").write_text("")
    store = Store(tmp_path / "runs")
    with pytest.raises(WamvizError, match="cannot be kept"):
        store.save(make_run())
    assert store.list() == [] and "cannot be read" in store.scan()[1][0]


# --- several at once ------------------------------------------------------------------------------------------------


def _save_all(root, runs, barrier) -> None:
    store = Store(root)
    barrier.wait(60)
    for run in runs:
        store.save(run)


@pytest.mark.skipif(os.name == "nt", reason="fork")
def test_two_processes_may_save_the_same_runs_at_once(store, make_run, same_run):
    runs = [make_run(seed, samples=1) for seed in range(4)]
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    workers = [context.Process(target=_save_all, args=(store.root, runs, barrier)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert sorted(entry.name for entry in os.scandir(store.root)) == sorted(run.id for run in runs)
    for run in runs:
        same_run(store.load(run.id), run)


def test_readers_see_the_run_before_or_after_an_attachment(store, make_run, make_rollout, monkeypatch):
    run = make_run()
    store.save(run)
    seen = []
    from wamviz.runs.store import files

    real = files.write_mp4

    def watched(path, *rest, **options):
        seen.append(read_run(store.folder(run.id)))
        real(path, *rest, **options)

    monkeypatch.setattr("wamviz.runs.store.files.write_mp4", watched)
    store.attach_executed(run.id, make_rollout("executed", 4))
    assert len(seen) == 1
    for found in seen:
        assert (found.executed is None) == (found.metrics.get("execution") is None)
    assert np.array_equal(store.load(run.id).executed.frames, make_rollout("executed", 4).frames)
