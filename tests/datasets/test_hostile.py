"""Damaged and hostile files: one clear message each, never a traceback, nothing outside the folder is opened."""

from __future__ import annotations

import json
import os
import shutil
import struct
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.datasets import makers
from wamviz.core.errors import Unsafe, WamvizError
from wamviz.datasets import open_dataset
from wamviz.datasets.containers.tables import read_table

needs_h5py = pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed here")
VIDEO = "videos/chunk-000/observation.images.top/episode_000000.mp4"
DATA = "data/chunk-000/episode_000000.parquet"


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    return makers.make_v2(tmp_path / "set")


def look(root: Path) -> list[str]:
    """Read all there is of a dataset; what was refused, in words."""
    said: list[str] = []

    def tried(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except WamvizError as error:
            assert str(error) and "\n" not in str(error)
            said.append(str(error))
            return None

    dataset = tried(lambda: open_dataset(root))
    if dataset is None:
        return said
    tried(lambda: json.dumps(dataset.summary()))
    for index in dataset.available[:3]:
        episode = tried(lambda i=index: dataset.episode(i))
        if episode is not None:
            tried(lambda e=episode: e.observation(0))
            tried(lambda e=episode: e.rollout())
            tried(lambda e=episode: e.frames(e.cameras[-1] if e.cameras else None))
    return said


def edit(path: Path, **changes: Any) -> None:
    makers.write_json(path, json.loads(path.read_text()) | changes)


def write_video(path: Path, codec: str, form: str, size: tuple[int, int]) -> None:
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = *size, form
        frame = av.VideoFrame(*size, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([90]) * plane.buffer_size)
        for k in range(5):
            picture = frame.reformat(format=form)
            picture.pts = k
            out.mux(stream.encode(picture))
        out.mux(stream.encode())


def test_a_truncated_video_is_told(v2: Path) -> None:
    path = v2 / VIDEO
    path.write_bytes(path.read_bytes()[:-300])
    episode = open_dataset(v2).episode(0)
    assert 0 < len(episode.frames()) < 5 and f"holds {episode.frame_count} of 5 frames" in " ".join(episode.missing)
    assert len(open_dataset(v2).episode(1).frames()) == 5  # the others still open


def test_a_wrong_codec_tag_is_told(v2: Path) -> None:
    path = v2 / VIDEO
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(WamvizError, match="codec that cannot be decoded|damaged|not a video"):
        open_dataset(v2).episode(0).frames()


def test_ten_bit_video_is_shown(v2: Path) -> None:
    write_video(v2 / VIDEO, "libx264", "yuv420p10le", (64, 48))
    assert open_dataset(v2).episode(0).frames().shape == (5, 48, 64, 3)


def test_8k_video_is_refused_before_it_is_decoded(v2: Path) -> None:
    write_video(v2 / VIDEO, "mpeg4", "yuv420p", (7680, 4320))
    with pytest.raises(WamvizError, match="7680 x 4320 pixels, which is too much"):
        open_dataset(v2).episode(0).frames()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"action": [[1.0, np.nan]] * 5}, "5 of 5 rows of the actions .* no finite number"),
        ({"action": [[1.0, 1e300]] * 5}, "5 of 5 rows of the actions .* no finite number"),
        ({"action": ["text"] * 5}, "holds string, not numbers"),
        ({"action": [[1.0, 2.0, 3.0]] * 5}, "3 numbers; the metadata says 2"),
    ],
)
def test_a_table_whose_schema_lies_is_told(table: dict[str, Any], says: str, v2: Path) -> None:
    pq.write_table(pa.table(table), v2 / DATA)
    with pytest.raises(WamvizError, match=says):
        open_dataset(v2).episode(0).rollout()


