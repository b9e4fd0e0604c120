"""Teaching the detector: disturbed pictures, a loss that asks only for what is there, and that it learns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.training.conftest import SIDE, StopAfter
from wamviz.models.mini.arm_pose import MARKS, place_marks
from wamviz.models.mini.closer_look import CloserLook
from wamviz.models.mini.detector import POINTS, Detected, MiniDetector, facing_of
from wamviz.models.mini.raster import project
from wamviz.training.budget import Budget, OutOfTime
from wamviz.training.detector import closer_loss, detector_loss, disturb, measure_detector, train_detector, truth
from wamviz.training.painter import Pictures, load_pictures
from wamviz.training.report import validation_rows

CELLS, P = 16, len(POINTS)


def make() -> MiniDetector:
    torch.manual_seed(0)
    return MiniDetector(image_size=SIDE // 2, widths=(8, 8, 16), height_mean=[0.05] * P)


def test_disturbed_pictures_are_pictures():
    """Within -1..1, by chance alone, near what they were, and the given ones stay as they are."""
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    kept = images.clone()
    one, again, other = (disturb(images, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other) and torch.equal(images, kept)
    assert one.min() >= -1 and one.max() <= 1 and 0.01 < (one - images).abs().mean() < 0.5


def test_truth_is_projected(shards):
    """Things and the hand, through each picture's own camera, NaN where absent."""
    data = load_pictures(shards)
    index = np.array([0, 7])
    places, image, marks = truth(data, index)
    assert marks.shape == (2, len(MARKS), 2)
    torch.testing.assert_close(marks, project(place_marks(data.states[index, 7:]), data.cameras[index])[0])
    assert places.shape == (2, P, 3) and places[:, -2].isnan().all()
    torch.testing.assert_close(places[:, -1], data.states[index, :3])
    wanted = places[:, :2, :2] + data.cameras[index, :2, 3][:, None]  # the made-up camera only shifts
    torch.testing.assert_close(image[:, :2], wanted)


def answers(
    image: torch.Tensor,
    places: torch.Tensor,
    marks: torch.Tensor,
    states: torch.Tensor,
    yaws: torch.Tensor,
    sure: float = 30.0,
) -> Detected:
    """What a detector would say that is right."""
    b = len(image)
    every = torch.cat([image, marks[:, :-1]], 1)
    x, y = (every * CELLS).long().clamp(0, CELLS - 1).unbind(-1)
    heat = torch.zeros(b, every.shape[1], CELLS, CELLS)
    heat[torch.arange(b)[:, None], torch.arange(every.shape[1]), y, x] = sure
    there = torch.where(places[:, :-1].isnan().any(-1), -sure, sure)
    return Detected(
        heat, marks.clone(), torch.zeros(b, len(MARKS)), image.clone(), places[..., 2].nan_to_num(),
        torch.full((b, P), 5e-4), there, facing_of(yaws), states[:, 3:6].clone(), states[:, 6].clone(),
        torch.zeros(b, 4),
    )  # fmt: skip


def case(b: int = 4) -> tuple[torch.Tensor, ...]:
    """Image points in the middle of cells, places and yaws one of which is absent, the arm's marks, states."""
    g = torch.Generator().manual_seed(1)
    image = (torch.randint(1, CELLS - 1, (b, P, 2), generator=g) + 0.5) / CELLS
    places = torch.rand(b, P, 3, generator=g)
    places[:, 2] = torch.nan
    yaws = torch.where(places[:, :-1, 0].isnan(), torch.nan, torch.rand(b, P - 1, generator=g) * 6 - 3)
    marks = (torch.randint(1, CELLS - 1, (b, len(MARKS), 2), generator=g) + 0.5) / CELLS
    return image, places, marks, torch.rand(b, 14, generator=g), yaws


def test_being_right_costs_least():
    """Each answer that is off costs more than the right one, and turns are compared the short way round."""
    image, places, marks, states, yaws = case()

    def loss(**changes) -> float:
        found = answers(image, places, marks, states, yaws)
        return detector_loss(type(found)(**{**vars(found), **changes}), places, image, marks, states, yaws).item()

    found, right = answers(image, places, marks, states, yaws), loss()
    assert math.isfinite(right)
    worse = {
        "heat": -found.heat, "marks": found.marks + 0.05, "image": found.image + 0.05, "height": found.height + 0.05,
        "there": -found.there, "turn": found.turn + 0.3, "facing": -found.facing, "gripper": 1 - found.gripper,
    }  # fmt: skip
    for name, value in worse.items():
        assert loss(**{name: value}) > right + 0.01, name
    assert loss(turn=found.turn + torch.tensor([0, 0, 2 * math.pi])) == pytest.approx(right, abs=1e-4)


