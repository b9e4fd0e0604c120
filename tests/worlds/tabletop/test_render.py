"""Rendering: calibration against pixels, two threads, and plain words where nothing can draw."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from wamviz.core.camera import Tool
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ActionSpace, Rollout
from wamviz.core.rotation import rotation_matrix
from wamviz.metrics.trajectory import path_pixels
from wamviz.worlds.tabletop import CAMERAS, TabletopEnv, gl, probe, renderer_name
from wamviz.worlds.tabletop.render import Renderer

SEED = 1_000_010


def _frames(env: TabletopEnv) -> dict[str, np.ndarray]:
    return {name: env.render(name) for name in CAMERAS}


def test_frames_are_pictures_and_the_same_every_time(seeing_env: TabletopEnv) -> None:
    first = seeing_env.reset(SEED)[0].frames
    assert list(first) == list(CAMERAS)
    for frame in first.values():
        assert frame.shape == (96, 96, 3) and frame.dtype == np.uint8
        assert frame.std() > 20 and 60 < frame.mean() < 220
    seeing_env.reset(SEED + 1)
    again = seeing_env.reset(SEED)[0].frames
    for name in CAMERAS:
        np.testing.assert_array_equal(first[name], again[name])


def test_frames_after_restore_are_those_of_the_first_time(seeing_env: TabletopEnv) -> None:
    seeing_env.reset(SEED)
    seen = [seeing_env.step([0.03, 0, -0.04, 0, 0, 0.2, 0])[0] for _ in range(3)][-1]
    snapshot = seeing_env.snapshot()
    seeing_env.reset(SEED + 2)
    back = seeing_env.restore(SEED, snapshot)
    for name in CAMERAS:
        np.testing.assert_array_equal(back.frames[name], seen.frames[name])


@pytest.mark.parametrize("camera", CAMERAS)
def test_the_projected_tcp_is_where_a_marker_is_drawn(seeing_env: TabletopEnv, camera: str) -> None:
    """Intrinsics and extrinsics against pixels: a marker at the TCP appears where ``Camera.project`` says."""
    seeing_env.reset(SEED)
    seeing_env.step([0.02, 0.01, 0.02, 0, 0, 0.3, 0])
    model, site = seeing_env._model, seeing_env._tcp
    before = seeing_env.render(camera).astype(int)
    size, rgba = model.site_size[site].copy(), model.site_rgba[site].copy()
    model.site_size[site], model.site_rgba[site] = 0.012, [1, 0, 1, 1]
    try:
        changed = np.abs(seeing_env.render(camera).astype(int) - before).sum(axis=2) > 60
    finally:
        model.site_size[site], model.site_rgba[site] = size, rgba
    rows, columns = np.nonzero(changed)
    assert len(rows) >= 3
    pixels, depth = seeing_env.camera(camera).project(seeing_env.ee_position()[None])
    assert depth[0] > 0
    # Pixel centres lie at half numbers.
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], pixels[0], atol=1.0)


def test_a_path_of_flange_poses_with_a_tool_lies_on_the_rendered_fingertips() -> None:
    """The overlay against the world's own picture, below one pixel: a marker at the TCP is rendered after every step,
    while the path is made of the poses of a flange 0.2 m above it, the tool's offset and the calibration."""
    offset = np.array([0.0, 0.0, 0.2])
    env = TabletopEnv(size=256, cameras=("exterior",))
    model, site = env._model, env._tcp
    size, rgba = model.site_size[site].copy(), model.site_rgba[site].copy()
    seen, states = [], []
    try:
        env.reset(SEED)
        for step in ([0.02, 0.01, 0.03], [0, -0.05, 0.02], [0.03, -0.03, 0], [-0.05, 0.02, 0.01], [0.02, 0.05, -0.02]):
            action = [*step, 0.1 * step[0] / 0.02, 0.1, 0.3, 0]  # turned as well, or the offset's direction is no test
            state = env.step(action)[0].state
            assert state is not None
            turn = rotation_matrix(state[3:6])
            states.append(np.concatenate([state[:3] - turn @ offset, state[3:6]]))
            model.site_size[site], model.site_rgba[site] = 0.02, [1, 0, 1, 1]
            red, green, blue = np.moveaxis(env.render("exterior").astype(int), 2, 0)
            model.site_size[site], model.site_rgba[site] = size, rgba
            rows, columns = np.nonzero(np.minimum(red, blue) - green > 60)  # magenta; its shadow on the table is not
            assert len(rows) > 80  # the fingers hide a part of it, not its outline
            seen.append([(columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2])
        camera = replace(env.camera("exterior"), tool=Tool(tuple(offset.tolist())))
    finally:
        env.close()
    space = ActionSpace(("dx", "dy", "dz"), ("m",) * 3, "ee_delta", 5.0)
    flange = Rollout("recorded", None, 5.0, np.zeros((len(states) - 1, 3)), space, np.array(states))
    pixels = path_pixels(flange, camera)
    assert pixels is not None
    far = np.linalg.norm(pixels - seen, axis=1)
    assert far.max() < 1.0, far
    without = path_pixels(flange, replace(camera, tool=None))
    assert without is not None and np.linalg.norm(without - seen, axis=1).min() > 10  # the offset matters


def test_calibration_scales_with_the_image(seeing_env: TabletopEnv) -> None:
    seeing_env.reset(SEED)
    camera = seeing_env.camera("exterior")
    point = seeing_env.position("orange")[None]
    np.testing.assert_allclose(camera.resized(192, 192).project(point)[0], 2 * camera.project(point)[0])


def test_the_observation_carries_what_a_model_and_the_world_need(seeing_env: TabletopEnv) -> None:
    seeing_env.reset(SEED)
    seeing_env.step(np.zeros(7))
    context = seeing_env.observation("pick up the orange")
    assert context.main_camera == "exterior" and set(context.cameras) == set(CAMERAS)
    assert context.source == f"tabletop:{SEED}@1"
    assert context.world_state is not None and context.world_state.seed == SEED
    np.testing.assert_array_equal(context.world_state.snapshot, seeing_env.snapshot())


def test_threads_take_turns(seeing_env: TabletopEnv) -> None:
    """A web server draws from several threads; the pictures are those of one thread."""
    seeing_env.reset(SEED)
    alone = seeing_env.render("exterior")

    def draw(seed: int) -> np.ndarray:
        world = TabletopEnv(size=96, cameras=("exterior",))
        frame = world.reset(seed)[0].frames["exterior"]
        world.close()
        return frame

    with ThreadPoolExecutor(3) as pool:
        frames = list(pool.map(draw, [SEED, SEED + 1, SEED, SEED + 1]))
    np.testing.assert_array_equal(frames[0], alone)
    np.testing.assert_array_equal(frames[0], frames[2])
    np.testing.assert_array_equal(frames[1], frames[3])


def test_a_renderer_refuses_odd_sizes_and_may_be_closed_twice(seeing_env: TabletopEnv) -> None:
    with pytest.raises(WamvizError, match="16"):
        Renderer(seeing_env._model, 4)
    renderer = Renderer(seeing_env._model, 32)
    renderer.close()
    renderer.close()
    with pytest.raises(WamvizError, match="closed"):
        renderer.draw(seeing_env._data, "exterior")


def test_environments_that_take_turns_draw_what_each_draws_alone(seeing_env: TabletopEnv) -> None:
    """A comparison draws from several worlds in turn; none sees the other's framebuffer."""
    seeing_env.reset(SEED)
    alone = seeing_env.render("wrist")
    other = TabletopEnv(size=48, cameras=("exterior",))
    for seed in (SEED, SEED + 1):
        other.reset(seed)
        np.testing.assert_array_equal(seeing_env.render("wrist"), alone)
    other.close()


def test_freeing_one_renderer_while_another_draws_is_safe(seeing_env: TabletopEnv) -> None:
    """Garbage collection may close a renderer in the middle of another one's drawing."""
    seeing_env.reset(SEED)
    expected, other = seeing_env.render("wrist"), Renderer(seeing_env._model, 32)
    with gl.current():
        other.close()
        np.testing.assert_array_equal(seeing_env.render("wrist"), expected)


def test_probe_and_name_agree() -> None:
    states, name = probe(), renderer_name()
    working = [backend for backend, state in states.items() if state.startswith("in use")]
    assert (name is None) == (not working)
    assert name is None or name.startswith(working[0])


def _in_process(code: str, backend: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MUJOCO_GL": backend},
        capture_output=True,
        text=True,
        timeout=120,
    )


NO_RENDERER = """
from wamviz.core.errors import WamvizError
from wamviz.worlds.tabletop import TabletopEnv, probe, renderer_name
env = TabletopEnv(render=False)
obs = env.step(env.reset(1_000_010)[0].state[:7] * 0)[0] if env.reset(1_000_010) else None
assert obs.frames == {} and renderer_name() is None, renderer_name()
assert all(state.startswith("not tried") for state in probe().values())
try:
    TabletopEnv(size=32).reset(1_000_010)
except WamvizError as error:
    print(error)
"""


def test_without_a_renderer_physics_works_and_rendering_says_what_to_install() -> None:
    done = _in_process(NO_RENDERER, "disable")
    assert done.returncode == 0, done.stderr
    assert "libosmesa6" in done.stdout and "pip install --no-deps lavavu-osmesa" in done.stdout
    assert "physics still works" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="EGL and OSMesa are Linux backends")
@pytest.mark.parametrize("backend", ["egl", "osmesa"])
def test_each_backend_draws_or_says_why_not(backend: str) -> None:
    """Both draw the same scene where they are installed; a missing one is explained, not a crash."""
    code = (
        "from wamviz.worlds.tabletop import TabletopEnv, probe, renderer_name\n"
        "name = renderer_name()\n"
        "if name is None:\n"
        "    print('missing', probe())\n"
        "else:\n"
        f"    frame = TabletopEnv(size=32, cameras=('exterior',)).reset({SEED})[0].frames['exterior']\n"
        "    print('drew', name.split()[0], frame.std() > 20)\n"
    )
    done = _in_process(code, backend)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"drew {backend} True") or f"'{backend}': 'unavailable: " in done.stdout
