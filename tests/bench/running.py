"""Run the benchmark command into one folder, whatever settings it was run with there before."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["into_out"]


def into_out(args: Sequence[object]) -> list[str]:
    """The arguments, with `--out out --force` where a model is run and no folder named."""
    texts = [str(arg) for arg in args]
    if {"--model", "--encoder", "--agreement"} & set(texts) and "--out" not in texts:
        texts += ["--out", "out"]
    others = {"ablate", "compare", "export", "report", "verify"}
    if {"--model", "--encoder"} & set(texts) and texts[0] not in others:
        texts += ["--force"]
    return texts
