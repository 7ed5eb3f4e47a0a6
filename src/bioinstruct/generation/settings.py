"""Settings and progress of a generation run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from bioinstruct.generation.recipes import Recipe
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    from bioinstruct.filters import Contaminated
    from bioinstruct.generation.documents import Document
    from bioinstruct.llm.runner import Usage

__all__ = ["Progress", "Settings", "Tally", "Watcher"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the requests, and of the filters for records."""

    recipe: str | Recipe = "bioinstruct"
    """A name, or a recipe of your own: `dataclasses.replace(get_recipe("alpaca"), tasks=5)`."""
    format: str = "auto"
    """Format of the answers: `json`, `delimited`, or `auto`, which goes by the model's name."""
    seeds: Sequence[Instruction] | None = None
    """Examples to imitate; default: the seeds that ship with the package."""
    documents: Sequence[Document] = ()
    """Texts that the tasks are about (`read_documents`), instead of inputs by the teacher."""
    checks: Sequence[str] = ()
    """Checks of the answers: `span`, `numbers`, `json`, or a Python file with checks.

    With documents, `span` is always one of them.
    """
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values by attribute; each request draws one of each: see `generation.attributes`."""
    seed: int = 42
    """Seed of the random draws."""
    rules: Sequence[str] | None = None
    """Names of rules; default: those of the recipe."""
    near_duplicates: float | None = None
    """ROUGE-L F above which an instruction is rejected; default: that of the recipe."""
    contaminated: Contaminated | None = None
    """Finds records that overlap benchmark tests, to reject them."""


@dataclass(slots=True)
class Tally:
    """Counts of a run so far."""

    wanted: int
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Rejected parts of answers by reason."""
    requests: int = 0
    """Requests whose outcome has been used."""
    failed: int = 0
    """Requests without an answer, among those."""
    prompt_tokens: int = 0
    """Prompt tokens as the server counts them, including earlier runs."""
    completion_tokens: int = 0

    @property
    def rejected(self) -> int:
        """Number of rejected parts of answers."""
        return self.reasons.total()

    @property
    def acceptance(self) -> float:
        """Share of accepted among all parts, from 0 to 1; 0 before the first."""
        return self.accepted / (self.accepted + self.rejected or 1)


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run, reported after each answer and each change of a request's state."""

    tally: Tally
    usage: Usage | None
    """None in a replay, and before the first request."""


Watcher: TypeAlias = Callable[[Progress], None]
"""Called with the progress of a run."""
