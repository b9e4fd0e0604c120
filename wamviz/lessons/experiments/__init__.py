"""The experiments of the lessons, one a module, each with an ``EXPERIMENT``; the folder is searched."""
