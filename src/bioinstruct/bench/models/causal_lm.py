"""Load a causal language model into this process, to complete prompts and to rate answers."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from bioinstruct.answer_text import split_thought
from bioinstruct.bench.models.adapter import ABOUT, attach, settings_of, tensors_of
from bioinstruct.bench.models.base import Choice, Completion
from bioinstruct.bench.models.forward import Decoder
from bioinstruct.bench.models.fsdp import in_step, whole
from bioinstruct.bench.models.generation import Engine, Generator
from bioinstruct.bench.models.loading import context_length, load_model_and_tokenizer
from bioinstruct.bench.models.loglikelihood import Plan, Scorer
from bioinstruct.bench.models.precision import default_device
from bioinstruct.bench.models.thinking import Ending
from bioinstruct.bench.models.token_tree import LoglikelihoodRequest
from bioinstruct.bench.models.tokenization import (
    Overflow,
    PromptTokenizer,
    style_for,
    style_reason,
)
from bioinstruct.errors import ModelError
from bioinstruct.prompts import Style
from bioinstruct.schema import Instruction

__all__ = ["ABOUT", "CausalLM"]


class CausalLM(Decoder):
    """A decoder, its tokenizer and its adapter, if tuned; base and tuned share the weights."""

    def __init__(
        self, model: Any, prompt_tokenizer: PromptTokenizer, *, name: str, plan: Plan = Plan.AUTO
    ) -> None:
        known = len(prompt_tokenizer.tokenizer)
        super().__init__(model, pad=prompt_tokenizer.eos_id, known=known, name=name)
        self.prompt_tokenizer = prompt_tokenizer
        self.scorer = Scorer(self, plan)
        self.generator = Generator(self, self._stop_ids)
        self.parts = _parts(model, prompt_tokenizer, self._stop_ids())
        """The style, the precision of the weights, and digests of all else that decides answers."""
        self.base_fingerprint = _digest(self.parts)
        self._adapter_fingerprint = ""
        self.max_thinking = 0
        """Tokens of the thought of a reasoning model at most, besides those of its answer."""
        self.style_reason = ""
        """Why prompts have their style, if the model decided."""
        self.notes: list[str] = []
        """Sentences on what was found at loading, for the report."""

    @classmethod
    def load(
        cls,
        path: str,
        *,
        style: Style | None = None,
        device: str | None = None,
        dtype: str = "auto",
        quantize: str = "none",
        trust_remote_code: bool = False,
        plan: Plan = Plan.AUTO,
        overflow: Overflow = Overflow.SHORTEN,
    ) -> CausalLM:
        """Load a model folder, a Hub id, or `tiny`, to an accelerator if there is one.

        Without a style prompts are in the model's chat template if it has one, else in Alpaca's. A
        `dtype` of `auto` is the precision of the checkpoint where the device computes in it at full
        speed, else float32.

        Raises:
            ModelError: there is no such model, it is not a causal language model, it does not fit
                in memory, or the device cannot compute in `dtype`.
            MissingError: `quantize="nf4"` needs bitsandbytes, which is not installed.
        """
        name = device or default_device()
        model, tokenizer, notes = load_model_and_tokenizer(
            path,
            torch.device(name),
            dtype=dtype,
            quantize=quantize,
            trust_remote_code=trust_remote_code,
        )
        length = context_length(model.config)
        chosen = style or style_for(tokenizer)
        prompt_tokenizer = PromptTokenizer(tokenizer, chosen, length, overflow=overflow)
        loaded = cls(model, prompt_tokenizer, name=path, plan=plan)
        loaded.notes += [*notes, *prompt_tokenizer.oddities()]
        if style is None:
            loaded.style_reason = style_reason(tokenizer)
        return loaded

    @property
    def fingerprint(self) -> str:
        """Identify weights, adapter, tokenizer, style and precision.

        Another value means other answers. The plan of the scorer is left out: it changes answers by
        rounding only.
        """
        policy = self.prompt_tokenizer.overflow
        said = "" if policy is Overflow.SHORTEN else f"-{policy}"
        said += f"-thinking{self.max_thinking}" if self.max_thinking else ""
        return f"{self.base_fingerprint}{said}{self._adapter_fingerprint}"

    @property
    def style(self) -> Style:
        """The prompt style that the model is asked in."""
        return self.prompt_tokenizer.style

    @property
    def overflow(self) -> Overflow:
        """Treatment of a prompt that does not fit the context."""
        return self.prompt_tokenizer.overflow

    @contextlib.contextmanager
    def adapter(self, *, on: bool = True) -> Iterator[bool]:
        """Answer with the adapter or without it within the block; its value: there is one.

        If the base is held in shards, all processes enter the block together, and each may run the
        model as often as it needs within it.
        """
        fingerprint = self._adapter_fingerprint
        with contextlib.ExitStack() as stack:
            if not on:
                stack.callback(setattr, self, "_adapter_fingerprint", fingerprint)
                self._adapter_fingerprint = ""
                if self.has_adapter:
                    stack.enter_context(self.model.disable_adapter())
            stack.enter_context(in_step(self.model))
            yield self.has_adapter

    def adapted(self, model: Any) -> None:
        """Replace `model` by the same model with an adapter, or with changed weights."""
        self.model = model.eval()
        self.capabilities.forget()
        self._adapter_fingerprint = ""
        self._adapter_fingerprint = ""
        if self.has_adapter:
            digest = hashlib.sha256(_digest(settings_of(model)).encode())
            self._adapter_fingerprint = "+" + _hash_tensors(digest, tensors_of(model))

    def load_adapter(self, folder: Path) -> str:
        """Answer with the adapter in this folder from now on; return what was checked of it.

        Raises:
            ModelError: there is none, or it belongs to another model.
        """
        bare = self.model.unload() if self.has_adapter else self.model
        adapted, note = attach(bare, folder, name=self.name, parts=self.parts)
        self.adapted(adapted)
        return note

    def complete(
        self,
        examples: Sequence[Instruction],
        *,
        max_new_tokens: int,
        stop: Sequence[str] = (),
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Completion]]:
        """Yield the index of each example and its greedy completion, in any order.

        An answer ends before the first string of `stop`; `shots` are worked examples in front. A
        thought has up to `max_thinking` tokens besides the `max_new_tokens` of the answer.
        """
        front = self.prompt_tokenizer.front(shots)
        ending = Ending(self.prompt_tokenizer, stop, max_new_tokens, self.max_thinking)
        asked: list[tuple[int, bool]] = []
        prompts = []
        for index, example in enumerate(examples):
            prompt = self.prompt_tokenizer.prompt(example, room=ending.room, front=front)
            if prompt is None:
                yield index, Completion("", skipped=True)
            else:
                asked.append((index, prompt.shortened))
                prompts.append(prompt.ids)
        gap = self.prompt_tokenizer.gap()
        ending = ending.after(prompts[0]) if prompts else ending
        ended = ending.ended if stop or self.max_thinking else None
        for number, ids in self.generator.generate(
            prompts, max_new_tokens=ending.room, ended=ended
        ):
            index, shortened = asked[number]
            text, stopped = ending.cut(ids)
            stopped = stopped or not self._stop_ids().isdisjoint(ids[-1:])
            truncated = not stopped and ending.full(ids)
            thought = ending.thought_tokens(ids) if split_thought(text).thought else 0
            by = self.generator.used
            yield (
                index,
                Completion(
                    text.removeprefix(gap),
                    truncated,
                    shortened,
                    thought_tokens=len(ids) if thought is None else thought,
                    by=by.value,
                    why=self.generator.fallback_reason if by is Engine.PLAIN else "",
                ),
            )

    def choose(
        self,
        examples: Sequence[Instruction],
        *,
        choices: Sequence[Sequence[str]],
        shots: Sequence[Instruction] = (),
    ) -> Iterator[tuple[int, Choice]]:
        """Yield the index of each example and the log-likelihoods of its answers, in any order.

        Raises:
            ModelError: an answer has no tokens, so it has no likelihood.
        """
        front = self.prompt_tokenizer.front(shots)
        asked: list[tuple[int, bool]] = []
        questions = []
        for index, (example, texts) in enumerate(zip(examples, choices, strict=True)):
            if not texts or not all(map(self.prompt_tokenizer.completion, texts)):
                raise ModelError(
                    f"an answer of {list(texts)} has no tokens in this vocabulary",
                    hint="such an answer has no likelihood: leave it out of the task's choices, or "
                    "have answers written, with --as generated",
                )
            found = self.prompt_tokenizer.with_answers(example, texts, front=front)
            if found is None:
                yield index, Choice(())
            else:
                asked.append((index, found.shortened))
                questions.append(LoglikelihoodRequest(found.prompt, found.answers))
        for number, sums in self.scorer.score(questions):
            index, shortened = asked[number]
            by = self.scorer.used
            why = self.scorer.fallback_reason if by is Plan.FLAT else ""
            yield index, Choice(sums, shortened, by.value, why)

    def _stop_ids(self) -> set[int]:
        """Return the end ids of the tokenizer, the template and the generation settings."""
        config = getattr(self.model, "generation_config", None)
        own = getattr(config, "eos_token_id", None)
        more = own if isinstance(own, list) else [own] if own is not None else []
        return {self.prompt_tokenizer.eos_id, self.prompt_tokenizer.end_id, *more}


def _parts(model: Any, prompt_tokenizer: PromptTokenizer, stop: set[int]) -> dict[str, str]:
    config = {
        k: v
        for k, v in model.config.to_dict().items()
        if not k.startswith("_") and k not in _SAID_ELSEWHERE
    }
    return {
        "style": prompt_tokenizer.style.value,
        "config": _digest([config, sorted(stop), *_own_code(model)]),
        "tokenizer": _digest(prompt_tokenizer.about()),
        "precision": str(model.dtype).removeprefix("torch."),
        "weights": _hash_tensors(hashlib.sha256(), model.state_dict()),
    }


def _own_code(model: Any) -> list[str]:
    """Return digests of the Python files that the model brings, with trust_remote_code."""
    module = type(model).__module__
    if module.startswith(("transformers.models.", "peft.", "torch.")):
        return []
    source = inspect.getsourcefile(type(model))
    files = sorted(Path(source).parent.glob("*.py")) if source else []
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


_SAID_ELSEWHERE = {"architectures", "dtype", "torch_dtype", "transformers_version"}


def _digest(about: Any) -> str:
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _hash_tensors(digest: Any, tensors: dict[str, torch.Tensor]) -> str:
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(
            whole(tensor.detach())
            .cpu()
            .contiguous()
            .reshape(-1)
            .view(torch.uint8)
            .numpy()
            .tobytes()
        )
    text: str = digest.hexdigest()[:16]
    return text
