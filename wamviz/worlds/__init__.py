"""What really happens: simulators that can execute actions."""
