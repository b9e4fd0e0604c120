"""Kept runs: the ``Run`` noun, its files, and the content-addressed store.

run = Run(id=run_id(...), ...)
write_run("out", run)          # what `imagine --out` leaves behind
Store().save(run)              # the same files, kept under the run's id
"""

from wamviz.runs.store.disk import RunSummary, Store
from wamviz.runs.store.files import read_run, write_run
from wamviz.runs.store.run import Run, check_id, run_id

__all__ = ["Run", "RunSummary", "Store", "check_id", "read_run", "run_id", "write_run"]
