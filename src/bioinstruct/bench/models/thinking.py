"""Where a completion ends: stop strings, and the budgets of a thought and of its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bioinstruct.answer_text import split_thought
from bioinstruct.bench.models.tokenization import PromptTokenizer, before_stop

__all__ = ["Ending"]

_MARKS = ("<think>", "</think>")
_TAIL = 8  # tokens of a prompt that may hold the mark that its template opens


@dataclass(frozen=True, slots=True)
class Ending:
    """Decides where a completion ends; a thought is not searched for stop strings."""

    tokenizer: PromptTokenizer
    stop: Sequence[str]
    max_new_tokens: int
    """Tokens of the answer at most."""
    max_thinking: int = 0
    """Tokens of the thought at most, besides; with 0 a thought uses up those of the answer."""
    opened: bool = False
    """True if the chat template writes `<think>`, so that a completion begins inside a thought."""

    @property
    def room(self) -> int:
        """Tokens of a completion at most."""
        return self.max_new_tokens + self.max_thinking

    def after(self, prompt: Sequence[int]) -> Ending:
        """Return the ending of completions of a prompt with these ids."""
        decode = self.tokenizer.tokenizer.decode
        written = decode(list(prompt[-_TAIL:]), skip_special_tokens=False)
        return replace(self, opened=written.rstrip().endswith(_MARKS[0]))

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of a completion with the marks of its thought, even if special tokens."""
        tokenizer = self.tokenizer.tokenizer
        known = {tokenizer.convert_tokens_to_ids(mark): mark for mark in _MARKS}
        special = set(tokenizer.all_special_ids) & known.keys()
        pieces, start = [_MARKS[0]] if self.opened else [], 0
        for place, token in enumerate(ids):
            if token in special:
                pieces += [self.tokenizer.text(list(ids[start:place])), known[token]]
                start = place + 1
        return "".join([*pieces, self.tokenizer.text(list(ids[start:]))])

    def cut(self, ids: Sequence[int]) -> tuple[str, bool]:
        """Return the text up to the first stop string of the answer, and whether there was one."""
        text = self.text(ids)
        split = split_thought(text)
        if split.answer is None:
            return text, False
        answer = before_stop(split.answer, self.stop)
        return split.thought + answer, answer != split.answer

    def thought_tokens(self, ids: Sequence[int]) -> int | None:
        """Return how many tokens are a thought; None if it has no end, or may be about to begin."""
        text = self.text(ids)
        split = split_thought(text)
        if split.answer is None or (text and _MARKS[0].startswith(text.strip())):
            return None
        if not split.thought:
            return 0
        low, high = 1, len(ids)  # bisection for the token that closes the thought
        while low < high:
            middle = (low + high) // 2
            closed = len(split_thought(self.text(ids[:middle])).thought) >= len(split.thought)
            if closed and split_thought(self.text(ids[:middle])).answer is not None:
                high = middle
            else:
                low = middle + 1
        return low

    def full(self, ids: Sequence[int]) -> bool:
        """Return whether the answer has all the tokens that it may have."""
        if len(ids) >= self.room:
            return True
        if not self.max_thinking or len(ids) < self.max_new_tokens:
            return False
        thought = self.thought_tokens(ids)
        return thought is not None and len(ids) - thought >= self.max_new_tokens

    def ended(self, ids: list[int]) -> bool:
        """Return whether a completion with these ids so far is over."""
        if self.stop:
            # A token is a byte at least: only a stop string in the last ones can be new.
            tail = self.tokenizer.text(ids[-max(len(mark.encode()) for mark in self.stop) - 1 :])
            if before_stop(tail, self.stop) != tail and self.cut(ids)[1]:
                return True
        return self.full(ids)
