"""The subcommands of `bioinstruct`: one module each, with `add` for its options."""
