"""Which way round a picture is: the scene as it is seen from the camera, a mirror image of it, or either upside down.

Simulated cameras are drawn from below upwards (OpenGL), and datasets and policies undo that in different ways: who
turns such a picture by half has a mirror image of what flipping its rows gives. So a dataset says how the pictures are
that it hands over, a policy how it wants them, and whoever sends them converts once.
"""

from __future__ import annotations

import numpy as np

from wamviz.core.errors import unknown_name
from wamviz.core.rollout import Frames

# Whether its rows, and whether its columns, run the other way than in an upright picture.
ORIENTATIONS = {
    "upright": (False, False),
    "mirrored": (False, True),
    "upside down": (True, False),
    "turned": (True, True),  # by 180 degrees
}


def reorient(frames: Frames, now: str, wanted: str) -> Frames:
    """(..., H, W, 3) pictures of orientation ``now`` as ones of ``wanted``, contiguous.

    Raises:
        WamvizError: no such orientation.
    """
    for name in (now, wanted):
        if name not in ORIENTATIONS:
            raise unknown_name("orientation of a picture", name, ORIENTATIONS)
    rows, columns = (a != b for a, b in zip(ORIENTATIONS[now], ORIENTATIONS[wanted], strict=True))
    turned = frames[..., ::-1, :, :] if rows else frames
    return np.ascontiguousarray(turned[..., ::-1, :] if columns else turned)
