"""LPIPS with random weights has the properties of a distance; without weights it says so; the published code agrees."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wamviz.core.errors import WamvizError
from wamviz.metrics import perceptual
from wamviz.metrics.perceptual import lpips, lpips_missing
from wamviz.metrics.perceptual_weights import SHAPES, SMALLEST, VARIABLE
from wamviz.metrics.summary import summarise
from wamviz.metrics.video import compare_video

Weights = dict[str, np.ndarray]


def random_weights(seed: int = 0) -> Weights:
    """He's initialisation for the trunk; the heads are not negative, as the published ones."""
    draw = np.random.default_rng(seed)
    found = {}
    for name, shape in SHAPES.items():
        scale = np.sqrt(2 / np.prod(shape[1:])) if len(shape) == 4 else 0.05
        values = draw.normal(0, scale, shape).astype(np.float32)
        found[name] = np.abs(values) if name.startswith("lin") else values
    return found


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from safetensors.numpy import save_file

    path = tmp_path_factory.mktemp("weights") / "lpips-alex.safetensors"
    save_file(random_weights(), path)
    return path


@pytest.fixture
def weights(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(file))
    return file


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def noisy(frames: np.ndarray, level: float, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, level, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def test_identical_frames_have_no_distance(weights, scene):
    frames = scene(3, 48, 64)
    assert np.array_equal(lpips(frames, frames), np.zeros(3))


def test_it_is_symmetric_and_never_negative(weights, scene):
    a, b = scene(4, 40, 40), scene(4, 40, 40, seed=3)
    assert np.allclose(lpips(a, b), lpips(b, a), rtol=1e-6, atol=0)
    assert (lpips(a, b) > 0).all()


def test_it_grows_with_noise(weights, scene):
    frames = scene(2, 64, 64)
    found = np.stack([lpips(frames, noisy(frames, level)) for level in (0, 4, 12, 36, 100)])
    assert (np.diff(found, axis=0) > 0).all()


def test_a_frame_is_judged_by_itself(weights, scene, monkeypatch):
    """The distance of a frame does not depend on its neighbours, nor on how many are judged at a time."""
    a, b = scene(5, 32, 40), noisy(scene(5, 32, 40), 20)
    together = lpips(a, b)
    monkeypatch.setattr(perceptual, "BATCH", 2)
    assert np.allclose(lpips(a, b), together, rtol=1e-5)
    assert np.allclose([lpips(a[k : k + 1], b[k : k + 1])[0] for k in range(5)], together, rtol=1e-5)


def test_colours_are_scaled_as_published(weights):
    """A frame of ImageNet's mean colour becomes zeros, so that all the first layer sees of it are its biases."""
    from wamviz.metrics._perceptual_net import Lpips

    net = Lpips.read(weights)
    import torch

    mean = net.shift.expand(1, 3, 40, 40)
    first = net.layers(mean)[0]
    assert torch.allclose(first, net.features["0"].bias.clamp(min=0).view(1, -1, 1, 1).expand_as(first), atol=1e-6)


def test_the_control_stands_beside_it_and_the_mean_is_over_frames(weights, rollout, scene):
    truth = scene(5, 40, 40)
    reference = rollout("recorded", frames=truth)
    still = rollout(frames=np.repeat(truth[:1], 5, axis=0))
    found = compare_video(still, reference)
    assert np.array_equal(found.lpips, found.copy_last_lpips) and found.lpips.shape == (4,)
    perfect = compare_video(rollout(frames=truth), reference)
    assert (perfect.lpips == 0).all() and (perfect.copy_last_lpips > 0).all() and perfect.lpips_missing == ""
    told = summarise(_run(rollout(frames=noisy(truth, 9)), reference))["video"]
    assert told["lpips"] == pytest.approx(np.mean(told["lpips_by_frame"]), rel=1e-5)
    assert told["copy_last_lpips"] == pytest.approx(np.mean(told["copy_last_lpips_by_frame"]), rel=1e-5)
    assert told["mean"]["lpips"] == told["lpips"] and told["lpips_missing"] is None


def test_frames_of_two_rates_have_the_numbers_of_one(weights, rollout, scene):
    fine = scene(13, 36, 36)
    ours = rollout(frames=noisy(fine[::3], 9))
    same = compare_video(ours, rollout("recorded", frames=fine[::3]))
    finer = compare_video(ours, rollout("recorded", frames=fine, fps=15.0))
    assert np.array_equal(same.lpips, finer.lpips)


def test_without_weights_everything_else_is_there_and_the_reason_is_told(without, rollout, scene):
    truth = scene(4, 40, 40)
    told = summarise(_run(rollout(frames=truth), rollout("recorded", frames=truth)))["video"]
    assert told["psnr"] == 60 and told["lpips"] is None and told["copy_last_lpips"] is None
    assert "tools/convert_lpips.py" in told["lpips_missing"] and VARIABLE in told["lpips_missing"]
    assert "lpips" not in told["mean"]
    with pytest.raises(WamvizError, match="not part of wamviz"):
        lpips(truth, truth)


def test_small_frames_are_told_apart_from_missing_weights(weights, rollout, scene):
    small = scene(3, SMALLEST - 1, 40)
    assert "31 x 31" in compare_video(rollout(frames=small), rollout("recorded", frames=small)).lpips_missing
    just = scene(2, SMALLEST, SMALLEST)
    assert np.isfinite(lpips(just, noisy(just, 30))).all()


Spoil = Callable[[Weights], object]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda w: w.pop("lin3.weight"), "lacks the tensor 'lin3.weight'"),
        (lambda w: w.update({"lin0.weight": w["lin1.weight"]}), r"of shape \(1, 192, 1, 1\), not \(1, 64, 1, 1\)"),
        (lambda w: w.update({"feature.0.bias": w["features.0.bias"]}), "Did you mean 'features.0.bias'"),
    ],
)
def test_a_wrong_file_is_explained(spoil: Spoil, says: str, tmp_path, monkeypatch, scene):
    from safetensors.numpy import save_file

    spoilt = random_weights()
    spoil(spoilt)
    path = tmp_path / "other.safetensors"
    save_file(spoilt, path)
    monkeypatch.setenv(VARIABLE, str(path))
    with pytest.raises(WamvizError, match=says) as caught:
        lpips(scene(1, 40, 40), scene(1, 40, 40))
    assert "tools/convert_lpips.py" in caught.value.hint and lpips_missing() == str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"x" * 4096, None])
