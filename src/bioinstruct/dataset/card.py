"""The dataset card: what the Hub shows, rendered from the statistics alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from bioinstruct.dataset.label_balance import Balance
from bioinstruct.dataset.statistics import Quantiles, Source, Statistics
from bioinstruct.errors import DataError
from bioinstruct.licenses import license_ids
from bioinstruct.schema import Category

__all__ = ["About", "license_note", "licenses_of_card", "render_card", "source_table"]

_TEMPLATE = Path(__file__).parents[1] / "data" / "card.md"
_TASKS_SHOWN = 40  # of a category
_LABELS_SHOWN = 6  # of a task

# Identifiers that the Hub accepts in a card; anything else is `other` there.
_HUB_LICENSES = re.compile(
    r"apache-2\.0|mit|isc|unlicense|pddl|odbl|odc-by|cc0-1\.0|bsd-[23]-clause|gpl-[23]\.0"
    r"|cc-by-(2\.0|2\.5|3\.0|4\.0)|cc-by-sa-[34]\.0|cc-by-nc-[234]\.0|cc-by-nd-4\.0"
    r"|cc-by-nc-nd-[34]\.0|cc-by-nc-sa-[234]\.0|cdla-sharing-1\.0|cdla-permissive-[12]\.0"
)
_HUB_TASKS = {
    Category.QA.value: "question-answering",
    Category.IE.value: "token-classification",
    Category.GEN.value: "text-generation",
    Category.OTHER.value: "other",
}
_CATEGORIES = {
    Category.QA.value: "question answering",
    Category.IE.value: "information extraction",
    Category.GEN.value: "text generation",
    Category.OTHER.value: "none of the three",
}
_KINDS = {
    "seed": "written one by one",
    "generated": "written by a language model",
    "compiled": "made by rules from annotated text or tables",
    "computed": "written by a program that computed the answers from values drawn at random",
    "own": "written or collected by the authors of this dataset",
    "clinical": "taken from the records of patients",
    "imported": "taken over from a source that does not say how they were made",
}
_KIND_LIMITS = {
    "seed": "Records written one by one are what their authors thought of, not a sample of real "
    "work.",
    "generated": "What a language model wrote was not checked by a clinician unless its source "
    "says so; it can be wrong in ways that read well.",
    "compiled": "Records made by rules repeat a few wordings, and inherit the errors, the coverage "
    "and the age of what they were made from.",
    "computed": "Computed records describe no real patients, no clinician reviewed them, and they "
    "are not for care: their answers follow the published formulas, which are not always what is "
    "right for a patient.",
    "own": "Records that the authors wrote or collected themselves were checked by nobody else "
    "unless this card says so.",
    "clinical": "Records of patients show one place and its way of writing. Rules that look for "
    "identifiers miss some: check the texts yourself before you pass them on.",
    "imported": "How the imported records were written, and who checked them, is not known here.",
}
_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the publisher of a dataset says about it, in Markdown."""

    title: str = ""
    description: str = ""
    authors: tuple[str, ...] = ()
    citation: str = ""
    """BibTeX, or a sentence."""
    language: str = ""
    """BCP 47 code."""
    generation: str = ""
    """A list of what is known of the runs that generated records; not kept."""


def render_card(
    statistics: Statistics,
    *,
    name: str,
    folder: str,
    language: str,
    example: Mapping[str, Any] | None,
    closed: Mapping[str, int] | None = None,
    about: About | None = None,
) -> str:
    """Return the card as Markdown with its front matter; equal arguments give equal texts.

    Args:
        statistics: the figures of the card.
        name: the name of the dataset.
        folder: the name of its folder.
        language: its language, as in ISO 639-1.
        example: a record to show, as plain values.
        closed: why records may not be passed on, with their number: then the card says so on top.
        about: title, description, authors and citation in the words of the publisher.
    """
    about = about or About()
    template = Template(_TEMPLATE.read_text(encoding="utf-8"))
    body = template.substitute(
        name=_plain(about.title or name),
        description=f"{about.description}\n" if about.description else "",
        citation=_citation(about),
        folder=re.sub(r"[^\w.-]+", "-", folder),
        summary=_summary(statistics),
        category_table=_category_table(statistics) + _picture("categories"),
        example=_example(example),
        tasks=_tasks(statistics),
        kind_table=_kind_table(statistics) + _generation(statistics, about),
        length_table=_length_table(statistics) + _picture("lengths"),
        answers=_answers(statistics),
        notes=_notes(statistics),
        source_table=source_table(statistics.sources) + _picture("sources"),
        license_note=license_note(statistics.licenses),
        limitations=_limitations(statistics, language),
    )
    lines = "\n".join(line.rstrip() for line in body.splitlines())
    tidy = re.sub(r"\n{3,}", "\n\n", lines)  # where a section has nothing to say
    tags = []
    if closed:
        tags = ["not-for-redistribution"]
        reasons = "; ".join(f"of {count:,} records {why}" for why, count in sorted(closed.items()))
        mark = f"> **Not for redistribution.** This is a private copy: {reasons}.\n"
        tidy = re.sub(r"^(# .*\n)", lambda head: f"{head[1]}\n{mark}", tidy, count=1, flags=re.M)
    return f"{_front_matter(statistics, about.title or name, language, tags)}\n{tidy}\n"


