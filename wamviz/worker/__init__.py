"""A policy in an environment of its own, behind a local socket: ``wamviz_worker.py`` is all that it takes there."""
