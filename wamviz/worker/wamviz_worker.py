"""Serves one lerobot policy to wamviz, from the environment that lerobot's pins want. See docs/worker.md.

    python wamviz_worker.py --policy CHECKPOINT [--port 8765] [--fps 15] [--dataset DIR]

Contract: this one file, the standard library, numpy and the policy's own environment; wamviz is not imported. It
listens on this machine only. ``GET /info`` says what the policy wants and gives, as JSON; ``POST /imagine`` takes four
bytes of length, a JSON header and an npz, and answers with one JSON line an event: ``{"words", "step", "steps"}`` while
it goes on, ``{"error"}``, or at last ``{"done": {"bytes", "seconds", "notes"}}`` and an npz of that many bytes. Nothing
is ever unpickled. When the other side hangs up, work ends at the policy's next step. Actions come back in the units of
the policy's data set, frames out of the policy's own sampling. Written for lerobot 0.6.1.

Axis letters: T frames, H/W pixels, K actions, A numbers of an action, D numbers of the state.
"""

from __future__ import annotations

import argparse
import hmac
import inspect
import io
import json
import os
import select
import socket
import struct
import sys
import threading
import time
import traceback
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import numpy as np

PROTOCOL = 1
CONTENT = "application/x-wamviz-worker"  # no page of a browser can send this to us unasked
MAX_REQUEST = 64_000_000  # bytes: a few uncompressed views of 4 megapixels
Tick = Callable[[str, int, int], None]  # words, step, steps; raises ``Gone`` when nobody waits any more


class Refused(Exception):
    """What was asked cannot be done; the message is for the user."""


