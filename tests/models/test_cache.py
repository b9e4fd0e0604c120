"""One model a device unless told otherwise; nobody's model is taken away while it is used."""

from __future__ import annotations

import threading

import pytest

from wamviz.core.errors import WamvizError
from wamviz.models.baselines import COPY_LAST_FRAME, Control
from wamviz.models.cache import ModelCache, read_limit, resolve_device
from wamviz.models.protocol import Capabilities, ModelEntry


class Heavy(Control):
    """Says when it leaves."""

    def __init__(self, caps: Capabilities, gone: list[str]) -> None:
        super().__init__(caps)
        self.gone = gone

    def unload(self) -> None:
        self.gone.append(self.capabilities.model_id)


@pytest.fixture
def house():
    """Three models that each fill a device, and which were loaded and let go."""
    loaded: list[str] = []
    gone: list[str] = []

    def entry(name: str) -> ModelEntry:
        caps = Capabilities(name, name, "", ("video",), None, None, 5.0, 16)

        def load(device: str) -> Heavy:
            loaded.append(f"{name} on {device}")
            return Heavy(caps, gone)

        return ModelEntry(caps, load)

    return {name: entry(name) for name in "abc"}, loaded, gone


def test_the_least_recently_used_leaves(house, monkeypatch):
    """With one place each new model takes it; with two the one that was not used the longest leaves."""
    models, loaded, gone = house
    monkeypatch.delenv("WAMVIZ_KEEP_MODELS", raising=False)
    kept = ModelCache()
    first = kept.get(models["a"], "cpu")
    assert kept.get(models["a"], "cpu") is first and loaded == ["a on cpu"] and gone == []
    kept.get(models["b"], "cpu")
    assert gone == ["a"] and kept.loaded() == (("b", "cpu"),)
    monkeypatch.setenv("WAMVIZ_KEEP_MODELS", "2")
    kept.get(models["a"], "cpu")
    kept.get(models["b"], "cpu")  # b was there, and is now the one used last
    kept.get(models["c"], "cpu")
    assert gone == ["a", "a"] and kept.loaded() == (("b", "cpu"), ("c", "cpu"))


def test_what_is_used_stays(house, monkeypatch):
    """A borrowed model outlives the place that it has to give up, and leaves with the next one."""
    models, _, gone = house
    monkeypatch.delenv("WAMVIZ_KEEP_MODELS", raising=False)
    kept = ModelCache()
    with kept.borrow(models["a"], "cpu"):
        kept.get(models["b"], "cpu")
        assert gone == []
        kept.clear()
        assert gone == ["b"] and kept.loaded() == (("a", "cpu"),)
    kept.get(models["c"], "cpu")
    assert gone == ["b", "a"]


def test_two_who_want_the_same_wait_for_one_loading(house):
    """Whoever comes second gets what the first one loaded."""
    models, loaded, _ = house
    kept, found = ModelCache(), []
    threads = [threading.Thread(target=lambda: found.append(kept.get(models["a"], "cpu"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == ["a on cpu"] and len(set(map(id, found))) == 1


def test_what_takes_no_memory_here_takes_nobodys_place(house):
    """Controls and servers are kept beside a model, and no device is asked for."""
    models, _, gone = house
    kept = ModelCache()
    kept.get(models["a"], "cpu")
    control = ModelEntry(COPY_LAST_FRAME, lambda device: Control(COPY_LAST_FRAME), resident=False)
    assert kept.get(control, "auto") is kept.get(control, "cpu")
    assert gone == [] and kept.loaded() == (("a", "cpu"),)


def test_a_changed_entry_is_loaded_again(house):
    """A connection that was changed is another model, though its name is the same."""
    models, loaded, gone = house
    kept = ModelCache()
    before = kept.get(models["a"], "cpu")
    again = ModelEntry(models["a"].capabilities, models["a"].load)
    assert kept.get(again, "cpu") is not before and gone == ["a"] and len(loaded) == 2


@pytest.mark.parametrize("told", ["0", "many", "1000", "1.5"])
def test_the_limit_is_checked(monkeypatch, told):
    """A variable that makes no sense is named."""
    monkeypatch.setenv("WAMVIZ_KEEP_MODELS", told)
    with pytest.raises(WamvizError, match="WAMVIZ_KEEP_MODELS must be"):
        read_limit()
    monkeypatch.setenv("WAMVIZ_KEEP_MODELS", "")
    assert read_limit() == 1


def test_loading_keeps_nobody_waiting_who_needs_no_device(house):
    """While weights are loaded, which takes minutes, a server is asked and left, and the list can be read."""
    models, _, _ = house
    kept, begun, go = ModelCache(), threading.Event(), threading.Event()
    slow = models["a"].load

    def load(device: str):
        begun.set()
        assert go.wait(30)
        return slow(device)

    thread = threading.Thread(target=lambda: kept.get(ModelEntry(models["a"].capabilities, load), "cpu"))
    thread.start()
    assert begun.wait(30)
    asked = threading.Event()

    def ask() -> None:
        server = ModelEntry(COPY_LAST_FRAME, lambda device: Control(COPY_LAST_FRAME), resident=False)
        with kept.borrow(server, "auto"):
            pass
        assert kept.loaded() == ()
        asked.set()

    threading.Thread(target=ask, daemon=True).start()
    try:
        assert asked.wait(30)
    finally:
        go.set()
        thread.join()
    assert kept.loaded() == (("a", "cpu"),)


def test_what_was_forgotten_leaves(house):
    """At once where nobody uses it, else with the last one who does; the others stay."""
    models, _, gone = house
    kept = ModelCache()
    kept.get(models["a"], "cpu")
    kept.retain([models["a"], models["b"]])
    assert gone == [] and kept.loaded() == (("a", "cpu"),)
    kept.retain([models["b"]])
    assert gone == ["a"] and kept.loaded() == ()
    with kept.borrow(models["a"], "cpu"):
        kept.retain([])
        assert gone == ["a"] and kept.loaded() == ()
    assert gone == ["a", "a"]


def test_what_was_changed_while_it_was_used_leaves_with_its_last_user(house):
    """Until then it answers; afterwards nothing holds its memory."""
    models, loaded, gone = house
    kept = ModelCache()
    with kept.borrow(models["a"], "cpu"), kept.borrow(models["a"], "cpu"):
        kept.get(ModelEntry(models["a"].capabilities, models["a"].load), "cpu")
        assert gone == [] and len(loaded) == 2
    assert gone == ["a"] and kept.loaded() == (("a", "cpu"),)


def test_a_card_by_two_names_is_one_place(house, monkeypatch):
    """ "cuda" is its first card: a model is not loaded a second time beside itself."""
    models, _, _ = house
    monkeypatch.setattr("wamviz.core.devices.pick", lambda device: device)
    assert resolve_device(models["a"], "cuda") == resolve_device(models["a"], "cuda:0") == "cuda:0"
    assert resolve_device(models["a"], "cuda:1") == "cuda:1" and resolve_device(models["a"], "cpu") == "cpu"
