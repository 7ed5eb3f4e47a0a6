"""Grade written answers with a language model."""
