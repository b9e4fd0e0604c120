"""The sentences in which a task can be told, by kind and split.

Contract: templates with ``{x}`` (target), ``{y}`` (destination) and ``{side}``. Every word of a held-out template
also occurs in a training template of some kind: what is held out is the phrasing, not the vocabulary.
"""

from __future__ import annotations

SPLITS = ("train", "heldout")

TEMPLATES: dict[str, dict[str, tuple[str, ...]]] = {
    "lever": {
        "train": (
            "push the toaster lever",
            "push down the lever of the toaster",
            "press the toaster lever down",
            "push the lever down",
            "press the lever on the toaster",
            "lower the toaster lever",
            "start the toaster",
            "turn on the toaster",
            "switch on the toaster",
            "press down on the toaster lever",
            "make toast",
            "make some toast",
            "toast the bread",
            "move the toaster lever down",
            "pull the lever of the toaster down",
            "lower the bread into the toaster",
            "push the toaster handle down",
            "turn the toaster on",
        ),
        "heldout": (
            "press the lever of the toaster down",
            "lower the lever on the toaster",
            "pull down the toaster lever",
            "move the lever down",
            "press down on the toaster handle",
        ),
    },
    "pick": {
        "train": (
            "pick up {x}",
            "pick {x} up",
            "lift {x}",
            "lift {x} up",
            "lift up {x}",
            "grab {x}",
            "grab {x} and lift it",
            "grasp {x}",
            "take {x}",
            "raise {x}",
            "get {x}",
            "pick {x} off the table",
            "lift {x} off the table",
            "raise {x} from the table",
            "take hold of {x} and lift it",
            "grasp {x} and raise it",
            "pick up {x} and hold it",
        ),
        "heldout": (
            "grasp {x} and lift it up",
            "take {x} off the table",
            "raise {x} up",
            "get hold of {x} and lift it",
            "pick up {x} from the table",
        ),
    },
    "place": {
        "train": (
            "put {x} in {y}",
            "place {x} in {y}",
            "put {x} into {y}",
            "place {x} inside {y}",
            "drop {x} in {y}",
            "drop {x} into {y}",
            "pick up {x} and put it in {y}",
            "pick {x} up and place it in {y}",
            "move {x} into {y}",
            "move {x} to {y}",
            "take {x} and put it in {y}",
            "set {x} in {y}",
            "lift {x} and drop it in {y}",
            "fill {y} with {x}",
            "bring {x} to {y}",
            "grab {x} and put it into {y}",
        ),
        "heldout": (
            "place {x} into {y}",
            "take {x} and drop it into {y}",
            "lift {x} and place it inside {y}",
            "bring {x} into {y}",
            "set {x} inside {y}",
        ),
    },
    "push": {
        "train": (
            "push {x} to the {side}",
            "push {x} {side}",
            "slide {x} to the {side}",
            "slide {x} {side}",
            "nudge {x} to the {side}",
            "move {x} to the {side}",
            "move {x} {side}",
            "shove {x} to the {side}",
            "push {x} towards the {side}",
            "slide {x} towards the {side}",
            "nudge {x} towards the {side}",
            "shift {x} to the {side}",
            "push {x} over to the {side}",
            "give {x} a push to the {side}",
            "move {x} a bit to the {side}",
            "push {x} a little to the {side}",
        ),
        "heldout": (
            "shift {x} towards the {side}",
            "nudge {x} {side}",
            "slide {x} over to the {side}",
            "give {x} a nudge to the {side}",
            "shove {x} a little to the {side}",
        ),
    },
    "stack": {
        "train": (
            "stack {x} on {y}",
            "stack {x} on top of {y}",
            "put {x} on {y}",
            "put {x} on top of {y}",
            "place {x} on {y}",
            "place {x} on top of {y}",
            "pick up {x} and put it on {y}",
            "pick {x} up and stack it on {y}",
            "set {x} on {y}",
            "set {x} down on {y}",
            "build a tower with {x} on {y}",
            "make a tower with {x} on top of {y}",
            "take {x} and put it on top of {y}",
            "move {x} onto {y}",
            "put {x} onto {y}",
            "grab {x} and place it on {y}",
        ),
        "heldout": (
            "stack {x} onto {y}",
            "set {x} on top of {y}",
            "take {x} and stack it on {y}",
            "place {x} onto {y}",
            "build a tower with {x} on top of {y}",
        ),
    },
    "lever_then_pick": {
        "train": (
            "push the toaster lever, then pick up {x}",
            "push down the lever and then lift {x}",
            "first push the toaster lever, then grab {x}",
            "press the toaster lever and pick up {x}",
            "after pushing the toaster lever, pick up {x}",
            "start the toaster, then take {x}",
            "turn on the toaster and then pick up {x}",
            "first start the toaster and then grab {x}",
            "push the lever down, then lift {x}",
            "lower the toaster lever, then grasp {x}",
            "make toast, then pick up {x}",
            "start the toaster and lift {x}",
            "before picking up {x}, push the toaster lever",
            "pick up {x} after pushing the toaster lever",
            "press the lever, then raise {x} off the table",
            "switch on the toaster, then get {x}",
            "push the toaster lever and then pick {x} up",
        ),
        "heldout": (
            "press the toaster lever down, then lift {x} up",
            "first turn on the toaster, then pick up {x}",
            "after pushing the lever, grab {x}",
            "make some toast and then take {x}",
            "lower the lever of the toaster and pick {x} up",
        ),
    },
}

KINDS = tuple(TEMPLATES)
SIDES = ("left", "right")

# How people are polite; the empty frame is by far the most frequent.
FRAMES = ("{s}", "please {s}", "{s}, please", "can you {s}?", "could you please {s}?", "now {s}", "robot, {s}")
POLITENESS = 0.15  # share of instructions in a frame other than the first
