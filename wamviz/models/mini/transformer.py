"""The denoiser of mini-WAM: a Mixture-of-Transformers of a video expert and an action expert.

Both experts have their own weights and meet in every layer's attention. Video and actions carry *independent noise
levels* (Unified World Models, arXiv 2504.02792), so that one set of weights answers every mode. Three more choices:

* The context (image, state, words) attends only to itself. Its keys and values never change while denoising, so
  they are computed once a rollout and shared by every step and every sample.
* Both experts predict the clean signal, not the velocity: a wide patch of latents lies on a thin manifold that a
  narrow network can hit, while noise fills the whole space (arXiv 2511.13720).
* Video is predicted as the *change* of the latents from the context frame.

Axis letters: B batch, V context views, C latent channels, h/w latent cells, T future frames, K actions, A action
dims, D state dims, L words, E attention heads, N tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from wamviz.models.mini.layers import Expert, attend, attention_bias, grid_positions, patchify, sincos, unpatchify
from wamviz.models.mini.painter import Painter
from wamviz.models.mini.sight import Sight


@dataclass(frozen=True)
class ContextCache:
    """Keys and values of the context, one pair a layer: (B, E, N, 64) each; ``mask`` (B, N) is True where valid.

    ``hand`` (B, 8) is the hand's normalised pose (place, rotation vector, gripper) and 1, or zeros (the mean of
    training, and 0) where the state is not known.
    ``places`` (B, 2, 3) are metres from the robot's base: what the words name first, and where to go afterwards.
    """

    keys: tuple[Tensor, ...]
    values: tuple[Tensor, ...]
    mask: Tensor
    hand: Tensor
    places: Tensor

    def repeat(self, times: int) -> ContextCache:
        """The cache for ``times`` samples of every context, samples of one context side by side."""
        if times == 1:
            return self

        def shared(x: Tensor) -> Tensor:  # a single context is only looked at by all of its samples, not copied
            return x[:, None].expand(-1, times, *x.shape[1:]).flatten(0, 1)

        return ContextCache(
            tuple(map(shared, self.keys)), tuple(map(shared, self.values)), shared(self.mask), shared(self.hand),
            shared(self.places),
        )  # fmt: skip


class MiniWAMTransformer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Video expert and action expert with shared attention over a cached context.

    Args:
        latent_channels, latent_size: the VAE's latent grid.
        horizon: future frames and actions a chunk.
        frames_per_token: future frames that one video token covers.
        video_patch, context_patch: latent cells a side of a video token and of a context token.
        views: context cameras, the first is the one that is imagined.
        action_dim, state_dim, text_dim: widths of the inputs.
        width, action_width, heads, layers: sizes; both experts attend with ``width`` channels.
        camera: of ``Painter``.
        video_temperature, action_temperature: spread of the noise that sampling starts from; below 1 a sample lies
            nearer to the mean future (PSNR rises, the fan narrows).
        delta_std, state_mean, state_std, action_mean, action_std: training statistics for standardising.
    """

    @register_to_config
    def __init__(
        self,
        latent_channels: int = 8,
        latent_size: int = 16,
        horizon: int = 16,
        frames_per_token: int = 4,
        video_patch: int = 4,
        context_patch: int = 2,
        views: int = 1,
        action_dim: int = 7,
        state_dim: int = 14,
        text_dim: int = 192,
        width: int = 256,
        action_width: int = 192,
        heads: int = 4,
        layers: int = 6,
        ratio: int = 4,
        delta_std: list[float] | None = None,
        state_mean: list[float] | None = None,
        state_std: list[float] | None = None,
        action_mean: list[float] | None = None,
        action_std: list[float] | None = None,
        camera: list[float] | None = None,
        video_temperature: float = 0.3,
        action_temperature: float = 0.3,
    ) -> None:
        super().__init__()
        self.groups = horizon // frames_per_token
        token = latent_channels * video_patch**2 * frames_per_token
        self.context_in = nn.Linear(latent_channels * context_patch**2, width)
        self.view = nn.Parameter(torch.randn(views, width) * 0.5)
        self.state_in = nn.Linear(state_dim, width)
        self.no_state = nn.Parameter(torch.zeros(width))
        self.text_in = nn.Linear(text_dim, width)
        # Positions and kinds start as loud as the content they are added to: a whisper takes long to be heard.
        self.kind = nn.Parameter(torch.randn(3, width) * 0.5)  # image, state, word
        self.video_in = nn.Linear(token, width)
        moments = (torch.arange(horizon) + 0.5) / horizon  # of the horizon, for video groups and action slots alike
        self.group = nn.Parameter(sincos(moments.unflatten(0, (self.groups, -1)).mean(1), width))
        # An action is a step; the running sum says where the hand would be, which is what the video shows.
        # Where it is from what the words name says where to go next.
        self.action_in = nn.Linear(2 * action_dim + 9, action_width)
        self.sight = Sight(latent_channels, latent_size, text_dim, state_dim, width)
        self.slot = nn.Parameter(sincos(moments, action_width))
        context_grid = grid_positions(latent_size // context_patch, width)
        self.context_position = nn.Parameter(context_grid)
        self.video_position = nn.Parameter(grid_positions(latent_size // video_patch, width))
        # Six modulations a layer, and one for the input, two for the output: how much of a noisy token to trust.
        self.video_time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, 9 * width))
        self.action_time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, 9 * action_width))
        self.video_layers = nn.ModuleList(Expert(width, width, heads, ratio) for _ in range(layers))
        self.action_layers = nn.ModuleList(Expert(action_width, width, heads, ratio) for _ in range(layers))
        self.video_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.action_norm = nn.LayerNorm(action_width, elementwise_affine=False)
        self.video_out = nn.Linear(width, token)
        self.action_out = nn.Linear(action_width, action_dim)
        # Patch heads leave seams; two convolutions that see the context's latents mend them.
        self.refine = nn.Sequential(
            nn.Conv2d(2 * latent_channels, 48, 3, padding=1), nn.SiLU(), nn.Conv2d(48, latent_channels, 3, padding=1)
        )
        self.painter = Painter(latent_channels, latent_size, camera)
        for layer in (self.video_time[2], self.action_time[2], self.refine[2]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    # ---- standardising

    def _constant(self, name: str, size: int, default: float, like: Tensor) -> Tensor:
        values = getattr(self.config, name) or [default] * size
        return torch.tensor(values, dtype=torch.float32, device=like.device)

    def normalise_actions(self, actions: Tensor) -> Tensor:
        """Physical actions (..., A) to about unit scale."""
        size = self.config.action_dim
        mean, std = (self._constant(f"action_{x}", size, d, actions) for x, d in (("mean", 0.0), ("std", 1.0)))
        return (actions - mean) / std

    def denormalise_actions(self, actions: Tensor) -> Tensor:
        """The inverse of ``normalise_actions``."""
        size = self.config.action_dim
        mean, std = (self._constant(f"action_{x}", size, d, actions) for x, d in (("mean", 0.0), ("std", 1.0)))
        return actions * std + mean

    def normalise_states(self, states: Tensor) -> Tensor:
        """Physical states (..., D) to about unit scale."""
        size = self.config.state_dim
        return (states - self._constant("state_mean", size, 0.0, states)) / self._constant(
            "state_std", size, 1.0, states
        )

    def delta_scale(self, like: Tensor) -> Tensor:
        """(C, 1, 1) by which a latent's change from the context is divided."""
        return self._constant("delta_std", self.config.latent_channels, 1.0, like)[:, None, None]

    # ---- denoising

    def _paths(self, actions: Tensor, context: ContextCache) -> Tensor:
        """Normalised actions (B, K, A) with sums, the hand's places and its ways to what is named: (B, K, 2 A + 9)."""
        sums = actions.float().cumsum(1)
        moved = self.denormalise_actions(actions.float())[..., :3].cumsum(1)  # (B, K, 3) m
        reach = moved / self._constant("state_std", self.config.state_dim, 1.0, actions)[:3]
        hand = context.hand.float()[:, None, :3] + reach  # (B, K, 3)
        ways = [place[:, None] - hand for place in self._normalised(context.places.float()).unbind(1)]
        paths = torch.cat([actions.float(), sums / math.sqrt(self.config.horizon), hand, *ways], -1)
        return paths.to(actions.dtype)

    def _modulation(self, sigma_video: Tensor, sigma_action: Tensor) -> tuple[Tensor, Tensor]:
        levels = torch.cat([sincos(s * 4, 128) for s in (sigma_video, sigma_action)], dim=1)  # (B, 256)
        levels = levels.to(self.video_time[0].weight.dtype)
        return self.video_time(levels).unflatten(1, (9, -1)), self.action_time(levels).unflatten(1, (9, -1))

    def encode_context(
        self,
        latents: Tensor,
        state: Tensor | None,
        text: Tensor,
        text_mask: Tensor,
        has_state: Tensor | None = None,
        glance: bool = False,
    ) -> ContextCache:
        """Context to cached keys and values.

        Args:
            latents: (B, V, C, h, w) of the context views.
            state: (B, D) normalised, or None when it is not known.
            text: (B, L, text_dim) from the text encoder; text_mask: (B, L), True at words.
            has_state: (B,) bool, to hide some states of a batch.
            glance: leave the image tokens out and rely on what ``sight`` found, which is all that acting needs.
        """
        b, views = latents.shape[:2]
        if state is None:
            state, has_state = latents.new_zeros(b, self.config.state_dim), text_mask.new_zeros(b)
        elif has_state is None:
            has_state = text_mask.new_ones(b)
        state = state * has_state[:, None]
        told = torch.where(has_state[:, None], self.state_in(state), self.no_state.to(latents.dtype))
        points, places = self.sight(latents[:, 0], state, text, text_mask)
        image = [
            self.context_in(patchify(latents[:, v : v + 1], self.config.context_patch))
            + self.context_position
            + self.view[v]
            + self.kind[0]
            for v in range(0 if glance else views)
        ]
        words = self.text_in(text)
        x = torch.cat([*image, points, (told + self.kind[1])[:, None], words + self.kind[2]], dim=1)  # (B, N, width)
        ones = text_mask.new_ones(b, x.shape[1] - words.shape[1])
        mask = torch.cat([ones, text_mask], dim=1)
        clean = torch.zeros(b, device=x.device)
        modulation = self._modulation(clean, clean)[0][:, :6]
        keys, values = [], []
        bias: Tensor | None = None
        for index, layer in enumerate(self.video_layers):
            q, k, v = layer.project(x, modulation)
            if bias is None:
                bias = attention_bias(mask[:, None], x.shape[1], self.config.heads, q.dtype)
            keys.append(k)
            values.append(v)
            if index + 1 < len(self.video_layers):  # nobody reads the last layer's tokens
                x = layer.finish(x, attend(q, k, v, bias), modulation)
        hand = torch.cat([state[:, :7], has_state[:, None].to(state.dtype)], 1)
        return ContextCache(tuple(keys), tuple(values), mask, hand, places)

    def _normalised(self, places: Tensor) -> Tensor:
        """Places (B, 2, 3) in metres, scaled like the hand's position in the state."""
        size = self.config.state_dim
        return (places - self._constant("state_mean", size, 0.0, places)[:3]) / self._constant(
            "state_std", size, 1.0, places
        )[:3]

    def forward(
        self,
        video: Tensor | None,
        actions: Tensor,
        sigma_video: Tensor,
        sigma_action: Tensor,
        context: ContextCache,
        context_latents: Tensor,
    ) -> tuple[Tensor | None, Tensor]:
        """Predict the clean video change and the clean actions.

        Args:
            video: (B, T, C, h, w) noisy, standardised change from the context; None leaves the video tokens out.
            actions: (B, K, A) noisy, normalised.
            sigma_video, sigma_action: (B,) noise levels, 0 clean .. 1 pure noise.
            context: from ``encode_context``; context_latents: (B, C, h, w) of the main view.

        Returns:
            the clean video change (or None) and the clean actions, shaped like the inputs.
        """
        c = self.config
        b = len(actions)
        for_video, for_action = self._modulation(sigma_video, sigma_action)
        for_video, (video_in, *video_ends) = for_video[:, :6], for_video[:, 6:, None].unbind(1)  # (B, 1, width) each
        for_action, (action_in, *action_ends) = for_action[:, :6], for_action[:, 6:, None].unbind(1)
        a = self.action_in(self._paths(actions, context)) * (1 + action_in) + self.slot
        x: Tensor | None = None
        count = 0
        if video is not None:
            groups = [
                self.video_in(patchify(part, c.video_patch)) * (1 + video_in) + self.video_position + self.group[i]
                for i, part in enumerate(video.split(c.frames_per_token, dim=1))
            ]
            x = torch.cat(groups, dim=1)  # (B, groups * patches, width)
            count = x.shape[1]
        rows = count + a.shape[1]
        visible = torch.cat([context.mask, context.mask.new_ones(b, rows)], dim=1)[:, None]  # (B, 1, N)
        bias: Tensor | None = None
        for index, (video_layer, action_layer) in enumerate(zip(self.video_layers, self.action_layers, strict=True)):
            q, k, v = action_layer.project(a, for_action)
            if x is not None:
                vq, vk, vv = video_layer.project(x, for_video)
                q, k, v = torch.cat([vq, q], 2), torch.cat([vk, k], 2), torch.cat([vv, v], 2)
            k, v = torch.cat([context.keys[index], k], 2), torch.cat([context.values[index], v], 2)
            if bias is None:
                bias = attention_bias(visible, rows, c.heads, q.dtype)
            attended = attend(q, k, v, bias)
            if x is not None:
                x = video_layer.finish(x, attended[:, :, :count], for_video)
            a = action_layer.finish(a, attended[:, :, count:], for_action)
        clean_actions = self.action_out(self.action_norm(a) * (1 + action_ends[0]) + action_ends[1])
        if x is None:
            return None, clean_actions
        tokens = self.video_out(self.video_norm(x) * (1 + video_ends[0]) + video_ends[1]).chunk(self.groups, dim=1)
        clean = torch.cat(
            [unpatchify(t, c.frames_per_token, c.latent_channels, c.latent_size, c.video_patch) for t in tokens], 1
        )
        flat = torch.cat([clean, context_latents[:, None].expand_as(clean).to(clean.dtype)], dim=2).flatten(0, 1)
        clean = clean + self.refine(flat).unflatten(0, (b, -1))
        # What is drawn follows the actions that are given, else those that are foreseen here; their error is their own.
        given = (sigma_action == 0)[:, None, None]
        drawn = torch.where(given, actions.float(), clean_actions.detach().float())
        return clean + self._paint(clean, context_latents, drawn, sigma_video, sigma_action, context), clean_actions

    def _paint(
        self, clean: Tensor, latents: Tensor, actions: Tensor, sigma_video: Tensor, sigma_action: Tensor,
        context: ContextCache,
    ) -> Tensor:  # fmt: skip
        """What ``Painter`` adds to the predicted change (B, T, C, h, w), given normalised actions (B, K, A)."""
        hand = context.hand.float()
        size = self.config.state_dim
        mean, std = (self._constant(f"state_{x}", size, d, hand)[:3] for x, d in (("mean", 0.0), ("std", 1.0)))
        start = torch.where(hand[:, 7:] > 0, hand[:, :3] * std + mean, torch.nan)  # (B, 3) m
        way = self.denormalise_actions(actions)[..., :6].cumsum(1)  # (B, K, 6) m, rad
        levels = torch.stack([sigma_video, sigma_action], 1)[:, None].expand(-1, actions.shape[1], -1)
        pose = torch.cat(
            [
                hand[:, None, :7].expand(-1, actions.shape[1], -1),
                way[..., :3] / std,
                2 * way[..., 3:],
                actions[..., 6:7],
                levels,
            ],
            -1,
        )  # (B, K, POSE)
        return self.painter(clean, latents, start[:, None] + way[..., :3], start, pose)
