"""Write the model cards of adapters and merged models, with their scores."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bioinstruct.bench.evaluation.notes import left_out
from bioinstruct.bench.evaluation.report import DEMONSTRATION, Report, table
from bioinstruct.bench.models.loading import portable_name
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.dataset.card import license_note, source_table
from bioinstruct.text import one_line

__all__ = ["adapter_card", "in_vllm", "merged_card"]

_VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def adapter_card(report: Report) -> str:
    """Return the model card of the adapter that a run has tuned."""
    recipe, tuning, data = report.recipe, report.tuning, report.data
    assert recipe is not None
    assert tuning is not None
    assert data is not None
    settings = "\n".join(f"| {name} | {value} |" for name, value in recipe.model_dump().items())
    return f"""{_front_matter(report, "peft", ("lora", "biomedical", "bioinstruct"))}
# LoRA adapter for {portable_name(report.model)}

{DEMONSTRATION + chr(10) + chr(10) if report.demonstration else ""}Tuned with bioinstruct \
{report.versions["bioinstruct"]} on {tuning.examples:,} instructions from {one_line(data.source)} \
({tuning.tokens:,} tokens in {tuning.steps:,} steps, {tuning.trained_parameters:,} parameters \
trained, loss {tuning.losses[0]:.2f} to {tuning.losses[-1]:.2f} nats per answer token). Prompt \
style: `{report.style}`. {tuning.shortened:,} inputs were shortened to fit; {tuning.skipped:,} \
examples did not fit and were left out, and {left_out(data)}.

Not for medical use.

## Use

Load it with peft.{_precision(report)} In vLLM: {in_vllm(recipe)}

## Results

```
{table(report)}
```

{_specifications(report)}

## Data and licences

{source_table(data.sources)}

Anyone who uses or redistributes the adapter must comply with the licences of the \
base model and of this data.\
{license_note(source.license for source in data.sources)}

## Recipe

| field | value |
|---|---|
{settings}
| seed | {report.seed} |
"""


def merged_card(report: Report, *, dtype: str, apart: float, adapter: str) -> str:
    """Return the model card of a model with an adapter merged into it.

    Args:
        report: of the run that merged it.
        dtype: of its weights.
        apart: the largest difference of a logit from the unmerged model, in nats.
        adapter: the adapter's own card; empty where it has none.
    """
    found = f"\n## Results\n\n```\n{table(report)}\n```\n" if report.adapter else ""
    body = re.sub(r"\A---\n.*?\n---\n", "", adapter, flags=re.DOTALL)
    about = re.sub(r"^(#+ )", r"#\1", body, flags=re.MULTILINE).strip()
    unknown = "The adapter has no model card, so nothing more is known about it."
    return f"""{_front_matter(report, "transformers", ("biomedical", "bioinstruct"))}
# {portable_name(report.model)} with a merged adapter

Merged in float32 and written in {dtype}. On the prompts tried, no logit differs by more than \
{apart:.2g} nats from the base with its adapter. Use it like the base, without peft.

Not for medical use.
{found}
{about or unknown}
"""


def in_vllm(recipe: Recipe) -> str:
    """Return whether vLLM serves an adapter of this recipe, by its own checks of the settings."""
    if recipe.variant == "dora":
        return "no, because vLLM does not support DoRA. Merge it into the base (`--merge`)."
    if recipe.train_embeddings:
        why = "vLLM does not support trained embeddings"
        return f"no, because {why}. Merge it into the base (`--merge`)."
    rank = recipe.rank * (2 if recipe.variant == "pissa" else 1)
    most = next((known for known in _VLLM_RANKS if known >= rank), None)
    if most is None:
        return f"no, because its rank of {rank} is above 512. Merge it into the base (`--merge`)."
    return (
        f"yes, with `--enable-lora --max-lora-rank {most}`, if vLLM supports LoRA for the base's "
        "architecture and these layers (from its documentation; not tested)."
    )


def _front_matter(report: Report, library: str, tags: Sequence[str]) -> str:
    """Return the metadata that the Hub reads, with the scores as a `model-index`."""
    from huggingface_hub import EvalResult, ModelCardData

    name = portable_name(report.model)
    licenses = [source.license for source in report.data.sources] if report.data else []
    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type=row.task,
            dataset_name=row.task,
            dataset_split=row.split,
            metric_type=row.metric,
            metric_name=f"{row.metric}, {row.how}",
            metric_value=round((row.tuned or row.base).value, 6),
        )
        for row in report.rows
    ]
    # The terms of the base are not known here, so the licence is never a standard one.
    data = ModelCardData(
        base_model=name,
        library_name=library,
        license="other",
        license_name="base-and-data",
        license_link="#data-and-licences" if licenses else None,
        datasets=sorted({source.origin for source in report.data.sources}) if report.data else None,
        pipeline_tag="text-generation",
        tags=list(tags),
        model_name=f"{name}-{library}",
        eval_results=results,
    )
    return f"---\n{data.to_yaml()}\n---"


def _precision(report: Report) -> str:
    """Say in which precision the base gives the numbers of the report."""
    dtype = report.precision
    if not dtype:
        return ""
    return (
        f" The results are those of a base in {dtype}: load it with `dtype=torch.{dtype}`, since "
        "another precision changes logits."
    )


def _specifications(report: Report) -> str:
    specs = dict.fromkeys((row.metric, row.spec) for row in report.rows)
    return "\n".join(f"- {metric}: {spec}" for metric, spec in specs)
