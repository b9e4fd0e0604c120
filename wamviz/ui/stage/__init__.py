"""The stage: one player that shows imagined, recorded and executed rollouts in lockstep.

Contract: ``Stage`` is the component; ``stage_value``, ``preview_value``, ``several_value``,
``episode_value`` and ``empty_value`` make the only values it takes. It knows no handler and no page, and nothing here
samples, reads or writes.
"""

from wamviz.ui.stage.component import Stage
from wamviz.ui.stage.values import (
    VIEWS,
    empty_value,
    episode_value,
    preview_value,
    several_value,
    stage_value,
    strip,
)

__all__ = ["VIEWS", "Stage", "empty_value", "episode_value", "preview_value", "several_value", "stage_value", "strip"]
