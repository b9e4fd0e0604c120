"""Weights fetched from a hub on this machine: only on request, only what is needed, pinned to a commit."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session

from tests.datasets import hub_server
from tests.models.diffusion import tiny
from wamviz import cli
from wamviz.core.environment import OURS
from wamviz.core.errors import WamvizError
from wamviz.core.media import write_png
from wamviz.models import connecting, connections, registry
from wamviz.models.connections import Connection
from wamviz.models.diffusion.entry import download, missing
from wamviz.models.diffusion.hub import chosen
from wamviz.runs.store import read_run

COMMIT, REPO = hub_server.COMMIT, hub_server.REPO
NAME = f"hub:{REPO}@main"
MINE = Connection("mine", "ltx", NAME, settings=tiny.SETTINGS["ltx"])


@pytest.fixture
def hub(checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A hub with a tiny LTX checkpoint and much else beside it, asked by nobody yet, and an empty cache."""
    root = Path(shutil.copytree(checkpoint("ltx"), tmp_path / "served"))
    weights = root / "transformer" / "diffusion_pytorch_model.safetensors"
    shutil.copy(weights, root / "ltx-video-2b.safetensors")  # as the real repository has them, many times over
    shutil.copy(weights, root / "transformer" / "diffusion_pytorch_model.fp16.safetensors")
    (root / "transformer" / "diffusion_pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    (root / "README.md").write_text("# Small")
    with hub_server.the_only_hub(root, monkeypatch, tmp_path / "cache", "models") as served:
        yield served


@pytest.fixture
def fresh(home: Path) -> Iterator[None]:
    """A registry that knows the connections of this test alone."""
    registry.reset()
    yield
    registry.reset()


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    status = cli.main([str(word) for word in words])
    return status, *capsys.readouterr()


def test_connect_download_imagine(hub, fresh, capsys, tmp_path, monkeypatch):
    """Naming asks nobody, downloading says how far it is and pins, imagining needs no network any more."""
    sets = [word for name, value in tiny.SETTINGS["ltx"].items() for word in ("--set", f"{name}={value}")]
    status, text, _ = run(capsys, "connect", "mine", "--kind", "ltx", "--url", NAME, *sets)
    assert status == 0 and "cannot be used yet" in text and "connect mine --download" in text
    status, text, _ = run(capsys, "models")
    assert "runs here: no: 'hub:somebody/small@main' is not on this machine yet" in text and not hub.asked
    write_png(tmp_path / "context.png", tiny_frame())
    imagine = ("imagine", "--model", "mine", "--mode", "video", "--context", tmp_path / "context.png", "--instruction",
               "wave", "--steps", 2, "--out", tmp_path / "out")  # fmt: skip
    status, _, err = run(capsys, *imagine)
    assert status == 2 and "connect mine --download" in err and not hub.asked
    status, text, err = run(capsys, "connect", "mine", "--download", "--test")
    assert status == 0, err
    assert f"mine is pinned to hub:{REPO}@{COMMIT}" in text and "LTXImageToVideoPipeline, 0.7 MB" in text
    assert "download: kB" in err and connections.read()["mine"].url == f"hub:{REPO}@{COMMIT}"
    close_session()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    status, _, err = run(capsys, *imagine)
    assert status == 0, err
    made = read_run(tmp_path / "out")
    assert made.imagined[0].frames.shape[0] == 9 and made.model == "mine" and made.weights_digest


def tiny_frame() -> Any:
    from tests.models.diffusion.conftest import FRAME

    return FRAME


def refuse(*args: object, **options: object) -> None:
    raise ConnectionRefusedError("no network")


def test_only_what_is_needed_is_fetched(hub):
    """No pickle, no second copy, no single file of everything, no page; and nothing twice."""
    seen: list[tuple[int, int, str]] = []
    pinned = download(MINE, lambda *told: seen.append(told))
    sent = hub.sent()
    assert pinned.url == f"hub:{REPO}@{COMMIT}" and missing(pinned) is None
    assert not [file for file in sent if file.endswith((".bin", ".md")) or "fp16" in file or "/" not in file][1:]
    assert "transformer/diffusion_pytorch_model.safetensors" in sent and "model_index.json" in sent
    here = [told[0] for told in seen]
    assert here == sorted(here) and here[-1] == seen[-1][1] > 700
    hub.asked.clear()
    download(pinned)
    assert not [file for file in hub.sent() if file.endswith(".safetensors")]


def test_files_are_chosen_by_name():
    """Of two variants the plain one; where there is only a variant, that; shards with their index."""
    sizes = dict.fromkeys(
        ["model_index.json", "all.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.fp16.safetensors",
         "unet/config.json", "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
         "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
         "unet/diffusion_pytorch_model.safetensors.index.json", "unet/diffusion_pytorch_model.fp16.safetensors",
         "unet/diffusion_pytorch_model.bin", "tokenizer/spiece.model", "other/model.safetensors", "vae/deep/x.json"], 1,
    )  # fmt: skip
    assert chosen(sizes, ["vae", "unet", "tokenizer"]) == [
        "vae/config.json", "vae/diffusion_pytorch_model.fp16.safetensors",
        "unet/config.json", "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
        "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
        "unet/diffusion_pytorch_model.safetensors.index.json", "tokenizer/spiece.model",
    ]  # fmt: skip


def test_another_kind_is_told_before_weights_are_fetched(hub):
    with pytest.raises(WamvizError, match="holds a LTXImageToVideoPipeline.*Use --kind ltx"):
        download(Connection("mine", "svd", NAME))
    assert hub.sent() == ["model_index.json"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"refuse": (401, "GatedRepo")}, "is gated, and you have no access yet"),
        ({"refuse": (404, "RepoNotFound")}, "The hub has no model 'somebody/small'"),
        ({"revisions": ("v9",)}, "has no revision 'main'"),
        ({"refuse": (503, "")}, "The hub answered 503"),
    ],
)
def test_what_the_hub_refuses_is_said_in_words(hub, change, why):
    for name, value in change.items():
        setattr(hub, name, value)
    with pytest.raises(WamvizError, match=why):
        download(MINE)


