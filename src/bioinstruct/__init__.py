"""Make biomedical instruction datasets and measure what they do to a language model."""

from bioinstruct.errors import (
    BioinstructError,
    DataError,
    MissingError,
    ModelError,
    UnknownNameError,
)
from bioinstruct.jsonl import read, write
from bioinstruct.prompts import Style, render
from bioinstruct.schema import Category, Instruction, Provenance, Teacher

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
    "read",
    "render",
    "write",
]

__version__ = "0.1.0"