@pytest.mark.parametrize("kind", ["video", "data", "folder"])
def test_links_that_lead_out_are_not_followed(kind: str, v2: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(v2, outside)
    if kind == "folder":
        shutil.rmtree(v2 / "videos")
        (v2 / "videos").symlink_to(outside / "videos")
    else:
        place = v2 / (VIDEO if kind == "video" else DATA)
        place.unlink()
        place.symlink_to(outside / place.relative_to(v2))
    with pytest.raises(WamvizError, match="link that leads out of the dataset's folder"):
        open_dataset(v2).episode(0).rollout()


def test_links_of_a_hubs_cache_are_followed(tmp_path: Path) -> None:
    """The hub's client keeps a snapshot as links into the folder ``blobs`` beside it."""
    home = tmp_path / "datasets--a--b"
    made = makers.make_v2(home / "snapshots/0123")
    (home / "blobs").mkdir()
    for number, path in enumerate(sorted(p for p in made.rglob("*") if p.is_file())):
        blob = home / f"blobs/{number}"
        path.rename(blob)
        path.symlink_to(os.path.relpath(blob, path.parent))
    assert len(open_dataset(made).episode(0).rollout().frames) == 5  # type: ignore[arg-type]


@pytest.mark.parametrize("climbing", ["../../secret.mp4", "/etc/passwd", "a/../../b.mp4", "..\\..\\c.mp4"])
def test_names_that_climb_out_are_refused(climbing: str, tmp_path: Path) -> None:
    root = makers.make_ctrlworld(tmp_path / "one")
    edit(root / "annotation/train/10.json", videos=[{"video_path": climbing}])
    pair = makers.make_pair(tmp_path / "two")
    edit(pair / "wamviz.json", episodes=[{"videos": {"front": climbing}}])
    for folder, index in ((root, 1), (pair, 0)):
        with pytest.raises(WamvizError, match="outside its own folder"):
            open_dataset(folder).episode(index)


def test_too_long_a_name_is_refused(tmp_path: Path) -> None:
    root = makers.make_ctrlworld(tmp_path / "one")
    edit(root / "annotation/train/10.json", videos=[{"video_path": "x" * 300}])
    with pytest.raises(WamvizError, match="too long a name: 'xxx"):
        open_dataset(root).episode(1)


def test_episodes_without_frames_are_told(v2: Path) -> None:
    lines = (v2 / "meta/episodes.jsonl").read_text().replace('"length": 5', '"length": 0')
    (v2 / "meta/episodes.jsonl").write_text(lines)
    assert set(look(v2)) == {
        f"Episode {i} of 'set' holds no frame. Its length is 0, says the metadata." for i in (0, 1)
    }


@pytest.mark.parametrize("name", ["meta/info.json", "meta/episodes.jsonl"])
@pytest.mark.parametrize("text", ["[]", "null", "3", '"x"', "[" * 100_000, "\xff", "{", "NaN"])
def test_json_of_the_wrong_shape_is_told(name: str, text: str, v2: Path) -> None:
    (v2 / name).write_text(text, encoding="latin-1")
    with pytest.raises(WamvizError, match="JSON|lists"):
        open_dataset(v2)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(250_000_000))
    with pytest.raises(WamvizError, match="unpacks to 250 MB"):
        read_table(path)


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(Unsafe, match="Python objects"):
        read_table(tmp_path / "a.npy")


def test_a_header_that_promises_too_much_allocates_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(WamvizError, match="has 8000000 MB"):
        read_table(tmp_path / "a.npy")


@needs_h5py
def test_hdf5_opens_no_other_file_and_nothing_too_large(tmp_path: Path) -> None:
    import h5py

    secret = makers.make_libero(tmp_path / "secret.hdf5")
    for kind, says in [("link", "link into another file"), ("huge", "does not fit"), ("external", "in another file")]:
        path = makers.make_robomimic(tmp_path / f"{kind}.hdf5")
        with h5py.File(path, "a") as file:
            del file["data/demo_0/actions"]
            if kind == "link":
                file["data/demo_0/actions"] = h5py.ExternalLink(str(secret), "data/demo_2/actions")
            elif kind == "huge":
                file.create_dataset("data/demo_0/actions", (10**9, 7), "f8", chunks=(1000, 7), compression="gzip")
            else:
                file.create_dataset("data/demo_0/actions", (6, 7), "f8", external=[("/etc/passwd", 0, 336)])
        if kind == "huge":  # the pictures beside it are still shown
            assert says in " ".join(open_dataset(path).episode(0).missing)
            continue
        with pytest.raises(WamvizError, match=says):
            open_dataset(path).episode(0)


