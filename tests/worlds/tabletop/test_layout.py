"""Layouts and looks: what every scene promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.core.rollout import Camera
from wamviz.worlds.tabletop import layout, objects
from wamviz.worlds.tabletop.appearance import look_at, sample_appearance

LOOKS = [sample_appearance(np.random.default_rng(seed)) for seed in range(60)]


def _camera(look) -> Camera:
    focal = 50 / math.tan(math.radians(look.camera_fov) / 2)
    intrinsics = np.array([[focal, 0, 50], [0, focal, 50], [0, 0, 1.0]])
    return Camera("exterior", 100, 100, intrinsics, look_at(look.camera_position, look.camera_look_at))


LAYOUTS = [layout.sample_layout(np.random.default_rng([seed, 5]), _camera(look)) for seed, look in enumerate(LOOKS)]


def test_objects_keep_clear_of_one_another_and_of_the_toaster() -> None:
    for arrangement in LAYOUTS:
        places = [(p.xy, objects.SHAPES[name].radius) for name, p in arrangement.objects.items()]
        places.append((arrangement.toaster.xy, objects.TOASTER_RADIUS))
        for i, (a, ra) in enumerate(places):
            for b, rb in places[:i]:
                assert math.dist(a, b) > ra + rb


def test_objects_lie_inside_the_exterior_image() -> None:
    for look, arrangement in zip(LOOKS, LAYOUTS, strict=True):
        points = np.array([[p.x, p.y, 0.02] for p in arrangement.objects.values()])
        pixels, depth = _camera(look).project(points)
        assert (depth > 0).all() and pixels.min() > 3 and pixels.max() < 97


def test_every_object_is_often_there_and_often_not() -> None:
    for name in objects.MOVABLE:
        share = np.mean([name in arrangement.objects for arrangement in LAYOUTS])
        assert share > 0.5
    assert any(len(arrangement.objects) == 6 for arrangement in LAYOUTS)
    assert any(len(arrangement.objects) <= 3 for arrangement in LAYOUTS)


def test_same_generator_same_scene() -> None:
    again = layout.sample_layout(np.random.default_rng([3, 5]), _camera(LOOKS[3]))
    assert again == LAYOUTS[3]
    assert sample_appearance(np.random.default_rng(3)) == LOOKS[3]


def test_a_layout_refuses_strangers() -> None:
    with pytest.raises(WamvizError, match="banana"):
        layout.Layout(layout.Placement(0.5, 0, 0), {"banana": layout.Placement(0.5, 0.2, 0)})
