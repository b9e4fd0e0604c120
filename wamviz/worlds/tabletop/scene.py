"""The MuJoCo model of the kitchen table: compiled once, copied for every environment, randomised at run time.

``new_model()`` returns a fresh ``mujoco.MjModel`` that its caller may change (colours, toaster pose,
lights, camera). World frame: the robot's base is the origin, x points away from it over the table, z up; metres.
"""

from __future__ import annotations

import copy
import functools
import os
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from wamviz.core.errors import Unavailable
from wamviz.worlds.tabletop import arm, props
from wamviz.worlds.tabletop.layout import Layout
from wamviz.worlds.tabletop.objects import MOVABLE, SHAPES

TIMESTEP = 0.004  # s
EXTERIOR_POSITION = (1.15, 0.62, 0.68)
EXTERIOR_LOOK_AT = (0.42, 0.0, 0.12)
EXTERIOR_FOV = 40.0  # vertical, degrees
TABLE_X, TABLE_Y = (-0.25, 0.95), (-0.65, 0.65)
ABSENT_POSITION = (-1.7, -1.6, -0.5)  # behind the wall, where no camera sees it

_TEXTURE_SIDE = 256


def mesh_folder() -> Path:
    """Where the Panda's meshes lie: ``$WAMVIZ_ASSETS/panda`` or ``assets/panda`` next to the package."""
    base = os.environ.get("WAMVIZ_ASSETS")
    return (Path(base) if base else Path(__file__).resolve().parents[3] / "assets") / "panda"


def wood(seed: int = 0) -> NDArray[np.uint8]:
    """A board of four planks with grain, (256, 256, 3) uint8; the same for the same seed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:_TEXTURE_SIDE, 0:_TEXTURE_SIDE] / _TEXTURE_SIDE
    plank = np.minimum((rows * 4).astype(int), 3)
    shift, shade = rng.uniform(0, 9, 4)[plank], rng.uniform(-0.06, 0.06, 4)[plank]
    rings = np.sin(88 * rows + 2.6 * np.sin(6 * columns + shift) + 2.2 * shift)
    fibres = 0.5 * np.sin(150 * rows + 9 * columns + 3 * shift)
    light = 1 + 0.05 * (rings + fibres) + shade + rng.normal(0, 0.012, plank.shape)
    light[(rows * 4) % 1 < 0.025] *= 0.76  # the gap between planks
    return np.clip(light[..., None] * np.array([176, 128, 84]), 0, 255).astype(np.uint8)


def _mjcf() -> str:
    meshes = "".join(f'<mesh name="{name}" file="{name}.obj"/>' for name in arm.MESHES) + props.prop_meshes()
    tinted = "".join(
        f'<material name="{name}" rgba="1 1 1 1" specular="{specular}" shininess="{shininess}"/>'
        for name, specular, shininess in (
            ("orange", 0.35, 0.4), ("mug", 0.6, 0.7), ("bowl", 0.5, 0.6), ("toaster", 0.5, 0.6), ("toast", 0.1, 0.2),
            ("red_block", 0.3, 0.4), ("green_block", 0.3, 0.4), ("blue_block", 0.3, 0.4), ("wall", 0, 0),
            ("floor", 0, 0), ("lever", 0.4, 0.4), ("panda_white", 0.4, 0.4),
        )
    )  # fmt: skip
    rubber = 'friction="1.6 .02 .002" condim="4" solref=".01 1"'
    solid = 'friction="1 .01 .001" condim="4" solref=".01 1"'
    camera_pos = " ".join(map(str, EXTERIOR_POSITION))
    return f"""<mujoco model="tabletop">
<compiler angle="radian" autolimits="true" inertiafromgeom="auto"/>
<option timestep="{TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="5" jacobian="dense"/>
<visual><quality shadowsize="1024" offsamples="0"/><map znear=".01" zfar="8" shadowclip="1"/>
 <headlight ambient=".42 .42 .42" diffuse=".25 .25 .25" specular=".1 .1 .1"/></visual>
