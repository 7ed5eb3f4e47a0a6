"""Score, tune and compare language models on biomedical tasks.

Importing this package is cheap: each name is imported when it is first used.
"""

from typing import TYPE_CHECKING

from bioinstruct.lazy import lazy_names

if TYPE_CHECKING:
    from bioinstruct.bench.ablation.api import ablate
    from bioinstruct.bench.ablation.arms import Design
    from bioinstruct.bench.ablation.matrix import Ablation
    from bioinstruct.bench.api import evaluate, load_model, load_tasks, suites, tune
    from bioinstruct.bench.evaluation.report import Report
    from bioinstruct.bench.metrics import (
        METRICS,
        Metric,
        accuracy,
        bert_score,
        bleu,
        chrf,
        concept_f1,
        entity_f1,
        exact_match,
        example_f1,
        label_f1,
        line_f1,
        macro_f1,
        macro_label_f1,
        overlap_f1,
        pair_f1,
        pearson,
        relation_f1,
        rouge1,
        rouge2,
        rougeL,
        same_set,
        span_f1,
        token_f1,
        within_tolerance,
    )
    from bioinstruct.bench.results import Comparison, Scores, Tuned, compare
    from bioinstruct.bench.tasks.base import Task, task
    from bioinstruct.bench.tasks.evaluation_set import Evaluation
    from bioinstruct.bench.tasks.formulation import Formulation
    from bioinstruct.bench.tasks.variation import Variation
    from bioinstruct.bench.training.recipe import Recipe, load_recipe

__all__ = [
    "METRICS",
    "Ablation",
    "Comparison",
    "Design",
    "Evaluation",
    "Formulation",
    "Metric",
    "Recipe",
    "Report",
    "Scores",
    "Task",
    "Tuned",
    "Variation",
    "ablate",
    "accuracy",
    "bert_score",
    "bleu",
    "chrf",
    "compare",
    "concept_f1",
    "entity_f1",
    "evaluate",
    "exact_match",
    "example_f1",
    "label_f1",
    "line_f1",
    "load_model",
    "load_recipe",
    "load_tasks",
    "macro_f1",
    "macro_label_f1",
    "overlap_f1",
    "pair_f1",
    "pearson",
    "relation_f1",
    "rouge1",
    "rouge2",
    "rougeL",
    "same_set",
    "span_f1",
    "suites",
    "task",
    "token_f1",
    "tune",
    "within_tolerance",
]

_HOMES = {
    "bioinstruct.bench.ablation.api": ("ablate",),
    "bioinstruct.bench.ablation.arms": ("Design",),
    "bioinstruct.bench.ablation.matrix": ("Ablation",),
    "bioinstruct.bench.api": ("evaluate", "load_model", "load_tasks", "suites", "tune"),
    "bioinstruct.bench.evaluation.report": ("Report",),
    "bioinstruct.bench.metrics": (
        *("METRICS", "Metric", "accuracy", "bert_score", "bleu", "chrf", "concept_f1"),
        *("entity_f1", "exact_match", "example_f1", "label_f1", "macro_f1", "macro_label_f1"),
        *("overlap_f1", "pair_f1", "pearson", "relation_f1", "rouge1", "rouge2", "rougeL"),
        *("line_f1", "same_set", "span_f1", "token_f1", "within_tolerance"),
    ),
    "bioinstruct.bench.results": ("Comparison", "Scores", "Tuned", "compare"),
    "bioinstruct.bench.tasks.base": ("Task", "task"),
    "bioinstruct.bench.tasks.evaluation_set": ("Evaluation",),
    "bioinstruct.bench.tasks.formulation": ("Formulation",),
    "bioinstruct.bench.tasks.variation": ("Variation",),
    "bioinstruct.bench.training.recipe": ("Recipe", "load_recipe"),
}

if not TYPE_CHECKING:  # a type checker reads the imports above
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
