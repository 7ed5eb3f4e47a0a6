"""Interfaces of models that can be scored, and of those that can also be tuned.

A backend is any class with the members of `Model`; it need not inherit from it. `Constant` in the
folder of this module is a complete one in a few lines.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from bioinstruct.errors import ModelError
from bioinstruct.prompts import Style
from bioinstruct.schema import Instruction

if TYPE_CHECKING:
    import torch

    from bioinstruct.bench.models.tokenization import PromptTokenizer

__all__ = [
    "Choice",
    "Completion",
    "Model",
    "Tunable",
    "as_tunable",
    "check_model",
    "notes_of",
    "overflow_of",
]


@dataclass(frozen=True, slots=True)
class Completion:
    """The text that a model wrote after a prompt."""

    text: str
    truncated: bool = False
    """True if the limit of new tokens ended it."""
    shortened: bool = False
    """True if the input did not fit the context and was shortened."""
    skipped: bool = False
    """True if the prompt did not fit at all, so the model was not asked."""
    thought_tokens: int = 0
    """Tokens of a thought in front of the answer (`<think>…</think>`), if the model counts them."""
    by: str = field(default="", compare=False)
    """The engine that wrote it; empty for a model behind a server."""
    why: str = field(default="", compare=False)
    """Why a slow engine was used, if one was."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The log-likelihood of each answer of a closed set, in nats; empty if the prompt did not fit.

    Source of the definition: the sum of log-probabilities of an answer's tokens after the prompt,
    as in lm-evaluation-harness.
    """

    log_likelihoods: tuple[float, ...]
    shortened: bool = False
    """True if the input did not fit the context and was shortened."""
    by: str = field(default="", compare=False)
    """The plan that computed them; empty for a model behind a server."""
    why: str = field(default="", compare=False)
    """Why a slow plan was used, if one was."""


class Model(Protocol):
    """A model that can be scored: it completes prompts and rates given answers.

    A model may also have `overflow`, the name of what it does with prompts that do not fit its
    context, `notes`, sentences on what was found when it was loaded, and `style_reason`, why
    prompts have their style; the report states them.
    """

    @property
    def fingerprint(self) -> str:
        """Identify the model in the file of answers.

        It must change whenever the same question could get another answer: with the weights, an
        adapter, the tokenizer, the prompt style or the settings of a server.
        """

    @property
    def name(self) -> str:
        """The name for reports and messages."""

    @property
    def style(self) -> Style:
        """The prompt style that the model is asked in."""

    def complete(
        self,
        examples: Sequence[Instruction],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Completion]]:
        """Yield the index of each example and its completion, in any order, each index once.

        Args:
            examples: what to ask; `output` must not be shown to the model.
            max_new_tokens: the limit of a completion.
            stop: strings that end a completion; none of them is part of its text.
            shots: worked examples, shown before every prompt.
        """

    def choose(
        self,
        examples: Sequence[Instruction],
        *,
        choices: Sequence[Sequence[str]],
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Choice]]:
        """Yield the index of each example and the log-likelihoods of its own choices, in any order.

        Args:
            examples: what to ask.
            choices: the answers of each example, as many lists as examples.
            shots: worked examples, shown before every prompt.

        Raises:
            ModelError: the model cannot rate answers.
        """

    def adapter(self, *, on: bool = True) -> AbstractContextManager[bool]:
        """Answer with the adapter (`on`) or without it within the block.

        The value of the block is True if there is an adapter. A model without one returns
        `contextlib.nullcontext(False)`.
        """


class Tunable(Model, Protocol):
    """A causal language model in the memory of this process, which `bench.training` can tune.

    `CausalLM` is one; a class that inherits from `Decoder` has most of these members.
    """

    @property
    def model(self) -> Any:
        """The model of transformers, wrapped by peft if it has an adapter."""

    @property
    def bare(self) -> Any:
        """The model of transformers without peft's wrapper."""

    @property
    def device(self) -> torch.device:
        """Device of the weights."""

    @property
    def prompt_tokenizer(self) -> PromptTokenizer:
        """Turns examples into token ids."""

    @property
    def base_fingerprint(self) -> str:
        """The fingerprint without the adapter."""

    @property
    def parts(self) -> dict[str, str]:
        """Style, precision, and digests of configuration, tokenizer and weights of the base."""

    @property
    def has_adapter(self) -> bool:
        """True if the model has an adapter, switched on or off."""

    @property
    def tuning_budget(self) -> int:
        """Tokens of a micro-batch in tuning."""

    def why_not(self, capability: str, trial: Callable[[], str]) -> str:
        """Return why the model cannot use a fast way, "" if it can; see `Capabilities`."""

    def adapted(self, model: Any) -> None:
        """Replace `model` by the same model with an adapter, or with changed weights."""

    def forward(self, ids: torch.Tensor, position_ids: torch.Tensor | None = None) -> torch.Tensor:
        """Return all logits, shape (rows, length, vocabulary)."""

    def logits(
        self,
        ids: torch.Tensor,
        rows: torch.Tensor,
        columns: torch.Tensor,
        *,
        position_ids: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return float32 logits at the selected positions, shape (positions, vocabulary)."""

    def right_padded(self, rows: list[list[int]]) -> torch.Tensor:
        """Return token ids as one tensor, shape (rows, longest), padded on the right."""

    def probe_ids(self, length: int = 8) -> torch.Tensor:
        """Return two rows of fixed random tokens, for trials."""

    def load_adapter(self, folder: Path) -> str:
        """Answer with the adapter of this folder from now on; return what was checked of it.

        Raises:
            ModelError: there is none, or it belongs to another model.
        """


def check_model(model: object, protocol: type = Model) -> None:
    """Check that an object has every member of a protocol.

    Raises:
        ModelError: it lacks some; the message names its class and all of them.
    """
    absent = object()
    members = [name for name in dir(protocol) if not name.startswith("_")]
    missing = [n for n in members if inspect.getattr_static(model, n, absent) is absent]
    if missing:
        purpose = "tuned" if protocol is Tunable else "scored"
        raise ModelError(
            f"a {type(model).__name__} cannot be {purpose}: it lacks {', '.join(missing)}",
            hint=f"add these members; see bioinstruct.bench.models.{protocol.__name__}",
        )


def as_tunable(model: Model) -> Tunable:
    """Return the model, for tuning.

    Raises:
        ModelError: it lacks what tuning needs; the message names its class and these members.
    """
    check_model(model, Tunable)
    return cast(Tunable, model)


def overflow_of(model: Model) -> str:
    """Return what the model does with prompts that do not fit; "" if it does not state that."""
    return str(getattr(model, "overflow", ""))


def notes_of(model: Model) -> list[str]:
    """Return the sentences on what was found when the model was loaded."""
    return list(getattr(model, "notes", ()))
