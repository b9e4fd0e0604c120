"""Weights of diffusers in this process: a checkpoint made here, and asked as a real one would be.

python examples/10_weights_of_diffusers.py

Real ones take gigabytes and a GPU, so this one is a Cosmos3 of 0.3 MB with RANDOM weights: what it imagines is noise,
and its actions mean nothing. Everything else is as it would be: the classes, the loading, the streaming. With room for
the real one the same takes one command:

    python -m wamviz connect cosmos --kind cosmos3 --url hub:nvidia/Cosmos3-Nano@main --download --test
"""

import tempfile

import numpy as np
import torch
from diffusers import AutoencoderKLWan, Cosmos3OmniPipeline, Cosmos3OmniTransformer, UniPCMultistepScheduler
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from wamviz.core.environment import prepare
from wamviz.core.rollout import Imagined, ImagineRequest, Observation
from wamviz.models.connections import Connection
from wamviz.models.diffusion.backend import entry_of, probe
from wamviz.models.diffusion.loading import quietly


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte: a real vocabulary would have to be downloaded."""
    letters = Tokenizer(models.BPE({byte: i for i, byte in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, []))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made = PreTrainedTokenizerFast(
        tokenizer_object=letters, eos_token="<|im_end|>", extra_special_tokens=["<|vision_start|>", "<|vision_end|>"]
    )
    made.chat_template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}<|im_end|>{% endfor %}"
    return made


def random_cosmos3() -> Cosmos3OmniPipeline:
    """Cosmos3's own classes, as narrow as they go."""
    words = tokenizer()
    transformer = Cosmos3OmniTransformer(
        head_dim=12, hidden_act="relu2", hidden_size=24, intermediate_size=48, latent_channel=16, latent_patch_size=1,
        num_attention_heads=2, num_key_value_heads=2, num_hidden_layers=2, patch_latent_dim=16, qk_norm_for_text=False,
        rms_norm_eps=1e-5, rope_axes_dim=[2, 2, 2], vocab_size=len(words) + 8, action_gen=True, action_dim=16,
    )  # fmt: skip
    vae = AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1] * 4, num_res_blocks=1, temperal_downsample=[False, True, True]
    )
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    return Cosmos3OmniPipeline(transformer, words, vae, scheduler, enable_safety_checker=False)


prepare()
with tempfile.TemporaryDirectory() as folder:
    torch.manual_seed(0)
    with quietly():
        random_cosmos3().save_pretrained(folder)

    # safety=off: NVIDIA's guardrail has nothing to guard in random weights; see docs/diffusers.md for real ones.
    settings = {"domain": "droid_lerobot", "chunk": "8", "steps": "4", "safety": "off"}
    connection = Connection("noise", "cosmos3", folder, settings=settings)
    entry = entry_of(connection)
    missing = entry.missing()
    if missing:
        print(f"This example cannot run here: {missing}")
        raise SystemExit
    print(probe(connection))

    model = entry.load("cpu")
    frame = np.linspace(0, 255, 48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    done = -1
    for event in model.imagine(ImagineRequest(Observation({"exterior": frame}, "stack the cups"))):
        if isinstance(event, Imagined):
            rollout = event.rollouts[0]
            assert rollout.frames is not None and rollout.actions is not None and rollout.action_space is not None
            print(f"{len(rollout.frames)} frames of noise, {rollout.duration:.2f} s of them")
            print(f"{len(rollout.actions)} actions of {rollout.action_space.dim} meaningless numbers")
            print("\n".join(event.notes))
        elif event.step > done:  # closing the stream here would stop it
            done = event.step
            print(f"step {event.step} of {event.steps}: {event.note}")
