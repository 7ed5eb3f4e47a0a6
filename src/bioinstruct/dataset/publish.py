"""Write a dataset as Parquet with its card and statistics, and push it to the Hub."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from bioinstruct import corpora, parquet
from bioinstruct.corpora import Access
from bioinstruct.dataset import hub
from bioinstruct.dataset.card import About, licenses_of_card, render_card
from bioinstruct.dataset.croissant import render_croissant
from bioinstruct.dataset.pictures import pictures
from bioinstruct.dataset.statistics import Collector, Statistics
from bioinstruct.errors import BioinstructError, DataError, MissingError, UnknownNameError
from bioinstruct.files import atomic_directory
from bioinstruct.json_text import loads
from bioinstruct.licenses import license_ids
from bioinstruct.schema import Instruction
from bioinstruct.tokens import Tokens

__all__ = ["forbids_redistribution", "obstacle", "publish", "push"]

_FORMAT = "bioinstruct-dataset-1"
_OURS = re.compile(
    r"README\.md|croissant\.json|statistics\.json|pictures(/(categories|sources|lengths)\.svg)?|"
    r"data(/(train|validation|test)-\d{5}-of-\d{5}\.parquet)?"
)
_DATA = "data/*.parquet"
_FILES = ("README.md", "croissant.json", "statistics.json", "pictures/*.svg", _DATA)
_SPLITS = ("test", "validation", "train")
_SHARDS = [f"data/{split}-*.parquet" for split in _SPLITS]
_TEXTS = ("instruction", "input", "output")
_SHOWN = 800  # characters of the record that the card shows
_CLOSED = {"credentialed", "dua", "noredistribution", "restricted"}
_NOT_PUBLIC = {"confidential", "internal", "private"}
_UNKNOWN = {"noassertion", "none", "unknown"}


def publish(
    examples: Iterable[Instruction] | Mapping[str, Iterable[Instruction]],
    out: Path,
    *,
    name: str = "bioinstruct",
    language: str = "",
    shard_bytes: int = parquet.SHARD_BYTES,
    private_copy: bool = False,
    tokens: Tokens | None = None,
    about: About | None = None,
) -> Statistics:
    """Write `out/data/*.parquet`, the card with its pictures, a description and statistics.

    `examples` are the training split, or the records of `train`, `validation` and `test` by split;
    test is read first, so that none of its records is in another split. Reads them once and holds a
    thousand at a time. The first of equal ids is kept; the statistics say how many were left out.
    `out` appears, or replaces what was published there before, only when everything is written.

    A record that may not be passed on stops it, unless this is a `private_copy`: then the card
    says how many there are and that the folder is not for redistribution, and `push` refuses it.
    With `tokens` the lengths are also counted in them. What `about` leaves empty is taken from what
    was published there before.

    Raises:
        BioinstructError: there are no examples, one may not be redistributed, or `out` is
            something that was not published by this function.
    """
    out = Path(out).resolve()  # a link to a folder stays a link
    _may_replace(out)
    about = _kept(about or About(), out, language)
    language = about.language
    collector = Collector(tokens.count, tokenizer=tokens.name) if tokens else Collector()
    try:
        with atomic_directory(out) as folder:
            closed: Counter[str] = Counter()
            files: list[Path] = []
            splits: Counter[str] = Counter()
            for split, records in _by_split(examples):
                rows = _rows(records, collector, closed if private_copy else None)
                files += _write_split(folder / "data", split, rows, splits, shard_bytes)
            statistics = _with_splits(collector.result(), splits)
            card = render_card(
                statistics,
                name=name,
                folder=out.name,
                language=language,
                example=_short_record(files),
                closed=closed,
                about=about,
            )
            (folder / "README.md").write_text(card, encoding="utf-8")
            _write_pictures(folder / "pictures", statistics)
            described = render_croissant(statistics, name=name, language=language, data=_DATA)
            (folder / "croissant.json").write_text(described, encoding="utf-8")
            _write_statistics(folder / "statistics.json", statistics, name, about)
    except OSError as error:
        raise BioinstructError(
            f"cannot publish to {out}: {error}", hint="check the space and the permissions there"
        ) from error
    return statistics


def push(
    folder: Path,
    repo: str,
    *,
    license: str | None = None,
    private: bool = False,
    token: str | None = None,
    license_is_mine: bool = False,
) -> str:
    """Upload a published folder to the dataset repository `repo` and return the commit's URL.

    `license` is the caller's word on the terms: an SPDX expression whose licences are all in the
    data, and that leaves out no NC, ND or SA condition found there. Only what `publish` wrote is
    uploaded. Records without a known licence, and those of a licence that is not for the public
    (with the word internal, private or confidential), are pushed only if `license_is_mine`: the
    caller holds the rights and gives `license` for them.

    Raises:
        BioinstructError: the folder was not published, the licence is missing or does not fit, a
            record may not be redistributed, or the Hub said no.
    """
    folder = Path(folder)
    if not _is_published(folder):
        raise MissingError(
            f"{folder} is not a published dataset", hint="write it with `bioinstruct publish`"
        )
    found = _origins(folder)
    _check_origins(found)
    _check_license(license, _licenses(found), mine=license_is_mine)
    licenses_of_card(folder / "README.md")
    return hub.upload(folder, repo, files=_FILES, replaced=_SHARDS, private=private, token=token)


def forbids_redistribution(license: str) -> bool:
    """Return whether a licence forbids redistribution.

    It does when a word of one of its identifiers, cut at `-`, is credentialed, DUA,
    noredistribution or restricted, as in `LicenseRef-PhysioNet-Credentialed-1.5.0`.
    """
    return _has_word(license, _CLOSED)


def _has_word(license: str, wanted: set[str]) -> bool:
    ids = (id.lower().split("-") for id in license_ids(license))
    return any(wanted & set(parts) for parts in ids)


def obstacle(origin: str, license: str) -> str:
    """Return why a record of this origin and licence may not be redistributed; empty if it may."""
    if forbids_redistribution(license):
        return f"its licence is {license}"
    if _has_word(license, {"nd"}):
        return f"its licence, {license}, forbids redistributing derived works"
    if (
        origin in corpora.names()
        and (access := corpora.get_corpus(origin).access) is not Access.OPEN
    ):
        return f"{origin} needs {access.value}"
    return ""


def _by_split(
    examples: Iterable[Instruction] | Mapping[str, Iterable[Instruction]],
) -> Iterator[tuple[str, Iterable[Instruction]]]:
    if not isinstance(examples, Mapping):
        yield "train", examples
        return
    for split in examples:
        if split not in _SPLITS:
            raise UnknownNameError("split", split, _SPLITS)
    yield from ((split, examples[split]) for split in _SPLITS if split in examples)


def _write_split(
    folder: Path,
    split: str,
    rows: Iterable[dict[str, Any]],
    counts: Counter[str],
    shard_bytes: int,
) -> list[Path]:
    """Write the files of a split and count its rows; refuse an empty one."""

    def counted() -> Iterator[dict[str, Any]]:
        for row in rows:
            counts[split] += 1
            yield row

    files = parquet.write_parquet(folder, split, counted(), shard_bytes=shard_bytes)
    if not counts[split]:
        what = "the dataset" if split == "train" else f"the split {split}"
        raise BioinstructError(
            f"there is nothing to publish: {what} is empty",
            hint="check the input, and the filters before it",
        )
    return files


def _with_splits(statistics: Statistics, counts: Counter[str]) -> Statistics:
    if counts.keys() == {"train"}:
        return statistics
    found = {split: counts[split] for split in reversed(_SPLITS) if split in counts}
    return replace(statistics, splits=found)


def _write_pictures(folder: Path, statistics: Statistics) -> None:
    folder.mkdir()
    for name, drawn in pictures(statistics).items():
        (folder / name).write_text(drawn, encoding="utf-8")


def _rows(
    examples: Iterable[Instruction], collector: Collector, closed: Counter[str] | None
) -> Iterator[dict[str, Any]]:
    for example in examples:
        made = example.provenance
        if why := obstacle(made.origin, made.license):
            if closed is None:
                raise BioinstructError(
                    f"record {example.id} from {made.origin!r} may not be redistributed: {why}",
                    hint="leave that source out, or keep it to yourself with --private-copy",
                )
            closed[why] += 1
        if collector.add(example):
            yield example.row()


def _short_record(files: Sequence[Path]) -> dict[str, Any] | None:
    """Return an early record that has an input and is short enough to show, or None."""
    for row in itertools.islice(parquet.read_parquet(files), 1_000):
        if row["input"] and sum(len(row[name]) for name in _TEXTS) <= _SHOWN:
            return Instruction.model_validate(row).row()
    return None


def _kept(about: About, out: Path, language: str) -> About:
    """Fill what is empty with what the earlier publication in this folder says."""
    about = replace(about, language=language or about.language)
    said: dict[str, Any] = {"language": "en"}
    if _is_published(out):
        said |= loads((out / "statistics.json").read_bytes()).get("about") or {}
    known = {f.name: said.get(f.name) for f in fields(About) if f.name != "generation"}
    known["authors"] = tuple(known["authors"] or ())
    given = {name: value for name, value in asdict(about).items() if value}
    return About(**{name: value for name, value in (known | given).items() if value})


def _write_statistics(path: Path, statistics: Statistics, name: str, about: About) -> None:
    said = {k: value for k, value in asdict(about).items() if value and k != "generation"}
    content = {"format": _FORMAT, "name": name, "about": said, **statistics.as_dict()}
    text = json.dumps(content, ensure_ascii=False, indent=2)
    path.write_text(text + "\n", encoding="utf-8")


def _may_replace(out: Path) -> None:
    """Refuse a folder that could hold foreign files."""
    if Path.cwd().is_relative_to(out):
        raise BioinstructError(
            f"{out} is, or contains, the current folder", hint="name a new folder in it"
        )
    if not out.exists():
        return
    if not out.is_dir():
        raise BioinstructError(f"{out} is a file", hint="name a folder")
    content = sorted(out.rglob("*"))
    strange = [path for path in content if not _OURS.fullmatch(path.relative_to(out).as_posix())]
    if content and (strange or not _is_published(out)):
        found = strange[0].relative_to(out) if strange else "no mark of a published dataset"
        raise BioinstructError(
            f"{out} is not replaced, because it is not only a published dataset: {found}",
            hint="name another folder, or remove this one yourself",
        )


def _is_published(folder: Path) -> bool:
    try:
        content = loads((folder / "statistics.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("format") == _FORMAT


def _origins(folder: Path) -> Counter[tuple[str, str]]:
    """Read origins and licences from the data itself, since the card may be outdated."""
    files = sorted((folder / "data").glob("*.parquet"))
    rows = parquet.read_parquet(files, columns=["provenance.origin", "provenance.license"])
    made = (row["provenance"] or {} for row in rows)
    counts = Counter((part.get("origin") or "", part.get("license") or "") for part in made)
    if not counts:
        raise DataError("no records to push", path=folder / "data")
    return counts


def _licenses(found: Counter[tuple[str, str]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for (_, license), count in found.items():
        counts[license] += count
    return counts


def _check_origins(found: Counter[tuple[str, str]]) -> None:
    for (origin, license), count in sorted(found.items()):
        if why := obstacle(origin, license):
            raise BioinstructError(
                f"{count:,} records may not be redistributed: {why}",
                hint="leave that source out of what is published",
            )


def _check_license(license: str | None, found: Counter[str], *, mine: bool) -> None:
    """Refuse a licence that does not fit the records; `mine`: the rights are the user's."""
    own = {text for text in found if not text or _has_word(text, _UNKNOWN | _NOT_PUBLIC)}
    for text in sorted(own) if not mine else ():
        what = "a licence that is not for the public" if text else "no licence"
        what = "no known licence" if _has_word(text, _UNKNOWN) else what
        raise BioinstructError(
            f"{found[text]:,} records have {what} ({text or 'empty'})",
            hint="leave them out, give them the licence of their source, or, if the rights are "
            "yours, pass --license-is-mine",
        )
    if mine and license and not own - found.keys():
        found = Counter({text: count for text, count in found.items() if text not in own})
        found[license] += 1  # what is the user's is under what the user says
    ids = {id.lower(): id for text in found for id in license_ids(text)}
    everything = " AND ".join(sorted(ids.values()))
    hint = f'`--license "{everything}"` names every licence in the data'
    if not license:
        raise BioinstructError("pushing needs an explicit licence", hint=hint)
    named = {id.lower() for id in license_ids(license)}
    if unknown := sorted(named - ids.keys()):
        raise BioinstructError(
            f"no record is under {', '.join(unknown)}; the data has {', '.join(sorted(found))}",
            hint=hint,
        )
    if lost := _conditions(ids) - _conditions(named):
        raise BioinstructError(
            f"{license} leaves out a condition that some records carry: {', '.join(sorted(lost))}",
            hint=hint,
        )


def _conditions(ids: Iterable[str]) -> set[str]:
    return {part.upper() for id in ids for part in id.split("-")} & {"NC", "ND", "SA"}
