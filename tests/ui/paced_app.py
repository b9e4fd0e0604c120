"""The real app in a process of its own, with one more model that goes on only when a test lets it.

    python tests/ui/paced_app.py STORE_FOLDER PORT [CLASS]

With the name of a class it is given to that class, and the first line that it writes has its ``code`` and ``key``.
Reads commands from its input, one a line, and answers each with one line of JSON: ``allow N`` lets N steps
happen, ``break N`` makes step N fail, ``rest`` forgets both and all counts, ``tell`` says what was counted.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wamviz.core.environment import prepare

prepare()

import numpy as np  # noqa: E402

from wamviz.core.action_spaces import TABLETOP_ACTIONS  # noqa: E402
from wamviz.core.rollout import Floats, Imagined, ImagineRequest, Observation, Preview, Rollout  # noqa: E402
from wamviz.models import registry  # noqa: E402
from wamviz.models.protocol import (  # noqa: E402
    Capabilities,
    DreamStep,
    ImagineStream,
    ModelEntry,
    check_request,
)
from wamviz.runs.store import Store  # noqa: E402

PATIENCE = 120.0
LOCAL = ("127.0.0.1", "localhost", "::1", "0.0.0.0", None, "", b"127.0.0.1")
CAPABILITIES = Capabilities(
    model_id="paced",
    title="Paced",
    description="A model for tests.",
    modes=("joint", "video", "forward_dynamics"),
    action_space=TABLETOP_ACTIONS,
    frame_size=(64, 64),
    video_fps=5.0,
    horizon=4,
    default_steps=6,
    max_steps=20,
    max_samples=4,
    worlds=("tabletop",),
    drivable=True,
)


@dataclass(frozen=True)
class PacedDream:
    """It can be driven too, at once: every action makes the picture brighter."""

    level: int = 40

    def step(self, actions: Floats) -> tuple[DreamStep, ...]:
        return tuple(brighten(self.level + 10 * (k + 1)) for k in range(len(actions)))


def brighten(level: int) -> DreamStep:
    """A grey picture."""
    return DreamStep(np.full((64, 64, 3), level % 256, np.uint8), PacedDream(level))


@dataclass
class Paced:
    """A model whose every step waits for ``allow``; it brightens a grey picture and is nobody's idea of a WAM."""

    capabilities: Capabilities = CAPABILITIES
    permits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    started: int = 0
    steps_done: int = 0
    closed: int = 0
    break_at: int | None = None

    def rest(self) -> None:
        while self.permits.acquire(blocking=False):
            pass
        self.started = self.steps_done = self.closed = 0
        self.break_at = None

    def open_drive(self, observation: Observation, seed: int = 0) -> DreamStep:
        return brighten(40)

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        check_request(self.capabilities, request)
        return self._stream(request)

    def _stream(self, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        self.started += 1
        steps = request.steps or CAPABILITIES.default_steps
        frames = np.full((request.samples, 5, 64, 64, 3), 40, np.uint8)  # (N, T, H, W, 3)
        frames[:, 1:] += (np.arange(1, 5, dtype=np.uint8) * 40)[None, :, None, None, None]
        try:
            yield Preview(0, steps, frames)
            for step in range(1, steps + 1):
                if not self.permits.acquire(timeout=PATIENCE):
                    raise TimeoutError("no test let this model go on")
                if step == self.break_at:
                    raise RuntimeError("secret internals of the paced model")
                self.steps_done += 1
                yield Preview(step, steps, frames, note="video")
            yield Imagined(tuple(self._rollout(request, frames, k) for k in range(request.samples)), {"total": 0.5})
        finally:
            self.closed += 1

    def _rollout(self, request: ImagineRequest, frames: Any, sample: int) -> Rollout:
        acts = request.mode != "video"
        return Rollout(
            "imagined",
            frames[sample],
            5.0,
            np.zeros((4, 7), np.float32) if acts else None,
            TABLETOP_ACTIONS if acts else None,
            instruction=request.observation.instruction,
            camera="exterior",
            seed=request.seed + sample,
        )


def main(folder: str, port: str, class_name: str = "") -> None:
    """Serve, then obey."""
    looked_up: list[str] = []
    resolve = socket.getaddrinfo

    def watched(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in LOCAL:
            looked_up.append(str(host))
        return resolve(host, *args, **kwargs)

    socket.getaddrinfo = watched
    from wamviz.ui import app

    paced = Paced()
    registry.register(ModelEntry(CAPABILITIES, lambda device: paced, resident=False))
    app.warm_up = lambda: None  # the tests say when a model is loaded
    classroom = None
    if class_name:
        from wamviz.lessons import Classroom, ClassStore

        classroom = Classroom(ClassStore(class_name, Path(folder).parent / "classes"), f"http://127.0.0.1:{port}")
    demo = app.build(Store(folder), classroom=classroom)
    app.launch(demo, port=int(port), prevent_thread_lock=True, quiet=True, _frontend=False)
    answer({"ready": True, **({"code": classroom.store.code, "key": classroom.key} if classroom else {})})
    for line in sys.stdin:
        command, _, number = line.strip().partition(" ")
        if command == "allow":
            for _ in range(int(number)):
                paced.permits.release()
        elif command == "break":
            paced.break_at = int(number)
        elif command == "rest":
            paced.rest()
        answer(
            {
                "started": paced.started,
                "steps_done": paced.steps_done,
                "closed": paced.closed,
                "looked_up": looked_up,
            }
        )


def answer(facts: dict[str, Any]) -> None:
    """One line to whoever commands."""
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