class Gone(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Ask:
    """One question.

    Attributes:
        mode: one of the policy's ``modes``.
        instruction: the words.
        seed: of everything drawn.
        steps: denoising steps, or None for the policy's own number.
        pictures: (H, W, 3) uint8 by view.
        state: (D,) float32, or None where the policy wants none.
    """

    mode: str
    instruction: str
    seed: int
    steps: int | None
    pictures: dict[str, np.ndarray]
    state: np.ndarray | None


@dataclass(frozen=True)
class Answer:
    """What the policy gave: actions (K, A) float32 in physical units, and by view (T, H, W, 3) uint8 if any."""

    actions: np.ndarray
    videos: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Policy(Protocol):
    """What is served: ``LerobotPolicy``, or anything else that answers the same two."""

    info: dict[str, Any]

    def imagine(self, ask: Ask, tick: Tick) -> Answer: ...


# --- lerobot --------------------------------------------------------------------------------------------------------

# By policy: what is called once a denoising step, the setting that says how many steps, further steps beside those.
_STEPS: dict[str, tuple[str, str, str]] = {
    "fastwam": ("model.infer_action_scheduler.step", "config.num_inference_steps", ""),
    "lingbot_va": ("transformer.forward", "config.num_inference_steps", "config.action_num_inference_steps"),
    "diffusion": ("diffusion.noise_scheduler.step", "diffusion.num_inference_steps", ""),
    "pi0": ("model.denoise_step", "config.num_inference_steps", ""),
    "pi05": ("model.denoise_step", "config.num_inference_steps", ""),
    "smolvla": ("model.denoise_step", "config.num_steps", ""),
    "act": ("model.forward", "", ""),
}
_IMAGES = "observation.images."


class LerobotPolicy:
    """A policy of lerobot with its own processors before and behind it."""

    def __init__(self, told: argparse.Namespace) -> None:
        import torch
        from lerobot.configs.policies import PreTrainedConfig
        from lerobot.policies.factory import get_policy_class, make_pre_post_processors

        self._torch = torch
        if not told.policy:
            raise Refused("Name the policy: --policy lerobot/NAME, or the folder of a checkpoint.")
        device = told.device or ("cuda" if torch.cuda.is_available() else "cpu")
        config = PreTrainedConfig.from_pretrained(told.policy)
        config.device = device
        if config.type == "lingbot_va":
            config.save_predicted_video = True
        self._policy = get_policy_class(config.type).from_pretrained(told.policy, config=config).to(device).eval()
        self._config = self._policy.config
        self._before, self._after = make_pre_post_processors(
            self._config,
            pretrained_path=str(told.policy),
            preprocessor_overrides={"device_processor": {"device": device}},
        )
        self._views = {_name(key): key for key in self._config.image_features}
        self.info = self._described(told, str(config.type))

    def _described(self, told: argparse.Namespace, kind: str) -> dict[str, Any]:
        config = self._config
        video = {"fastwam": ("joint", "act_only"), "lingbot_va": ("imagine_then_act",)}.get(kind)
        chunk, frames = self._lengths(kind)
        state = config.robot_state_feature
        dim = int(config.action_feature.shape[0])
        sizes = {name: list(config.image_features[key].shape[1:]) for name, key in self._views.items()}
        return {
            "wamviz_worker": PROTOCOL,
            "policy": kind,
            "title": f"{kind} from {Path(told.policy).name if Path(told.policy).exists() else told.policy}",
            "modes": list(video or ("act_only",)),
            # The world-action models scale each view to their own size themselves, whatever its proportions.
            "views": [{"key": n, "size": size, "fit": "stretch" if video else "pad"} for n, size in sizes.items()],
            "state": None if state is None else {"key": "state", "count": int(state.shape[0])},
            "actions": _meaning(told, dim, getattr(config, "action_feature_names", None)),
            "chunk": chunk,
            "frames": frames,
            "steps": self._steps(kind)[0] if kind in _STEPS and _STEPS[kind][1] else 0,
        }

    def _lengths(self, kind: str) -> tuple[int, int]:
        """Actions of a chunk, and its imagined frames without the context."""
        config = self._config
        if kind == "fastwam":
            return config.action_horizon, (config.num_video_frames - 1) // config.action_video_freq_ratio
        if kind == "lingbot_va":  # of the first chunk, whose first latent frame is the context; a latent is four frames
            return (config.frame_chunk_size - 1) * config.action_per_frame, (config.frame_chunk_size - 1) * 4
        if kind == "diffusion":
            return int(config.n_action_steps), 0
        return int(getattr(config, "chunk_size", 0) or config.n_action_steps), 0

    def _steps(self, kind: str) -> tuple[int, int]:
        """Denoising steps that can be asked for, and those that come beside them."""
        _, main, beside = _STEPS.get(kind, ("", "", ""))
        return (int(_get(self._policy, main)) if main else 1), (int(_get(self._policy, beside)) if beside else 0)

    def imagine(self, ask: Ask, tick: Tick) -> Answer:
        """One chunk from one observation; the same seed, device and versions give the same one."""
        torch, kind = self._torch, str(self._config.type)
        call, setting, _ = _STEPS.get(kind, ("", "", ""))
        usual = _get(self._policy, setting) if setting else None
        if ask.steps is not None and setting:
            _set(self._policy, setting, ask.steps)
        steps, beside = self._steps(kind)
        undo = _counted(self._policy, call, steps + beside, tick) if call else None
        try:
            tick("reading the observation", 0, steps + beside)
            torch.manual_seed(ask.seed)
            self._policy.reset()
            with torch.inference_mode():
                batch = self._before(self._observation(ask))
                if kind == "fastwam" and ask.mode == "joint":
                    return self._fastwam(batch, ask)
                chunk = self._policy.predict_action_chunk(self._remembered(batch))
                videos = self._lingbot(tick) if kind == "lingbot_va" else {}
                return Answer(self._physical(chunk), videos)
        finally:
            if undo is not None:
                undo()
            if setting:
                _set(self._policy, setting, usual)

    def _observation(self, ask: Ask) -> dict[str, Any]:
        """What a dataset of lerobot would hold: pictures (1, 3, H, W) in 0 .. 1, the state (1, D), the task."""
        torch = self._torch
        batch: dict[str, Any] = {"task": ask.instruction, "robot_type": ""}
        for name, key in self._views.items():
            picture = np.ascontiguousarray(ask.pictures[name].transpose(2, 0, 1))
            batch[key] = torch.from_numpy(picture).float()[None] / 255
        if ask.state is not None:
            batch["observation.state"] = torch.from_numpy(ask.state)[None]
        return batch

    def _remembered(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Policies that look at several past observations get this one as each, as at the start of an episode."""
        queues = getattr(self._policy, "_queues", None) or {}
        if any(name.startswith("observation") for name in queues):
            from lerobot.policies.utils import populate_queues

            if self._views:
                pictures = [batch[key] for key in self._config.image_features]
                batch = {**batch, "observation.images": self._torch.stack(pictures, dim=-4)}
            self._policy._queues = populate_queues(queues, batch)
        return batch

    def _physical(self, chunk: Any) -> np.ndarray:
        """Actions (1, K, A) of the policy as (K, A) in the units of its data; one at a time, as lerobot does it."""
        rows = [self._after(chunk[:, index]) for index in range(chunk.shape[1])]
        return np.asarray(self._torch.stack(rows, dim=1)[0].float().cpu().numpy(), np.float32)

    def _fastwam(self, batch: dict[str, Any], ask: Ask) -> Answer:
        """FastWAM's joint sampling, which its ``predict_action_chunk`` leaves out: video and actions together."""
        from lerobot.policies.fastwam.modeling_fastwam import _batch_to_infer_kwargs

        config, model = self._config, self._policy.model
        wanted = {**_batch_to_infer_kwargs(batch, config), "seed": ask.seed, "test_action_with_infer_action": False}
        known = inspect.signature(model.infer_joint).parameters
        frames = (config.num_video_frames - 1) // config.action_video_freq_ratio + 1
        made = model.infer_joint(
            num_video_frames=frames, **{name: value for name, value in wanted.items() if name in known}
        )
        video = np.stack([np.asarray(frame.convert("RGB"), np.uint8) for frame in made["video"]])  # views side by side
        return Answer(self._physical(made["action"][None]), _side_by_side(video, list(self._views)))

    def _lingbot(self, tick: Tick) -> dict[str, np.ndarray]:
        """The latents that LingBot-VA predicted with the actions, decoded and cut into its views."""
        tick("decoding the video", 0, 0)
        config = self._config
        video = np.asarray(self._policy.decode_predicted_latents(self._policy.last_predicted_latents).cpu().numpy())
        names = [_name(key) for key in config.obs_cam_keys]
        if config.camera_layout == "robotwin_tshape":  # two half-size wrists above the head
            third = video.shape[1] // 3
            found = {names[0]: video[:, third:], **_side_by_side(video[:, :third], names[1:3])}
        else:
            found = _side_by_side(video, names)
        return {name: one[:, :, ::-1] if config.image_hflip else one for name, one in found.items()}


def _name(key: str) -> str:
    return key.removeprefix(_IMAGES).removeprefix("observation.")


def _side_by_side(video: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    """(T, H, n W, 3) cut into n views."""
    width = video.shape[2] // len(names)
    return {name: video[:, :, index * width : (index + 1) * width] for index, name in enumerate(names)}


def _get(policy: Any, path: str) -> Any:
    for name in path.split("."):
        policy = getattr(policy, name)
    return policy


def _set(policy: Any, path: str, value: Any) -> None:
    holder, _, name = path.rpartition(".")
    setattr(_get(policy, holder), name, value)


def _counted(policy: Any, path: str, steps: int, tick: Tick) -> Callable[[], None]:
    """Tick before every call of ``path``, until the returned function is called."""
    holder, _, name = path.rpartition(".")
    owner = _get(policy, holder)
    call, done = getattr(owner, name), [0]

    def ticking(*args: Any, **kwargs: Any) -> Any:
        tick("imagining", min(done[0], steps), steps)
        done[0] += 1
        return call(*args, **kwargs)

    object.__setattr__(owner, name, ticking)  # past the modules' own bookkeeping
    return lambda: object.__delattr__(owner, name)


def _meaning(told: argparse.Namespace, dim: int, known: list[str] | None) -> dict[str, Any]:
    """What the actions mean, as far as the policy, its data set or the user says; nothing is guessed."""
    rate, names = told.fps, _listed(told.action_names) or list(known or ())
    if told.dataset:
        facts = json.loads((Path(told.dataset) / "meta" / "info.json").read_text("utf-8"))
        rate = rate or facts.get("fps")
        recorded = facts.get("features", {}).get("action", {}).get("names")
        if isinstance(recorded, dict):  # some data sets name them under a heading
            recorded = next(iter(recorded.values()), None)
        names = names or list(recorded or ())
    if not rate:
        raise Refused("The policy does not say how fast it acts: give --fps, or --dataset with the data it learned.")
    names = names or [f"action_{index}" for index in range(dim)]
    units = _listed(told.action_units) or [""] * dim
    units = units * dim if len(units) == 1 else units
    for what, found in (("names", names), ("units", units)):
        if len(found) != dim:
            raise Refused(f"The policy's actions have {dim} numbers; {len(found)} {what} were given: {found}")
    return {"names": [str(n) for n in names], "units": units, "kind": told.action_kind, "rate": float(rate)}


def _listed(words: str | None) -> list[str]:
    return [word.strip() for word in words.split(",")] if words else []


# --- the wire -------------------------------------------------------------------------------------------------------


def unpack(data: bytes, limit: int = MAX_REQUEST) -> dict[str, np.ndarray]:
    """The arrays of an npz: plain numbers, and no more of them than ``limit`` bytes once unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > limit:
                raise Refused(f"The arrays have more than {limit} bytes.")
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (zipfile.BadZipFile, ValueError, OSError, KeyError, EOFError) as error:
        raise Refused("The arrays cannot be read; they are sent as npz.") from error


def understood(data: bytes, info: Mapping[str, Any]) -> Ask:
    """A request as it was sent, judged against what the policy wants."""
    size = struct.unpack(">I", data[:4])[0] if len(data) >= 4 else 0
    try:
        header = json.loads(data[4 : 4 + size])
        mode, words, seed, steps = (header[name] for name in ("mode", "instruction", "seed", "steps"))
        assert isinstance(words, str) and isinstance(seed, int) and (steps is None or 1 <= int(steps) <= 1000)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise Refused("The header needs mode, instruction, seed and steps.") from error
    if mode not in info["modes"]:
        raise Refused(f"This policy has no mode '{mode}', only {', '.join(info['modes'])}.")
    arrays = unpack(data[4 + size :])
    pictures = {view["key"]: arrays.get(f"view/{view['key']}") for view in info["views"]}
    for name, picture in pictures.items():
        if picture is None or picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise Refused(f"View '{name}' is missing or no uint8 (H, W, 3).")
    state, wanted = arrays.get("state"), info["state"]
    if wanted is not None and (state is None or state.dtype != np.float32 or state.shape != (wanted["count"],)):
        raise Refused(f"The state is missing or no float32 ({wanted['count']},).")
    return Ask(mode, words, seed, steps, pictures, state if wanted is not None else None)  # type: ignore[arg-type]


class Worker(ThreadingHTTPServer):
    """Serves one policy to one question at a time."""

    daemon_threads = True

    def __init__(self, policy: Policy, port: int, token: str = "") -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.policy, self.token, self.turn = policy, token, threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One connection: it is closed after the answer, whose end is counted in bytes."""

    server: Worker
    server_version, sys_version = "wamviz-worker", ""
    timeout = 60

    def do_GET(self) -> None:
        if self._welcome("/info"):
            self._plain(200, json.dumps(self.server.policy.info).encode())

    def do_POST(self) -> None:
        if not self._welcome("/imagine"):
            return
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Content-Type") != CONTENT or not 0 < size <= MAX_REQUEST:
            return self._plain(400, f"send {CONTENT}, up to {MAX_REQUEST} bytes".encode())
        data = self.rfile.read(size)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.end_headers()
        try:
            self._answer(data)
        except (Gone, ConnectionError, TimeoutError):
            self.log_message("%s", "nobody waits any more: stopped")
        self.close_connection = True

    def _answer(self, data: bytes) -> None:
        try:
            ask = understood(data, self.server.policy.info)
            while not self.server.turn.acquire(timeout=0.2):
                self._tick("waiting for another question's end", 0, 0)
            try:
                started = time.perf_counter()
                answer = self.server.policy.imagine(ask, self._tick)
            finally:
                self.server.turn.release()
        except (Gone, ConnectionError, TimeoutError):
            raise
        except Refused as error:
            return self._line({"error": str(error)})
        except Exception as error:  # the worker outlives a failed question, and the user reads why it failed
            traceback.print_exc()
            return self._line({"error": f"{type(error).__name__}: {error}"})
        packed = io.BytesIO()
        made: dict[str, Any] = {"actions": answer.actions}
        made.update({f"view/{name}": one for name, one in answer.videos.items()})
        np.savez(packed, **made)
        spent, body = time.perf_counter() - started, packed.getvalue()
        self._line({"done": {"bytes": len(body), "seconds": round(spent, 3), "notes": list(answer.notes)}})
        self.wfile.write(body)

    def _tick(self, words: str, step: int, steps: int) -> None:
        ready, _, _ = select.select([self.connection], [], [], 0)
        if ready and self.connection.recv(1, socket.MSG_PEEK) == b"":
            raise Gone
        self._line({"words": words, "step": step, "steps": steps})

    def _line(self, event: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(event).encode() + b"\n")
        self.wfile.flush()

    def _welcome(self, path: str) -> bool:
        told = self.headers.get("Authorization", "")
        if self.path != path:
            self._plain(404, b"there are GET /info and POST /imagine")
        elif self.server.token and not hmac.compare_digest(told.encode(), f"Bearer {self.server.token}".encode()):
            self._plain(401, b"a token is wanted")
        else:
            return True
        return False

    def _plain(self, status: int, words: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(words)))
        self.end_headers()
        self.wfile.write(words)


def main(words: list[str] | None = None, make: Callable[[argparse.Namespace], Policy] = LerobotPolicy) -> int:
    """Load the policy, then serve it until it is interrupted."""
    parser = argparse.ArgumentParser(prog="wamviz_worker", description="Serves one lerobot policy to wamviz.")
    parser.add_argument("--policy", default="", help="a repository of the hub, or the folder of a checkpoint")
    parser.add_argument("--port", type=int, default=8765, help="on 127.0.0.1; 0 takes a free one (default: 8765)")
    parser.add_argument("--device", default="", help="cpu, cuda, mps ... (default: cuda where there is one)")
    parser.add_argument("--token-env", default="", help="the environment variable with a token that wamviz has to send")
    parser.add_argument("--fps", type=float, default=None, help="actions a second")
    parser.add_argument("--dataset", default="", help="folder of the LeRobot data set it learned: rate and names")
    parser.add_argument("--action-names", default="", help="what each number of an action is, comma-separated")
    parser.add_argument("--action-units", default="", help="their units, one for all or comma-separated")
    kinds = ("ee_delta", "ee_pose", "joint_position", "joint_velocity", "unnamed")
    parser.add_argument("--action-kind", default="unnamed", choices=kinds, help="how the pose part is to be read")
    told = parser.parse_args(words)
    try:
        token = os.environ.get(told.token_env, "").strip() if told.token_env else ""
        if told.token_env and not token:
            raise Refused(f"The environment variable {told.token_env} is not set.")
        worker = Worker(make(told), told.port, token)
    except (Refused, OSError, ImportError, ValueError) as error:
        print(f"wamviz_worker: {error}", file=sys.stderr)
        return 2
    print(f"serving {worker.policy.info['title']} at http://127.0.0.1:{worker.server_port}", flush=True)
    try:
        worker.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        worker.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