def _citation(about: About) -> str:
    """Return how to cite this dataset, as its publisher says; nothing if he does not."""
    lines = [f"This dataset is by {_plain(', '.join(about.authors))}."] if about.authors else []
    if about.citation:
        cited = about.citation.strip()
        fenced = f"```bibtex\n{cited}\n```" if cited.startswith("@") else cited
        lines.append(f"Please cite it as:\n\n{fenced}")
    return "\n\n".join(lines) + "\n" if lines else ""


def licenses_of_card(path: Path) -> list[str]:
    """Return the licences in the front matter of a card.

    Raises:
        DataError: the front matter cannot be read, or declares no licence.
    """
    from huggingface_hub import DatasetCard
    from yaml import YAMLError  # type: ignore[import-untyped]

    try:
        card: Any = DatasetCard
        declared = card(path.read_text(encoding="utf-8")).data.license
    except (OSError, ValueError, RecursionError, YAMLError):
        declared = None
    licenses = [declared] if isinstance(declared, str) else list(declared or ())
    if not licenses:
        hint = "publish the folder again"
        raise DataError("the card declares no licence", path=path, hint=hint)
    return licenses


def _front_matter(statistics: Statistics, name: str, language: str, tags: list[str]) -> str:
    from huggingface_hub import DatasetCardData

    ids = {_hub_id(id) for licence in statistics.licenses for id in license_ids(licence)}
    tasks = {_HUB_TASKS[category] for category in statistics.categories}
    data = DatasetCardData(
        pretty_name=name,
        language=[language],
        license=sorted(ids),
        license_name="see-sources" if "other" in ids else None,
        license_link="#sources-and-licences" if "other" in ids else None,
        task_categories=sorted({*tasks, "text-generation"}),
        size_categories=[
            next((text for limit, text in _SIZES if statistics.examples < limit), "n>1M")
        ],
        tags=[*tags, "biomedical", "clinical", "instruction-tuning", "medical"],
        configs=[
            {
                "config_name": "default",
                # `datasets` keys its cache of a local folder by this block alone: without the
                # fingerprint it would load the earlier dataset of the same name.
                "description": f"fingerprint {statistics.fingerprint}",
                "data_files": [
                    {"split": split, "path": f"data/{split}-*.parquet"}
                    for split in statistics.splits or ("train",)
                ],
            }
        ],
    )
    return f"---\n{data.to_yaml()}\n---\n"


def _hub_id(license: str) -> str:
    id = license.lower().removesuffix("-only").removesuffix("-or-later")
    return id if _HUB_LICENSES.fullmatch(id) else "other"


def _summary(statistics: Statistics) -> str:
    kinds = _known(statistics.kinds, _KINDS)
    made = f"All were {_KINDS[kinds[0][0]]}"
    if len(kinds) > 1:
        parts = [f"{count:,} {'was' if count == 1 else 'were'} {_KINDS[k]}" for k, count in kinds]
        made = f"{', '.join(parts[:-1])} and {parts[-1]}"
    return (
        f"{_many(statistics.examples, 'biomedical instruction')} with inputs and outputs, covering "
        f"{_many(len(statistics.tasks), 'kind')} of work. {made}.{_splits(statistics)}"
    )


def _splits(statistics: Statistics) -> str:
    if not statistics.splits:
        return ""
    counts = ", ".join(f"{split} {count:,}" for split, count in statistics.splits.items())
    return f" The splits are {counts}; no record is in two of them."


def _picture(name: str) -> str:
    return f"\n\n![Records: {name}](pictures/{name}.svg)"


def _generation(statistics: Statistics, about: About) -> str:
    """Return the section on generated records; empty without any."""
    if not statistics.generated:
        return ""
    lines = [
        f"- {_plain(name)}: {count:,} records." for name, count in statistics.generated.items()
    ]
    return "\n".join(["\n\n### How they were generated\n", *lines, about.generation])


