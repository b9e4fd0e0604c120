"""The denoiser: motion and actions with two noise levels, one transformer of two experts.

A future is described twice. *Motion* is the video's latent: where the hand and every thing are in each frame, from
which ``MiniPainter`` draws the picture. *Actions* are what the robot is told. Each has its own tokens and its own
expert, the two meet in attention (a Mixture-of-Transformers), and each has a noise level of its own (UWM, arXiv
2504.02792), so that every mode is a path through the same square: with clean actions motion is predicted (forward
dynamics), with clean motion actions are (inverse dynamics), and without motion tokens the robot just acts. Both predict
the clean signal (arXiv 2511.13720).

Axis letters: B samples, K = horizon, A action dims, D state dims, O things, M = 7 + 3 O motion dims, L words, N context
tokens, E heads.
"""

from __future__ import annotations

import math

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from wamviz.models.mini.arm import TAPS, answer_actions, hand_of
from wamviz.models.mini.context import ContextCache, ScenePoints
from wamviz.models.mini.layers import TransformerExpert, attend, attention_bias, sincos
from wamviz.models.mini.relations import REACH as _REACH
from wamviz.models.mini.relations import between_places, turns_to, turns_to_grasp

HAND = 7  # motion dims of the hand: displacement (3) m, rotation (3) rad, gripper (1)
_THINGS = 0.10  # m, the scale of things' displacements
_TURN, _STEP = 0.5, 0.25  # rad, the scale of turns; the scale of a step, in those of where steps lead
_CLEAN = 0.25  # noise level of actions below which motion leans on where they lead, and the other way round
_LEEWAY = 0.9  # what is predicted outright then counts as little as one less this


