"""Datasets that visitors open: paths only where everybody is at this machine, uploads by random ids, room for few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.media import write_mp4
from wamviz.datasets import shipped
from wamviz.ui import library as library_module
from wamviz.ui.library import SHIPPED, Library, place_of, typed_path


@pytest.fixture
def library() -> Library:
    return Library(local=True)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    write_mp4(tmp_path / "my run.mp4", np.zeros((5, 32, 32, 3), np.uint8), 5.0)
    return tmp_path / "my run.mp4"


def test_the_shipped_episodes_are_open_from_the_start(library: Library) -> None:
    opened = library.at(SHIPPED)
    assert opened.dataset.indices == shipped().indices
    assert library.by_key(opened.key) is opened


def test_a_folder_is_opened_as_it_was_typed_and_known_by_its_path(library: Library, video: Path) -> None:
    opened = library.folder(f' "{video.parent}" ')
    assert opened.place == str(video.parent)
    assert library.at(opened.place) is opened
    assert library.folder(f"file://{video.parent}").key != opened.key  # read anew


def test_paths_are_closed_where_the_page_is_served_to_others(video: Path) -> None:
    served = Library()
    for ask in (served.folder, served.at):
        with pytest.raises(WamvizError, match="served to others"):
            ask(str(video.parent))
        with pytest.raises(WamvizError, match="served to others"):
            ask("/no/such/place")  # nor does it say what exists
    assert served.upload([video]).dataset.indices == (0,)


def test_a_path_that_is_not_there_names_what_is_near(library: Library, video: Path) -> None:
    near = video.parent / "lerobot"
    near.mkdir()
    with pytest.raises(WamvizError, match="Did you mean") as caught:
        library.folder(str(video.parent / "lerobt/meta"))
    assert str(near) in str(caught.value) and "my run.mp4" in str(caught.value)


def test_a_path_that_is_not_there_says_how_much_else_is(library: Library, tmp_path: Path) -> None:
    for number in range(11):
        (tmp_path / f"folder{number:02d}").mkdir()
    with pytest.raises(WamvizError, match=r"folder07/ and 3 more\.$"):
        library.folder(str(tmp_path / "zzzz"))


@pytest.mark.parametrize("text", ["", None, "  ", '""', "a\0b", "x" * 5000])
def test_no_path_at_all_is_asked_for(library: Library, text: str | None) -> None:
    with pytest.raises(WamvizError, match="Which folder"):
        library.folder(text)


@pytest.mark.parametrize("text", ["~nobody-of-this-name/x", "/" + "n" * 300, "/dev/null", "/proc/1/mem"])
def test_odd_paths_are_refused_in_words(library: Library, text: str) -> None:
    with pytest.raises(WamvizError):
        library.folder(text)


def test_home_is_understood() -> None:
    assert typed_path("~/data") == Path.home() / "data"


def test_an_upload_is_known_by_a_random_id_and_forgotten_when_others_need_the_room(
    library: Library, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "MOST_UPLOADS", 2)
    uploads = [library.upload([video]) for _ in range(3)]
    assert len({one.place for one in uploads}) == 3
    assert uploads[0].dataset.title == "my run"
    assert [one.folder is not None and one.folder.exists() for one in uploads] == [False, True, True]
    with pytest.raises(WamvizError, match="upload it again"):
        library.at(uploads[0].place)
    with pytest.raises(WamvizError, match="Open it again"):
        library.by_key(uploads[0].key)
    assert library.at(SHIPPED)


def test_an_old_upload_is_forgotten(library: Library, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "KEEP", -1.0)
    first = library.upload([video])
    library.upload([video])
    assert first.folder is not None and not first.folder.exists()


def test_a_refused_upload_leaves_nothing(library: Library, tmp_path: Path) -> None:
    (tmp_path / "torn.mp4").write_bytes(b"\0\0\0\x18ftypmp42 and no more")
    with pytest.raises(WamvizError):
        library.upload([tmp_path / "torn.mp4"])
    assert list(library._uploads.iterdir()) == []


@pytest.mark.parametrize("text", ["", "assets/episodes", "#3", "a#x", "a#3@", "a#3@-1", "a\0#1", "a#" + "1" * 40])
def test_a_link_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(WamvizError, match="DATASET#EPISODE@FRAME"):
        place_of(text)


def test_a_path_with_odd_letters_survives_a_link() -> None:
    assert place_of("/data/a #1/@2/b#7@3") == ("/data/a #1/@2/b", 7, 3)
