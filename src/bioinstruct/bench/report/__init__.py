"""What can be looked at after a run: its items, its page, its tables, and whether they agree."""