def test_no_checkpoint_no_network_no_room(hub, monkeypatch, tmp_path):
    """Each in one sentence, with what to do."""
    from wamviz.models.diffusion import hub as module

    with monkeypatch.context() as patched:
        patched.setattr(module.shutil, "disk_usage", lambda path: type("Disk", (), {"free": 1000}))
        with pytest.raises(WamvizError, match="needs 0.0 GB, and 0.0 GB are free.*HF_HUB_CACHE"):
            download(MINE)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(WamvizError, match="HF_HUB_OFFLINE forbids asking"):
        download(MINE)
    monkeypatch.setenv("HF_HUB_OFFLINE", OURS)
    (hub.root / "model_index.json").unlink()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "empty"))  # what a commit holds is not asked twice
    with pytest.raises(WamvizError, match="no checkpoint of diffusers.*-Diffusers"):
        download(Connection("mine", "ltx", f"hub:{REPO}@{COMMIT}"))
    close_session()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(WamvizError, match="The hub cannot be reached for"):
        download(MINE)


def test_a_folder_and_a_server_have_nothing_to_download(tmp_path):
    with pytest.raises(WamvizError, match="is a folder of this machine.*hub:Lightricks/LTX-Video@main"):
        connecting.download(Connection("mine", "ltx", str(tmp_path)))
    with pytest.raises(WamvizError, match="Kind openpi is a server: there is nothing to download"):
        connecting.download(Connection("pi", "openpi", "ws://127.0.0.1:1"))


def test_a_folder_is_kept_by_its_whole_path(fresh, capsys, checkpoint, monkeypatch, tmp_path):
    """Named from where one stands, found from everywhere; kinds are listed without robots."""
    folder = checkpoint("ltx")
    monkeypatch.chdir(folder.parent)
    status, text, err = run(capsys, "connect", "mine", "--kind", "ltx", "--url", "ltx", "--test")
    assert status == 0, err
    assert f"Kept mine: ltx at file:{folder}" in text and "LTXImageToVideoPipeline" in text
    listed = json.loads(run(capsys, "connect", "--kinds", "--json")[1])
    assert {"cosmos3", "wan", "svd", "openpi"} <= {row["kind"] for row in listed}
    status, text, _ = run(capsys, "connect", "mine", "--set", "frames=12")
    assert status == 2
