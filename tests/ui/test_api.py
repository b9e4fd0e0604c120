"""The public endpoints, called as anybody would call them: with gradio_client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from wamviz.core.media import write_mp4
from wamviz.ui.api import without_places

if TYPE_CHECKING:
    from tests.ui.conftest import Site


@pytest.fixture(scope="module")
def client(site: Site) -> Iterator[Client]:
    client = Client(site.url, verbose=False, analytics_enabled=False)
    yield client
    client.close()


def test_only_these_endpoints_are_public(client: Client) -> None:
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == {
        "/imagine",
        "/compare",
        "/compare_models",
        "/models",
    }


def test_parameters_are_named_typed_and_have_defaults(client: Client) -> None:
    described = client.view_api(return_format="dict", print_info=False)["named_endpoints"]["/imagine"]["parameters"]
    names = [one["parameter_name"] for one in described]
    assert names == [
        "image", "source", "instruction", "model", "mode", "seed", "samples", "steps", "actions", "video", "horizon",
        "guidance",
    ]  # fmt: skip
    assert all(one["parameter_has_default"] for one in described)
    assert {one["parameter_name"]: one["python_type"]["type"] for one in described}["seed"] in ("float", "int")


def test_models_lists_every_model_with_its_modes(client: Client) -> None:
    models = {one["id"]: one for one in client.predict(api_name="/models")}
    assert models["hold-still"]["modes"] == ["joint", "act_only"]
    assert models["copy-last-frame"]["control"] is True


def test_imagine_from_an_uploaded_picture_gives_the_run_and_its_files(client: Client, pictures: Path) -> None:
    facts, files = client.predict(
        image=handle_file(str(pictures / "kitchen.png")),
        instruction="pick up the orange",
        model="hold-still",
        seed=3,
        api_name="/imagine",
    )
    assert facts["model"] == "hold-still" and facts["seed"] == 3 and facts["instruction"] == "pick up the orange"
    names = {Path(file).name for file in files}
    assert {"rollout.mp4", "rollout.npz", "rollout.json", "context.png"} <= names
    with np.load(next(file for file in files if file.endswith("rollout.npz"))) as arrays:
        assert arrays["frames"].shape[:2] == (1, 17) and arrays["actions"].shape == (1, 16, 7)


def test_imagine_from_an_episode_comes_with_metrics_and_controls(client: Client) -> None:
    facts, _ = client.predict(source="assets/episodes#0@2", model="hold-still", api_name="/imagine")
    assert facts["source"] == "assets/episodes#0@2"
    assert facts["metrics"]["video"]["psnr"] == facts["metrics"]["video"]["copy_last_psnr"]
    again, _ = client.predict(source=facts["id"], model="hold-still", instruction="wait", api_name="/imagine")
    assert again["id"] != facts["id"]


def test_a_horizon_lengthens_the_rollout(client: Client) -> None:
    facts, files = client.predict(source="#0", model="hold-still", horizon=24, api_name="/imagine")
    assert facts["horizon"] == 24
    with np.load(next(file for file in files if file.endswith("rollout.npz"))) as arrays:
        assert arrays["frames"].shape[1] == 25 and arrays["actions"].shape[1] == 24


def test_imagine_streams_its_steps(client: Client, site: Site) -> None:
    site.paced.rest()
    site.paced.allow(100)
    job = client.submit(source="#0", model="paced", instruction="wait", steps=4, api_name="/imagine")
    facts, files = job.result(timeout=120)
    assert facts["steps"] == 4 and files
    steps = [answer[0].get("step") for answer in job.outputs()]
    assert steps[-1] is None and {1, 2, 3, 4} <= set(steps)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"instruction": "pick up the orange"}, "There is no context frame"),
        ({"source": "#0", "model": "mini-wan"}, "Did you mean 'mini-wam'"),
        ({"source": "#0", "model": "copy-last-frame", "mode": "joint"}, "has no mode 'joint'"),
        ({"source": "/etc/passwd", "instruction": "x"}, "is no source that can be named here"),
        ({"source": "0123456789abcdef"}, "No run 0123456789abcdef is kept here"),
        ({"source": "#0", "model": "hold-still", "seed": -1}, "The seed must lie in 0"),
        ({"source": "#0", "model": "hold-still", "samples": 500}, "Samples must be 1 .. 64"),
        ({"source": "#0", "model": "hold-still", "guidance": 2}, "has no guidance"),
        ({"source": "#0", "model": "hold-still", "horizon": 129}, "at most 128 frames, not 129"),
    ],
)
def test_bad_input_gives_the_sentence_that_the_page_shows(
    client: Client, given: dict[str, object], sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence) as caught:
        client.predict(**given, api_name="/imagine")
    assert "Traceback" not in str(caught.value)


def test_a_text_file_named_png_is_refused_in_words(client: Client, pictures: Path) -> None:
    with pytest.raises(AppError, match=r"letter\.png"):
        client.predict(image=handle_file(str(pictures / "letter.png")), instruction="x", api_name="/imagine")


def test_compare_says_how_close_two_videos_are_beside_a_still_one(client: Client, tmp_path: Path) -> None:
    frames = np.zeros((6, 64, 64, 3), np.uint8)
    frames[:, 16:32, :, 0] = np.arange(6, dtype=np.uint8)[:, None, None] * 40
    write_mp4(tmp_path / "a.mp4", frames, 5.0)
    found = client.predict(
        imagined=handle_file(str(tmp_path / "a.mp4")),
        reference=handle_file(str(tmp_path / "a.mp4")),
        api_name="/compare",
    )
    video = found["video"]
    assert video["psnr"] == 60.0 and video["copy_last_psnr"] < 40 and len(video["times"]) == 5
    assert video["lpips"] is None and "tools/convert_lpips.py" in video["lpips_missing"]
    assert found["notes"].keys() == found["sources"].keys() == {"psnr", "ssim", "copy_last_psnr", "copy_last_ssim"}
    with pytest.raises(AppError, match="Two videos are needed"):
        client.predict(api_name="/compare")


def test_several_models_are_asked_the_same(client: Client, site: Site) -> None:
    """Each with its run, latency and real-time factor; a refusal is the sentence of the page."""
    found = client.predict(source="#0", contenders="hold-still:act_only, copy-last-frame", api_name="/compare_models")
    assert [(one["model"], one["mode"]) for one in found] == [("hold-still", "act_only"), ("copy-last-frame", "video")]
    assert all(one["latency_s"] > 0 and one["real_time_factor"] > 0 for one in found)
    assert {one["run"] for one in found} <= {run.id for run in site.store.list(None)}
    with pytest.raises(AppError, match="Two to 4 contenders"):
        client.predict(source="#0", contenders="hold-still", api_name="/compare_models")


def test_a_kept_runs_own_video_is_read(client: Client) -> None:
    """inverse_dynamics of a kept run names the actions of what was imagined, without a file."""
    models = {one["id"]: one for one in client.predict(api_name="/models")}
    if not models["mini-wam"]["runnable"]:
        pytest.skip("needs the shipped weights")
    video, _ = client.predict(source="#0", model="mini-wam", mode="video", api_name="/imagine")
    facts, _ = client.predict(source=video["id"], model="mini-wam", mode="inverse_dynamics", api_name="/imagine")
    assert facts["id"] != video["id"] and any(video["id"] in note for note in facts["notes"])


def test_visitors_elsewhere_hear_of_no_address_and_no_folder() -> None:
    """Neither in the facts nor in the reason why a model cannot run; everything else stays."""
    extras = {"kind": "openpi", "url": "ws://10.0.0.7:8000", "checkpoint": "/srv/weights"}
    facts = {"id": "pi05", "missing": "There is no folder /srv/weights.", "modes": ["joint"], "extras": extras}
    told = without_places(facts)
    assert "10.0.0.7" not in str(told) and "/srv" not in str(told)
    assert told == {**facts, "missing": "It cannot run here.", "extras": {"kind": "openpi"}}
    plain = {"id": "mini-wam", "missing": None}
    assert without_places(plain) == plain


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"source": "0123456789abcdef"}, "Not found"),
        ({"source": "#0", "model": "hold-still", "seed": -1}, "Invalid input"),
    ],
)
def test_the_sort_of_error_is_its_title(client: Client, given: dict[str, object], title: str) -> None:
    """A program looks at the title, which derives from the error's class; the sentence is for people."""
    with pytest.raises(AppError) as caught:
        client.predict(**given, api_name="/imagine")
    assert caught.value.title == title
