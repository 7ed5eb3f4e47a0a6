"""Load, describe, publish and export datasets of instructions."""
