"""Make biomedical instruction datasets and measure what they do to a language model.

Importing this package is cheap: each name is imported when it is first used.
"""

from typing import TYPE_CHECKING

from bioinstruct.lazy import lazy_names

if TYPE_CHECKING:
    from bioinstruct.api.filtering import filter
    from bioinstruct.api.generating import generate
    from bioinstruct.api.labelling import label
    from bioinstruct.api.publishing import export, publish, statistics
    from bioinstruct.api.reading import compile, compile_mixture, load
    from bioinstruct.api.synthesizing import synthesize
    from bioinstruct.dataset.convert import ImportOptions
    from bioinstruct.dataset.load import load_dataset, read_examples
    from bioinstruct.dataset.publish import push
    from bioinstruct.errors import (
        BioinstructError,
        BudgetError,
        DataError,
        MissingError,
        ModelError,
        ProviderError,
        Refused,
        SchemaUnsupportedError,
        SilentError,
        TuningError,
        UnknownNameError,
    )
    from bioinstruct.jsonl import read, write
    from bioinstruct.llm.client import Client
    from bioinstruct.mixtures.compile import compile_corpora
    from bioinstruct.progress import Progress
    from bioinstruct.prompts import Style, render
    from bioinstruct.records import Records
    from bioinstruct.schema import Category, Instruction, Provenance, Teacher
    from bioinstruct.seeds import check_seeds, load_seeds

__all__ = [
    "BioinstructError",
    "BudgetError",
    "Category",
    "Client",
    "DataError",
    "ImportOptions",
    "Instruction",
    "MissingError",
    "ModelError",
    "Progress",
    "Provenance",
    "ProviderError",
    "Records",
    "Refused",
    "SchemaUnsupportedError",
    "SilentError",
    "Style",
    "Teacher",
    "TuningError",
    "UnknownNameError",
    "__version__",
    "check_seeds",
    "compile",
    "compile_corpora",
    "compile_mixture",
    "export",
    "filter",
    "generate",
    "label",
    "load",
    "load_dataset",
    "load_seeds",
    "publish",
    "push",
    "read",
    "read_examples",
    "render",
    "statistics",
    "synthesize",
    "write",
]

__version__ = "0.2.0"

_HOMES = {
    "bioinstruct.api.filtering": ("filter",),
    "bioinstruct.api.generating": ("generate",),
    "bioinstruct.api.labelling": ("label",),
    "bioinstruct.api.publishing": ("export", "publish", "statistics"),
    "bioinstruct.api.reading": ("compile", "compile_mixture", "load"),
    "bioinstruct.api.synthesizing": ("synthesize",),
    "bioinstruct.dataset.convert": ("ImportOptions",),
    "bioinstruct.dataset.load": ("load_dataset", "read_examples"),
    "bioinstruct.dataset.publish": ("push",),
    "bioinstruct.errors": (
        *("BioinstructError", "BudgetError", "DataError", "MissingError", "ModelError"),
        *("ProviderError", "Refused", "SchemaUnsupportedError", "SilentError", "TuningError"),
        "UnknownNameError",
    ),
    "bioinstruct.jsonl": ("read", "write"),
    "bioinstruct.llm.client": ("Client",),
    "bioinstruct.mixtures.compile": ("compile_corpora",),
    "bioinstruct.progress": ("Progress",),
    "bioinstruct.prompts": ("Style", "render"),
    "bioinstruct.records": ("Records",),
    "bioinstruct.schema": ("Category", "Instruction", "Provenance", "Teacher"),
    "bioinstruct.seeds": ("check_seeds", "load_seeds"),
}

if not TYPE_CHECKING:  # a type checker reads the imports above
    __getattr__, __dir__ = lazy_names(__name__, _HOMES)
