"""Describe a published dataset in Croissant 1.0, the JSON-LD that MLCommons specifies.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bioinstruct import parquet
from bioinstruct.dataset.statistics import Statistics
from bioinstruct.licenses import license_ids

__all__ = ["render_croissant"]

_TERMS = [
    "citeAs",
    "column",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
    "equivalentProperty",
]
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_TYPES = {"string": "sc:Text", "float64": "sc:Float", "int64": "sc:Integer"}
_FILES, _RECORDS = "parquet-files", "records"


def render_croissant(statistics: Statistics, *, name: str, language: str, data: str) -> str:
    """Return the description as JSON; equal arguments give equal texts.

    Args:
        statistics: the figures of the dataset.
        name: the name of the dataset.
        language: its language, as in ISO 639-1.
        data: the pattern of its Parquet files, relative to the description.
    """
    ids = sorted({id for licence in statistics.licenses for id in license_ids(licence)})
    description = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": name,
        "description": f"{statistics.examples:,} biomedical instructions with inputs and outputs. "
        "The licence of each stands in its provenance.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "identifier": statistics.fingerprint,
        "inLanguage": language,
        "keywords": ["biomedical", "clinical", "instruction-tuning", "medical"],
        "license": list(map(_license, ids)),
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": _FILES,
                "name": _FILES,
                "encodingFormat": "application/x-parquet",
                "includes": data,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _RECORDS,
                "name": _RECORDS,
                "key": {"@id": f"{_RECORDS}/id"},
                "field": [_field(column, kind) for column, kind in parquet.features().items()],
            }
        ],
    }
    return json.dumps(description, ensure_ascii=False, indent=2) + "\n"


def _license(id: str) -> str:
    return id if id.startswith("LicenseRef-") else f"https://spdx.org/licenses/{id}.html"


def _field(column: str, kind: Any) -> dict[str, Any]:
    """Return the field of a column; the parts of one are its subfields, on one level."""
    if not isinstance(kind, Mapping):
        return _leaf((column,), kind)
    name = f"{_RECORDS}/{column}"
    parts = [_leaf((column, *path), leaf) for path, leaf in _leaves(kind)]
    return {"@type": "cr:Field", "@id": name, "name": name, "subField": parts}


def _leaves(kind: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for part, inner in kind.items():
        if isinstance(inner, Mapping):
            yield from (((part, *path), leaf) for path, leaf in _leaves(inner))
        else:
            yield (part,), inner


def _leaf(path: tuple[str, ...], kind: Any) -> dict[str, Any]:
    name = "/".join((_RECORDS, *path))
    source: dict[str, Any] = {"fileSet": {"@id": _FILES}, "extract": {"column": path[0]}}
    if path[1:]:
        source["transform"] = {"jsonPath": ".".join(path[1:])}
    each = getattr(kind, "feature", kind)  # of a list
    made = {"@type": "cr:Field", "@id": name, "name": name, "dataType": _TYPES[each.dtype]}
    return made | {"source": source} | ({"repeated": True} if each is not kind else {})
