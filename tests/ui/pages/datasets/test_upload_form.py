"""A video and its table, uploaded: the form names the columns, and what was chosen is what the episode has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.ui.library import Library
from wamviz.ui.pages.datasets import upload_form as uploading
from wamviz.ui.pages.datasets import view as browsing

COUNT = 6
FRAMES = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * np.full((COUNT, 32, 32, 3), 30, np.uint8)


def video(path: Path) -> Path:
    if path.suffix == ".gif":
        pictures = [Image.fromarray(frame) for frame in FRAMES]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=200, loop=0)
    elif path.suffix == ".webm":
        with av.open(str(path), "w", format="webm") as out:
            stream = out.add_stream("libvpx-vp9", rate=5)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            for frame in FRAMES:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(stream.encode())
    else:
        write_mp4(path, FRAMES, 5)
    return path


def table(path: Path) -> Path:
    told: dict[str, Any] = {
        "time": [k / 5 for k in range(COUNT)],
        "vx": [float(k) for k in range(COUNT)],
        "vy": [-float(k) for k in range(COUNT)],
        "x": [0.5] * COUNT,
    }
    if path.suffix == ".csv":
        note = ["a"] * COUNT
        rows = zip(*told.values(), note, strict=True)
        path.write_text("\n".join([",".join([*told, "note"]), *(",".join(map(str, row)) for row in rows)]))
    elif path.suffix == ".json":
        path.write_text(json.dumps(told | {"note": ["a"] * COUNT}))
    elif path.suffix == ".npz":
        np.savez(path, note=np.array(["a"] * COUNT), **told)
    else:
        pq.write_table(pa.table(told | {"note": ["a"] * COUNT}), path)
    return path


@pytest.mark.parametrize("film", ["run.mp4", "run.webm", "run.gif"])
@pytest.mark.parametrize("sheet", ["acts.csv", "acts.json", "acts.npz", "acts.parquet"])
def test_every_pair_of_files_goes_through_the_form(film: str, sheet: str, tmp_path: Path) -> None:
    files = [str(video(tmp_path / film)), str(table(tmp_path / sheet))]
    said, acting, seeing, kind = uploading.described(files)
    assert f"{COUNT} rows" in str(said) and "Not numbers: note" in str(said) and "5 a second" in str(said)
    assert set(acting["choices"]) == {"time", "vx", "vy", "x"} and acting["visible"] and kind["visible"]
    assert acting["value"] == [] and seeing["choices"] == acting["choices"]  # nothing is decided for the visitor

    library = Library()
    with pytest.raises(WamvizError, match=r"'note' of .* holds texts.*Columns of numbers"):
        library.upload(files, rate=5)
    columns = {"actions": ["vy", "vx"], "states": ["x"]}
    with pytest.raises(WamvizError, match="How many actions a second"):
        library.upload(files, columns=columns)
    opened = library.upload(files, rate=5, instruction="go", columns=columns, kind="joint_velocity")
    episode = opened.dataset.episode(0)
    space = episode.action_space
    assert space is not None and space.names == ("vy", "vx") and space.kind == "joint_velocity" and space.rate == 5
    assert episode.actions is not None and episode.actions[2].tolist() == [-2, 2]
    assert episode.states is not None and episode.states.shape == (COUNT, 1) and episode.state_names == ("x",)
    assert episode.frame_count == COUNT and episode.instruction == "go"
    assert browsing.dataset_parts(opened)["stage"].panes["recorded"].samples


def test_the_form_shows_itself_only_with_a_table(tmp_path: Path) -> None:
    film = video(tmp_path / "run.mp4")
    for files in (None, [], [str(film)]):
        said, acting, _, kind = uploading.described(files)
        assert said == [] and acting["visible"] is False and kind["visible"] is False


def test_a_table_that_cannot_be_read_says_why_at_once(tmp_path: Path) -> None:
    (tmp_path / "acts.csv").write_text("")
    said, acting, _, _ = uploading.described([str(tmp_path / "acts.csv")])
    assert "has no rows" in str(said) and acting["visible"] is False


def test_a_table_without_names_is_taken_whole(tmp_path: Path) -> None:
    np.save(tmp_path / "acts.npy", np.ones((COUNT, 3)))
    files = [str(video(tmp_path / "run.mp4")), str(tmp_path / "acts.npy")]
    said, acting, _, _ = uploading.described(files)
    assert "no names of columns" in str(said) and acting["visible"] is False
    space = Library().upload(files, rate=5).dataset.episode(0).action_space
    assert space is not None and space.dim == 3 and space.kind == "unnamed"
