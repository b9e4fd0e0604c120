"""Shards to latents: every frame is encoded once and kept in half precision beside its shard.

``LatentSet`` holds all episodes in memory (4 kB a frame) and hands out windows of one context and one chunk.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wamviz.models.mini.vae import MiniVAE
from wamviz.training.collect import read_shard
from wamviz.training.scenes import Question, read_scenes
from wamviz.training.vae import to_images


@torch.inference_mode()
def encode_shard(vae: MiniVAE, path: Path, force: bool = False) -> Path:
    """Encode one shard's frames into ``<shard>.latents.npy``, (F, C, h, w) float16, unless that is already there."""
    out = path.with_suffix(".latents.npy")
    if out.exists() and not force:
        return out
    frames = read_shard(path).frames
    with torch.autocast("cpu", torch.bfloat16):
        parts = [vae.encode(to_images(part)) for part in np.array_split(frames, max(1, len(frames) // 64))]
    temporary = out.with_suffix(".tmp.npy")
    np.save(temporary, torch.cat(parts).to(torch.float16).numpy())
    os.replace(temporary, out)
    return out


@dataclass(frozen=True)
class Window:
    """A batch of training windows.

    Attributes:
        context: (B, C, h, w) latents at the context; future: (B, T, C, h, w) latents after it.
        state: (B, D) physical; actions: (B, T, A) physical; instructions: B strings.
        places: (B, 2, 3) m, what the words name first and where to go afterwards; NaN where nothing was said.
    """

    context: Tensor
    future: Tensor
    state: Tensor
    actions: Tensor
    instructions: list[str]
    places: Tensor


class LatentSet:
    """All windows of a list of shards.

    A window may start at any frame. Past the end of an episode the robot rests: the last frame repeats and the last
    action row (which holds still) repeats with it, so that the model learns to stop when it is done.
    """

    def __init__(self, paths: list[Path], horizon: int) -> None:
        self.horizon = horizon
        latents, states, actions, starts = [], [], [], []
        self.instructions: list[str] = []
        self.kinds: list[str] = []
        self.styles: list[str] = []
        self.own: list[list[Question]] = []
        self.questions: list[list[Question]] = []
        positions = []
        offset = 0
        for path in paths:
            shard = read_shard(path, frames=False)
            latents.append(np.load(path.with_suffix(".latents.npy"), allow_pickle=False))
            states.append(shard.states)
            actions.append(shard.actions)
            starts.append(shard.starts[:-1] + offset)
            offset += int(shard.starts[-1])
            self.instructions += shard.instructions
            self.kinds += shard.kinds
            self.styles += shard.styles
            scenes = read_scenes(path)
            positions.append(scenes.positions)
            self.own += scenes.own
            self.questions += scenes.questions
        self.latents = torch.from_numpy(np.concatenate(latents))  # (F, C, h, w) float16
        self.positions = torch.from_numpy(np.concatenate(positions))  # (F, things, 3)
        self.states = torch.from_numpy(np.concatenate(states))
        self.actions = torch.from_numpy(np.concatenate(actions))
        self.starts = np.concatenate([*starts, [offset]])
        self.episode = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))  # (F,) frame -> episode

    def __len__(self) -> int:
        return len(self.latents)

    def window(self, frames: NDArray[np.int64], rng: np.random.Generator | None = None) -> Window:
        """The windows whose contexts are these global frame numbers (B,), in words that ``rng`` draws if given."""
        own = [self.own[e] for e in self.episode[frames]]
        said = [q[0 if rng is None else int(rng.integers(len(q)))] if q else None for q in own]
        last = self.starts[self.episode[frames] + 1] - 1  # (B,) last frame of each episode
        ahead = np.minimum(frames[:, None] + np.arange(1, self.horizon + 1), last[:, None])  # (B, T)
        acting = np.minimum(frames[:, None] + np.arange(self.horizon), last[:, None])
        return Window(
            context=self.latents[frames].float(),
            future=self.latents[ahead].float(),
            state=self.states[frames],
            actions=self.actions[acting],
            instructions=["" if q is None else q.text for q in said],
            places=self._places(frames, said),
        )

    def ask(self, frames: NDArray[np.int64], rng: np.random.Generator) -> tuple[Tensor, Tensor, list[str], Tensor]:
        """A random question about each frame: context (B, C, h, w), state (B, D), B texts, places (B, 2, 3)."""
        asked = [q[int(rng.integers(len(q)))] for q in (self.questions[e] for e in self.episode[frames])]
        places = self._places(frames, list(asked))
        return self.latents[frames].float(), self.states[frames], [q.text for q in asked], places

    def _places(self, frames: NDArray[np.int64], said: list[Question | None]) -> Tensor:
        """(B, 2, 3) positions of what is spoken of."""
        out = torch.full((len(frames), 2, 3), torch.nan)
        for row, (frame, question) in enumerate(zip(frames.tolist(), said, strict=True)):
            if question is not None:
                out[row] = self.positions[frame, [question.first, question.second]]
        return out

    def statistics(self, sample: int = 4096) -> dict[str, list[float]]:
        """Standardising constants for the transformer's config, from ``sample`` random windows."""
        rng = np.random.default_rng(0)
        w = self.window(rng.integers(len(self), size=sample))
        delta = (w.future - w.context[:, None]).transpose(1, 2).flatten(2)  # (B, C, T * h * w)
        rows = lambda x: [round(float(v), 6) for v in x]  # noqa: E731
        flat = w.actions.flatten(0, 1)
        return {
            "delta_std": rows(delta.square().mean((0, 2)).sqrt()),
            "state_mean": rows(w.state.mean(0)),
            "state_std": rows(w.state.std(0).clamp_min(0.02)),
            "action_mean": rows(flat.mean(0)),
            # Dimensions that hardly move would be blown up; a floor keeps them quiet.
            "action_std": rows(torch.maximum(flat.std(0), torch.tensor([0.01] * 3 + [0.05] * 3 + [0.1]))),
        }
