"""Uploads: what is good opens as what it was packed from, what is hostile is refused and leaves nothing behind."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.datasets import open_dataset
from wamviz.datasets.uploads import UploadLimits, lay_out, unpack


def pack(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def refused(archive: Path, folder: Path, limits: UploadLimits | None = None) -> str:
    """The sentence with which it is refused; nothing may be left, inside the folder or beside it."""
    before = {path for path in folder.parent.rglob("*")}
    with pytest.raises(WamvizError) as caught:
        unpack(archive, folder, limits)
    assert {path for path in folder.parent.rglob("*")} == before
    return str(caught.value)


def test_a_zipped_dataset_opens_as_the_folder_does(small: Path, tmp_path: Path) -> None:
    archive = tmp_path / "small.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(small.rglob("*")):
            out.write(path, Path("packed") / path.relative_to(small))
        out.writestr("__MACOSX/packed/._x", b"junk")
    opened = open_dataset(lay_out([archive], tmp_path / "out"), name="upload:1")
    whole = open_dataset(small)
    assert opened.indices == whole.indices
    assert opened.episode(1).source == "upload:1#1"
    np.testing.assert_array_equal(opened.episode(1).actions, whole.episode(1).actions)
    assert not (tmp_path / "out/__MACOSX").exists()


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil", "a\x07b", "x" * 300, "/"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert refused(pack(tmp_path / "a.zip", {"meta/info.json": b"{}", name: b"x"}), tmp_path / "out")


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("passwd")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "link" in refused(tmp_path / "a.zip", tmp_path / "out")


def test_a_bomb_is_refused_by_what_it_says_and_by_what_it_does(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {"zeros.bin": bytes(3_000_000)})
    assert "times its size" in refused(archive, tmp_path / "out", UploadLimits(plain=1_000_000))
    assert "MB is the limit" in refused(archive, tmp_path / "out", UploadLimits(unpacked=1_000_000))
    # A header that lies: three megabytes that call themselves ten bytes.
    data = bytearray(archive.read_bytes())
    place = data.rfind(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 10)
    (tmp_path / "b.zip").write_bytes(data)
    assert refused(tmp_path / "b.zip", tmp_path / "out", UploadLimits(unpacked=1_000_000))


def test_too_many_files_are_refused_before_their_list_is_read(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", {f"{k}.txt": b"" for k in range(30)})
    assert "too many" in refused(archive, tmp_path / "out", UploadLimits(files=20))
    assert "too many" in refused(archive, tmp_path / "out", UploadLimits(directory=100))
    assert unpack(archive, tmp_path / "fits", UploadLimits(files=30)) == 30


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "twice" in refused(pack(tmp_path / "a.zip", {"Info.json": b"{}", "info.JSON": b"{}"}), tmp_path / "out")


def test_encrypted_archives_are_refused(tmp_path: Path) -> None:
    data = bytearray(pack(tmp_path / "a.zip", {"info.json": b"{}"}).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + offset] |= 1
    (tmp_path / "b.zip").write_bytes(data)
    assert "encrypted" in refused(tmp_path / "b.zip", tmp_path / "out")


def test_a_damaged_archive_is_refused_wherever_it_is_cut_or_bent(tmp_path: Path) -> None:
    whole = pack(tmp_path / "a.zip", {f"{k}.bin": np.random.default_rng(k).bytes(200) for k in range(4)}).read_bytes()
    bent = tmp_path / "bent.zip"
    for cut in range(0, len(whole) - 1, 37):
        bent.write_bytes(whole[:cut])
        refused(bent, tmp_path / "out")
    generator = np.random.default_rng(0)
    for trial in range(60):
        data = bytearray(whole)
        data[int(generator.integers(len(data)))] ^= 1 << int(generator.integers(8))
        bent.write_bytes(data)
        try:
            unpack(bent, tmp_path / f"out{trial}")
        except WamvizError:
            assert not (tmp_path / f"out{trial}").exists()
        assert not list(tmp_path.parent.glob("*.bin"))


# --- videos and tables ---


@pytest.fixture
def video(tmp_path: Path) -> Path:
    frames = np.arange(9, dtype=np.uint8)[:, None, None, None] * np.full((9, 32, 48, 3), 25, np.uint8)
    write_mp4(tmp_path / "${7*6} <b>.mp4", frames, 5.0)
    return tmp_path / "${7*6} <b>.mp4"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = "\n".join(f"{k},{-k}" for k in range(8))
    (tmp_path / "acts.csv").write_text(f"vx,vy\n{rows}\n", encoding="utf-8")
    return tmp_path / "acts.csv"


def test_a_video_and_its_table_become_an_episode(video: Path, table: Path, tmp_path: Path) -> None:
    episode = open_dataset(lay_out([table, video], tmp_path / "out", rate=5, instruction=" go ")).episode(0)
    assert (episode.frame_count, episode.length, episode.instruction) == (9, 8, "go")
    assert episode.cameras == ("${7*6} <b>",)
    assert episode.action_space is not None
    assert (episode.action_space.names, episode.action_space.kind) == (("vx", "vy"), "unnamed")
    assert episode.actions is not None and episode.actions[3].tolist() == [3, -3]


def test_a_video_alone_is_an_episode_without_actions(video: Path, tmp_path: Path) -> None:
    episode = open_dataset(lay_out([video], tmp_path / "out")).episode(0)
    assert episode.actions is None and episode.frame_count == 9


def test_a_missing_rate_is_asked_for_with_what_is_known(video: Path, table: Path, tmp_path: Path) -> None:
    with pytest.raises(WamvizError, match="8 rows, the video 9 frames at 5 a second"):
        lay_out([video, table], tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "names", [[], ["a.txt"], ["acts.csv"], ["a.zip", "acts.csv"], ["acts.csv", "b.csv", "v.mp4"], ["v.mp4"]]
)
def test_what_is_no_dataset_is_told_what_would_be_one(tmp_path: Path, names: list[str]) -> None:
    files = [tmp_path / name for name in names]
    for path in files:
        path.write_bytes(b"1,2\n")
    with pytest.raises(WamvizError) as caught:
        open_dataset(lay_out(files, tmp_path / "out", rate=5)).episode(0)
    assert caught.value.hint


def test_a_zip_that_is_no_dataset_says_what_is_missing(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("notes/readme.txt", "hello")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue())
    with pytest.raises(WamvizError, match="not a dataset"):
        open_dataset(lay_out([tmp_path / "a.zip"], tmp_path / "out"))
