"""wamviz: see what a world-action model imagines, beside what really happened."""

__version__ = "0.1.0"