def _example(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    text = json.dumps(row, ensure_ascii=False, indent=2)
    return f"One of the records:\n\n```json\n{text}\n```\n"


def _category_table(statistics: Statistics) -> str:
    rows = [
        (
            category,
            _CATEGORIES[category],
            f"{count:,}",
            _share(count, statistics.examples),
            f"{len(statistics.tasks_by_category[category]):,}",
        )
        for category, count in _known(statistics.categories, _CATEGORIES)
    ]
    return _table(("category", "meaning", "examples", "share", "tasks"), rows, right=(2, 3, 4))


def _tasks(statistics: Statistics) -> str:
    lines = []
    for category, _ in _known(statistics.categories, _CATEGORIES):
        counts = list(statistics.tasks_by_category[category].items())
        names = [_counted(name, count) for name, count in counts[:_TASKS_SHOWN]]
        if rest := counts[_TASKS_SHOWN:]:
            names.append(_counted(f"{len(rest):,} more", sum(count for _, count in rest)))
        lines.append(f"- **{category}**: {', '.join(names)}.")
    return "\n".join(lines)


def _counted(name: str, count: int) -> str:
    return f"{_plain(name)} ({count:,})" if count > 1 else _plain(name)


def _kind_table(statistics: Statistics) -> str:
    rows = [
        (kind, _KINDS[kind], f"{count:,}", _share(count, statistics.examples))
        for kind, count in _known(statistics.kinds, _KINDS)
    ]
    table = _table(("kind", "meaning", "examples", "share"), rows, right=(2, 3))
    if statistics.teachers:
        models = (_counted(name, count) for name, count in statistics.teachers.items())
        table += "\n\nModels that wrote generated records: " + ", ".join(models) + "."
    return table


def _length_table(statistics: Statistics) -> str:
    rows = [
        (f"{field}, {unit}", *(f"{value:,}" for value in _values(lengths[field])))
        for unit, lengths in (
            ("characters", statistics.characters),
            ("words", statistics.words),
            ("tokens", statistics.tokens),
        )
        for field in lengths
    ]
    header = ("length of", "shortest", "10 %", "median", "90 %", "99 %", "longest")
    return _table(header, rows, right=range(1, 7))


def _values(lengths: Quantiles) -> tuple[int, ...]:
    return (lengths.min, lengths.p10, lengths.median, lengths.p90, lengths.p99, lengths.max)


def _answers(statistics: Statistics) -> str:
    """Show the answers of tasks with a closed set, if there are any."""
    if not statistics.answers:
        return ""
    rows = [
        (task, f"{found.examples:,}", _labels(found), f"{100 * found.majority:.1f} %")
        for task, found in statistics.answers.items()
    ]
    table = _table(("task", "examples", "labels", "most frequent"), rows, right=(1, 3))
    return f"### Balance of the answers\n\n{table}\n"


def _labels(found: Balance) -> str:
    labels = list(found.labels.items())
    shown = [f"{name} {count:,}" for name, count in labels[:_LABELS_SHOWN]]
    if rest := labels[_LABELS_SHOWN:]:
        shown.append(f"{len(rest):,} more {sum(count for _, count in rest):,}")
    return ", ".join(shown)


def _notes(statistics: Statistics) -> str:
    count = statistics.without_input
    verb = "has" if count == 1 else "have"
    notes = f"{_many(count, 'record')} {verb} no input, which counts as length 0. " if count else ""
    if count := statistics.duplicates:
        verb = "was" if count == 1 else "were"
        notes += f"{_many(count, 'exact duplicate')} {verb} left out before counting. "
    if statistics.tokenizer:
        notes += f"Tokens are those of {_plain(statistics.tokenizer)}."
    return notes.strip()


def source_table(sources: Sequence[Source]) -> str:
    """Return a Markdown table of the sources and licences of the examples."""
    rows = [
        (s.origin, s.revision or "not stated", s.license, s.kind, f"{s.examples:,}")
        for s in sources
    ]
    return _table(("source", "version", "licence", "kind", "examples"), rows, right=(4,))


def license_note(licenses: Iterable[str]) -> str:
    """Return a paragraph on the non-standard licences; empty if there are none."""
    ids = {id for licence in licenses for id in license_ids(licence)}
    own = sorted(id for id in ids if id.startswith("LicenseRef-"))
    if not own:
        return ""
    return f"\n\nNot standard licences, see the terms of the source: {', '.join(own)}."


def _limitations(statistics: Statistics, language: str) -> str:
    lines = [text for kind, text in _KIND_LIMITS.items() if kind in statistics.kinds]
    lines.append(f"The language is declared to be `{language}`; it was not checked.")
    return "\n".join(f"- {line}" for line in lines)


def _known(counts: dict[str, int], order: Iterable[str]) -> list[tuple[str, int]]:
    return [(str(name), counts[name]) for name in order if name in counts]


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %"


def _table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()
) -> str:
    rule = ["---:" if column in set(right) else "---" for column in range(len(header))]
    lines = [header, rule, *([_plain(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """Escape text so that it cannot break out of its cell, line or paragraph."""
    return re.sub(r"([\\|<>`*_\[\]])", r"\\\1", " ".join(text.split()))
