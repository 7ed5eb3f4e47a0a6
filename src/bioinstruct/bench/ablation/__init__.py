"""Which instructions help which task: tune on parts of a data set, and score each tuning."""

from __future__ import annotations

from bioinstruct.bench.ablation.arms import Arm, Design, make_arms

__all__ = ["Arm", "Design", "make_arms"]
