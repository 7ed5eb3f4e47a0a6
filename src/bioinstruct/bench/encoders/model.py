"""Fine-tune BERT-style encoders for comparison, scored by the metrics of their tasks.

Entities are found by labelling the first sub-token of each word (Devlin et al. 2019), answers of
closed sets by sequence classification. What does not fit the encoder is read in overlapping
windows: nothing is cut off. A prediction has the form that the task's `parse` gives, so encoder and
language model are counted by the same code.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field

from bioinstruct.bench.encoders.card import encoder_card, with_type
from bioinstruct.bench.encoders.tuning import Progress, fine_tune
from bioinstruct.bench.evaluation.report import Row
from bioinstruct.bench.models.checks import check_weights
from bioinstruct.bench.models.forward import tuning_budget
from bioinstruct.bench.models.loading import encoder_errors, encoder_length
from bioinstruct.bench.models.plain_text import PlainText
from bioinstruct.bench.models.precision import default_device
from bioinstruct.bench.tasks.base import Task
from bioinstruct.bench.training.checkpoint import Checkpoints, weights_directory
from bioinstruct.corpora.answers.entities import Entity, spans
from bioinstruct.errors import ModelError
from bioinstruct.schema import Instruction

__all__ = ["Encoder", "EncoderRecipe", "Progress", "Window", "card", "fits", "load_encoder"]


class EncoderRecipe(BaseModel):
    """Settings of fine-tuning; the defaults are the usual ones of BioBERT and BLURB."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    learning_rate: float = Field(5e-5, gt=0)
    warmup: float = Field(0.1, ge=0, lt=1)
    """Share of the steps in which the rate rises; it falls linearly afterwards."""
    weight_decay: float = Field(0.01, ge=0)
    epochs: int = Field(10, ge=1)
    batch_size: int = Field(32, ge=1)
    """Windows of one step."""
    max_length: int = Field(512, ge=16)
    """Longest window in tokens, if the encoder takes as many."""


def fits(task: Task) -> bool:
    """Return True for tasks whose answers are entities or of a closed set."""
    return bool(task.labels) or _labels_words(task) or _has_label_sets(task)


def card(name: str, task: Task, rows: Sequence[Row] = ()) -> str:
    """Return the model card of an encoder that was fine-tuned on a task, with its scores if any."""
    return encoder_card(name, task, words=_labels_words(task), rows=rows)


def _labels_words(task: Task) -> bool:
    return any(metric.name == "entity F1" for metric in task.metrics)


def _has_label_sets(task: Task) -> bool:
    return any(metric.name == "label F1" for metric in task.metrics)


