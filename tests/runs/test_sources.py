"""SOURCE strings: every form gives a context, and what happened next is really what happened next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_gif, write_mp4, write_png
from wamviz.core.rollout import Observation
from wamviz.datasets import DatasetSchema, LeRobotWriter
from wamviz.runs import sources
from wamviz.runs.imagine import imagine_run
from wamviz.runs.sources import Context, after, expert_episode, kind_of, resolve
from wamviz.runs.store import Run, Store

SEED = 2_000_003


@pytest.fixture(autouse=True, scope="module")
def small_frames() -> object:
    """The same code at a quarter of the pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "TABLETOP_SIZE", 64)
        sources._expert.cache_clear()
        yield
        sources._expert.cache_clear()


def grey(count: int, size: int = 32) -> np.ndarray:
    """(T, size, size, 3): frame i is a grey that says i."""
    return np.stack([np.full((size, size, 3), 20 + 10 * i, np.uint8) for i in range(count)])


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two episodes of 6 frames, one camera."""
    features = {
        "action": {"dtype": "float32", "shape": [2], "names": ["x", "y"]},
        "observation.images.front": {"dtype": "video", "shape": [32, 32, 3], "names": ["height", "width", "channels"]},
    }
    writer = LeRobotWriter(tmp_path / "set", DatasetSchema(features, fps=5))
    for episode in range(2):
        actions = np.full((6, 2), episode, np.float32)
        writer.add_episode({"action": actions}, {"observation.images.front": grey(6)}, f"task {episode}")
    return writer.finish()


def drain(source: str, instruction: str) -> Run:
    *_, run = imagine_run("hold-still", resolve(source, instruction))
    assert isinstance(run, Run)
    return run


def test_a_picture_is_a_context_without_a_reference(tmp_path: Path) -> None:
    frame = np.random.default_rng(0).integers(0, 255, (24, 40, 3), np.uint8)
    write_png(tmp_path / "a.png", frame)
    context = resolve(str(tmp_path / "a.png"), "pick up the orange")
    assert np.array_equal(context.observation.frame, frame) and context.reference is None
    assert context.instruction == context.observation.instruction == "pick up the orange"
    assert context.observation.world_state is None


def test_a_video_starts_with_its_context(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", grey(5), 10)
    context = resolve(str(tmp_path / "a.mp4"))
    assert context.reference is not None and context.reference.origin == "recorded"
    assert len(context.reference.frames) == 5 and context.reference.fps == 10  # type: ignore[arg-type]
    assert np.array_equal(context.reference.frames[0], context.observation.frame)  # type: ignore[index]


@pytest.mark.parametrize("name", ["a.mp4", "a.png", "b.gif", "wrongly-named.jpg"])
def test_files_are_told_apart_by_content(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "b.gif":
        write_gif(path, grey(3), 5)
    elif name == "a.png":
        write_png(path, grey(1)[0])
    else:
        write_mp4(tmp_path / "a.mp4", grey(3), 5)
        (tmp_path / "a.mp4").replace(path)
    assert kind_of(str(path)) == ("image" if name == "a.png" else "video")


def test_an_episode_starts_at_the_frame_that_is_named(dataset: Path) -> None:
    whole, part = resolve(f"{dataset}#1"), resolve(f"{dataset}#1@2")
    assert part.instruction == "task 1"
    assert np.array_equal(part.observation.frame, whole.reference.frames[2])  # type: ignore[union-attr,index]
    assert part.reference is not None and part.reference.frames is not None and len(part.reference.frames) == 4
    assert part.reference.actions is not None and (part.reference.actions == 1).all()


def test_after_the_last_frame_nothing_is_known(dataset: Path) -> None:
    assert resolve(f"{dataset}#0@5").reference is None


@pytest.mark.parametrize("place", ["2", "0@6", "x", "0@", "@1", "-1", "", "0@1@2"])
def test_a_place_outside_the_dataset_is_refused(dataset: Path, place: str) -> None:
    with pytest.raises(WamvizError):
        resolve(f"{dataset}#{place}")


def test_a_dataset_alone_is_no_context_but_says_how(dataset: Path) -> None:
    with pytest.raises(WamvizError, match="#0 .. .*#1"):
        resolve(str(dataset))


def test_a_kept_run_is_a_context_again(home: Path) -> None:
    first = drain(f"tabletop:{SEED}@3", "wave at the camera")
    run_id = Store().save(first)
    again = resolve(run_id)
    assert np.array_equal(again.observation.frame, first.context)
    assert again.instruction == "wave at the camera"
    assert again.observation.world_state is not None and again.observation.world_state.snapshot is not None
    assert np.array_equal(again.observation.world_state.snapshot, first.world_state.snapshot)  # type: ignore[union-attr]
    assert again.reference is not None and np.array_equal(again.reference.frames, first.reference.frames)  # type: ignore[union-attr,arg-type]


def test_an_unknown_run_is_named(home: Path) -> None:
    with pytest.raises(WamvizError, match="0123456789abcdef"):
        resolve("0123456789abcdef")


def test_a_tabletop_scene_carries_everything_that_is_known() -> None:
    context = resolve(f"tabletop:{SEED}")
    seen = context.observation
    assert list(seen.frames) == ["exterior", "wrist"] and set(seen.cameras) == {"exterior", "wrist"}
    assert seen.state is not None and seen.state.shape == (14,) and seen.world_state is not None
    assert context.instruction and context.reference is not None
    assert context.reference.origin == "executed" and "expert" in context.reference.meta["by"]
    assert context.reference.success is True


@pytest.mark.parametrize("step", [0, 1, 6])
def test_a_later_step_continues_the_very_same_run(step: int) -> None:
    whole, later = resolve(f"tabletop:{SEED}"), resolve(f"tabletop:{SEED}@{step}")
    assert whole.reference is not None and later.reference is not None
    for name in ("frames", "actions", "states"):
        assert np.array_equal(getattr(whole.reference, name)[step:], getattr(later.reference, name))
    assert np.array_equal(later.observation.frame, later.reference.frames[0])  # type: ignore[index]
    assert np.array_equal(later.observation.state, later.reference.states[0])  # type: ignore[arg-type,index]


def test_the_end_of_the_experts_run_has_no_future() -> None:
    count = len(expert_episode(SEED).actions)  # type: ignore[arg-type]
    assert resolve(f"tabletop:{SEED}@{count}").reference is None
    with pytest.raises(WamvizError, match=f"0 .. {count}"):
        resolve(f"tabletop:{SEED}@{count + 1}")


def test_the_expert_acts_once_a_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    expert_episode(SEED)
    before = sources._expert.cache_info().misses
    resolve(f"tabletop:{SEED}@1")
    resolve(f"tabletop:{SEED}@2", "do something else")
    assert sources._expert.cache_info().misses == before


def test_other_words_leave_the_reference_as_it_was() -> None:
    context = resolve(f"tabletop:{SEED}", "dance")
    assert context.instruction == context.observation.instruction == "dance"
    assert context.reference is not None and context.reference.instruction != "dance"
    assert resolve(f"tabletop:{SEED}", "  ").instruction == context.reference.instruction


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "tabletop:",
        "tabletop:-1",
        "tabletop:1.5",
        "tabletop:1@",
        "tabletop:1@x",
        "a\0b",
        "nowhere",
        "#",
        "#1",
        "~nobody-here/a.png",
    ],
)
def test_a_source_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(WamvizError):
        resolve(text)


@given(text=st.text(max_size=30))
def test_no_text_brings_anything_but_a_plain_refusal(text: str) -> None:
    try:
        resolve(f"{text}?")  # no file of this checkout ends so
    except WamvizError as error:
        assert str(error)


def test_a_context_keeps_one_instruction(tmp_path: Path) -> None:
    seen = Observation({"exterior": grey(1)[0]}, "a")
    assert Context(seen).instruction == "a"
    assert Context(seen).reworded(" b ").observation.instruction == "b"
    assert Context(seen).reworded("  ").instruction == ""  # asked of a model, that is refused and not filled in


def test_cutting_the_front_off_keeps_what_is_missing_missing() -> None:
    rollout = expert_episode(SEED)
    assert after(rollout, 2).frames.shape[0] == rollout.frames.shape[0] - 2  # type: ignore[union-attr]