<statistic extent="1" center=".4 0 .1"/>
<default>
 <default class="drawn"><geom type="mesh" contype="0" conaffinity="0" group="2" mass="0"/></default>
 <default class="seen"><geom contype="0" conaffinity="0" group="2"/></default>
 <default class="arm"><geom contype="1" conaffinity="2" group="3" mass="0"/></default>
 <default class="pad"><geom contype="1" conaffinity="2" group="3" mass="0" {rubber}/></default>
 <default class="movable"><geom contype="2" conaffinity="3" group="1" {solid}/></default>
 <default class="hull"><geom contype="2" conaffinity="3" group="3" {solid}/></default>
 <default class="fixed"><geom contype="2" conaffinity="1" group="1" friction=".8 .01 .001"/></default>
</default>
<asset>{meshes}
 <texture name="panda" file="panda.png" type="2d"/><material name="panda" texture="panda" specular=".4" shininess=".4"/>
 <texture name="wood" type="2d" builtin="flat" width="{_TEXTURE_SIDE}" height="{_TEXTURE_SIDE}" rgb1=".6 .45 .3"/>
 <material name="table" texture="wood" texrepeat="2 3" specular=".15" shininess=".3"/>
 <texture name="sky" type="skybox" builtin="gradient" rgb1=".85 .85 .85" rgb2=".6 .6 .6" width="64" height="64"/>
 {tinted}</asset>
<worldbody>
 <light name="key" pos=".3 -.8 1.8" dir=".1 .4 -1" type="spot" castshadow="true" cutoff="70" exponent="1"
  diffuse=".42 .41 .39" specular=".25 .25 .25"/>
 <light name="fill" pos="1.2 1.2 1.6" dir="-.6 -.6 -1" type="directional" castshadow="false" diffuse=".28 .28 .3"/>
 <geom class="fixed" name="floor" type="plane" pos="0 0 -.75" size="4 4 .1" material="floor"/>
 <geom class="seen" type="box" pos="-.75 0 .6" size=".02 3 1.5" material="wall"/>
 <geom class="seen" type="box" pos=".5 -1.3 .6" size="3 .02 1.5" material="wall"/>
 <geom class="fixed" name="table" type="box" pos=".35 0 -.02" size=".6 .65 .02" material="table"/>
 <geom class="seen" type="box" pos=".35 0 -.4" size=".55 .6 .36" rgba=".3 .28 .27 1"/>
 <camera name="exterior" pos="{camera_pos}" fovy="{EXTERIOR_FOV}"/>
 {arm.arm()}{props.toaster()}{props.orange()}{props.mug()}{props.bowl()}{props.blocks()}
</worldbody>
{arm.couplings()}
<actuator>{arm.actuators()}</actuator>
</mujoco>"""


@functools.lru_cache(maxsize=1)
def _compiled() -> mujoco.MjModel:
    folder = mesh_folder()
    names = [f"{name}.obj" for name in arm.MESHES] + ["panda.png"]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise Unavailable(
            f"The robot's meshes are missing: {missing[0]} is not in {folder}.",
            "Set WAMVIZ_ASSETS to the assets folder of a wamviz checkout.",
        )
    model = mujoco.MjModel.from_xml_string(_mjcf(), {name: (folder / name).read_bytes() for name in names})
    model.texture("wood").data[:] = wood()
    return model


def new_model() -> mujoco.MjModel:
    """A copy of the compiled model, free to be changed.

    Raises:
        Unavailable: the mesh files are missing.
    """
    return copy.copy(_compiled())


def place_things(model: mujoco.MjModel, data: mujoco.MjData, layout: Layout) -> None:
    """Stand the toaster and the movable things where a layout has them; what it lacks hovers out of sight."""
    toaster, place = model.body("toaster").id, layout.toaster
    model.body_pos[toaster] = [place.x, place.y, 0]
    model.body_quat[toaster] = [np.cos(place.yaw / 2), 0, 0, np.sin(place.yaw / 2)]
    for i, name in enumerate(MOVABLE):
        address, spot = int(model.jnt_qposadr[model.body(name).jntadr[0]]), layout.objects.get(name)
        # An absent object hovers: the model stays the same for every scene.
        model.body_gravcomp[model.body(name).id] = 1.0 if spot is None else 0.0
        if spot is None:
            x, y, z = ABSENT_POSITION
            data.qpos[address : address + 7] = [x, y + 0.25 * i, z, 1, 0, 0, 0]
        else:
            data.qpos[address : address + 3] = [spot.x, spot.y, SHAPES[name].rest_z]
            data.qpos[address + 3 : address + 7] = [np.cos(spot.yaw / 2), 0, 0, np.sin(spot.yaw / 2)]
