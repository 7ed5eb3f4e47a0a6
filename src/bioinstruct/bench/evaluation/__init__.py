"""Score models on tasks, keep their answers, and report."""