def test_what_is_absent_is_not_asked_for():
    """Where an absent thing is said to be changes nothing; that it is absent does; gradients are numbers."""
    image, places, marks, states, yaws = case()
    found = answers(image, places, marks, states, yaws)
    elsewhere = {k: v.clone() for k, v in vars(found).items()}
    elsewhere["heat"][:, 2] = torch.randn(4, CELLS, CELLS)
    elsewhere["image"][:, 2], elsewhere["height"][:, 2], elsewhere["doubt"][:, 2] = 0.5, 9.0, 0.2
    a, b = (detector_loss(x, places, image, marks, states, yaws) for x in (found, Detected(**elsewhere)))
    torch.testing.assert_close(a, b)
    net = make()
    detector_loss(net(torch.rand(4, 3, SIDE, SIDE) * 2 - 1), places, image, marks, states, yaws).backward()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


@pytest.fixture(scope="module")
def data(recorded) -> Pictures:
    return load_pictures(recorded)


@pytest.mark.slow
def test_learning_finds_things_and_a_stopped_run_ends_alike(data, tmp_path, capsys):
    """Some steps lower the loss on the pictures learnt from; a stop in between changes nothing to the bit."""
    log = tmp_path / "log.jsonl"
    whole, parted, gone_on = make(), make(), make()
    options = {"budget": Budget(steps=12), "batch": 6}
    train_detector(whole, data, data, tmp_path / "a", log=log, **options)
    with pytest.raises(OutOfTime):
        train_detector(parted, data, data, tmp_path / "b", deadline=StopAfter(5), **options)
    train_detector(gone_on, data, data, tmp_path / "b", **options)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, gone_on.state_dict()[name]), name
    (row,) = validation_rows(log)
    assert row["phase"] == "detector validation" and all(np.isfinite(v) for k, v in row.items() if k != "phase")
    index = np.arange(len(data.first))

    @torch.inference_mode()
    def error(net):
        return float(detector_loss(net(data.image(index)), *truth(data, index), data.states[index], data.yaws[index]))

    assert error(whole) < error(make())


@pytest.mark.slow
def test_whoever_tells_the_truth_measures_as_right(data, monkeypatch):
    """Errors are none, presence is always right."""
    net, asked = make(), []
    image = Pictures.image
    monkeypatch.setattr(Pictures, "image", lambda self, index: (asked.append(index), image(self, index))[1])

    def right(images):
        places, seen, marks = truth(data, asked[-1])
        return answers(seen, places, marks, data.states[asked[-1]], data.yaws[asked[-1]])

    monkeypatch.setattr(net, "forward", right)
    monkeypatch.setattr(net, "look_closer", lambda images, found: found)
    figures = measure_detector(net, data, every=1)
    assert figures["marks"] < 0.01 and figures["arm"] < 0.1
    assert figures["median"] < 0.01 and figures["tool"] < 0.01 and figures["yaw"] < 1e-5 and figures["facing"] < 1e-3
    assert figures["within_1cm"] == figures["within_2cm"] == figures["presence"] == 1 and figures["gripper"] == 0


def test_a_closer_look_learns_to_find_marks() -> None:
    """From places that are off by some pixels, it comes back to a bright dot."""
    torch.manual_seed(0)
    net = CloserLook(1, fine=8, coarse=8)
    chance, rng = (torch.Generator().manual_seed(seed) for seed in (0, 1))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)

    def picture() -> tuple[torch.Tensor, torch.Tensor]:
        marks = 0.2 + 0.6 * torch.rand(4, 1, 2, generator=rng)
        pixels = (torch.arange(256) + 0.5) / 256
        x, y = ((pixels - marks[..., axis, None]) * 100 for axis in (0, 1))
        light = torch.exp(-(x[:, :, None].square() + y[..., None].square())).amax(1)
        return light[:, None].expand(-1, 3, -1, -1), marks

    losses = []
    for _ in range(40):
        images, marks = picture()
        loss = closer_loss(net, images, marks, chance)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    images, marks = picture()
    with torch.inference_mode():
        _, found, _ = net(images, marks + 4 / 256)
    assert (found - marks).norm(dim=-1).max() < 3 / 256
