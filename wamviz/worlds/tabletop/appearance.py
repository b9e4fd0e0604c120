"""How a scene looks: colours, light and the exterior camera, drawn per seed.

``sample_appearance(rng)`` depends on the generator alone; ``apply`` writes every field it names, so that
nothing of an earlier scene is left over. Colours are linear RGB in 0..1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.worlds.tabletop import objects
from wamviz.worlds.tabletop.objects import RGB
from wamviz.worlds.tabletop.scene import EXTERIOR_FOV, EXTERIOR_LOOK_AT, EXTERIOR_POSITION

_CAMERA_JITTER, _LOOK_JITTER, _FOV_JITTER = 0.04, 0.012, 1.0  # m, m, degrees


@dataclass(frozen=True)
class Appearance:
    """The look of one scene.

    Attributes:
        colours: RGB by material name.
        mug_colour, bowl_colour: the names by which the language calls them.
        key_position: of the light that casts shadows, m.
        key_diffuse, fill_diffuse, ambient: RGB light.
        camera_position, camera_look_at: exterior camera, m.
        camera_fov: vertical, degrees.
    """

    colours: Mapping[str, RGB]
    mug_colour: str
    bowl_colour: str
    key_position: RGB
    key_diffuse: RGB
    fill_diffuse: RGB
    ambient: RGB
    camera_position: RGB
    camera_look_at: RGB
    camera_fov: float

    def __post_init__(self) -> None:
        if any(not 0 <= part <= 1 for colour in self.colours.values() for part in colour):
            raise ValueError("Colours must lie in 0..1.")
        if not 20 <= self.camera_fov <= 90:
            raise ValueError("The exterior camera's field of view must lie in 20..90 degrees.")


def _triple(values: NDArray[np.float64]) -> RGB:
    return float(values[0]), float(values[1]), float(values[2])


def sample_appearance(rng: np.random.Generator) -> Appearance:
    """Draw a look."""

    def near(colour: RGB, spread: float, dim: float = 0.0) -> RGB:
        shade = 1 - dim * rng.random()
        return _triple(np.clip(np.array(colour) * shade + rng.uniform(-spread, spread, 3), 0.02, 1))

    mug = str(rng.choice(list(objects.MUG_COLOURS)))
    bowl = str(rng.choice([name for name in objects.BOWL_COLOURS if name != mug]))
    toaster = objects.TOASTER_COLOURS[int(rng.integers(len(objects.TOASTER_COLOURS)))]
    colours: dict[str, RGB] = {
        "table": near((0.96, 0.96, 0.96), 0.07, 0.15),
        "wall": near((0.84, 0.83, 0.80), 0.07, 0.15),
        "floor": near((0.45, 0.45, 0.47), 0.05, 0.2),
        "toaster": near(toaster, 0.03, 0.1),
        "toast": near((0.78, 0.55, 0.30), 0.04, 0.1),
        "lever": near((0.08, 0.08, 0.08), 0.02),
        "orange": near((1.0, 0.50, 0.05), 0.03, 0.05),
        "mug": near(objects.MUG_COLOURS[mug], 0.03),
        "bowl": near(objects.BOWL_COLOURS[bowl], 0.03),
        "panda_white": (0.95, 0.95, 0.95),
    }
    for name, colour in objects.BLOCK_COLOURS.items():
        colours[f"{name}_block"] = near(colour, 0.035)
    brightness = rng.uniform(0.85, 1.15)
    warmth = rng.uniform(-0.03, 0.03)
    tint = np.array([1 + warmth, 1.0, 1 - warmth]) * brightness
    return Appearance(
        colours=colours,
        mug_colour=mug,
        bowl_colour=bowl,
        key_position=_triple(np.array([0.3, -0.8, 1.8]) + rng.uniform(-0.25, 0.25, 3) * [1, 1, 0.5]),
        key_diffuse=_triple(np.array([0.50, 0.49, 0.47]) * tint),
        fill_diffuse=_triple(np.array([0.28, 0.28, 0.30]) * tint * rng.uniform(0.85, 1.15)),
        ambient=_triple(np.full(3, 0.42) * rng.uniform(0.92, 1.06)),
        camera_position=_triple(np.array(EXTERIOR_POSITION) + rng.uniform(-_CAMERA_JITTER, _CAMERA_JITTER, 3)),
        camera_look_at=_triple(np.array(EXTERIOR_LOOK_AT) + rng.uniform(-_LOOK_JITTER, _LOOK_JITTER, 3)),
        camera_fov=float(EXTERIOR_FOV + rng.uniform(-_FOV_JITTER, _FOV_JITTER)),
    )


def look_at(position: RGB, target: RGB) -> NDArray[np.float64]:
    """Pose (4, 4) of a camera at ``position`` looking at ``target``, level; OpenCV axes."""
    forward = np.array(target) - np.array(position)
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = position
    return pose


def apply(model: mujoco.MjModel, look: Appearance) -> None:
    """Write a look into a model."""
    for name, colour in look.colours.items():
        model.mat_rgba[model.material(name).id, :3] = colour
    key, fill = model.light("key").id, model.light("fill").id
    model.light_pos[key] = look.key_position
    model.light_diffuse[key], model.light_diffuse[fill] = look.key_diffuse, look.fill_diffuse
    model.vis.headlight.ambient[:] = look.ambient
    camera = model.camera("exterior").id
    pose = look_at(look.camera_position, look.camera_look_at)
    # MuJoCo's camera looks along -z with y up: turn half about x.
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, (pose[:3, :3] @ np.diag([1.0, -1.0, -1.0])).ravel())
    model.cam_pos[camera], model.cam_quat[camera] = look.camera_position, quaternion
    model.cam_fovy[camera] = look.camera_fov
