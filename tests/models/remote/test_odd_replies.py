"""Replies that no server should send: each is understood or refused in words, and never breaks what reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.models.remote.speakers import ALOHA_CONTEXT, DROID_CONTEXT, LIBERO_CONTEXT, ROBOTWIN_CONTEXT
from wamviz.core.errors import WamvizError
from wamviz.core.rollout import ImagineRequest, Observation
from wamviz.models.connections import Connection
from wamviz.models.remote import cosmos3_libero, cosmos_policy, groot, lingbot_va, openpi, roboarena, vllm_omni
from wamviz.models.remote.asking import PolicyRequest, policy_request
from wamviz.models.remote.kinds import kind_of

ODD: tuple[Any, ...] = (
    None, 0, -1, 1.5, float("nan"), float("inf"), 10**400, True, "", "x", b"", [], [[]], [1], [[1]], [[None]], ["a"],
    [{}], [[10**400]], {}, {"a": 1}, np.float32(3), np.zeros(()), np.zeros(0), np.zeros(3), np.zeros((2, 2)),
    np.zeros((3, 7)), np.zeros((3, 8)), np.full((3, 8), np.inf), np.zeros((1, 2, 8)), np.zeros((16, 2, 16)),
    np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), np.uint8),
)  # fmt: skip
ROWS = np.zeros((3, 8), np.float32)


def asked(kind: str, robot: str, context: Observation) -> PolicyRequest:
    url = f"{kind_of(kind).schemes[0]}://127.0.0.1:1"
    return policy_request(Connection("c", kind, url, robot), ImagineRequest(context, samples=2))


PI = asked("openpi", "droid", DROID_CONTEXT)
ROBOLAB = asked("openpi", "cosmos3-droid", DROID_CONTEXT)
ARENA = asked("roboarena", "droid", DROID_CONTEXT)
POLICY = asked("cosmos-policy", "aloha", ALOHA_CONTEXT)
LIBERO = asked("cosmos3-libero", "libero", LIBERO_CONTEXT)
GROOT = asked("groot", "droid", DROID_CONTEXT)
LINGBOT = asked("lingbot-va", "robotwin", ROBOTWIN_CONTEXT)
FORM = groot.ModalityConfig(("a",), ("b",), ("joint_position", "gripper_position"), 1, 1, "l")


def best(actions: Any, other: Any) -> None:
    for futures, values in ((other, None), (None, other), (other, actions)):
        told = {"all_actions": actions, "all_future_image_predictions": futures, "all_value_predictions": values}
        for one in cosmos_policy.candidates(told, 2):
            cosmos_policy.parse_response(one, POLICY)


READERS: dict[str, Callable[[Any, Any], object]] = {
    "openpi": lambda a, b: openpi.parse_response({"actions": a, "server_timing": {"infer_ms": b}}, PI),
    "openpi, bare": lambda a, b: openpi.parse_response(a, PI),
    "openpi, video": lambda a, b: openpi.parse_response({"actions": ROWS, "video": a, "server_timing": b}, ROBOLAB),
    "roboarena": lambda a, b: roboarena.parse_response({"actions": a, "type": b}, ARENA),
    "roboarena, greeting": lambda a, b: roboarena.adapt_request(ARENA, {"action_space": a}),
    "roboarena, size": lambda a, b: roboarena.adapt_request(
        ARENA, {"action_space": "joint_position", "image_resolution": a, "n_external_cameras": b}
    ),
    "cosmos policy": lambda a, b: cosmos_policy.parse_response(
        {"actions": np.zeros((50, 14)), "future_image_predictions": {"future_image": a}, "value_prediction": b}, POLICY
    ),
    "cosmos policy, best": best,
    "libero": lambda a, b: cosmos3_libero.parse_response({"action": a, "video": b}, LIBERO),
    "libero, error": lambda a, b: cosmos3_libero.parse_response(
        {"action": [[0.0] * 7] * 4, "video": a, "error": b}, LIBERO
    ),
    "groot": lambda a, b: groot.parse_response([{"joint_position": a, "gripper_position": b}, {}], GROOT, FORM),
    "groot, form": lambda a, b: groot.modality_config({"video": a, "action": b, "language": a, "state": b}),
    "lingbot": lambda a, b: lingbot_va.unrolled(a, LINGBOT, first=True),
    "lingbot, video": lambda a, b: lingbot_va._views({"video": a}, LINGBOT),
    "vllm": lambda a, b: vllm_omni._table({"data": a, "shape": b}),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_an_odd_reply_is_understood_or_refused(read: Callable[[Any, Any], object]) -> None:
    """Whatever stands in the place of whatever: an answer, or a sentence."""
    server_error = 0
    for first in ODD:
        for second in ODD:
            try:
                read(first, second)
            except WamvizError as error:
                server_error += 1
                assert error.message
    assert server_error > len(ODD)
