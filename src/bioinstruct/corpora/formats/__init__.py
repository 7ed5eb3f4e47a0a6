"""The file formats that annotated corpora come in: strict, and exact about where a fault is."""
