"""Metrics for the answers of a model, computed with established libraries where they exist."""

from __future__ import annotations

from bioinstruct.bench.metrics.base import Array, Metric
from bioinstruct.bench.metrics.bertscore import bert_score
from bioinstruct.bench.metrics.closed import accuracy, macro_f1, relation_f1
from bioinstruct.bench.metrics.compat import medtuned_entity_f1, medtuned_relation_f1
from bioinstruct.bench.metrics.computed import (
    line_f1,
    quantities,
    span_f1,
    within_tolerance,
)
from bioinstruct.bench.metrics.entities import entity_f1, overlap_f1
from bioinstruct.bench.metrics.scale import pearson
from bioinstruct.bench.metrics.sets import (
    example_f1,
    label_f1,
    macro_label_f1,
    pair_f1,
    same_set,
)
from bioinstruct.bench.metrics.text import (
    bleu,
    chrf,
    concept_f1,
    exact_match,
    import_sacrebleu,
    rouge1,
    rouge2,
    rougeL,
    token_f1,
)
from bioinstruct.errors import UnknownNameError

__all__ = [
    "METRICS",
    "Array",
    "Metric",
    "accuracy",
    "bert_score",
    "bleu",
    "chrf",
    "concept_f1",
    "entity_f1",
    "exact_match",
    "example_f1",
    "get_metric",
    "label_f1",
    "line_f1",
    "macro_f1",
    "macro_label_f1",
    "medtuned_entity_f1",
    "medtuned_relation_f1",
    "overlap_f1",
    "pair_f1",
    "pearson",
    "quantities",
    "relation_f1",
    "rouge1",
    "rouge2",
    "rougeL",
    "same_set",
    "span_f1",
    "token_f1",
    "within_tolerance",
]

METRICS = {
    "accuracy": accuracy,
    "exact-match": exact_match,
    "token-f1": token_f1,
    "rouge1": rouge1,
    "rouge2": rouge2,
    "rougeL": rougeL,
    "bleu": bleu,
    "chrf": chrf,
    "entity-f1": entity_f1,
}
"""Metrics that users can name for their own records."""


def get_metric(name: str) -> Metric:
    """Return the metric of that name.

    Raises:
        UnknownNameError: there is no such metric.
        MissingError: it needs a library that is not installed.
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    if name in {"bleu", "chrf"}:
        import_sacrebleu()
    return METRICS[name]
