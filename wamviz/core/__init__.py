"""Nouns and leaves: rollouts, cameras, video, errors, devices, signals. It knows no other room."""
