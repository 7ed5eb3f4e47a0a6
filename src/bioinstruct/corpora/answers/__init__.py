"""Forms of an answer: how each is written, and read back."""