@needs_h5py
def test_a_cut_hdf5_file_is_told(tmp_path: Path) -> None:
    path = makers.make_libero(tmp_path / "a.hdf5")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(WamvizError, match="damaged or no HDF5 file"):
        open_dataset(path)


# --- many small mutations ---

FAST, THOROUGH = 200, 2_000
JUNK = st.sampled_from(
    [None, -1, 0, 1e308, "", "..", "x" * 300, [], {}, [[]], True, "\u0000", "\ud800", 2**70, [None], {"a": {}}]
)


@pytest.fixture(scope="module")
def specimens(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One small dataset of every format, whole."""
    folder = tmp_path_factory.mktemp("specimens")
    made = [
        makers.make_v2(folder / "v2"),
        makers.make_ctrlworld(folder / "ctrlworld"),
        makers.make_rlds(folder / "rlds"),
        makers.make_pair(folder / "pair"),
        makers.make_pair(folder / "pair-parquet", "run.parquet"),
    ]
    if find_spec("h5py"):
        (folder / "hdf5").mkdir()
        makers.make_libero(folder / "hdf5/a.hdf5", demos=1)
        made.append(folder / "hdf5")
    for root in made:
        assert look(root) == []  # whole, before anything is changed
    return made


@st.composite
def damages(draw: st.DrawFn) -> tuple[int, int, float, int, Any]:
    """Which dataset, which of its files, where in it, which bits, and what to put into JSON."""
    return (
        draw(st.integers(0, 99)), draw(st.integers(0, 99)), draw(st.floats(0, 1, exclude_max=True)),
        draw(st.integers(1, 255)), draw(JUNK),
    )  # fmt: skip


def mutate(value: Any, place: float, junk: Any) -> Any:
    """A JSON value with one of its parts, at any depth, replaced."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys:
        return junk
    spot = place * len(keys)
    key, rest = keys[int(spot)], spot - int(spot)
    changed = dict(value) if isinstance(value, dict) else list(value)
    deeper = rest > 0.3 and isinstance(changed[key], dict | list)
    changed[key] = mutate(changed[key], (rest - 0.3) / 0.7, junk) if deeper else junk
    return changed


def fuzz(specimens: list[Path], tmp_path: Path, damage: tuple[int, int, float, int, Any]) -> None:
    which, file, place, bits, junk = damage
    root = specimens[which % len(specimens)]
    copy = tmp_path / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    files = sorted(path for path in copy.rglob("*") if path.is_file())
    path = files[file % len(files)]
    if path.suffix == ".json":
        makers.write_json(path, mutate(json.loads(path.read_text()), place, junk))
    else:
        data = bytearray(path.read_bytes())
        if bits % 8 == 0:
            data = data[: int(place * len(data))]
        else:
            data[int(place * len(data))] ^= bits
        path.write_bytes(bytes(data))
    look(copy)  # nothing but WamvizError ever comes out


@settings(max_examples=FAST, suppress_health_check=list(HealthCheck))
@given(damage=damages())
def test_damage_is_always_told(specimens: list[Path], tmp_path_factory: pytest.TempPathFactory, damage: Any) -> None:
    fuzz(specimens, tmp_path_factory.getbasetemp() / "fuzz", damage)


@pytest.mark.slow
@pytest.mark.skipif("WAMVIZ_FUZZ" not in os.environ, reason="2,000 cases take minutes: WAMVIZ_FUZZ=1 runs them")
@settings(max_examples=THOROUGH, derandomize=False, suppress_health_check=list(HealthCheck))
@given(damage=damages())
def test_much_damage_is_always_told(
    specimens: list[Path], tmp_path_factory: pytest.TempPathFactory, damage: Any
) -> None:
    fuzz(specimens, tmp_path_factory.getbasetemp() / "fuzz", damage)
