"""A closed loop: the model looks, acts and looks again, until the world says that the task is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.runs.conftest import SEED, SIZE
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Preview, Rollout
from wamviz.models.baselines import COPY_LAST_FRAME, HOLD_STILL, Control
from wamviz.models.protocol import Capabilities
from wamviz.runs.closed_loop import ClosedLoop, loop_run, run_closed_loop, write_loop
from wamviz.runs.store import read_run
from wamviz.worlds.tabletop import ACTION_SPACE, TabletopEpisode


class Oracle:
    """A test's stand-in for a perfect model: it returns what the expert did from there on."""

    capabilities: Capabilities = replace(HOLD_STILL, model_id="oracle", title="Oracle")

    def __init__(self, episode: TabletopEpisode, video: bool = True) -> None:
        self.episode, self.video = episode, video
        self.asked: list[ImagineRequest] = []

    def imagine(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        self.asked.append(request)
        step = int(request.observation.source.rpartition("@")[2])
        actions = self.episode.actions[step : step + 16]
        frames = self.episode.frames["exterior"][step : step + 17]
        yield Preview(1, 1)
        yield Imagined(
            (
                Rollout(
                    "imagined",
                    frames if self.video else None,
                    5.0,
                    actions,
                    ACTION_SPACE,
                    seed=request.seed,
                ),
            )
        )


@pytest.fixture(scope="module")
def loop(expert: TabletopEpisode) -> ClosedLoop:
    return run_closed_loop(Oracle(expert), SEED, size=SIZE, execute=6)


def test_a_perfect_model_succeeds_and_stops_there(loop: ClosedLoop, expert: TabletopEpisode) -> None:
    done = loop.executed
    assert done.success is True and done.instruction == expert.instruction
    assert 0 < len(done.actions) <= len(expert.actions)  # type: ignore[arg-type]
    assert np.array_equal(done.frames, expert.frames["exterior"][: len(done.actions) + 1])  # type: ignore[arg-type]
    assert loop.looks == -(-len(done.actions) // 6)  # type: ignore[arg-type]


def test_what_was_expected_is_as_long_as_what_happened(loop: ClosedLoop) -> None:
    assert loop.imagined.origin == "imagined"
    # The oracle expects exactly what happens, so the stretches have to fit together without a seam.
    assert np.array_equal(loop.imagined.frames, loop.executed.frames)  # type: ignore[arg-type]


def test_the_same_seed_acts_the_same_and_each_look_samples_anew(expert: TabletopEpisode, loop: ClosedLoop) -> None:
    oracle = Oracle(expert)
    again = run_closed_loop(oracle, SEED, size=SIZE, execute=6, sampling_seed=5).executed
    assert np.array_equal(again.frames, loop.executed.frames)  # type: ignore[arg-type]
    assert [request.seed for request in oracle.asked] == [5 + i for i in range(loop.looks)]
    assert all(request.observation.world_state is not None for request in oracle.asked)


def test_holding_still_reaches_the_limit() -> None:
    told: list[tuple[int, int]] = []
    rollout = run_closed_loop(
        Control(HOLD_STILL), SEED, "push the toaster lever", limit=3, execute=2, size=SIZE,
        progress=lambda step, steps, note: told.append((step, steps)),
    ).executed  # fmt: skip
    assert rollout.success is False and len(rollout.actions) == 3 and rollout.meta["looks"] == 2  # type: ignore[arg-type]
    assert told[0] == (0, 3) and told[-1] == (3, 3)


def test_a_mode_without_video_still_leaves_its_actions(expert: TabletopEpisode) -> None:
    loop = run_closed_loop(Oracle(expert, video=False), SEED, mode="act_only", size=SIZE, limit=2)
    assert loop.imagined.frames is None and len(loop.imagined.actions) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("capabilities", "mode", "says"),
    [
        (HOLD_STILL, "video", "does not give actions"),
        (HOLD_STILL, "forward_dynamics", "does not give actions"),
        (HOLD_STILL, "imagine_then_act", "no mode"),
        (replace(HOLD_STILL, worlds=()), "joint", "cannot be executed"),
        (COPY_LAST_FRAME, "joint", "no mode"),
    ],
)
def test_a_model_that_cannot_act_here_is_refused(capabilities: Capabilities, mode: str, says: str) -> None:
    with pytest.raises(WamvizError, match=says):
        run_closed_loop(Control(capabilities), SEED, mode=mode)


def test_a_closed_loop_is_kept_like_any_run(loop: ClosedLoop, expert: TabletopEpisode, tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "out"
    write_loop(folder, loop_run(Oracle(expert), "joint", loop))
    kept = read_run(folder)
    assert kept.executed is not None and kept.executed.success is True and kept.world_state is not None
    assert kept.reference is not None and kept.reference.instruction == kept.instruction
    assert (folder / "rollout.mp4").is_file() and (folder / "executed.mp4").is_file()
    assert '"success": true' in (folder / "rollout.json").read_text()
