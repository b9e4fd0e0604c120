"""What imagines: the protocol, the registry and one module an adapter."""
