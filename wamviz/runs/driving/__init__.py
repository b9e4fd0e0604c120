"""Driving an imagined world by hand, beside the real one."""

from wamviz.runs.driving.drive import LONGEST, STEP_MOST, Drift, Drive, Moment, open_drive
from wamviz.runs.driving.keeping import keep_drive
from wamviz.runs.driving.turns import check_drivable, take_turn
from wamviz.runs.driving.world import DriveWorld, Real, shared_world

__all__ = [
    "LONGEST",
    "STEP_MOST",
    "Drift",
    "Drive",
    "DriveWorld",
    "Moment",
    "Real",
    "check_drivable",
    "keep_drive",
    "open_drive",
    "shared_world",
    "take_turn",
]
