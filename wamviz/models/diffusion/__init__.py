"""Models out of diffusers, run in this process: Cosmos3 with its actions, and video backbones without any.

``entry`` is the way in; ``kinds`` is the table. Nothing here imports torch before weights are wanted, and nothing asks
a network but ``hub.download``, which only ``connect NAME --download`` calls.
"""
