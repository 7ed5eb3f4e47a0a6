"""Talking to a model provider: requests, limits, money, and a transcript that loses nothing."""
