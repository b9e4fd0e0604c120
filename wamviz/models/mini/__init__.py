"""mini-WAM: the embedded world-action model, a diffusers pipeline small enough for two CPU cores."""
