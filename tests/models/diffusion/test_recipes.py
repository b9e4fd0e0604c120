"""A checkpoint's own files decide about size, length and rate; its name where it is not here; then its kind's row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wamviz.core.errors import WamvizError
from wamviz.models.connections import Connection
from wamviz.models.diffusion.backend import capabilities_of
from wamviz.models.diffusion.kinds import KINDS
from wamviz.models.diffusion.options import read
from wamviz.models.diffusion.recipes import own_recipe

TI2V = {
    "model_index.json": {"_class_name": "WanPipeline", "expand_timesteps": True},
    "vae/config.json": {"scale_factor_spatial": 16},
    "transformer/config.json": {"patch_size": [1, 2, 2]},
}
WAN21 = {
    "model_index.json": {"_class_name": "WanImageToVideoPipeline"},
    "vae/config.json": {"scale_factor_spatial": 8},
    "transformer/config.json": {"patch_size": [1, 2, 2]},
}
COG = {"transformer/config.json": {"sample_height": 60, "sample_width": 90, "sample_frames": 49, "patch_size_t": None}}
COG15 = {"transformer/config.json": {"sample_height": 300, "sample_width": 300, "sample_frames": 81, "patch_size_t": 2}}


def written(folder: Path, files: dict) -> Path:
    for name, facts in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(facts))
    return folder


def recipe(kind: str, url: str) -> tuple:
    found = own_recipe(KINDS[kind], Connection("mine", kind, url))
    return found.size, found.frames, found.fps, found.multiple


@pytest.mark.parametrize(
    ("kind", "files", "name", "expected"),
    [
        ("wan", TI2V, "weights", ((704, 1280), 121, 24.0, 32)),
        ("wan", WAN21, "weights", ((480, 832), 81, 16.0, 16)),
        ("wan", WAN21, "Wan2.1-I2V-14B-720P-Diffusers", ((720, 1280), 81, 16.0, 16)),
        ("cogvideox", COG, "weights", ((480, 720), 49, 8.0, 16)),
        ("cogvideox", COG15, "weights", ((768, 1360), 81, 16.0, 16)),
        ("svd", {"unet/config.json": {"num_frames": 14}}, "weights", ((576, 1024), 14, 7.0, 8)),
    ],
)
def test_the_checkpoint_s_own_files_come_before_the_row(tmp_path, kind, files, name, expected):
    assert recipe(kind, str(written(tmp_path / name, files))) == expected


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("wan", "hub:Wan-AI/Wan2.2-TI2V-5B-Diffusers@main", ((704, 1280), 121, 24.0, 32)),
        ("wan", "hub:Wan-AI/Wan2.1-I2V-14B-480P-Diffusers@main", ((480, 832), 81, 16.0, 16)),
        ("wan", "hub:Wan-AI/Wan2.1-I2V-14B-720P-Diffusers@main", ((720, 1280), 81, 16.0, 16)),
        ("cogvideox", "hub:THUDM/CogVideoX1.5-5B-I2V@main", ((768, 1360), 81, 16.0, 16)),
        ("cogvideox", "hub:THUDM/CogVideoX-5b-I2V@main", ((480, 720), 49, 8.0, 16)),
    ],
)
def test_before_it_is_fetched_its_name_says_it(monkeypatch, tmp_path, kind, url, expected):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert recipe(kind, url) == expected


@pytest.mark.parametrize("broken", [{}, {"vae/config.json": {"scale_factor_spatial": "x"}}, {"vae/config.json": [1]}])
def test_files_that_say_nothing_leave_the_row(tmp_path, broken):
    folder = written(tmp_path / "weights", {"model_index.json": {"_class_name": "x"}, **broken})
    assert recipe("wan", str(folder))[:3] == (KINDS["wan"].size, KINDS["wan"].frames, KINDS["wan"].fps)
    assert recipe("ltx", str(folder))[0] == KINDS["ltx"].size


def test_what_a_connection_can_do_follows_and_a_setting_still_wins(tmp_path):
    """So a checkpoint of 16 Hz is not compared at half its speed, and 720 x 1280 is no size to refuse."""
    folder = written(tmp_path / "Wan2.1-I2V-14B-720P", WAN21)
    plain = Connection("mine", "wan", str(folder), settings={"size": "720x1280"})
    assert capabilities_of(plain).video_fps == 16 and capabilities_of(plain).horizon == 80
    kind = own_recipe(KINDS["wan"], plain)
    assert read(kind, plain).size == (720, 1280)
    with pytest.raises(WamvizError, match="multiples of 16"):
        capabilities_of(Connection("mine", "wan", str(folder), settings={"size": "721x1280"}))
    cog = written(tmp_path / "cog", COG15)
    assert capabilities_of(Connection("mine", "cogvideox", str(cog))).video_fps == 16
    assert capabilities_of(Connection("mine", "cogvideox", str(cog), settings={"fps": "8"})).video_fps == 8
