"""The things on the table: their names, sizes and colours.

Every other module of the world refers to objects by these ids. Lengths in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

BLOCKS = ("red_block", "green_block", "blue_block")
MOVABLE = ("orange", "mug", "bowl", *BLOCKS)  # bodies with a free joint, in the order of the snapshot
PICKABLE = ("orange", "mug", *BLOCKS)  # what the gripper can hold
PLACEABLE = ("orange", *BLOCKS)  # what fits into the bowl
SEGMENTS = ("background", "arm", *MOVABLE, "lever")  # what a pixel shows; table, wall, toaster and toast are background

TOASTER_HALF = (0.085, 0.062, 0.085)  # half length, width, height; the lever sits at the -length end
TOASTER_RADIUS = 0.15  # of the circle kept free around it
LEVER_TOP = 0.128  # height of the lever when up
LEVER_TRAVEL = 0.055
LEVER_REACH = 0.03  # from the toaster's end face to where a finger presses
LEVER_PRESSED = 0.04  # how far down counts as pressed

BLOCK_HALF = 0.021
ORANGE_RADIUS = 0.033
MUG_RADIUS, MUG_HEIGHT = 0.035, 0.09
BOWL_RADIUS, BOWL_HEIGHT = 0.074, 0.055


@dataclass(frozen=True)
class Shape:
    """What the layout and the expert need to know of an object.

    Attributes:
        radius: of the circle around it on the table, handle included, m.
        height: m.
        rest_z: height of the body frame when it stands on the table, m.
    """

    radius: float
    height: float
    rest_z: float

    def __post_init__(self) -> None:
        if min(self.radius, self.height, self.rest_z) <= 0:
            raise ValueError("An object's radius, height and rest height must be above 0.")


SHAPES = {
    "orange": Shape(ORANGE_RADIUS, 2 * ORANGE_RADIUS, ORANGE_RADIUS + 0.0005),
    "mug": Shape(0.06, MUG_HEIGHT, 0.0005),
    "bowl": Shape(0.082, BOWL_HEIGHT, 0.0005),
    **{block: Shape(0.03, 2 * BLOCK_HALF, BLOCK_HALF + 0.0005) for block in BLOCKS},
}

RGB = tuple[float, float, float]

# Colours that have a name in the language; one is drawn per scene. They stay clear of the blocks' and the orange's.
MUG_COLOURS: dict[str, RGB] = {"white": (0.93, 0.92, 0.90), "yellow": (0.95, 0.80, 0.18), "purple": (0.50, 0.28, 0.66)}
BOWL_COLOURS: dict[str, RGB] = {"teal": (0.10, 0.58, 0.62), "pink": (0.92, 0.50, 0.62), "white": (0.92, 0.92, 0.94)}
BLOCK_COLOURS: dict[str, RGB] = {"red": (0.85, 0.10, 0.09), "green": (0.10, 0.60, 0.18), "blue": (0.10, 0.25, 0.82)}
TOASTER_COLOURS: tuple[RGB, ...] = ((0.76, 0.77, 0.79), (0.86, 0.83, 0.74), (0.62, 0.70, 0.74), (0.70, 0.68, 0.72))
