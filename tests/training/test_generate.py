"""Recording: the same seeds give the same episodes, a stop loses nothing, and any frame can be executed from."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.datasets import open_dataset
from wamviz.training import generate as module
from wamviz.training.generate import EpisodeRecipe, Interrupted, generate
from wamviz.worlds.tabletop import TabletopEnv, renderer_name

SEEDS = (1_000_000, 1_000_001, 1_000_002)
SMALL = EpisodeRecipe(styles={"expert": 1.0}, size=32)
needs_renderer = pytest.mark.skipif(renderer_name() is None, reason="nothing can render here")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of ``SEEDS``, three actions an episode; read only."""
    out = tmp_path_factory.mktemp("generate") / "recorded"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "record_episode", functools.partial(module.record_episode, max_steps=3))
        return generate(SEEDS, out, recipe=SMALL, manifest={"license": "CC0-1.0"})


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Episodes of three actions: what they show does not matter here."""
    monkeypatch.setattr(module, "record_episode", functools.partial(module.record_episode, max_steps=3))


def stop_after(count: int) -> Any:
    def progress(done: int, total: int, note: str) -> None:
        if done == count:
            raise KeyboardInterrupt

    return progress


def numbers(root: Path) -> list[tuple[bytes, bytes, str]]:
    dataset = open_dataset(root)
    episodes = [dataset.episode(i) for i in dataset.indices]
    return [(e.actions.tobytes(), e.world_state(e.length).snapshot.tobytes(), e.instruction) for e in episodes]


@needs_renderer
def test_the_same_seeds_give_the_same_bytes(recorded: Path, tmp_path: Path, short: None) -> None:
    seen: list[tuple[int, int]] = []
    again = generate(
        SEEDS,
        tmp_path / "again",
        recipe=SMALL,
        progress=lambda done, total, note: seen.append((done, total)),
        manifest={"license": "CC0-1.0"},
    )
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert numbers(recorded) == numbers(again)
    for file in (path.relative_to(recorded) for path in recorded.rglob("*") if path.is_file()):
        assert (recorded / file).read_bytes() == (again / file).read_bytes(), file
    assert [path.name for path in tmp_path.iterdir()] == ["again"]  # nothing else is left


@needs_renderer
def test_the_manifest_tells_what_the_bits_depend_on(recorded: Path) -> None:
    manifest = json.loads((recorded / "meta/wamviz.json").read_text())
    assert manifest["complete"] is True and manifest["license"] == "CC0-1.0"
    assert manifest["seeds"] == "1000000:1000003"
    assert {"wamviz", "mujoco", "numpy"} <= set(manifest["versions"])
    assert [episode["seed"] for episode in manifest["episodes"]] == list(SEEDS)
    assert all({"kind", "success", "style", "cameras"} <= set(episode) for episode in manifest["episodes"])


@needs_renderer
def test_any_frame_can_be_executed_from(recorded: Path) -> None:
    episode = open_dataset(recorded).episode(0)
    assert episode.length == 3 and episode.frame_count == 4
    env = TabletopEnv(render=False, size=32)
    for frame in (0, 2):
        state = episode.world_state(frame)
        env.restore(state.seed, state.snapshot)
        for k in range(frame, episode.length):
            seen, *_ = env.step(episode.actions[k])
            assert np.array_equal(seen.state, episode.states[k + 1])
            calibrated = episode.camera_model("wrist", k + 1)
            assert np.array_equal(calibrated.world_from_camera, env.camera("wrist").world_from_camera)
    assert episode.camera_moves("wrist") and not episode.camera_moves("exterior")


@needs_renderer
def test_a_stop_leaves_a_valid_dataset_and_the_same_call_goes_on(recorded: Path, tmp_path: Path, short: None) -> None:
    out = tmp_path / "a"
    with pytest.raises(Interrupted, match="2 of 3 episodes are in 'a'"):
        generate(SEEDS, out, recipe=SMALL, progress=stop_after(2))
    manifest = json.loads((out / "meta/wamviz.json").read_text())
    assert manifest["complete"] is False and len(open_dataset(out)) == 2
    with pytest.raises(WamvizError, match="other settings .crf"):
        generate(SEEDS, out, recipe=EpisodeRecipe(styles={"expert": 1.0}, size=32, crf=30))
    with pytest.raises(WamvizError, match="interrupted run with other seeds"):
        generate(SEEDS[1:], out, recipe=SMALL)
    seen: list[int] = []
    generate(SEEDS, out, recipe=SMALL, progress=lambda done, total, note: seen.append(done))
    assert seen == [2, 3]  # two were there already
    assert numbers(out) == numbers(recorded)
    assert json.loads((out / "meta/wamviz.json").read_text())["complete"] is True


@needs_renderer
def test_a_stop_before_the_first_episode_leaves_nothing(tmp_path: Path, short: None) -> None:
    with pytest.raises(Interrupted, match="nothing was written"):
        generate(SEEDS, tmp_path / "a", recipe=SMALL, progress=stop_after(0))
    assert list(tmp_path.iterdir()) == []


@needs_renderer
def test_ctrl_c_with_several_processes(tmp_path: Path, root: Path) -> None:
    """The whole group gets SIGINT, as in a terminal; the parent alone answers it."""
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import functools, sys
            from wamviz.training import generate as module

            module.record_episode = functools.partial(module.record_episode, max_steps=2)
            recipe = module.EpisodeRecipe(styles={{"expert": 1.0}}, size=32)

            def progress(done, total, note):
                print(done, flush=True)
                if done:
                    sys.stdin.readline()  # holds still until the test has sent the signal

            if __name__ == "__main__":
                try:
                    module.generate(range(1_000_000, 1_000_020), {str(tmp_path / "a")!r}, recipe=recipe, workers=2,
                                    progress=progress)
                except module.Interrupted as stop:
                    print(stop, flush=True)
                    sys.exit(130)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with process:
        assert process.stdout is not None and process.stdin is not None and process.stderr is not None
        assert process.stdout.readline() == "0\n" and process.stdout.readline() == "1\n"
        os.killpg(process.pid, signal.SIGINT)
        process.stdin.close()
        said, complained = process.stdout.read(), process.stderr.read()
        process.wait()
    assert process.returncode == 130, complained
    assert "of 20 episodes are in 'a'; the same command goes on" in said
    assert "Traceback" not in complained
    dataset = open_dataset(tmp_path / "a")
    assert 1 <= len(dataset) < 20
    assert all(dataset.episode(i).frames("wrist").shape == (3, 32, 32, 3) for i in dataset.indices)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda out: generate([], out), "at least one seed"),
        (lambda out: generate([1, 1], out), "only once"),
        (lambda out: generate([1], out, workers=0), "At least one process"),
        (lambda out: generate([1], out.parent), "exists already"),
        (lambda out: EpisodeRecipe(styles={}), "mix of styles"),
        (lambda out: EpisodeRecipe(styles={"expert": 1.0}, size=33), "must be even"),
        (lambda out: EpisodeRecipe(styles={"expert": 1.0}, cameras=()), "At least one camera"),
    ],
)
def test_bad_calls_are_refused_before_any_work(tmp_path: Path, call: Any, says: str) -> None:
    (tmp_path / "something").write_text("here")
    with pytest.raises(WamvizError, match=says):
        call(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


def test_a_style_depends_on_the_seed_alone_and_follows_the_shares() -> None:
    recipe = EpisodeRecipe(styles={"expert": 3, "perturbed": 1})
    drawn = [recipe.style_of(seed) for seed in range(2000)]
    assert drawn == [recipe.style_of(seed) for seed in range(2000)]
    assert 0.7 < drawn.count("expert") / len(drawn) < 0.8
