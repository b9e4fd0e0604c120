"""The stage: one player that shows imagined, recorded and executed rollouts in lockstep.

Contract: ``TaskStage`` is the component; ``stage_value``, ``preview_value``, ``several_value``,
``episode_value`` and ``empty_value`` make the only values it takes, all of them a ``StageValue``. It knows no handler
and no page, and nothing here samples, reads or writes.
"""

from wamviz.ui.stage.clips import strip
from wamviz.ui.stage.component import Stage
from wamviz.ui.stage.messages import VIEWS, StageValue
from wamviz.ui.stage.several import several_value
from wamviz.ui.stage.values import empty_value, episode_value, preview_value, stage_value

__all__ = [
    "VIEWS",
    "Stage",
    "StageValue",
    "empty_value",
    "episode_value",
    "preview_value",
    "several_value",
    "stage_value",
    "strip",
]
