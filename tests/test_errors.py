from __future__ import annotations

from pathlib import Path

import pytest

from bioinstruct import BioinstructError, DataError, MissingError, ModelError, UnknownNameError


@pytest.mark.parametrize("kind", [DataError, MissingError, ModelError, UnknownNameError])
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