class MiniWAMTransformer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Motion expert and action expert with shared attention over a cached context.

    Args:
        horizon: future frames and actions a chunk.
        action_dim, state_dim, things, text_dim: widths of the inputs.
        width, heads, layers, ratio: sizes.
        camera: (12,) the usual camera, for pictures that come without theirs (see ``raster``).
        state_mean, state_std: training statistics for standardising.
    """

    lag: Tensor

    @register_to_config
    def __init__(
        self,
        horizon: int = 16,
        action_dim: int = 7,
        state_dim: int = 14,
        things: int = 7,
        text_dim: int = 192,
        width: int = 128,
        heads: int = 4,
        layers: int = 5,
        ratio: int = 3,
        camera: list[float] | None = None,
        state_mean: list[float] | None = None,
        state_std: list[float] | None = None,
    ) -> None:
        super().__init__()
        motion = HAND + 3 * things
        self.state_in = nn.Linear(state_dim + action_dim + 1, width)
        self.no_state = nn.Parameter(torch.zeros(width))
        self.thing_in = nn.Linear(13 + things, width)
        self.thing = nn.Parameter(torch.randn(things, width) * 0.5)
        self.absent = nn.Parameter(torch.randn(things, width) * 0.5)
        self.text_in = nn.Linear(text_dim, width)
        self.kind = nn.Parameter(torch.randn(3, width) * 0.5)  # state, thing, word
        self.order = nn.Linear(2, width, bias=False)  # where a word stands: "the red block on the blue one"
        moments = (torch.arange(horizon) + 0.5) / horizon
        self.slot = nn.Parameter(sincos(moments, width))
        self.moment = nn.Parameter(sincos(moments, width))
        # A token sees where its part of the path leads, and from there the way to every thing.
        self.action_in = nn.Linear(2 * action_dim + 3 * things + 14, width)
        self.point = nn.Linear(width, 2)
        self.relate = nn.Linear(width, 2 * things)  # "the block closest to the mug": which distances count, and how
        self.motion_in = nn.Linear(motion + 6 * things + 7, width)
        # How the arm answers a step of the command: the share of it that is done after 1, 2, .. moments.
        self.response = nn.Parameter(torch.ones(horizon + 1, 6))
        self.register_buffer("lag", torch.ones(TAPS, 7))  # of the joints, see ``arm``
        self.levels = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, 16 * width))
        self.motion_layers = nn.ModuleList(TransformerExpert(width, width, heads, ratio) for _ in range(layers))
        self.action_layers = nn.ModuleList(TransformerExpert(width, width, heads, ratio) for _ in range(layers))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        # Beside what is predicted outright: how much of the way and of the turn to what is meant, and how far things go
        # with the hand.
        self.action_out = nn.Linear(width, action_dim + 5)
        self.motion_out = nn.Linear(width, motion + things)
        for layer in (self.levels[2], self.relate):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    # ------------------------------------------------------------------ standardising

    def _constant(self, name: str, size: int, default: float, like: Tensor) -> Tensor:
        values = self.config[name] or [default] * size
        return torch.tensor(values, dtype=torch.float32, device=like.device)

    def _mean(self, like: Tensor) -> Tensor:
        return self._constant("state_mean", self.config.state_dim, 0.0, like)

    def _std(self, like: Tensor) -> Tensor:
        return self._constant("state_std", self.config.state_dim, 1.0, like)

    def normalise_actions(self, actions: Tensor) -> Tensor:
        """Physical actions (B, K, A) to what is denoised: where they lead, in about unit scale.

        A single step says little and its noise adds up; where the steps lead is what a path has to get right.
        """
        return torch.cat([(actions[..., :6] / pose_scale(actions)).cumsum(1), 2 * actions[..., 6:] - 1], -1)

    def denormalise_actions(self, actions: Tensor) -> Tensor:
        """The inverse of ``normalise_actions``."""
        return torch.cat([steps_of(actions[..., :6]) * pose_scale(actions), (actions[..., 6:] + 1) / 2], -1)

    def normalise_states(self, states: Tensor) -> Tensor:
        """Physical states (..., D) to about unit scale."""
        return (states - self._mean(states)) / self._std(states)

    def motion_scale(self, like: Tensor) -> Tensor:
        """(M,) physical size of a unit of motion: m, rad, gripper."""
        things = self.config.things
        return torch.tensor([_REACH] * 3 + [_TURN] * 3 + [0.5] + [_THINGS] * 3 * things, device=like.device)

    # ------------------------------------------------------------------ the context

    def encode_context(self, scene: ScenePoints, text: Tensor, words: Tensor) -> ContextCache:
        """A context to cached keys and values; text (B, L, text_dim), words (B, L) True at words."""
        b = len(scene.state)
        known = scene.known[:, None]
        has_last = ~scene.last_action.isnan().any(-1, keepdim=True)  # (B, 1)
        last = scene.last_action.nan_to_num()
        last_step = last[:, :6] / pose_scale(last)
        before = torch.cat([4 * last_step, (2 * last[:, 6:] - 1) * has_last, has_last.to(last.dtype)], -1)
        state = self.state_in(torch.cat([scene.state * known, before], -1))
        state = torch.where(known, state, self.no_state) + self.kind[0]
        mean, std = self._mean(text)[:3], self._std(text)[:3]
        hand = torch.where(known, scene.state[:, :3] * std + mean, mean)  # (B, 3) m
        yaw = torch.where(known, scene.state[:, 5:6] * self._std(text)[5] + self._mean(text)[5], 0.0)  # (B, 1)
        there = ~scene.places.isnan().any(-1)  # (B, O)
        ways = scene.places.nan_to_num()
        in_line = turns_to(scene.facing, yaw)
        to_grasp = turns_to_grasp(in_line, scene.facing, yaw, hand, ways, there)
        turns = torch.stack([to_grasp, in_line], -1)  # (B, O, 2)
        apart = between_places(ways, scene.facing, there)  # (B, O, O)
        seen = torch.cat(
            [
                (ways - mean) / _REACH,
                scene.image.nan_to_num() * 2 - 1,
                (ways - hand[:, None]) / _REACH,
                scene.doubt.clamp(1e-3, 0.1).log()[..., None] + 5,
                known[:, None].expand(-1, ways.shape[1], 1).to(ways.dtype),
                scene.facing,
                to_grasp[..., None],
                apart,
            ],
            -1,
        )  # (B, O, 13 + O)
        things = torch.where(there[..., None], self.thing_in(seen) + self.thing, self.absent) + self.kind[1]
        place = torch.arange(text.shape[1], device=text.device, dtype=text.dtype).expand(b, -1)
        place = torch.stack([place / 8 - 1, 2 * place / words.sum(1, keepdim=True).clamp_min(1) - 1], -1)  # (B, L, 2)
        word_tokens = self.text_in(text) + self.order(place) + self.kind[2]
        x = torch.cat([state[:, None], things, word_tokens], 1)  # (B, N, width)
        mask = torch.cat([words.new_ones(b, 1 + ways.shape[1]), words], 1)
        clean = torch.zeros(b, device=x.device)
        modulation = self._modulation(clean, clean)[0]
        keys, values = [], []
        bias = attention_bias(mask[:, None], x.shape[1], self.config.heads, x.dtype)
        for index, layer in enumerate(self.motion_layers):
            q, k, v = layer.project(x, modulation)
            keys.append(k)
            values.append(v)
            if index + 1 < len(self.motion_layers):  # nobody reads the last layer's tokens
                x = layer.finish(x, attend(q, k, v, bias), modulation)
        pointed = self.point(self.norm(x[:, 1 : 1 + ways.shape[1]])).mT  # (B, 2, O)
        pointed = pointed + self.relate(self.norm(x[:, 0])).unflatten(-1, (2, -1)) @ apart
        pointed = pointed.float().masked_fill(~there[:, None], -1e4)
        return ContextCache(
            tuple(keys), tuple(values), mask, hand, ways, there, scene.facing, turns, last_step, pointed
        )

    def _modulation(self, sigma_motion: Tensor, sigma_action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        levels = torch.cat([sincos(s * 4, 128) for s in (sigma_motion, sigma_action)], dim=1)  # (B, 256)
        parts = self.levels(levels.to(self.levels[0].weight.dtype)).unflatten(1, (16, -1))
        return parts[:, :6], parts[:, 6:12], parts[:, 12:]

    # ------------------------------------------------------------------ denoising

    def paths(self, actions: Tensor) -> Tensor:
        """Where normalised actions (B, K, A) lead: displacement of the command (B, K, 3) m."""
        return actions[..., :3].float() * _REACH

    def answer(self, state: Tensor, actions: Tensor, last_action: Tensor) -> tuple[Tensor, Tensor]:
        """How the arm answers physical actions (B, K, A) with nothing in its way, see ``arm``.

        Args:
            state: (B, D) physical; last_action: (B, A) physical, NaN where it is not known.

        Returns:
            where that takes the hand, (B, K, 6) normalised, and the joints (B, K, 7) rad.
        """
        joints = answer_actions(state[:, 7:], actions, last_action, self.lag)
        away = hand_of(joints) - hand_of(state[:, None, 7:])
        away[..., 5] = torch.remainder(away[..., 5] + math.pi, 2 * math.pi) - math.pi
        return away / pose_scale(away), joints

    def command(self, hand: Tensor, last_step: Tensor) -> Tensor:
        """Which path of the command (B, K, 6) the hand's (B, K, 6) tells of, a step (B, 6) still being followed."""
        answers = self._answers()
        rest = hand - answers[:, 0] * last_step[:, None]
        steps = torch.linalg.solve_triangular(answers[:, 1:].movedim(-1, 0), rest.movedim(-1, 0).mT, upper=False)
        return steps.permute(2, 1, 0).cumsum(1)

    def _answers(self) -> Tensor:
        """(K, 1 + K, 6): what each step, the one before the context first, adds to where the hand is by each moment."""
        k = self.config.horizon
        since = torch.arange(k, device=self.response.device)[:, None] - torch.arange(k, device=self.response.device)
        now = self.response[since.clamp_min(0)] * (since >= 0)[..., None]  # (K, K, 6)
        return torch.cat([(self.response[1:] - self.response[:1])[:, None], now], 1)

    def _ways(self, at: Tensor, context: ContextCache) -> Tensor:
        """From places (B, K, 3) m to every thing: (B, K, 3 O), zeros to those that are not there."""
        way = (context.places[:, None] - at[:, :, None]) * context.there[:, None, :, None]
        return (way / _REACH).clamp(-4, 4).flatten(2)

    @staticmethod
    def _goals(at: Tensor, turned: Tensor, focus: Tensor) -> Tensor:
        """From places (B, K, 3) m and turns (B, K) rad to what the words mean, and how that is turned: (B, K, 14)."""
        focus = focus[:, None].expand(-1, at.shape[1], -1, -1)  # (B, K, 2, 6)
        way = ((focus[..., :3] - at[:, :, None]) / _REACH).clamp(-4, 4)
        turn = (focus[..., 5] - turned[..., None]) / _TURN
        whole = focus[..., 5] / _TURN
        return torch.cat([torch.cat([way, focus[..., 3:5]], -1).flatten(2), turn, whole], -1)

    def forward(
        self,
        motion: Tensor | None,
        actions: Tensor,
        sigma_motion: Tensor,
        sigma_action: Tensor,
        context: ContextCache,
        answer: Tensor | None = None,
    ) -> tuple[Tensor | None, Tensor]:
        """Predict clean motion and clean actions.

        Args:
            motion: (B, K, M) noisy, in units of ``motion_scale``, against the context; None leaves it out.
            actions: (B, K, A) noisy, normalised.
            sigma_motion, sigma_action: (B,) noise levels, 0 clean .. 1 pure noise.
            answer: (B, K, 6) where clean actions take the hand with nothing in its way, see ``answer``.

        Returns:
            the clean motion (or None) and the clean actions, shaped like the inputs.
        """
        b, heads = len(actions), self.config.heads
        for_motion, for_action, ends = self._modulation(sigma_motion, sigma_action)
        path = self.paths(actions)  # (B, K, 3)
        at = context.hand[:, None] + path
        steps = (steps_of(actions) / _STEP).clamp(-4, 4)
        focus = context.focus  # (B, 2, 6)
        goals = self._goals(at, actions[..., 5].float() * _TURN, focus)
        tokens = torch.cat([actions, steps, self._ways(at, context), goals], -1)
        a = self.action_in(tokens) + self.slot
        x: Tensor | None = None
        count = 0
        if motion is not None:
            at = context.hand[:, None] + motion[..., :3] * _REACH
            answered = (sigma_action == 0)[:, None, None] & (answer is not None)  # (B, 1, 1)
            led = torch.zeros_like(motion[..., :6]) if answer is None else answer * answered
            to = self._ways(context.hand[:, None] + led[..., :3] * _REACH, context) * answered
            seen = [motion, self._ways(at, context), led, to, answered.expand(-1, motion.shape[1], 1).to(motion.dtype)]
            x = self.motion_in(torch.cat(seen, -1)) + self.moment
            count = x.shape[1]
        rows = count + a.shape[1]
        visible = torch.cat([context.mask, context.mask.new_ones(b, rows)], dim=1)[:, None]  # (B, 1, N)
        bias = attention_bias(visible, rows, heads, a.dtype)
        for index, (motion_layer, action_layer) in enumerate(zip(self.motion_layers, self.action_layers, strict=True)):
            q, k, v = action_layer.project(a, for_action)
            if x is not None:
                mq, mk, mv = motion_layer.project(x, for_motion)
                q, k, v = torch.cat([mq, q], 2), torch.cat([mk, k], 2), torch.cat([mv, v], 2)
            k, v = torch.cat([context.keys[index], k], 2), torch.cat([context.values[index], v], 2)
            attended = attend(q, k, v, bias)
            if x is not None:
                x = motion_layer.finish(x, attended[:, :, :count], for_motion)
            a = action_layer.finish(a, attended[:, :, count:], for_action)
        scale, shift = ends[:, :2, None].unbind(1)
        clean_actions, share = self.action_out(self.norm(a) * (1 + scale) + shift).tensor_split([-5], -1)
        goal, turn = (focus[..., :3] - context.hand[:, None]) / _REACH, focus[..., 5:] / _TURN
        # Where nothing but noise is known, a turn that has to be made is made: half of the way is nobody's.
        whole = (share[..., 4:] + sigma_action[:, None, None]) * (context.sure_turn / _TURN)[:, None]
        turned = share[..., 2:4] @ turn + whole
        aimed = [share[..., :2] @ goal, torch.zeros_like(share[..., :2]), turned]  # 3 + 2 + 1 dims
        clean_actions = torch.cat([clean_actions[..., :6] + torch.cat(aimed, -1), clean_actions[..., 6:]], -1)
        if x is None or motion is None:
            return None, clean_actions
        # Where motion is (nearly) clean, the command leads where the hand goes, give or take; and the other way round.
        lean = (1 - sigma_motion / _CLEAN).clamp(0, 1)[:, None, None]
        read = self.command(motion[..., :6].float(), context.last_step)
        commanded = clean_actions[..., :6] * (1 - _LEEWAY * lean) + lean * read
        clean_actions = torch.cat([commanded, clean_actions[..., 6:]], -1)
        scale, shift = ends[:, 2:, None].unbind(1)
        foreseen, along = self.motion_out(self.norm(x) * (1 + scale) + shift).tensor_split([-self.config.things], -1)
        hand = torch.where(answered, (1 - _LEEWAY) * foreseen[..., :6] + led, foreseen[..., :6])
        # What the hand takes along goes with its steps, for as long as it is taken along.
        taken = along[..., None] * steps_of(hand[..., :3])[:, :, None] * (_REACH / _THINGS)  # (B, K, O, 3)
        things = foreseen[..., HAND:] + taken.cumsum(1).flatten(2)
        return torch.cat([hand, foreseen[..., 6:HAND], things], -1), clean_actions


def steps_of(path: Tensor) -> Tensor:
    """Where a path (B, K, ...) leads at each moment to its single steps, the first from 0."""
    return torch.cat([path[:, :1], path.diff(dim=1)], 1)


def pose_scale(like: Tensor) -> Tensor:
    """(6,) physical size of a unit of the hand's displacement: m, rad."""
    return torch.tensor([_REACH] * 3 + [_TURN] * 3, device=like.device)
