"""Pictures are kept under what they show, named by nobody who was not given the name, and the oldest go."""

from __future__ import annotations

import os

import numpy as np
import pytest

from wamviz.core.errors import NotFound
from wamviz.runs import pictures
from wamviz.runs.pictures import keep_picture, read_kept
from wamviz.runs.sources import kind_of, resolve

pytestmark = pytest.mark.usefixtures("home")
FRAME = np.random.default_rng(0).integers(0, 255, (12, 20, 3), np.uint8)


def test_a_picture_comes_back_to_the_bit_under_one_name():
    name = keep_picture(FRAME)
    assert name == keep_picture(FRAME.copy()) != keep_picture(255 - FRAME)
    assert np.array_equal(read_kept(name), FRAME)
    context = resolve(name)
    assert kind_of(name) == "picture" and np.array_equal(context.observation.frame, FRAME)
    assert context.reference is None and context.observation.source == name


@pytest.mark.parametrize("name", ["picture:", "picture:../../etc/passwd", "picture:" + "0" * 32, "picture:" + "A" * 32])
def test_what_names_no_picture_is_told(name):
    with pytest.raises(NotFound, match="no picture"):
        read_kept(name)


def test_the_oldest_go(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_KEPT", 2)
    names = []
    for k in range(3):
        names.append(keep_picture(FRAME + np.uint8(k)))
        for age, name in enumerate(reversed(names)):
            path = pictures._folder() / f"{name.partition(':')[2]}.png"
            if path.exists():
                os.utime(path, (1000 - age, 1000 - age))
    with pytest.raises(NotFound):
        read_kept(names[0])
    assert np.array_equal(read_kept(names[2]), FRAME + np.uint8(2))
