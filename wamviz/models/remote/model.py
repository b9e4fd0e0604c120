"""A server behind the model protocol: a request in, waiting that can be watched and stopped, rollouts out.

Contract: everything in a rollout came in a reply. The context is checked before anything is sent; every quarter of a
second without news is a ``Preview``, so that closing the generator soon closes the connection; a lost connection is
tried once more as long as no reply was there. Each sample is a question of its own, so that those that came are kept
when a later one fails. It knows no protocol.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from wamviz.core.errors import Damaged, WamvizError
from wamviz.core.rollout import Imagined, ImagineRequest, Preview, Rollout
from wamviz.core.threads import BEAT_S, stream_coroutine
from wamviz.models.connections import Connection
from wamviz.models.protocol import Capabilities, ImagineStream, check_request
from wamviz.models.remote.asking import PolicyRequest, PolicyResponse, Report, policy_request, protocol_of
from wamviz.models.remote.codec import LIMITS, CodecLimits
from wamviz.models.remote.kinds import kind_of
from wamviz.models.remote.network import HIDDEN, ConnectionLost, redact_token


class RemoteModel:
    """A model that runs on a server which the user named."""

    def __init__(
        self, connection: Connection, capabilities: Capabilities, beat: float = BEAT_S, limits: CodecLimits = LIMITS
    ) -> None:
        self.capabilities = capabilities
        self.connection = connection
        self._kind = kind_of(connection.kind)
        self._beat, self._limits = beat, limits
        # The weights are not known from here; another address or another robot is another model.
        settings = json.dumps(connection.to_json(), sort_keys=True)
        self.weights_digest = hashlib.sha256(settings.encode()).hexdigest()[:16]
        self.runs_on = f"a server at {connection.url}"

    def imagine(self, request: ImagineRequest) -> ImagineStream:
        """Check request and context now; then ask, yielding previews, and end with the rollouts.

        Raises:
            WamvizError: at once for what the context lacks; from the stream for what the server does or says.
        """
        check_request(self.capabilities, request)
        policy = policy_request(self.connection, request, self._limits)
        protocol_of(self._kind).check(policy)
        return self._stream(policy, request)

    def _stream(self, policy: PolicyRequest, request: ImagineRequest) -> Iterator[Preview | Imagined]:
        start = time.perf_counter()
        replies: list[PolicyResponse] = []
        cost = self._kind.cost(self.connection.settings, request.samples) if self._kind.cost else ""
        words = f"connecting to {policy.server.host}"
        if cost:
            yield Preview(0, request.samples, note=cost)  # whoever stops here has not been billed
        shown = Preview(0, request.samples, note=words)
        yield shown

        failed: list[str] = []  # what ended the samples that are not there, in words
        token = self.connection.token()
        work = partial(self._ask, policy, failed)
        with redact_token(token), contextlib.closing(stream_coroutine(work, self._beat)) as events:
            for event in events:
                if isinstance(event, PolicyResponse):
                    if replies and not _alike(replies[0], event):
                        failed.append(f"Sample {len(replies) + 1} has another length or size and is left out.")
                        continue
                    replies.append(policy.as_shown(event))
                elif event is not None:
                    words = event
                shown = self._preview(replies, request, f"{words}, {time.perf_counter() - start:.0f} s", shown)
                yield shown
        if not replies:
            raise Damaged(f"{policy.server.host} ended without a reply.")
        spent = {"total": time.perf_counter() - start}
        if seconds := [reply.server_s for reply in replies if reply.server_s is not None]:
            spent["server"] = sum(seconds)
        rollouts = tuple(self._rollout(reply, request, index) for index, reply in enumerate(replies))
        notes = (*self._notes(replies, policy), *(words.replace(token, HIDDEN) if token else words for words in failed))
        yield Imagined(rollouts, spent, notes)

    async def _ask(self, policy: PolicyRequest, failed: list[str], report: Report) -> None:
        """Ask for all samples, one after the other; what came stays when a later one fails, and ``failed`` says why.

        Raises:
            WamvizError: the first one failed.
        """
        count = policy.imagine.samples
        questions = [policy] if self._kind.together else [policy.sample(index) for index in range(count)]
        came = 0

        def heard(event: str | PolicyResponse) -> None:
            nonlocal came
            came += isinstance(event, PolicyResponse)
            report(event)

        def answered(before: int) -> Callable[[], bool]:
            return lambda: came > before

        for question in questions:
            try:
                await self._ask_twice(question, heard, answered(came))
            except WamvizError as error:
                if not came:
                    raise
                failed.append(f"Sample {came + 1} failed, and no further one was asked for: {error}")
                return

    async def _ask_twice(self, question: PolicyRequest, report: Report, answered: Callable[[], bool]) -> None:
        """Ask; once more where the connection was lost before the reply. An error says what happened first."""
        protocol = protocol_of(self._kind)
        try:
            await protocol.ask(question, report)
        except ConnectionLost as first:
            if answered():
                raise
            report("the connection was lost; once more")
            try:
                await protocol.ask(question, report)
            except WamvizError as second:
                if second.message == first.message:
                    raise
                raise second.with_text(message=f"{first.message} Asked once more: {second.message}") from second

    def _preview(self, replies: list[PolicyResponse], request: ImagineRequest, note: str, before: Preview) -> Preview:
        if len(replies) == before.step:  # a clip of Veo's is 130 MB: not stacked anew four times a second
            return replace(before, note=note)
        frames = [reply.frames for reply in replies if reply.frames is not None]
        actions = [reply.actions for reply in replies if reply.actions is not None]
        return Preview(
            len(replies),
            max(len(replies), request.samples),
            np.stack(frames) if frames else None,
            np.stack(actions) if actions else None,
            note,
        )

    def _notes(self, replies: list[PolicyResponse], policy: PolicyRequest) -> tuple[str, ...]:
        notes = [self._kind.cost(self.connection.settings, len(replies))] if self._kind.cost else []
        notes += [note for reply in replies for note in reply.notes]
        notes += policy.orientation_notes if policy.robot.views else ()
        if policy.robot.views:  # where only the server knew what it wants, its module has said what was sent
            notes.append(policy.sent)
        if len(replies) < policy.imagine.samples:
            notes.append(f"The server gave {len(replies)} of the {policy.imagine.samples} samples that were asked for.")
        if not self._kind.seeded:
            notes.append("The server draws its own random numbers: the seed is not told to it.")
        return tuple(dict.fromkeys(notes))

    def _rollout(self, reply: PolicyResponse, request: ImagineRequest, index: int) -> Rollout:
        observation = request.observation
        camera = reply.camera or observation.main_camera
        meta: dict[str, Any] = {
            "model": self.capabilities.model_id,
            "mode": request.mode,
            "actions": "none" if reply.actions is None else "imagined",
            "server": self._kind.name,
            **reply.meta,
        }
        return Rollout(
            origin="imagined",
            frames=reply.frames,
            fps=reply.fps,
            actions=reply.actions,
            action_space=reply.space,
            instruction=observation.instruction,
            camera=camera,
            camera_model=reply.seen_by(observation.cameras.get(camera)),
            seed=request.seed + index if self._kind.seeded else None,
            meta=meta,
        )


def _alike(first: PolicyResponse, reply: PolicyResponse) -> bool:
    """Whether two samples have one shape, as those of a fan have to."""
    shapes = [None if one.frames is None else one.frames.shape for one in (first, reply)]
    rows = [None if one.actions is None else one.actions.shape for one in (first, reply)]
    return rows[0] == rows[1] and shapes[0] == shapes[1]
