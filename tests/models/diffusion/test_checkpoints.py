"""What a folder must be before anything is loaded from it, said in words; settings that cannot be; caches."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.models.diffusion import tiny
from tests.models.diffusion.conftest import CONTEXT
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest
from wamviz.models import backends
from wamviz.models.connections import Connection
from wamviz.models.diffusion.backend import capabilities_of, entry_of, missing, probe
from wamviz.models.diffusion.kinds import KINDS
from wamviz.models.diffusion.memory import advice
from wamviz.models.diffusion.options import read
from wamviz.models.protocol import collect


@pytest.fixture
def copy(checkpoint, tmp_path):
    """A checkpoint that may be spoilt."""

    def made(kind: str) -> Path:
        return Path(shutil.copytree(checkpoint(kind), tmp_path / kind))

    return made


def told(folder: Path | str, kind: str = "ltx", **settings: str) -> Connection:
    return Connection("mine", kind, str(folder), settings=settings)


def test_a_whole_folder_can_be_used(checkpoint):
    """As a plain path and as file:; the look says what is in it."""
    folder = checkpoint("ltx")
    assert missing(told(folder)) is None and missing(told(f"file:{folder}")) is None
    assert "LTXImageToVideoPipeline, 0.7 MB of weights (vae, transformer, text_encoder). Runs on" in probe(told(folder))
    facts = capabilities_of(told(folder))
    assert facts.modes == ("video",) and facts.action_space is None and facts.extras["checkpoint"] == "ltx"


def test_a_folder_that_is_none(tmp_path):
    assert "There is no folder" in missing(told(tmp_path / "none"))
    assert "it has no readable model_index.json" in missing(told(tmp_path))
    (tmp_path / "model_index.json").write_text("{")
    assert "it has no readable model_index.json" in missing(told(tmp_path))
    (tmp_path / "model_index.json").write_text('{"_class_name": "LTXPipeline"}')
    assert "names no component with weights" in missing(told(tmp_path))


def test_another_class_names_the_kind_that_runs_it(checkpoint):
    """Or the classes that this kind runs."""
    wrong = missing(told(checkpoint("ltx"), "cogvideox"))
    assert "holds a LTXImageToVideoPipeline, which kind cogvideox does not run. Use --kind ltx." in wrong


def test_text_to_video_of_wan_is_refused(copy):
    """The index of TI2V-5B names the text-to-video class, and so does that of T2V, which knows no context."""
    folder = copy("wan")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "WanPipeline"}))
    assert missing(told(folder, "wan")) is None
    model = entry_of(told(folder, "wan", **tiny.SETTINGS["wan"])).load("cpu")
    assert collect(model, ImagineRequest(CONTEXT, "video", steps=1)).rollouts
    wrong = {**index, "_class_name": "WanPipeline", "expand_timesteps": False}
    (folder / "model_index.json").write_text(json.dumps(wrong))
    assert "text-to-video checkpoint of Wan" in missing(told(folder, "wan"))


def test_a_component_outside_of_the_folder_is_none(copy):
    """An index cannot make wamviz look elsewhere."""
    folder = copy("ltx")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "../ltx/vae": index["vae"]}))
    assert "component '../ltx/vae' (AutoencoderKLLTXVideo) is missing" in missing(told(folder))


@pytest.mark.parametrize(
    ("size", "memory", "words"),
    [(35e9, 24e9, "more than the main memory of this machine, 24 GB"), (10e9, 24e9, "no CUDA card here"),
     (1e6, 24e9, "Runs on CPU")],
)  # fmt: skip
def test_a_large_checkpoint_is_a_warning_and_no_refusal(checkpoint, monkeypatch, size, memory, words):
    """Where there is no card for it: it may be a matter of patience, or of settings."""
    from wamviz.core import devices
    from wamviz.models.diffusion import backend, checkpoints

    monkeypatch.setattr(devices, "available", lambda: ("cpu",))
    monkeypatch.setattr(backend, "_main_memory", lambda: memory)
    monkeypatch.setattr(checkpoints.Checkpoint, "bytes", property(lambda self: int(size)))
    connection = told(checkpoint("ltx"))
    assert missing(connection) is None and words in probe(connection)


def test_a_missing_component_is_named(copy):
    folder = copy("ltx")
    shutil.rmtree(folder / "vae")
    assert "not whole: component 'vae' (AutoencoderKLLTXVideo) is missing" in missing(told(folder))


def test_missing_weights_are_named(copy):
    """One file of a component, and one piece of several."""
    folder = copy("ltx")
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    index = {"weight_map": {"a": weights.name, "b": "diffusion_pytorch_model-00002-of-00002.safetensors"}}
    (folder / "vae" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
    assert "00002-of-00002.safetensors is missing, one of 1 pieces" in missing(told(folder))
    weights.unlink()
    assert "component 'vae' has no weights" in missing(told(folder))


def test_pickled_weights_are_refused(copy):
    """They run code when they are opened; the message says what to do instead, and nothing opens them."""
    folder = copy("ltx")
    (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    wrong = missing(told(folder))
    assert "only pickled weights (diffusion_pytorch_model.bin)" in wrong and "safe_serialization" in wrong
    with pytest.raises(WamvizError, match="only pickled weights"):
        entry_of(told(folder)).load("cpu")


def test_code_of_its_own_is_never_run(copy):
    """A component whose library is a file of the checkpoint."""
    folder = copy("ltx")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "vae": ["evil", "Vae"]}))
    (folder / "evil.py").write_text("raise SystemExit")
    assert "code of its own (evil), which is never run" in missing(told(folder))


def test_weights_of_another_shape_are_told(copy):
    """The class is right and the numbers are not: one line, and no traceback of the library's."""
    folder = copy("ltx")
    file = folder / "transformer" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "cross_attention_dim": 64}))
    with pytest.raises(WamvizError, match="cannot be loaded as LTXImageToVideoPipeline"):
        entry_of(told(folder)).load("cpu")


