"""Models over the wire: servers that the user named, each behind the model protocol.

``connections`` keeps them, ``kinds`` lists the protocols, ``model`` is the adapter; one module speaks one protocol.
"""
