"""MJCF of the kitchen things: toaster with lever and toast, orange, mug, bowl, blocks.

Each function returns one ``<body>`` (or the assets that bodies share) as MJCF text; ``scene`` puts them
together. Geometry classes: ``movable`` collides with everything, ``fixed`` is part of the furniture, ``seen`` is
drawn only, ``hull`` collides but is not drawn. Lengths in metres.
"""

from __future__ import annotations

import math

from wamviz.worlds.tabletop.objects import (
    BLOCK_HALF,
    BLOCKS,
    BOWL_HEIGHT,
    LEVER_TOP,
    LEVER_TRAVEL,
    MUG_HEIGHT,
    MUG_RADIUS,
    ORANGE_RADIUS,
    TOASTER_HALF,
)

_MUG_WALL, _MUG_FLOOR = 0.0045, 0.009
_SIDES = 28  # of turned shapes


def turned_mesh(name: str, profile: list[tuple[float, float]]) -> str:
    """A ``<mesh>``: ``profile`` (radius, height), from the axis to the axis, turned about z."""
    points, faces = [], []
    for radius, height in profile:
        for k in range(_SIDES):
            angle = 2 * math.pi * k / _SIDES
            points.append(f"{radius * math.cos(angle):.5f} {radius * math.sin(angle):.5f} {height:.5f}")
    for ring in range(len(profile) - 1):
        inner_is_point, outer_is_point = profile[ring][0] == 0, profile[ring + 1][0] == 0
        for k in range(_SIDES):
            a, b = ring * _SIDES + k, ring * _SIDES + (k + 1) % _SIDES
            c, d = a + _SIDES, b + _SIDES
            if not inner_is_point:
                faces.append(f"{a} {b} {d}")
            if not outer_is_point:
                faces.append(f"{a} {d} {c}")
    return f'<mesh name="{name}" vertex="{" ".join(points)}" face="{" ".join(faces)}"/>'


def prop_meshes() -> str:
    """Meshes of the mug and the bowl, drawn over their collision boxes."""
    radius, inner = MUG_RADIUS, MUG_RADIUS - _MUG_WALL
    mug = [(0, 0), (radius - 0.003, 0), (radius, 0.004), (radius, MUG_HEIGHT)]
    mug += [(inner, MUG_HEIGHT), (inner, _MUG_FLOOR), (0, _MUG_FLOOR)]
    outside = [(0.0, 0.0), (0.046, 0.0), (0.051, 0.004), (0.0625, 0.026), (0.0755, 0.0515)]
    inside = [(0.0705, BOWL_HEIGHT - 0.001), (0.0575, 0.028), (0.046, 0.0125), (0.0, 0.0121)]
    return turned_mesh("mug", [(float(r), float(z)) for r, z in mug]) + turned_mesh("bowl", outside + inside)


def toaster() -> str:
    """A rounded box that stands still; the lever slides down its -x end and carries the toast with it."""
    length, width, height = TOASTER_HALF
    edge = 0.02  # rounding radius
    shell = [
        f'<geom class="fixed" type="box" pos="0 0 {height + 0.006}" size="{length - edge} {width} {height - 0.012}"'
        ' material="toaster"/>',
        f'<geom class="fixed" type="box" pos="0 0 {height}" size="{length} {width - edge} {height - edge}"'
        ' material="toaster"/>',
        f'<geom class="fixed" type="box" pos="0 0 {height - 0.012}" size="{length} {width} {height - 0.032}"'
        ' material="toaster"/>',
    ]
    for sx in (-1, 1):
        for sy in (-1, 1):
            shell.append(
                f'<geom class="seen" type="cylinder"'
                f' pos="{sx * (length - edge)} {sy * (width - edge)} {height - 0.006}"'
                f' size="{edge} {height - 0.026}" material="toaster"/>'
            )
    for sy in (-1, 1):
        y, z = sy * (width - edge), 2 * height - 0.026
        shell.append(
            f'<geom class="seen" type="capsule" fromto="{edge - length} {y} {z} {length - edge} {y} {z}" size="{edge}"'
            ' material="toaster"/>'
        )
    trim = (
        f'<geom class="seen" type="box" pos="0 0 .008" size="{length + 0.002} {width + 0.002} .008"'
        ' rgba=".12 .12 .12 1"/>'
    )
    for y in (0.022, -0.022):
        trim += (
            f'<geom class="seen" type="box" pos="0 {y} {2 * height - 0.005}" size="{length - 0.022} .0095 .0012"'
            ' rgba=".05 .05 .05 1"/>'
        )
    trim += (
        f'<geom class="seen" type="box" pos="{-length - 0.0005} 0 .1" size=".0012 .005 .04" rgba=".05 .05 .05 1"/>'
        f'<geom class="seen" type="cylinder" pos="{-length - 0.004} .03 .045" size=".011 .005" euler="0 1.5708 0"'
        ' rgba=".15 .15 .15 1"/>'
    )
    lever = (
        f'<body name="lever" pos="{-length} 0 {LEVER_TOP}" gravcomp="1">'
        f'<joint name="lever" type="slide" axis="0 0 1" range="{-LEVER_TRAVEL} 0" damping="4" frictionloss="2.5"'
        ' armature=".02"/>'
        '<geom class="movable" name="lever" type="box" pos="-.024 0 0" size=".022 .017 .007" material="lever"'
        ' mass=".05"/>'
        '<geom class="seen" type="box" pos="-.004 0 0" size=".006 .004 .006" rgba=".1 .1 .1 1"/></body>'
    )
    slices = "".join(
        f'<geom class="seen" type="box" pos="0 {y} -.03" size=".05 .0065 .042" material="toast" mass=".02"/>'
        for y in (0.022, -0.022)
    )
    toast = (
        f'<body name="toast" pos="0 0 {2 * height + 0.008}" gravcomp="1">'
        f'<joint name="toast" type="slide" axis="0 0 1" range="-.06 .01" damping="1"/>{slices}</body>'
    )
    return f'<body name="toaster" pos=".53 -.1 0">{"".join(shell)}{trim}{lever}{toast}</body>'


