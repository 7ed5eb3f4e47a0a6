"""The demonstration set: frames and entity tables, and the code that puts them together."""
