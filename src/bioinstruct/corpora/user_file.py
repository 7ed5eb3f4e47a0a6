"""A user's own Python file, which registers corpora or defines tasks."""

from __future__ import annotations

import importlib.util
import traceback
from pathlib import Path
from types import ModuleType

from bioinstruct.corpora.registry import names
from bioinstruct.errors import BioinstructError, MissingError

__all__ = ["load_corpus_file", "run_python_file"]


def load_corpus_file(path: Path) -> tuple[str, ...]:
    """Run a Python file that calls `register`, and return the names of its corpora.

    Raises:
        MissingError: there is no such file.
        BioinstructError: it cannot be run, or it registers no corpus.
    """
    before = names()
    run_python_file(path)
    found = tuple(name for name in names() if name not in before)
    if not found:
        raise BioinstructError(
            f"{path} registers no corpus", hint="call register(Corpus(...)); see docs/corpora.md"
        )
    return found


def run_python_file(path: Path) -> ModuleType:
    """Run a file as a module of its own, and return the module.

    Raises:
        MissingError: there is no such file.
        BioinstructError: it raises an error, which is named with its line in the file.
    """
    if not path.is_file():
        raise MissingError(f"no file {path}")
    spec = importlib.util.spec_from_file_location(f"user_file_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise BioinstructError(f"{path} is not a Python file", hint="give it the ending .py")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BioinstructError as error:
        raise BioinstructError(f"{_where(path, error)}: {error}", hint=error.hint) from error
    except Exception as error:  # whatever a user's file may do
        raise BioinstructError(f"{_where(path, error)}: {type(error).__name__}: {error}") from error
    return module


def _where(path: Path, error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if Path(f.filename) == path.absolute()]
    lines += [error.lineno] if isinstance(error, SyntaxError) else []
    return f"{path}:{lines[-1]}" if lines else str(path)
