from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from bioinstruct import BioinstructError, DataError, MissingError, UnknownNameError
from bioinstruct.dataset.publish import publish
from bioinstruct.dataset.statistics import Collector
from bioinstruct.tokens import tokens_by
from tests.records import records

TINY = Path("src/bioinstruct/data/tiny")
ROOT = Path(__file__).parents[1]


def test_tiny_counts_as_its_tokenizer_does_without_the_tokens_of_a_model() -> None:
    reference = Tokenizer.from_file(str(ROOT / TINY / "tokenizer.json"))
    text = "Measles: fever, cough and a maculopapular rash; IFN-\u03b1 was normal."
    expected = len(reference.encode(text, add_special_tokens=False).ids)
    for name in ("tiny", str(ROOT / TINY), str(ROOT / TINY / "tokenizer.json")):
        assert tokens_by(name).count(text) == expected > 10
    assert tokens_by("tiny").count("") == 0


def test_a_tokenizer_that_cuts_texts_off_counts_them_whole(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(ROOT / TINY / "tokenizer.json"))
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    text = "a long text " * 50
    assert tokens_by(str(tmp_path)).count(text) == tokens_by("tiny").count(text) > 100


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("cl100k", UnknownNameError, "no tokenizer named 'cl100k'; nearest of"),
        ("{here}", MissingError, "has no tokenizer.json"),
        ("{here}/broken.json", DataError, "not a tokenizer"),
    ],
)
def test_what_is_no_tokenizer_is_an_error_that_says_so(
    name: str, error: type[BioinstructError], message: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.json").write_text("{}", encoding="utf-8")
    with pytest.raises(error) as caught:
        tokens_by(name.format(here=tmp_path))
    assert message.split(": ")[0] in str(caught.value)


def test_an_encoding_that_is_not_at_hand_is_not_replaced_by_a_guess(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(MissingError, match="encoding p50k_edit is not available"):
        tokens_by("p50k_edit")


def test_lengths_are_in_tokens_when_asked_for_and_the_card_names_the_tokenizer(
    tmp_path: Path,
) -> None:
    tokens = tokens_by("tiny")
    found = publish(records(5), tmp_path / "data", tokens=tokens)
    lengths = [tokens.count(example.input) for example in records(5)]
    assert (found.tokens["input"].min, found.tokens["input"].max) == (min(lengths), max(lengths))
    card = (tmp_path / "data" / "README.md").read_text(encoding="utf-8")
    assert "| input, tokens |" in card
    assert "Tokens are those of tiny." in card
    assert Collector().result().tokens == {}
