"""The published scorers of Llama2-MedTuned, with their flaws, for comparison with correct ones.

Reimplements `evaluations/evaluating_ner.py` and `evaluating_re.py` of
nlpie-research/BioInstTune-LLM at 2f45112. These metrics parse the raw texts.
"""

from __future__ import annotations

from collections.abc import Sequence

from bioinstruct.bench.metrics.base import Metric, f1, mean
from bioinstruct.corpora.answers.entities import spans

__all__ = ["medtuned_entity_f1", "medtuned_relation_f1"]

_TAGS = {"B", "I", "O"}


def _tags_by_word(text: str) -> dict[str, str]:
    """Map words to tags; a repeated word keeps its last tag, and a colon splits a word."""
    found = {}
    for line in text.strip().split("\n"):
        word, *rest = line.split(":")
        if rest:
            found[word.strip()] = rest[0].strip()
    return found


def _count_entities(gold: str, prediction: str | None) -> tuple[float, ...]:
    tags, found = _tags_by_word(gold), _tags_by_word(prediction or "")
    pairs = [(tag, found.get(word, "O")) for word, tag in tags.items()]
    wanted, given = (
        set(spans([tag if tag in _TAGS else "O" for tag in column]))
        for column in zip(*pairs, strict=True)
    )
    return (float(len(wanted & given)), float(len(wanted)), float(len(given)))


medtuned_entity_f1 = Metric(
    "entity F1, compat",
    "the published scorer of Llama2-MedTuned: tags are kept in a dict by word, so repeated words "
    "collapse and words with a colon break; then micro-averaged F1 over entities",
    _count_entities,
    f1,
    of_texts=True,
)


def medtuned_relation_f1(labels: Sequence[str]) -> Metric:
    """Score the first label contained in the text; an answer without one shifts all later ones.

    The original tries labels in an order that changes from run to run; this tries them in order.
    """
    names = tuple(labels)

    def move_up(texts: Sequence[str | None]) -> list[str | None]:
        found = (_label_in(text or "", names) for text in texts)
        kept = [label for label in found if label is not None]
        return [*kept, *[None] * (len(texts) - len(kept))]

    spec = (
        "the published scorer of Llama2-MedTuned: an answer without a label is left out and those "
        "after it move up by one item; micro F1 over all labels, which is the accuracy"
    )
    return Metric("relation F1, compat", spec, _count_moved, mean, of_texts=True, align=move_up)


def _label_in(text: str, labels: Sequence[str]) -> str | None:
    plain = text.strip().replace("\n", "").strip()
    return next((label for label in labels if label in plain), None)


def _count_moved(gold: str, label: str | None) -> tuple[float, ...]:
    return (float(gold == label), float(label is not None))
