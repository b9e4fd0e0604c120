"""The path board: what it is told of a context, and what comes of what is drawn."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from tests.ui.test_javascript import MISSING, ROOT, node
from wamviz.core.errors import InvalidInput, WamvizError
from wamviz.runs.driving.path import away_from_path
from wamviz.runs.execution import act_out
from wamviz.ui.pages.drive.paths import PathBoard

SOURCE = "somewhere"


@pytest.fixture(scope="module")
def board(world, context, obedient):
    return PathBoard(lambda: world, lambda source, here: context)


@pytest.fixture(scope="module")
def laid(board, obedient):
    return board.lay(SOURCE, obedient, True)


def test_the_hand_is_where_the_state_has_it(laid, context):
    assert np.allclose(laid["start"], context.observation.state[:3], atol=1e-3)
    assert laid["gripper"] == 0.0 and laid["names"][2] == "dz" and laid["why_not_real"] == ""


def test_pixels_are_places_and_places_pixels_through_the_real_camera(laid, context):
    """The script's own arithmetic, with the calibrated camera of a scene; ``Camera.project`` is the judge."""
    program = node()
    if program is None:
        pytest.skip(MISSING)
    seen = [[u, v] for u in (0.2, 0.5, 0.8) for v in (0.5, 0.7, 0.9)]
    script = (
        f'import {{ placeAt, project }} from "{(ROOT / "wamviz/ui/pages/drive/js/space.js").as_uri()}";'
        f"const camera = {json.dumps(laid['projection'])};"
        f"const places = {json.dumps(seen)}.flatMap((uv) => [0.02, 0.3].map((z) => placeAt(camera, uv, z)));"
        "console.log(JSON.stringify({ places, back: places.map((place) => project(camera, place)) }));"
    )
    told = subprocess.run([program, "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    found = json.loads(told.stdout)
    wanted = np.repeat(seen, 2, axis=0)
    assert np.allclose(found["back"], wanted, atol=1e-9)
    camera = context.observation.cameras["exterior"]
    pixels, depth = camera.project(np.array(found["places"]))
    assert (depth > 0).all() and np.allclose(pixels, wanted * camera.width, atol=1e-6)


def test_what_is_drawn_is_done(board, laid, context, obedient):
    """The actions of a drawn path, executed in physics, keep the hand within a centimetre of it."""
    corners = [[*(np.array(laid["start"]) + way), 0.0] for way in ([0.05, 0.1, 0.02], [0.1, 0.05, 0.08])]
    told = board.plan(SOURCE, obedient, corners, 0.03, True)
    assert told["astray"] == [] and told["off"] < 0.002 and len(told["foreseen"]) == len(told["actions"])
    *_, done = act_out(context.observation.world_state, np.array(told["actions"], np.float32), size=48)
    line = np.array([laid["start"], *(corner[:3] for corner in corners)])
    assert away_from_path(done.states[:, :3], line).max() < 0.01


def test_a_corner_out_of_reach_is_named(board, laid, obedient):
    told = board.plan(SOURCE, obedient, [[*laid["start"], 0.0], [1.3, 0.0, 0.3, 0.0]], 0.05, True)
    assert told["astray"] == [1] and told["off"] == pytest.approx(0, abs=0.05)


def test_edited_actions_are_clipped_and_traced(board, laid, obedient):
    told = board.trace(SOURCE, obedient, [[0, 0, 9, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1]], True)
    assert told["actions"][0][2] == pytest.approx(0.06)
    assert told["foreseen"][-1][2] == pytest.approx(laid["start"][2] + 0.06, abs=2e-3)


def test_its_csv_is_read_back(board, laid, obedient):
    told = board.trace(SOURCE, obedient, [[0.01, 0, -0.02, 0, 0, 0.1, 0], [0.001, 0, 0, 0, 0, 0, 1]], True)
    again = board.read(SOURCE, obedient, told["csv"], True)
    assert again["actions"] == told["actions"] and again["csv"] == told["csv"]
    assert board.read(SOURCE, obedient, laid["example"], True)["actions"]


@pytest.mark.parametrize("text", ["", "dx,dy\n1,2\n", "a,b,c,d,e,f,g\nx\n", None])
def test_what_is_no_table_of_actions_is_refused(board, obedient, text):
    with pytest.raises(WamvizError):
        board.read(SOURCE, obedient, text, True)


@pytest.mark.parametrize("actions", [[], "none", [[1, 2]], [[float("inf")] * 7], {"a": 1}])
def test_what_are_no_actions_is_refused(board, obedient, actions):
    with pytest.raises(InvalidInput):
        board.trace(SOURCE, obedient, actions, True)


def test_a_picture_without_a_camera_or_a_hand_cannot_be_drawn_on(world, context, obedient):
    seen = context.observation
    for poor in (replace(seen, cameras={}), replace(seen, state=None, world_state=None)):
        board = PathBoard(lambda: world, lambda source, here, poor=poor: replace(context, observation=poor))
        with pytest.raises(InvalidInput, match="not known"):
            board.lay(SOURCE, obedient, True)


def test_a_recording_is_drawn_on_by_its_state(world, context, obedient):
    seen = replace(context.observation, world_state=None)
    board = PathBoard(lambda: world, lambda source, here: replace(context, observation=seen))
    told = board.trace(SOURCE, obedient, [[0.01, 0, 0, 0, 0, 0, 0]] * 3, True)
    assert np.allclose(told["foreseen"][-1], seen.state[:3] + [0.03, 0, 0])
    assert "exact state" in board.lay(SOURCE, obedient, True)["why_not_real"]


def test_a_model_of_other_actions_takes_no_path(board):
    with pytest.raises(WamvizError):
        board.lay(SOURCE, "copy-last-frame", True)


def test_a_context_is_read_once(world, context, obedient):
    asked = []
    board = PathBoard(lambda: world, lambda source, here: asked.append(source) or context)
    board.lay(SOURCE, obedient, True)
    board.trace(SOURCE, obedient, [[0] * 7], True)
    board.lay("elsewhere", obedient, True)
    assert asked == [SOURCE, "elsewhere"]
