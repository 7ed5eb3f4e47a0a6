"""Compile corpora, and draw mixtures of them."""