def test_a_package_that_is_missing_is_named(checkpoint, monkeypatch):
    """With the command that gets it; offloading needs one more."""
    from wamviz.models.diffusion import backend

    folder = checkpoint("ltx")
    there = backend.importlib.util.find_spec

    def without(name, *rest):
        return None if name in ("ftfy", "accelerate") else there(name, *rest)

    monkeypatch.setattr(backend.importlib.util, "find_spec", without)
    assert "accelerate and ftfy are not installed: pip install -r" in missing(told(folder, "wan"))
    assert missing(told(folder)) is None
    assert "accelerate is not installed" in missing(told(folder, offload="model"))


def test_a_tokenizer_that_needs_more_is_named(copy, monkeypatch):
    """T5's own file is read by sentencepiece and protobuf; a tokenizer.json beside it needs neither."""
    from wamviz.models.diffusion import backend

    folder = copy("ltx")
    (folder / "tokenizer" / "spiece.model").write_bytes(b"")
    assert missing(told(folder)) is None
    (folder / "tokenizer" / "tokenizer.json").unlink()
    there = backend.importlib.util.find_spec

    def without(name, *rest):
        if name == "google.protobuf":
            raise ModuleNotFoundError("google")
        return None if name == "sentencepiece" else there(name, *rest)

    monkeypatch.setattr(backend.importlib.util, "find_spec", without)
    assert "sentencepiece and protobuf are not installed, which the tokenizer of this" in missing(told(folder))


def test_a_weights_file_that_was_cut_short_is_told(copy):
    """In one line that names the folder."""
    folder = copy("ltx")
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(WamvizError, match=f"'{folder}' cannot be loaded as LTXImageToVideoPipeline"):
        entry_of(told(folder)).load("cpu")


