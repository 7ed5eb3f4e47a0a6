"""The models that can be scored: on this machine, or behind a server."""
