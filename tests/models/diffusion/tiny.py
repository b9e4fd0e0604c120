"""Tiny checkpoints with random weights, built by the real classes of diffusers and transformers.

Each builder returns a whole pipeline of half a megabyte or so that ``save_pretrained`` writes and ``from_pretrained``
reads again, without a network: tokenizers are made here, of bytes. What they imagine is noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    AutoencoderKLHunyuanVideo,
    AutoencoderKLHunyuanVideo15,
    AutoencoderKLLTX2Audio,
    AutoencoderKLLTX2Video,
    AutoencoderKLLTXVideo,
    AutoencoderKLTemporalDecoder,
    AutoencoderKLWan,
    CogVideoXDPMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXTransformer3DModel,
    Cosmos2_5_PredictBasePipeline,
    Cosmos2VideoToWorldPipeline,
    Cosmos3OmniPipeline,
    CosmosTransformer3DModel,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideo15ImageToVideoPipeline,
    HunyuanVideo15Transformer3DModel,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoTransformer3DModel,
    LTX2ImageToVideoPipeline,
    LTX2VideoTransformer3DModel,
    LTXImageToVideoPipeline,
    LTXVideoTransformer3DModel,
    StableVideoDiffusionPipeline,
    UNetSpatioTemporalConditionModel,
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from diffusers.guiders import ClassifierFreeGuidance
from diffusers.models.transformers.transformer_cosmos3 import Cosmos3OmniTransformer
from diffusers.pipelines.ltx2 import LTX2TextConnectors
from diffusers.pipelines.ltx2.vocoder import LTX2Vocoder
from transformers import (
    ByT5Tokenizer,
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLTextConfig,
    Qwen2_5_VLTextModel,
    SiglipImageProcessorPil,
    SiglipVisionConfig,
    SiglipVisionModel,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from tests.models.diffusion.letters import tokenizer
from wamviz.models.diffusion.loading import Unguarded

FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}


def _words() -> dict[str, Any]:
    made = tokenizer()
    config = T5Config(vocab_size=len(made) + 8, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    return {"tokenizer": made, "text_encoder": T5EncoderModel(config)}


def _wan_vae() -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1, temperal_downsample=[False, True, True]
    )


def _cosmos_transformer(text: int) -> CosmosTransformer3DModel:
    return CosmosTransformer3DModel(
        in_channels=17, out_channels=16, num_attention_heads=2, attention_head_dim=16, num_layers=2, mlp_ratio=2,
        text_embed_dim=text, adaln_lora_dim=4, max_size=(4, 32, 32), patch_size=(1, 2, 2), rope_scale=(2.0, 1.0, 1.0),
        concat_padding_mask=True, extra_pos_embed_type="learnable",
    )  # fmt: skip


def cosmos3(action_dim: int = 16, scheduler: Any = None) -> Cosmos3OmniPipeline:
    """Cosmos3 with room for ``action_dim`` numbers an action."""
    made = tokenizer()
    transformer = Cosmos3OmniTransformer(
        head_dim=12, hidden_act="relu2", hidden_size=24, intermediate_size=48, latent_channel=16, latent_patch_size=1,
        num_attention_heads=2, num_key_value_heads=2, num_hidden_layers=2, patch_latent_dim=16,
        qk_norm_for_text=False, rms_norm_eps=1e-5, rope_axes_dim=[2, 2, 2], vocab_size=len(made) + 8, action_gen=True,
        action_dim=action_dim,
    )  # fmt: skip
    return Cosmos3OmniPipeline(
        transformer=transformer, text_tokenizer=made, vae=_wan_vae(),
        scheduler=scheduler or UniPCMultistepScheduler(**FLOW, flow_shift=1.0),
        sound_tokenizer=None, safety_checker=None, enable_safety_checker=False,
    )  # fmt: skip


def wan() -> WanImageToVideoPipeline:
    """Wan 2.2 TI2V in small: the context is a clean first latent frame."""
    made = tokenizer()
    vae = AutoencoderKLWan(
        base_dim=3, z_dim=48, in_channels=12, out_channels=12, is_residual=True, patch_size=2,
        latents_mean=[0.0] * 48, latents_std=[1.0] * 48, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
        scale_factor_spatial=16, scale_factor_temporal=4, temperal_downsample=[False, True, True],
    )  # fmt: skip
    config = UMT5Config(vocab_size=len(made) + 8, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    transformer = WanTransformer3DModel(
        patch_size=(1, 2, 2), num_attention_heads=2, attention_head_dim=12, in_channels=48, out_channels=48,
        text_dim=32, freq_dim=256, ffn_dim=32, num_layers=2, cross_attn_norm=True, qk_norm="rms_norm_across_heads",
        rope_max_seq_len=32,
    )  # fmt: skip
    return WanImageToVideoPipeline(
        tokenizer=made, text_encoder=UMT5EncoderModel(config), vae=vae, transformer=transformer,
        scheduler=UniPCMultistepScheduler(**FLOW, flow_shift=3.0), expand_timesteps=True,
        image_encoder=None, image_processor=None, transformer_2=None,
    )  # fmt: skip


def ltx() -> LTXImageToVideoPipeline:
    """LTX-Video in small: 32 times smaller latents, 8 times fewer frames, as the real one."""
    flags = (True, True, True, False)
    vae = AutoencoderKLLTXVideo(
        in_channels=3, out_channels=3, latent_channels=8, block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4, layers_per_block=(1,) * 5, decoder_layers_per_block=(1,) * 5,
        spatio_temporal_scaling=flags, decoder_spatio_temporal_scaling=flags, decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4, upsample_factor=(1,) * 4, timestep_conditioning=False, patch_size=4,
        patch_size_t=1, encoder_causal=True, decoder_causal=False,
    )  # fmt: skip
    transformer = LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, patch_size=1, patch_size_t=1, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=32, num_layers=2, caption_channels=32,
    )  # fmt: skip
    return LTXImageToVideoPipeline(
        transformer=transformer, vae=vae, scheduler=FlowMatchEulerDiscreteScheduler(), **_words()
    )


def ltx2() -> LTX2ImageToVideoPipeline:
    """LTX-2 in small: video and sound together, words through a Gemma and its connectors."""
    made = tokenizer()
    text = Gemma3TextConfig(
        vocab_size=len(made) + 8, hidden_size=32, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, pad_token_id=made.pad_token_id, eos_token_id=made.eos_token_id,
        bos_token_id=0,
    )  # fmt: skip
    vision = SiglipVisionConfig(
        hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    encoder = Gemma3ForConditionalGeneration(
        Gemma3Config(
            text_config=text, vision_config=vision, mm_tokens_per_image=4, image_token_index=5, boi_token_index=6,
            eoi_token_index=7,
        )
    )  # fmt: skip
    transformer = LTX2VideoTransformer3DModel(
        in_channels=4, out_channels=4, patch_size=1, patch_size_t=1, num_attention_heads=2, attention_head_dim=8,
        cross_attention_dim=16, audio_in_channels=4, audio_out_channels=4, audio_num_attention_heads=2,
        audio_attention_head_dim=4, audio_cross_attention_dim=8, num_layers=2, qk_norm="rms_norm_across_heads",
        caption_channels=32, rope_double_precision=False, rope_type="split",
    )  # fmt: skip
    connector = {
        f"{what}_connector_{name}": value
        for what in ("video", "audio")
        for name, value in (
            ("num_attention_heads", 4), ("attention_head_dim", 8), ("num_layers", 1),
            ("num_learnable_registers", None),
        )
    }  # fmt: skip
    connectors = LTX2TextConnectors(
        caption_channels=32, text_proj_in_factor=3, connector_rope_base_seq_len=32, rope_theta=10000.0,
        rope_double_precision=False, causal_temporal_positioning=False, rope_type="split", **connector,
    )  # fmt: skip
    vae = AutoencoderKLLTX2Video(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(8,), decoder_block_out_channels=(8,),
        layers_per_block=(1,), decoder_layers_per_block=(1, 1), spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,), decoder_inject_noise=(False, False), downsample_type=("spatial",),
        upsample_residual=(False,), upsample_factor=(1,), timestep_conditioning=False, patch_size=4, patch_size_t=1,
        encoder_causal=True, decoder_causal=False,
    )  # fmt: skip
    sound = AutoencoderKLLTX2Audio(
        base_channels=4, output_channels=2, ch_mult=(1,), num_res_blocks=1, attn_resolutions=None, in_channels=2,
        resolution=32, latent_channels=2, norm_type="pixel", causality_axis="height", dropout=0.0,
        mid_block_add_attention=False, sample_rate=16000, mel_hop_length=160, is_causal=True, mel_bins=8,
    )  # fmt: skip
    vocoder = LTX2Vocoder(
        in_channels=16, hidden_channels=32, out_channels=2, upsample_kernel_sizes=[4, 4], upsample_factors=[2, 2],
        resnet_kernel_sizes=[3], resnet_dilations=[[1, 3, 5]], leaky_relu_negative_slope=0.1,
        output_sampling_rate=16000,
    )  # fmt: skip
    return LTX2ImageToVideoPipeline(
        transformer=transformer, vae=vae, audio_vae=sound, scheduler=FlowMatchEulerDiscreteScheduler(),
        text_encoder=encoder, tokenizer=made, connectors=connectors, vocoder=vocoder,
    )  # fmt: skip


def cosmos_predict2() -> Cosmos2VideoToWorldPipeline:
    """Cosmos-Predict2 in small, without its guardrail."""
    return Cosmos2VideoToWorldPipeline(
        transformer=_cosmos_transformer(32), vae=_wan_vae(), safety_checker=Unguarded(),
        scheduler=FlowMatchEulerDiscreteScheduler(use_karras_sigmas=True), **_words(),
    )  # fmt: skip


def cosmos_predict25() -> Cosmos2_5_PredictBasePipeline:
    """Cosmos-Predict2.5 in small: a vision-language model reads the words."""
    made = tokenizer()
    text = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "vocab_size": len(made) + 8,
        "rope_parameters": {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
    }  # fmt: skip
    vision = {"depth": 1, "hidden_size": 16, "num_heads": 2, "intermediate_size": 16, "out_hidden_size": 16}
    encoder = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision))
    return Cosmos2_5_PredictBasePipeline(
        transformer=_cosmos_transformer(32), vae=_wan_vae(), scheduler=UniPCMultistepScheduler(**FLOW), tokenizer=made,
        text_encoder=encoder, safety_checker=Unguarded(),
    )  # fmt: skip


def cogvideox() -> CogVideoXImageToVideoPipeline:
    """CogVideoX in small, for 64 x 64."""
    transformer = CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=8, out_channels=4, time_embed_dim=2,
        text_embed_dim=32, num_layers=2, sample_width=8, sample_height=8, sample_frames=9, patch_size=2,
        temporal_compression_ratio=4, max_text_seq_length=226, use_rotary_positional_embeddings=True,
        use_learned_positional_embeddings=True,
    )  # fmt: skip
    vae = AutoencoderKLCogVideoX(
        in_channels=3, out_channels=3, down_block_types=("CogVideoXDownBlock3D",) * 4,
        up_block_types=("CogVideoXUpBlock3D",) * 4, block_out_channels=(8,) * 4, latent_channels=4,
        layers_per_block=1, norm_num_groups=2, temporal_compression_ratio=4,
    )  # fmt: skip
    return CogVideoXImageToVideoPipeline(
        transformer=transformer, vae=vae, scheduler=CogVideoXDPMScheduler(), **_words()
    )


def hunyuan_video() -> HunyuanVideoImageToVideoPipeline:
    """HunyuanVideo-I2V in small: its language model looks at the context too, 576 squares of it."""
    made = tokenizer()
    size, squares = len(made) + 8, 336 // 14
    assert squares**2 == 576  # what the pipeline's own template counts on
    transformer = HunyuanVideoTransformer3DModel(
        in_channels=4, out_channels=4, num_attention_heads=2, attention_head_dim=10, num_layers=1,
        num_single_layers=1, num_refiner_layers=1, patch_size=1, patch_size_t=1, guidance_embeds=False,
        text_embed_dim=16, pooled_projection_dim=8, rope_axes_dim=(2, 4, 4), image_condition_type="token_replace",
    )  # fmt: skip
    vae = AutoencoderKLHunyuanVideo(
        in_channels=3, out_channels=3, latent_channels=4, down_block_types=("HunyuanVideoDownBlock3D",) * 4,
        up_block_types=("HunyuanVideoUpBlock3D",) * 4, block_out_channels=(8,) * 4, layers_per_block=1,
        norm_num_groups=4, spatial_compression_ratio=8, temporal_compression_ratio=4,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=8, intermediate_size=16, num_attention_heads=2, num_hidden_layers=2, image_size=336, patch_size=14
    )
    text = LlamaConfig(
        hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=4, vocab_size=size,
        pad_token_id=made.pad_token_id, bos_token_id=0, eos_token_id=made.eos_token_id,
    )  # fmt: skip
    language = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision,
            text_config=text,
            image_token_index=made.convert_tokens_to_ids("<image>"),
            pad_token_id=made.pad_token_id,
        )
    )
    second = CLIPTextConfig(
        hidden_size=8, intermediate_size=16, num_attention_heads=2, num_hidden_layers=2, vocab_size=size,
        bos_token_id=0, eos_token_id=made.eos_token_id, pad_token_id=made.pad_token_id,
    )  # fmt: skip
    return HunyuanVideoImageToVideoPipeline(
        transformer=transformer, vae=vae, scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0), text_encoder=language,
        tokenizer=made, text_encoder_2=CLIPTextModel(second), tokenizer_2=tokenizer(),
        image_processor=CLIPImageProcessorPil(size={"shortest_edge": 336}, crop_size={"height": 336, "width": 336}),
    )  # fmt: skip


def hunyuan_video15() -> HunyuanVideo15ImageToVideoPipeline:
    """HunyuanVideo 1.5 in small: no callback, a guider of its own, and it chooses its size by the context."""
    made = tokenizer()
    transformer = HunyuanVideo15Transformer3DModel(
        in_channels=9, out_channels=4, num_attention_heads=2, attention_head_dim=8, num_layers=1,
        num_refiner_layers=1, mlp_ratio=2.0, patch_size=1, patch_size_t=1, text_embed_dim=16, text_embed_2_dim=32,
        image_embed_dim=12, rope_axes_dim=(2, 2, 4), target_size=64, task_type="i2v",
    )  # fmt: skip
    vae = AutoencoderKLHunyuanVideo15(
        in_channels=3, out_channels=3, latent_channels=4, block_out_channels=(8, 8, 8), layers_per_block=1,
        spatial_compression_ratio=4, temporal_compression_ratio=4, downsample_match_channel=False,
        upsample_match_channel=False,
    )  # fmt: skip
    text = Qwen2_5_VLTextConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=2,
        vocab_size=len(made) + 8,
        rope_parameters={"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6},
    )  # fmt: skip
    second = T5Config(vocab_size=400, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4)
    vision = SiglipVisionConfig(
        hidden_size=12, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    return HunyuanVideo15ImageToVideoPipeline(
        transformer=transformer, vae=vae, scheduler=FlowMatchEulerDiscreteScheduler(shift=7.0),
        text_encoder=Qwen2_5_VLTextModel(text), tokenizer=made, text_encoder_2=T5EncoderModel(second),
        tokenizer_2=ByT5Tokenizer(), guider=ClassifierFreeGuidance(guidance_scale=2.0),
        image_encoder=SiglipVisionModel(vision),
        feature_extractor=SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    )  # fmt: skip


def svd() -> StableVideoDiffusionPipeline:
    """Stable Video Diffusion in small: a U-Net, no words."""
    unet = UNetSpatioTemporalConditionModel(
        block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=8, out_channels=4,
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), cross_attention_dim=32,
        num_attention_heads=4, projection_class_embeddings_input_dim=96, addition_time_embed_dim=32,
    )  # fmt: skip
    vae = AutoencoderKLTemporalDecoder(
        block_out_channels=[32, 32, 32, 32], in_channels=3, out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * 4, latent_channels=4,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=32, projection_dim=32, num_hidden_layers=1, num_attention_heads=4, image_size=224,
        intermediate_size=37, patch_size=56,
    )  # fmt: skip
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
        sigma_max=700.0, sigma_min=0.002, steps_offset=1, timestep_spacing="leading", timestep_type="continuous",
        use_karras_sigmas=True,
    )  # fmt: skip
    return StableVideoDiffusionPipeline(
        vae=vae, image_encoder=CLIPVisionModelWithProjection(vision), unet=unet, scheduler=scheduler,
        feature_extractor=CLIPImageProcessorPil(size={"shortest_edge": 224}, crop_size={"height": 224, "width": 224}),
    )  # fmt: skip


BUILDERS: dict[str, Callable[[], Any]] = {
    "cosmos3": cosmos3,
    "wan": wan,
    "ltx": ltx,
    "ltx2": ltx2,
    "cosmos-predict2": cosmos_predict2,
    "cosmos-predict2.5": cosmos_predict25,
    "hunyuan-video": hunyuan_video,
    "hunyuan-video-1.5": hunyuan_video15,
    "cogvideox": cogvideox,
    "svd": svd,
}
# What a connection to each sets, so that it runs in a second: 9 frames of 64 x 64 or less, two of latents.
SETTINGS: dict[str, dict[str, str]] = {
    "cosmos3": {"chunk": "4", "safety": "off", "domain": "droid_lerobot"},
    "wan": {"size": "64x64", "frames": "5"},
    "ltx": {"size": "64x64", "frames": "9"},
    "ltx2": {"size": "64x64", "frames": "9"},
    "cosmos-predict2": {"size": "64x64", "frames": "5", "safety": "off"},
    "cosmos-predict2.5": {"size": "64x64", "frames": "5", "safety": "off"},
    "hunyuan-video": {"size": "64x64", "frames": "5"},
    "hunyuan-video-1.5": {"frames": "5"},
    "cogvideox": {"size": "64x64", "frames": "5"},
    "svd": {"size": "64x64", "frames": "5"},
}


def save(name: str, folder: Any, **options: Any) -> None:
    """Write the tiny checkpoint of a kind into a folder, the same weights every time."""
    torch.manual_seed(0)
    BUILDERS[name](**options).save_pretrained(folder)
