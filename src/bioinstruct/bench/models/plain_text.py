"""Tokenise the text of records as plain text, whatever special tokens it spells.

A tokenizer takes `<|im_end|>` in an answer for the end of a turn, and `[MASK]` in a sentence for a
gap. A text without such marks has the ids that the tokenizer gives it. For one with a mark there is
a second tokenizer, the same but for its special tokens: they have private names, which only the
marks of a template are given. So the record's marks are cut up like any other word, and all else
is as the tokenizer has it: white space, normalisation, merges.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

__all__ = ["PlainText", "special_names"]

_LIKE_A_MARK = re.compile(r"[<\[].*[>\]]", re.DOTALL)


def special_names(tokenizer: Any) -> dict[str, int]:
    """Return the special tokens of a tokenizer with their ids.

    These are the tokens flagged as special, and the marks in its chat template, such as `<think>`.
    """
    template = json.dumps(tokenizer.chat_template or "", ensure_ascii=False)
    found = dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    for number, token in tokenizer.added_tokens_decoder.items():
        text = token.content
        if token.special or (_LIKE_A_MARK.fullmatch(text) and text in template):
            found[text] = number
    return {name: number for name, number in found.items() if name}


class PlainText:
    """A tokenizer that knows plain text from marks.

    Args:
        tokenizer: a `transformers` tokenizer, fast or slow.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.special = special_names(tokenizer)
        """The special tokens, with their ids."""
        # An unknown word is no mark, though it has the id of one.
        self._unknown = tokenizer.unk_token
        self._marks = set(self.special.values()) - {tokenizer.unk_token_id}
        longest_first = sorted(self.special, key=len, reverse=True)
        self._mark = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def ids(self, text: str) -> list[int]:
        """Return the token ids of a record's text; none of them is a mark."""
        ids = self.parsed(text)
        return self.mixed([("", text)]) if self._has_marks(text, ids) else ids

    def has_marks(self, text: str) -> bool:
        """True if the tokenizer would take a part of this text for a special token."""
        return self._has_marks(text, self.parsed(text))

    def _has_marks(self, text: str, ids: list[int]) -> bool:
        spelt = bool(self._unknown) and self._unknown in text
        return spelt or not self._marks.isdisjoint(ids)

    def parsed(self, text: str, *, special: bool = False) -> list[int]:
        """Return the ids with marks taken for special tokens, as the tokenizer does.

        Args:
            text: the text.
            special: also add what the tokenizer puts around a text.
        """
        ids: list[int] = self.tokenizer(
            text, add_special_tokens=special, padding=False, truncation=False, verbose=False
        )["input_ids"]
        return ids

    def first_mark(self, text: str) -> int | None:
        """Return the id of the special token that a text begins with, but for white space."""
        found = self._mark.match(text.lstrip())
        return self.special[found.group()] if found else None

    def mixed(self, pieces: Sequence[tuple[str, str]]) -> list[int]:
        """Return the ids of pairs of a template's text and a record's text, one behind the other.

        Only marks of the template's texts are special.
        """
        if self.backend is None:
            return [i for pair in pieces for i in self._apart(*pair)]
        text = "".join(self._mark.sub(self._private, own) + record for own, record in pieces)
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids

    @functools.cached_property
    def backend(self) -> Any:
        """The tokenizer in which no text is special but the private names; None for a slow one."""
        from tokenizers import Tokenizer

        fast = getattr(self.tokenizer, "backend_tokenizer", None)
        if fast is None:
            return None
        rules = json.loads(fast.to_str())
        rules |= {"truncation": None, "padding": None}
        for token in rules["added_tokens"]:
            if token["content"] in self.special:
                token |= {"content": self._name(token["content"]), "normalized": False}
        model = rules["model"]
        vocabulary = model["vocab"]
        # Some models look a whole word up, or any of its parts: there no mark may be found either.
        if isinstance(vocabulary, dict):
            model["vocab"] = {self._name(word): number for word, number in vocabulary.items()}
        else:
            model["vocab"] = [[self._name(piece), score] for piece, score in vocabulary]
        if isinstance(unknown := model.get("unk_token"), str):
            model["unk_token"] = self._name(unknown)
        return Tokenizer.from_str(json.dumps(rules))

    def _name(self, word: str) -> str:
        return f"\uf8f0{self.special[word]}\uf8f1" if word in self.special else word

    def _private(self, mark: re.Match[str]) -> str:
        return self._name(mark.group())

    def _apart(self, own: str, record: str) -> list[int]:
        """Tokenise by a slow tokenizer, which can only cut special tokens up in a whole text."""
        ids, at = [], 0
        for mark in self._mark.finditer(own):
            ids += [*self._cut_up(own[at : mark.start()]), self.special[mark.group()]]
            at = mark.end()
        return [*ids, *self._cut_up(own[at:] + record)]

    def _cut_up(self, text: str) -> list[int]:
        if not text:
            return []
        ids: list[int] = self.tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, verbose=False
        )["input_ids"]
        return ids
