"""Tiny untrained policies of lerobot, made by lerobot itself; runs in lerobot's environment, not in wamviz's.

python lerobot_policies.py FOLDER

Every policy is the released class with a few thousand weights drawn at random: what it imagines means nothing, and its
interfaces are the real ones. FastWAM and LingBot-VA come with a tiny Wan VAE, text encoder and tokenizer, in the
folders that their loaders look into (FastWAM names its VAE by repository: it is found relative to the current folder).
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
from lerobot.policies.factory import get_policy_class, make_pre_post_processors
from lerobot.policies.fastwam.configuration_fastwam import FastWAMConfig
from lerobot.policies.lingbot_va.configuration_lingbot_va import LingBotVAConfig
from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
    T5TokenizerFast,
    UMT5Config,
    UMT5EncoderModel,
)

WAN = "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
TEXT = 32  # width of the text encoder
VIEWS = {f"observation.images.{name}": PolicyFeature(FeatureType.VISUAL, (3, 64, 64)) for name in ("top", "wrist")}
STATE = {"observation.state": PolicyFeature(FeatureType.STATE, (8,))}
ACTION = {"action": PolicyFeature(FeatureType.ACTION, (7,))}
# Means and widths of a data set that never was: what comes back has to be in these units.
STATS = {
    "action": {
        "mean": torch.full((7,), 100.0), "std": torch.full((7,), 0.5),
        "min": torch.full((7,), 99.0), "max": torch.full((7,), 101.0),
        "q01": torch.full((7,), 99.0), "q99": torch.full((7,), 101.0),
    },
    "observation.state": {"mean": torch.zeros(8), "std": torch.ones(8), "min": -torch.ones(8), "max": torch.ones(8)},
    **{key: {"mean": torch.zeros(3, 1, 1), "std": torch.ones(3, 1, 1), "min": torch.zeros(3, 1, 1),
             "max": torch.ones(3, 1, 1)} for key in VIEWS},
}  # fmt: skip


def wan(folder: Path) -> None:
    """A Wan 2.2 VAE, text encoder and tokenizer: the released classes and compression, hardly any weights."""
    torch.manual_seed(0)
    AutoencoderKLWan(
        base_dim=8, decoder_base_dim=8, z_dim=48, dim_mult=[1, 1, 1, 1], num_res_blocks=1, is_residual=True,
        in_channels=12, out_channels=12, patch_size=2, scale_factor_spatial=16, scale_factor_temporal=4,
        temperal_downsample=[False, True, True], latents_mean=[0.0] * 48, latents_std=[1.0] * 48,
    ).save_pretrained(folder / "vae")  # fmt: skip
    plain = Tokenizer(models.Unigram())
    plain.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    plain.train_from_iterator(
        ["pick up the orange and put it into the bowl"] * 9,
        trainers.UnigramTrainer(vocab_size=60, special_tokens=special, unk_token="<unk>"),
    )
    words = T5TokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", extra_ids=0)
    words.save_pretrained(folder / "tokenizer")
    config = UMT5Config(vocab_size=128, d_model=TEXT, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")


def smolvlm(folder: Path) -> None:
    """The model of vision and words below SmolVLA: its configuration and its processor."""
    marks = {
        "fake_image_token": "<fake_token_around_image>", "global_image_token": "<global-img>",
        "image_token": "<image>", "end_of_utterance_token": "<end_of_utterance>",
    }  # fmt: skip
    plain = Tokenizer(models.BPE(unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel()
    special = ["<pad>", "<unk>", *marks.values()]
    plain.train_from_iterator(["pick up the orange\n"] * 3, trainers.BpeTrainer(vocab_size=99, special_tokens=special))
    words = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", unk_token="<unk>", eos_token="<pad>", extra_special_tokens=marks
    )
    SmolVLMProcessor(SmolVLMImageProcessor(), words, SmolVLMVideoProcessor()).save_pretrained(folder)
    SmolVLMConfig(
        text_config={
            "model_type": "llama", "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2,
            "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 24, "vocab_size": 128, "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 16,
        },
        scale_factor=2, pad_token_id=0,
    ).save_pretrained(folder)  # fmt: skip


def save(config, folder: Path) -> None:
    """The policy with random weights, and its processors with the statistics above."""
    torch.manual_seed(0)
    config.device = "cpu"
    policy = get_policy_class(config.type)(config)
    before, after = make_pre_post_processors(policy.config, dataset_stats=STATS)
    for part in (policy, before, after):
        part.save_pretrained(folder)


def act() -> ACTConfig:
    return ACTConfig(
        input_features={**VIEWS, **STATE}, output_features=ACTION, chunk_size=10, n_action_steps=10, dim_model=16,
        n_heads=2, dim_feedforward=16, n_encoder_layers=1, n_decoder_layers=1, n_vae_encoder_layers=1, latent_dim=4,
        pretrained_backbone_weights=None, push_to_hub=False,
    )  # fmt: skip


def diffusion() -> DiffusionConfig:
    return DiffusionConfig(
        input_features={**VIEWS, **STATE}, output_features=ACTION, horizon=16, n_action_steps=8, down_dims=(16, 32),
        num_train_timesteps=20, num_inference_steps=5, noise_scheduler_type="DDIM", pretrained_backbone_weights=None,
        spatial_softmax_num_keypoints=4, diffusion_step_embed_dim=8, n_groups=4, crop_shape=None, push_to_hub=False,
    )  # fmt: skip


def fastwam(folder: Path) -> FastWAMConfig:
    video = {
        "patch_size": [1, 2, 2], "in_dim": 48, "out_dim": 48, "hidden_dim": 48, "ffn_dim": 32, "freq_dim": 32,
        "text_dim": TEXT, "num_heads": 2, "attn_head_dim": 24, "num_layers": 1, "eps": 1e-6,
        "seperated_timestep": True, "video_attention_mask_mode": "first_frame_causal", "action_conditioned": False,
        "action_dim": 7, "action_group_causal_mask_mode": "group_diagonal",
    }  # fmt: skip
    acting = {
        "action_dim": 7, "hidden_dim": 32, "ffn_dim": 32, "num_heads": 2, "attn_head_dim": 24, "num_layers": 1,
        "text_dim": TEXT, "freq_dim": 32, "eps": 1e-6,
    }  # fmt: skip
    return FastWAMConfig(
        input_features={**VIEWS, **STATE}, output_features=ACTION, image_size=(64, 128), action_horizon=16,
        n_action_steps=16, num_video_frames=17, video_dit_config=video, action_dit_config=acting, base_model_id=None,
        tokenizer_model_id=str(folder / WAN / "tokenizer"), text_encoder_model_id=WAN, torch_dtype="float32",
        num_inference_steps=4, push_to_hub=False,
    )  # fmt: skip


def lingbot(folder: Path) -> LingBotVAConfig:
    return LingBotVAConfig(
        input_features={**VIEWS, **STATE}, output_features=ACTION, obs_cam_keys=list(VIEWS), height=64, width=64,
        num_attention_heads=2, attention_head_dim=24, ffn_dim=32, num_layers=1, text_dim=TEXT, freq_dim=32,
        wan_pretrained_path=str(folder / WAN), dtype="float32", num_inference_steps=3, action_num_inference_steps=4,
        max_sequence_length=32, push_to_hub=False,
    )  # fmt: skip


def smolvla(folder: Path) -> SmolVLAConfig:
    return SmolVLAConfig(
        input_features={**VIEWS, **STATE}, output_features=ACTION, chunk_size=10, n_action_steps=10, num_steps=4,
        num_vlm_layers=2, resize_imgs_with_padding=(64, 64), vlm_model_name=str(folder / "smolvlm"), push_to_hub=False,
    )  # fmt: skip


if __name__ == "__main__":
    root = Path(sys.argv[1]).resolve()
    wan(root / WAN)
    smolvlm(root / "smolvlm")
    save(act(), root / "act")
    save(diffusion(), root / "diffusion")
    save(fastwam(root), root / "fastwam")
    save(lingbot(root), root / "lingbot_va")
    save(smolvla(root), root / "smolvla")
    print("made", ", ".join(sorted(path.name for path in root.iterdir())))
