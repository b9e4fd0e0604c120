"""Probes: a task with ground truth, extensions beyond it, and what a model's samples make of each.

The check that Reuss 2026 made once by eye (one context frame, a reference task, a composed extension), as a file that
anyone can run again: ``probe`` says what is asked, ``extensions`` makes more of it, ``suite_run`` asks the models,
``judges`` say what came of it, ``report`` shows it. It knows no page and no argument parser.
"""

from wamviz.probes.probe import Contender, Probe, Prompt, Suite, read_suite, write_suite
from wamviz.probes.suite_run import Cell, CellDone, run_suite

__all__ = ["Cell", "CellDone", "Contender", "Probe", "Prompt", "Suite", "read_suite", "run_suite", "write_suite"]
