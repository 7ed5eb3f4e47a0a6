"""Make biomedical instruction datasets and measure what they do to a language model."""

from bioinstruct.dataset.load import load_dataset, read_examples
from bioinstruct.errors import (
    BioinstructError,
    DataError,
    MissingError,
    ModelError,
    UnknownNameError,
)
from bioinstruct.generation import generate
from bioinstruct.jsonl import read, write
from bioinstruct.mixtures.compile import compile_corpora
from bioinstruct.prompts import Style, render
from bioinstruct.schema import Category, Instruction, Provenance, Teacher
from bioinstruct.seeds import check_seeds, load_seeds

__all__ = [
    "BioinstructError",
    "Category",
    "DataError",
    "Instruction",
    "MissingError",
    "ModelError",
    "Provenance",
    "Style",
    "Teacher",
    "UnknownNameError",
    "__version__",
    "check_seeds",
    "compile_corpora",
    "generate",
    "load_dataset",
    "load_seeds",
    "read",
    "read_examples",
    "render",
    "write",
]

__version__ = "0.1.0"
