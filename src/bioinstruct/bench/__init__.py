"""Score, tune and compare language models on biomedical tasks."""