def load_encoder(
    path: str, task: Task, training: Sequence[Instruction], recipe: EncoderRecipe, *, seed: int = 0
) -> Encoder:
    """Load an encoder with a new layer for a task, with the labels of the training examples.

    Raises:
        ModelError: it is not such an encoder, or the task is not for one.
    """
    if not fits(task):
        raise ModelError(f"task {task.name} has open answers: an encoder cannot write them")
    torch.manual_seed(seed)
    if _labels_words(task):
        return _Words(path, task, training, recipe)
    return (_Answers if task.labels else _LabelSets)(path, task, training, recipe)


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of an example that fits the encoder."""

    example: int
    ids: list[int]
    labels: list[int]
    """For words one per token, -100 where nothing is learnt; for answers a single one; for sets of
    labels 1 or 0 for each."""
    words: tuple[tuple[int, int], ...] = ()
    """For each word that this window labels: the word and the position of its first token."""

    def __len__(self) -> int:
        return len(self.ids)


class Encoder(ABC):
    """A tokenizer and a classifier on top of an encoder, for one task."""

    def __init__(
        self, path: str, task: Task, recipe: EncoderRecipe, names: Sequence[str], auto: str
    ) -> None:
        import transformers

        self.task = task
        self.name = path
        self.recipe = recipe
        self.names = list(names)
        """Classes of the classifier."""
        shown = [with_type(name, task) for name in names] if _labels_words(task) else names
        about = {
            "id2label": dict(enumerate(shown)),
            "label2id": {n: i for i, n in enumerate(shown)},
        }
        with encoder_errors(path):
            self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(path)
            self.model: Any
            self.model, info = getattr(transformers, auto).from_pretrained(
                path, use_safetensors=True, output_loading_info=True, **about
            )
        own = self.model.base_model_prefix + "."  # all else is the new classifier
        missing = [name for name in info["missing_keys"] if name.startswith(own)]
        self.notes = check_weights(
            path,
            self.model,
            info | {"missing_keys": missing},
            optional=lambda name: ".pooler." in name,
        )
        """Sentences on what was found at loading, for the report."""
        if not self.tokenizer.is_fast:
            raise ModelError(
                f"the tokenizer of {path} is a slow one: it cannot say where words are"
            )
        self.device = torch.device(default_device())
        self.model.to(self.device)
        self.budget = tuning_budget(self.device)
        """Tokens of a part of a batch, padding among them."""
        self.room = min(recipe.max_length, encoder_length(self.model.config))
        # What a sentence spells is text: no [MASK] or [SEP] in it is special.
        self._plain = PlainText(self.tokenizer).backend
        self._plain.enable_truncation(self.room, stride=self.room // 4)

    @abstractmethod
    def windows(self, examples: Sequence[Instruction], *, learn: bool) -> list[Window]:
        """Cut the examples into windows that fit the encoder, with the labels of each."""

    @abstractmethod
    def labels(self, batch: Sequence[Window]) -> torch.Tensor:
        """Return the labels of a batch, in the shape of its logits without the last dimension."""

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the mean loss in nats per label."""
        return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-100)

    @abstractmethod
    def predict(self, examples: Sequence[Instruction]) -> list[Any]:
        """Return one prediction for each example, in the form of the task's `parse`."""

    def tune(
        self,
        training: Sequence[Instruction],
        *,
        seed: int = 0,
        progress: Callable[[Progress], None] = lambda progress: None,
        checkpoints: Checkpoints | None = None,
        save_every: float = 60,
    ) -> list[float]:
        """Fine-tune on the examples and return the mean loss of each step, in nats per label.

        With checkpoints the state is written every `save_every` seconds, and a run that was stopped
        resumes from the last; on a CPU the weights are bit-identical.

        Raises:
            ModelError: the loss is not finite.
        """
        return fine_tune(
            self,
            training,
            seed=seed,
            progress=progress,
            checkpoints=checkpoints,
            save_every=save_every,
        )

    def save(self, folder: Path) -> None:
        """Write the classifier in the form that transformers' pipelines load."""
        with weights_directory(folder) as temporary:
            self.model.save_pretrained(temporary)
            self.tokenizer.save_pretrained(temporary)
            (temporary / "README.md").write_text(card(self.name, self.task), encoding="utf-8")

    def logits(self, batch: Sequence[Window]) -> torch.Tensor:
        width = max(len(window) for window in batch)
        pad = self.tokenizer.pad_token_id or 0
        ids = [[*w.ids, *[pad] * (width - len(w.ids))] for w in batch]
        mask = [[1] * len(w.ids) + [0] * (width - len(w.ids)) for w in batch]
        found: torch.Tensor = self.model(
            input_ids=torch.tensor(ids, device=self.device),
            attention_mask=torch.tensor(mask, device=self.device),
        ).logits
        return found.float()

    @torch.inference_mode()
    def _all_logits(self, windows: list[Window]) -> list[torch.Tensor]:
        """Return the logits of every window in the given order; they are computed by length."""
        self.model.eval()
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].ids))
        found: list[torch.Tensor] = [torch.empty(0)] * len(windows)
        for start in range(0, len(order), 32):
            places = order[start : start + 32]
            for place, logits in zip(
                places, self.logits([windows[i] for i in places]), strict=True
            ):
                found[place] = logits.cpu()
        return found

    def _pieces(self, text: str | list[str]) -> Iterator[tuple[list[int], list[int | None]]]:
        """Yield the token ids and the word of each token, window by window."""
        first = self._plain.encode(text, is_pretokenized=isinstance(text, list))
        for window in (first, *first.overflowing):
            yield window.ids, window.word_ids