@pytest.mark.parametrize("offload", ["none", "model", "group", "sequential"])
def test_every_offload_calls_what_diffusers_has(offload):
    """There is no card here: the calls are held against the real methods' signatures."""
    import inspect

    from diffusers import DiffusionPipeline

    from wamviz.models.diffusion.loading import _place

    called = []

    class Pipe:
        def __getattr__(self, name):
            def call(*args, **kwargs):
                inspect.signature(getattr(DiffusionPipeline, name)).bind(self, *args, **kwargs)
                called.append(name)

            return call

    notes = _place(Pipe(), read(KINDS["wan"], told("/nowhere", "wan", offload=offload)), "cuda")
    wanted = {"none": "to", "group": "enable_group_offload"}.get(offload, f"enable_{offload}_cpu_offload")
    assert called == [wanted] and bool(notes) == (offload != "none")


def test_the_variant_of_hunyuan_whose_time_is_not_known_is_refused(copy):
    folder = copy("hunyuan-video")
    file = folder / "transformer" / "config.json"
    facts = json.loads(file.read_text())
    assert missing(told(folder, "hunyuan-video")) is None
    file.write_text(json.dumps({**facts, "image_condition_type": "latent_concat"}))
    assert "33-channel variant" in missing(told(folder, "hunyuan-video"))


def test_the_digest_follows_weights_and_settings(make, copy):
    """Another weight or another setting is another model; the name is not."""
    first = make("ltx")
    assert make("ltx").weights_digest == first.weights_digest != make("ltx", guidance="4").weights_digest
    folder = copy("ltx")
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    same = make("ltx", folder).weights_digest
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert make("ltx", folder).weights_digest != same


@pytest.mark.parametrize(
    ("kind", "settings", "why"),
    [
        ("wan", {"dtyp": "bf16"}, "Unknown setting of kind wan 'dtyp'. Did you mean 'dtype'"),
        ("wan", {"dtype": "bf61"}, "Unknown value of 'dtype' 'bf61'. Did you mean 'bf16'"),
        ("wan", {"size": "480"}, "'480' is no size. Write HEIGHTxWIDTH, e.g. 480x832"),
        ("wan", {"size": "481x832"}, "multiples of 32; 481x832 is not. Nearest: 480x832"),
        ("wan", {"frames": "80"}, "1 [+] a multiple of 4 frames, not 80. Nearest: 77 or 81"),
        ("ltx", {"frames": "12"}, "1 [+] a multiple of 8 frames, not 12. Nearest: 9 or 17"),
        ("wan", {"steps": "many"}, "'steps' must be a whole number in 1 .. 200, not 'many'"),
        ("wan", {"steps": "2.5"}, "must be a whole number"),
        ("wan", {"fps": "0"}, "'fps' must be a number in 0.1 .. 240"),
        ("wan", {"cache": "sea"}, "Unknown value of 'cache' 'sea'. Allowed: none, first-block"),
        ("hunyuan-video-1.5", {"size": "480x832"}, "Unknown setting"),
        ("cosmos3", {"chunk": "10"}, "multiple of 4 actions, not 10. Nearest: 8 or 12"),
        ("cosmos3", {"tier": "512"}, "Unknown tier '512'"),
        ("cosmos3", {"view": "wrist"}, "Did you mean 'wrist_view'"),
        ("cosmos3", {"frames": "17"}, "Unknown setting of kind cosmos3 'frames'"),
    ],
)
def test_settings_that_cannot_be_are_refused(kind, settings, why):
    """With the nearest that can."""
    with pytest.raises(WamvizError, match=why):
        backends.entry_of(told("/nowhere", kind, **settings))


