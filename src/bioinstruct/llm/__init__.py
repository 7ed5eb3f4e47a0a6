"""Clients for model providers, with rate limits, budgets, and a transcript of all answers."""
