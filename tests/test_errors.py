from __future__ import annotations

import contextlib
import importlib
import pkgutil
from pathlib import Path

import pytest

import bioinstruct
from bioinstruct import BioinstructError, DataError, MissingError, UnknownNameError, errors


@pytest.mark.parametrize("kind", [getattr(errors, name) for name in errors.__all__])
def test_one_except_clause_catches_all_that_a_user_can_mend(kind: type[Exception]) -> None:
    assert issubclass(kind, BioinstructError)


def test_an_error_has_a_hint_or_an_empty_one() -> None:
    assert BioinstructError("wrong").hint == ""
    error = MissingError("no file", hint="get it")
    assert (str(error), error.hint) == ("no file", "get it")


def test_an_error_in_data_names_file_and_line_the_way_editors_read_it() -> None:
    error = DataError("output: empty text", path="a/b.jsonl", line=3, hint="fill it")
    assert str(error) == "a/b.jsonl:3: output: empty text"
    assert (error.path, error.line, error.reason) == (Path("a/b.jsonl"), 3, "output: empty text")
    assert str(DataError("empty", path=Path("x"))) == "x: empty"


def test_an_unknown_name_lists_the_known_and_asks_for_the_nearest() -> None:
    error = UnknownNameError("task", "pubmdqa", {"pubmedqa", "bc5cdr"})
    assert str(error) == "no task named 'pubmdqa'; known: bc5cdr, pubmedqa"
    assert error.hint == "did you mean `pubmedqa`?"


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    assert UnknownNameError("task", "xyz", ["pubmedqa"]).hint == ""
    assert str(UnknownNameError("layout", "x", [])) == "no layout named 'x'; known: none"


def test_every_error_of_the_package_is_in_the_tree() -> None:
    """A user can name each of them as `bioinstruct.<Error>`."""
    for module in pkgutil.walk_packages(bioinstruct.__path__, "bioinstruct."):
        if "spark" not in module.name and "__main__" not in module.name:
            with contextlib.suppress(ImportError):  # an extra that is not installed
                importlib.import_module(module.name)
    todo, found = [BioinstructError], set()
    while todo:
        kind = todo.pop()
        if not kind.__name__.startswith("_"):
            found.add(kind.__name__)
        todo += kind.__subclasses__()
    assert found == set(errors.__all__)
    assert found <= set(bioinstruct.__all__)


def test_of_many_known_names_the_nearest_five_are_shown() -> None:
    known = ["pubmedqa", "pubmed-rct", "bioasq", *(f"corpus-{n}" for n in range(60))]
    error = UnknownNameError("corpus", "pubmdqa", known)
    _, _, shown = str(error).partition("nearest of 63: ")
    assert len(shown.split(", ")) == 5
    assert shown.split(", ")[:2] == ["pubmedqa", "pubmed-rct"]
    assert error.hint == "did you mean `pubmedqa`?"