def test_what_only_servers_have_is_refused():
    with pytest.raises(WamvizError, match="takes no --robot. .*--set domain=DOMAIN"):
        backends.entry_of(Connection("x", "cosmos3", "/nowhere", "droid"))
    with pytest.raises(WamvizError, match="takes no --token-env"):
        backends.entry_of(Connection("x", "wan", "/nowhere", token_env="TOKEN"))
    with pytest.raises(WamvizError, match="view of kind wan 'wrist'. Allowed: context"):
        backends.entry_of(Connection("x", "wan", "/nowhere", views={"wrist": "wrist"}))
    with pytest.raises(WamvizError, match="Write --url FOLDER, or --url hub:Wan-AI/Wan2.2-TI2V-5B-Diffusers@main"):
        backends.entry_of(Connection("x", "wan", "ws://127.0.0.1:1"))


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("hub:Wan-AI/Wan2.2", "Name the revision: hub:Wan-AI/Wan2.2@main"),
        ("hub:Wan2.2@main", "names no weights on the hub"),
        ("hub:a/b@../../c", "names no weights on the hub"),
        ("file:weights", "no whole path"),
        ("/tmp/a\nb", "no whole path"),
    ],
)
def test_addresses_that_cannot_be_are_refused(url, why):
    with pytest.raises(WamvizError, match=why):
        Connection("x", "wan", url)


def test_every_kind_has_defaults_that_it_accepts():
    """What the table says is legal by its own rules, and everything it offers can be set to something."""
    for kind in KINDS.values():
        options = read(kind, told("/nowhere", kind.name))
        assert options.size[0] % kind.multiple == 0 == options.size[1] % kind.multiple
        assert (options.frames - 1) % kind.stride == 0 and set(kind.modes) <= set(entry_of(
            told("/nowhere", kind.name)).capabilities.modes)  # fmt: skip


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if "first-block" in kind.caches])
def test_first_block_cache_skips(make, kind):
    """A generous threshold changes the result, which stays the same for the same seed."""
    wish = ImagineRequest(CONTEXT, "video", steps=6)
    plain = collect(make(kind), wish).rollouts[0].frames
    model = make(kind, cache="first-block", cache_threshold="9")
    first, again = collect(model, wish), collect(model, wish)
    assert (first.rollouts[0].frames != plain).any()
    assert (first.rollouts[0].frames == again.rollouts[0].frames).all()
    assert any("skipped (cache first-block, threshold 9)" in note for note in first.notes)


@pytest.mark.parametrize("kind", ["ltx", "wan", "cosmos3"])
def test_half_precision_is_what_was_asked(make, kind):
    """bfloat16 is loaded as such and still gives a video; Wan's autoencoder stays in float32."""
    import torch

    model = make(kind, dtype="bf16")
    pipe = model.loaded().pipe
    assert pipe.transformer.dtype == torch.bfloat16 and model.loaded().dtype == "bf16"
    assert pipe.vae.dtype == (torch.float32 if kind == "wan" else torch.bfloat16)
    rollout = collect(model, ImagineRequest(CONTEXT, KINDS[kind].modes[0], steps=1)).rollouts[0]
    assert np.isfinite(rollout.frames.astype(float)).all()


def test_tiling_and_offload_are_passed_on(make):
    """Tiling is switched on in the autoencoder; offloading means nothing on a CPU, and that is said."""
    model = make("ltx", tiling="on", offload="group")
    assert model.loaded().pipe.vae.use_tiling
    assert any("offload changes nothing" in note for note in model.loaded().notes)


def test_advice_goes_one_step_at_a_time():
    """On a card the next stronger offload is named, then smaller videos; nothing that was done already."""
    kind = KINDS["wan"]
    options = read(kind, told("/nowhere", "wan", offload="model", dtype="bf16", tiling="on"))
    text = str(advice("mine", kind, options, "cuda", "bf16", loading=False))
    assert "memory of the device cuda ran out (81 frames of 480 x 832, bf16, offload model)" in text
    assert "connect mine --set offload=group --set size=320x576 --set frames=41" in text and "dtype" not in text
    loading = str(advice("mine", kind, options, "cuda", "bf16", loading=True))
    assert "offload=group" in loading and "frames" not in loading
