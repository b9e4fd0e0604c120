"""Data that grows while it is used."""

from __future__ import annotations

import threading

import pytest

from wamviz.training.growing import AT_ONCE, Growing, latest


def read(paths) -> list[str]:
    return [path.read_text() for path in paths]


def touched(tmp_path, count):
    paths = [tmp_path / f"{number}.npz" for number in range(count)]
    for path in paths:
        path.write_text(path.stem)
    return paths


def test_what_appears_is_joined_in_a_thread(tmp_path):
    """The first shards are there at once, a later one as soon as it is found, in the thread; the old value stays."""
    first, second, never = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    first.write_text("one")
    joined = threading.Event()

    def join(one: list[str], other: list[str]) -> list[str]:
        assert threading.current_thread().name == "growing"
        joined.set()
        return one + other

    data = Growing([first], [first, second, never], read, join, every=0.01)
    before = data.latest
    with data:
        (tmp_path / "part").write_text("two")
        (tmp_path / "part").rename(second)  # whole from the moment it is there, as shards are
        assert joined.wait(60)
    assert latest(data) == ["one", "two"] and before == ["one"] and data.shards == 2


def test_many_shards_are_taken_in_portions(tmp_path):
    """A resumed run does not wait until everything is read, and nothing is read twice."""
    paths = touched(tmp_path, AT_ONCE + 3)
    data = Growing(paths[:1], paths, read, list.__add__)
    assert data.read_new() == AT_ONCE and data.read_new() == 2 and data.read_new() == 0
    assert data.latest == [path.stem for path in paths]
    data.expect([tmp_path / "more"])
    assert data.read_new() == 0
    (tmp_path / "more").write_text("more")
    assert data.read_new() == 1 and data.latest[-1] == "more"


def test_what_fails_in_the_thread_is_told(tmp_path):
    """A damaged shard is an error where the data is used."""
    paths = touched(tmp_path, 2)

    def load(some):
        if paths[1] in some:
            raise OSError("damaged")
        return read(some)

    data = Growing(paths[:1], paths, load, list.__add__)
    with data:
        data._thread.join()
        with pytest.raises(OSError, match="damaged"):
            latest(data)


def test_other_data_is_itself():
    """What does not grow is handed on as it is."""
    fixed = ["fixed"]
    assert latest(fixed) is fixed
