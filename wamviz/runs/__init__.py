"""The work: imagining, executing, inferring actions, comparing, evaluating, and the runs that are kept of it."""
