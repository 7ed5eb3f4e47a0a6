"""What is saved with a fine-tuned encoder for other programs: names of labels, and its card."""

from __future__ import annotations

from collections.abc import Sequence

from bioinstruct.bench.evaluation.report import Row
from bioinstruct.bench.models.loading import portable_name
from bioinstruct.bench.tasks.base import Task
from bioinstruct.text import one_line

__all__ = ["encoder_card", "with_type"]

_TYPES = {
    "ncbi-disease": "Disease",
    "bc5cdr-disease": "Disease",
    "bc5cdr-chemical": "Chemical",
    "bc4chemd": "Chemical",
    "bc2gm": "Gene",
    "jnlpba-gene": "Gene",
    "linnaeus": "Species",
    "anatem": "Anatomy",
}
"""The type of the entities of tasks whose answers do not name it."""


def with_type(label: str, task: Task) -> str:
    """Return the label as it is saved: transformers takes a `B` without a type for a type."""
    return f"{label}-{_TYPES.get(task.corpus or task.name, 'Entity')}" if label in "BI" else label


def encoder_card(name: str, task: Task, *, words: bool, rows: Sequence[Row] = ()) -> str:
    """Return the model card of a classifier of texts, or of `words`, with the scores of `rows`."""
    from huggingface_hub import EvalResult, ModelCardData

    kind = "token-classification" if words else "text-classification"
    how = ', aggregation_strategy="first"' if words else ""
    results = [
        EvalResult(
            task_type=kind,
            dataset_type=row.task,
            dataset_name=row.task,
            dataset_split=row.split,
            metric_type=row.metric,
            metric_name=row.metric,
            metric_value=round(row.base.value, 6),
        )
        for row in rows
    ]
    # The terms of the base are not known here, so the licence is never a standard one.
    about = ModelCardData(
        base_model=portable_name(name),
        datasets=[task.corpus or task.name],
        license="other",
        license_name="base-and-data",
        library_name="transformers",
        pipeline_tag=kind,
        tags=["biomedical", "bioinstruct"],
        model_name=f"{portable_name(name)}-{task.name}" if results else None,
        eval_results=results or None,
    )
    return f"""---
{about.to_yaml()}
---
# Classifier for {one_line(task.name)}

{one_line(task.description)} Fine-tuned with bioinstruct in float32, which gives the numbers of the
run's report. Not for medical use.

```python
from transformers import pipeline

pipeline("{kind}", model="."{how})
```
"""
