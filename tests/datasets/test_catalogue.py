"""The list of a dataset: search reads metadata only, a page opens its own episodes only, what is damaged says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.datasets import makers
from wamviz.core.errors import WamvizError
from wamviz.datasets import Catalogue, Dataset, Episode, Outline, open_dataset
from wamviz.datasets.recording import RecordedEpisode, Recording, View

MANY = 50_000


class Long(Dataset):
    """Many episodes, of which every third is missing; counts how often one is opened."""

    title = "long"

    def __init__(self) -> None:
        self.indices = tuple(range(MANY))
        self.opened: list[int] = []

    @property
    def available(self) -> tuple[int, ...]:
        return tuple(index for index in self.indices if index % 3)

    def outline(self) -> Outline:
        told = tuple("push the lever" if index % 2 else "Pick up the ORANGE" for index in self.indices)
        return Outline(told, frames=np.full(MANY, 7))

    def episode(self, index: int) -> Episode:
        self.opened.append(index)
        if index == 5:
            raise WamvizError("Its table is cut short.")
        told, frame = self.outline().instructions[index], np.zeros((7, 4, 4, 3), np.uint8)
        views = {"front": View(lambda start, stop: frame[start:stop])}
        return RecordedEpisode(Recording(7, 5.0, views, instruction=told), "long", index, f"long#{index}")

    def summary(self) -> dict[str, Any]:
        return {}


@pytest.fixture(scope="module")
def long() -> Long:
    return Long()


@pytest.fixture
def catalogue(long: Long) -> Catalogue:
    long.opened.clear()
    return Catalogue(long)


def test_searching_fifty_thousand_episodes_opens_none(catalogue: Catalogue, long: Long) -> None:
    assert len(catalogue.find()) == MANY
    oranges = catalogue.find("orange pick")
    assert set(oranges) == {index for index in range(MANY) if index % 2 == 0}
    assert catalogue.find("no such words") == ()
    assert long.opened == []


def test_what_is_here_comes_first_and_each_part_in_order(catalogue: Catalogue) -> None:
    found = np.array(catalogue.find("lever"))
    missing = found % 3 == 0
    assert (np.diff(missing.astype(int)) >= 0).all()
    assert (np.diff(found[~missing]) > 0).all() and (np.diff(found[missing]) > 0).all()
    assert catalogue.first == 1


@pytest.mark.parametrize("query", ["12", "#12", "  #12 "])
def test_a_number_finds_its_episode_before_all(catalogue: Catalogue, query: str) -> None:
    assert catalogue.find(query)[0] == 12
    assert catalogue.find("99999999") == ()


def test_a_page_opens_its_own_episodes_and_no_other(catalogue: Catalogue, long: Long) -> None:
    lines = catalogue.lines([1, 3, 4, 5])
    assert long.opened == [1, 4, 5]
    assert [line.frames for line in lines] == [7, 7, 7, 7]
    assert [line.pictured for line in lines] == [True, False, True, False]
    assert lines[0].seconds == pytest.approx(1.4) and lines[1].seconds is None
    assert "not here" in lines[1].missing and "cut short" in lines[3].missing
    assert lines[3].instruction == "push the lever"  # what the metadata say stays


def test_a_written_dataset_lists_what_was_written(small: Path, made: Any) -> None:
    catalogue = Catalogue(open_dataset(small))
    lines = catalogue.lines(catalogue.find())
    assert [line.instruction for line in lines] == [episode.task for episode in made]
    assert [line.frames for line in lines] == [len(episode.rows["action"]) for episode in made]
    assert [line.success for line in lines] == [True, True, False, True]
    assert catalogue.find("ORANGE") == (1,) and catalogue.find("push lever") == (0, 2)


def test_a_partial_copy_still_lists_everything(small: Path, tmp_path: Path) -> None:
    copy = tmp_path / "partial"
    shutil.copytree(small, copy)
    shutil.rmtree(copy / "data")
    lines = Catalogue(open_dataset(copy)).lines(range(4))
    assert all("no actions" in line.missing and line.pictured for line in lines)
    shutil.rmtree(copy / "videos")
    lines = Catalogue(open_dataset(copy)).lines(range(4))
    assert all("not here" in line.missing and not line.pictured for line in lines)


def test_other_formats_are_found_by_their_own_names_and_by_their_words(tmp_path: Path) -> None:
    root = makers.make_ctrlworld(tmp_path / "droid")
    catalogue = Catalogue(open_dataset(root))
    assert catalogue.find("train/10") == catalogue.find("push")
    assert len(catalogue.find("train/10")) == 1