def orange() -> str:
    """A ball with a little stem; rolling friction lets it come to rest."""
    return (
        '<body name="orange"><freejoint/>'
        f'<geom class="movable" name="orange" type="sphere" size="{ORANGE_RADIUS}" material="orange" mass=".12"'
        ' condim="6" friction="1 .02 .004"/>'
        f'<geom class="seen" type="cylinder" pos="0 0 {ORANGE_RADIUS - 0.0005}" size=".004 .0015"'
        ' rgba=".25 .4 .1 1" mass="0"/>'
        "</body>"
    )


def mug() -> str:
    """A mug whose wall is a ring of boxes, so that a finger fits inside; the handle points to +x.

    Only its smooth foot touches the table: a mug that is pushed slides rather than topples.
    """
    walls, sides = "", 14
    middle, foot = MUG_RADIUS - 0.0015, 0.002
    half = (MUG_HEIGHT - foot) / 2
    for k in range(sides):
        angle = 2 * math.pi * k / sides
        walls += (
            f'<geom class="hull" type="box"'
            f' pos="{middle * math.cos(angle):.5f} {middle * math.sin(angle):.5f} {foot + half}"'
            f' size=".0025 .0082 {half}" euler="0 0 {angle:.4f}" mass=".008"/>'
        )
    handle = ""
    for ends in (".035 0 .07 .06 0 .065", ".06 0 .065 .06 0 .03", ".06 0 .03 .035 0 .022"):
        handle += f'<geom class="movable" type="capsule" fromto="{ends}" size=".005" material="mug" mass=".004"/>'
    return (
        '<body name="mug"><freejoint/><geom class="hull" type="cylinder" pos="0 0 .004" size=".035 .004"'
        ' mass=".05" priority="1" friction=".3 .01 .001"/>'
        f'{walls}{handle}<geom class="seen" type="mesh" mesh="mug" material="mug" mass="0"/></body>'
    )


def bowl() -> str:
    """A bowl: a heavy floor and a ring of boxes that lean outwards."""
    walls, sides, lean = "", 20, 0.5
    for k in range(sides):
        turn = math.pi * k / sides  # half the angle around z
        qw, qz = math.cos(turn), math.sin(turn)
        lw, ly = math.cos(lean / 2), math.sin(lean / 2)
        x, y = 0.060 * math.cos(2 * turn), 0.060 * math.sin(2 * turn)
        walls += (
            f'<geom class="hull" type="box" pos="{x:.5f} {y:.5f} .027" size=".003 .0125 .028" mass=".01"'
            f' quat="{qw * lw:.5f} {-qz * ly:.5f} {qw * ly:.5f} {qz * lw:.5f}"/>'
        )
    return (
        '<body name="bowl"><freejoint/><geom class="hull" type="cylinder" pos="0 0 .006" size=".045 .006" mass=".15"/>'
        f'{walls}<geom class="seen" type="mesh" mesh="bowl" material="bowl" mass="0"/></body>'
    )


def blocks() -> str:
    """Three cubes."""
    return "".join(
        f'<body name="{name}"><freejoint/><geom class="movable" name="{name}" type="box"'
        f' size="{BLOCK_HALF} {BLOCK_HALF} {BLOCK_HALF}" material="{name}" mass=".06"/></body>'
        for name in BLOCKS
    )
