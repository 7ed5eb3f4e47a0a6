"""Tune a model with LoRA."""