def test_a_file_of_another_kind_is_explained(content: bytes | None, tmp_path, monkeypatch):
    path = tmp_path / "alex.pth"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(VARIABLE, str(path))
    told = lpips_missing()
    assert told is not None and "alex.pth" in told
    assert ("no safetensors file" in told) == (content is not None) and ("no such file" in told) == (content is None)


def test_a_file_that_was_replaced_is_read_again(tmp_path, monkeypatch, scene):
    from safetensors.numpy import save_file

    path = tmp_path / "w.safetensors"
    monkeypatch.setenv(VARIABLE, str(path))
    save_file(random_weights(1), path)
    a, b = scene(1, 40, 40), scene(1, 40, 40, seed=5)
    before = lpips(a, b)
    save_file({**random_weights(2), "lin0.weight": random_weights(1)["lin0.weight"] * 2}, tmp_path / "n")
    (tmp_path / "n").replace(path)
    assert lpips(a, b)[0] != before[0]


def test_comparing_without_weights_costs_no_torch():
    code = (
        "import os, sys; os.environ.pop('WAMVIZ_LPIPS', None)\n"
        "import numpy as np\n"
        "from wamviz.metrics import compare_video\n"
        "from wamviz.core.rollout import Rollout\n"
        "frames = np.zeros((3, 40, 40, 3), np.uint8)\n"
        "found = compare_video(Rollout('imagined', frames, 5.0), Rollout('recorded', frames, 5.0))\n"
        "assert found.lpips is None and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.filterwarnings("ignore::UserWarning")  # lpips asks torchvision in its old way
def test_the_published_code_agrees(tmp_path, monkeypatch, scene):
    """``lpips`` of PyPI (0.1.4) with the same random weights; it is no dependency, so this runs only where it is."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # importing it would set this for all later tests
    theirs = pytest.importorskip("lpips")
    import torch
    from safetensors.numpy import save_file

    net = theirs.LPIPS(net="alex", pretrained=False, pnet_rand=True, verbose=False).eval()
    drawn = random_weights(7)
    slices = {0: "slice1.0", 3: "slice2.3", 6: "slice3.6", 8: "slice4.8", 10: "slice5.10"}
    state = {
        f"net.{to}.{kind}": drawn[f"features.{n}.{kind}"] for n, to in slices.items() for kind in ("weight", "bias")
    }
    state |= {f"lin{k}.model.1.weight": drawn[f"lin{k}.weight"] for k in range(5)}
    lost = net.load_state_dict({name: torch.from_numpy(values) for name, values in state.items()}, strict=False)
    assert not lost.unexpected_keys
    path = tmp_path / "w.safetensors"
    save_file(drawn, path)
    monkeypatch.setenv(VARIABLE, str(path))
    for height, width in ((64, 64), (128, 128), (37, 101), (180, 320)):
        a, b = scene(3, height, width), noisy(scene(3, height, width, seed=1), 25)
        pictures = [torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1) for x in (a, b)]
        with torch.no_grad():
            expected = net(*pictures).flatten().numpy()
        assert np.allclose(lpips(a, b), expected, rtol=1e-4, atol=1e-7)


def _run(imagined, reference):
    from types import SimpleNamespace

    return SimpleNamespace(imagined=(imagined,), reference=reference, executed=None, state=None, mode="video")


@pytest.fixture
def published(tmp_path) -> tuple[Path, Path]:
    """Files laid out as the published ones: AlexNet with its classifier, and the heads of ``lpips``; random weights."""
    import torch

    drawn = {name: torch.from_numpy(values) for name, values in random_weights(3).items()}
    trunk = {name: value for name, value in drawn.items() if name.startswith("features.")}
    torch.save({**trunk, "classifier.1.bias": torch.zeros(4)}, tmp_path / "alexnet.pth")
    heads = {f"lin{k}.model.1.weight": drawn[f"lin{k}.weight"] for k in range(5)}
    torch.save(heads, tmp_path / "alex.pth")
    return tmp_path / "alexnet.pth", tmp_path / "alex.pth"


def convert(root: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "tools/convert_lpips.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_published_files_become_one_that_is_read(published, root, tmp_path, monkeypatch):
    from safetensors.numpy import load_file

    alexnet, heads = published
    out = tmp_path / "lpips.safetensors"
    done = convert(root, "--alexnet", alexnet, "--heads", heads, "--out", out)
    assert done.returncode == 0 and "WAMVIZ_LPIPS=" in done.stdout, done.stderr
    written, drawn = load_file(out), random_weights(3)
    assert written.keys() == drawn.keys() and all(np.array_equal(written[name], drawn[name]) for name in drawn)
    monkeypatch.setenv(VARIABLE, str(out))
    assert lpips_missing() is None


def test_wrong_published_files_are_refused_in_one_line(published, root, tmp_path, monkeypatch, capsys):
    """Swapped files, a file that is none, and a pickle that would run something."""
    import pickle

    program = str(root / "tools/convert_lpips.py")
    monkeypatch.setattr(sys, "path", [*sys.path])  # the program adds the checkout
    alexnet, heads = published
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Path("x")))
    for wrong, says in ((heads, "torchvision's AlexNet"), (tmp_path / "text.pth", "cannot be read"),
                        (tmp_path / "evil.pth", "cannot be read"), (tmp_path / "none.pth", "no file")):  # fmt: skip
        words = ["--alexnet", wrong, "--heads", heads, "--out", tmp_path / "o"]
        monkeypatch.setattr(sys, "argv", [program, *map(str, words)])
        with pytest.raises(SystemExit) as ended:  # as the program itself, which starts anew in the test above
            runpy.run_path(program, run_name="__main__")
        complaint = capsys.readouterr().err
        assert ended.value.code == 2 and says in complaint
        assert complaint.count("\n") == 1 and not (tmp_path / "o").exists()
