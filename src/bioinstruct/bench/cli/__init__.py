"""The command `bioinstruct-bench`."""