class _Words(Encoder):
    """Labels for words: which begin an entity, continue one, or are outside."""

    def __init__(
        self, path: str, task: Task, training: Sequence[Instruction], recipe: EncoderRecipe
    ) -> None:
        types = sorted(
            {e.type for example in training for e in task.parse(example.output, example)}
        )
        names = ["O", *(f"{mark}-{type}".rstrip("-") for type in types for mark in "BI")]
        super().__init__(path, task, recipe, names, "AutoModelForTokenClassification")

    def windows(self, examples: Sequence[Instruction], *, learn: bool) -> list[Window]:
        found = []
        for number, example in enumerate(examples):
            words = example.input.split(" ")
            tags = self._tags(example, len(words)) if learn else ["O"] * len(words)
            pieces = list(self._pieces(words))
            owners = _owners([word_ids for _, word_ids in pieces])
            for place, (ids, word_ids) in enumerate(pieces):
                labels, mine = [-100] * len(ids), []
                for at, word in enumerate(word_ids):
                    first = word is not None and (at == 0 or word_ids[at - 1] != word)
                    if first and word is not None and owners[word] == place:
                        labels[at] = self.names.index(tags[word])
                        mine.append((word, at))
                found.append(Window(number, ids, labels, tuple(mine)))
        return found

    def labels(self, batch: Sequence[Window]) -> torch.Tensor:
        width = max(len(window) for window in batch)
        rows = [[*w.labels, *[-100] * (width - len(w.labels))] for w in batch]
        return torch.tensor(rows, device=self.device)

    def predict(self, examples: Sequence[Instruction]) -> list[Any]:
        windows = self.windows(examples, learn=False)
        tags = [["O"] * len(example.input.split(" ")) for example in examples]
        for window, logits in zip(windows, self._all_logits(windows), strict=True):
            best = logits.argmax(dim=-1).tolist()
            for word, at in window.words:
                tags[window.example][word] = self.names[best[at]]
        return [spans(row) for row in tags]

    def _tags(self, example: Instruction, words: int) -> list[str]:
        tags = ["O"] * words
        for entity in self.task.parse(example.output, example):
            tags[entity.start : entity.end] = _marks(entity)
        return tags


def _marks(entity: Entity) -> list[str]:
    suffix = f"-{entity.type}" if entity.type else ""
    return [f"B{suffix}", *[f"I{suffix}"] * (entity.end - entity.start - 1)]


def _owners(pieces: list[list[int | None]]) -> dict[int, int]:
    """Return for each word the window that shows the most context on both sides."""
    best: dict[int, tuple[int, int]] = {}
    for number, word_ids in enumerate(pieces):
        first = {word: at for at, word in reversed(list(enumerate(word_ids))) if word is not None}
        for word, at in first.items():
            begun_before = at <= 1 and number > 0  # the window may begin inside the word
            room = -1 if begun_before else min(at, len(word_ids) - at)
            if word not in best or room > best[word][0]:
                best[word] = room, number
    return {word: number for word, (_, number) in best.items()}


class _Answers(Encoder):
    """Classify into one answer of a closed set; windows of a long input vote with their logits."""

    def __init__(
        self, path: str, task: Task, training: Sequence[Instruction], recipe: EncoderRecipe
    ) -> None:
        super().__init__(path, task, recipe, task.labels, "AutoModelForSequenceClassification")

    def windows(self, examples: Sequence[Instruction], *, learn: bool) -> list[Window]:
        found = []
        for number, example in enumerate(examples):
            labels = self._labels(example) if learn else []
            text = example.input or example.instruction
            found += [Window(number, ids, labels) for ids, _ in self._pieces(text)]
        return found

    def labels(self, batch: Sequence[Window]) -> torch.Tensor:
        return torch.tensor([window.labels for window in batch], device=self.device)

    def predict(self, examples: Sequence[Instruction]) -> list[Any]:
        windows = self.windows(examples, learn=False)
        votes = torch.zeros(len(examples), len(self.names))
        for window, logits in zip(windows, self._all_logits(windows), strict=True):
            votes[window.example] += logits
        chosen = [self.names[at] for at in votes.argmax(dim=1).tolist()]
        return [self.task.parse(n, e) for n, e in zip(chosen, examples, strict=True)]

    def _labels(self, example: Instruction) -> list[int]:
        gold = self.task.parse(example.output, example)
        parsed = [self.task.parse(choice, example) for choice in self.task.labels]
        return [parsed.index(gold)]


class _LabelSets(_Answers):
    """Classify into any number of labels: each is given if its probability is above 0.5.

    A window of a long text learns the labels of the whole; the text has those of any window.
    """

    def __init__(
        self, path: str, task: Task, training: Sequence[Instruction], recipe: EncoderRecipe
    ) -> None:
        golds = (task.parse(example.output, example) for example in training)
        names = sorted({label for gold in golds for label in gold})
        auto = "AutoModelForSequenceClassification"
        Encoder.__init__(self, path, task, recipe, names, auto)
        self.model.config.problem_type = "multi_label_classification"

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(logits, labels.float())

    def predict(self, examples: Sequence[Instruction]) -> list[Any]:
        windows = self.windows(examples, learn=False)
        best = torch.full((len(examples), len(self.names)), -math.inf)
        for window, logits in zip(windows, self._all_logits(windows), strict=True):
            best[window.example] = torch.maximum(best[window.example], logits)
        return [
            tuple(name for name, there in zip(self.names, row, strict=True) if there)
            for row in (best > 0).tolist()
        ]

    def _labels(self, example: Instruction) -> list[int]:
        gold = self.task.parse(example.output, example)
        return [int(name in gold) for name in self.names]
