"""From episodes to latents to weights to evaluation."""
