"""A model of this machine as the teacher of a generation: the provider of a `Client`."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path
from typing import Any

import torch

from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.llm.types import Answer, Failure, Request, Response

__all__ = ["LocalTeacher"]


class LocalTeacher:
    """Answers requests with a causal language model in this process, one after the other.

    Messages are rendered by the model's chat template, or joined by blank lines if it has none.
    A `temperature` of 0 is greedy; otherwise tokens are drawn with a seed that the request decides,
    so that the same request to the same model has the same answer. Penalties, stop strings and
    schemas of a request are not applied.
    """

    def __init__(self, model: CausalLM, *, name: str) -> None:
        self.name = name
        self.base_url = f"local://{name}/{model.fingerprint[:16]}"
        self._model = model
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: str, *, device: str | None = None) -> LocalTeacher:
        """Load a model folder, a Hub id, or `tiny`.

        Raises:
            ModelError: there is no such model, or it cannot be loaded.
        """
        return cls(CausalLM.load(path, device=device), name=Path(path).name)

    async def complete(self, request: Request) -> Response:
        """Answer a request; one that does not fit the context is a `Failure` (`bad-request`)."""
        return await asyncio.to_thread(self._answer, request)

    def _answer(self, request: Request) -> Response:
        with self._lock:
            prompt = self._prompt(request)
            room = self._model.prompt_tokenizer.max_length - len(prompt)
            if room < 1:
                message = (
                    f"the prompt has {len(prompt):,} tokens, and the context of {self.name} is "
                    f"{self._model.prompt_tokenizer.max_length:,}"
                )
                return Failure(reason="bad-request", message=message)
            most = min(request.max_tokens or room, room)
            made = self._generate(prompt, most, request)
        tokenizer: Any = self._model.prompt_tokenizer.tokenizer
        ends = self._ends()
        stopped = bool(made) and made[-1] in ends
        text = tokenizer.decode(made, skip_special_tokens=True)
        return Answer(
            text=text,
            finish_reason="stop" if stopped else "length",
            model=request.model,
            prompt_tokens=len(prompt),
            completion_tokens=len(made),
        )

    def _prompt(self, request: Request) -> list[int]:
        tokenizer: Any = self._model.prompt_tokenizer.tokenizer
        if tokenizer.chat_template and request.prompt is None:
            turns = [{"role": one.role, "content": one.content} for one in request.messages]
            text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
            return list(tokenizer(text, add_special_tokens=False)["input_ids"])
        text = "\n\n".join(request.texts)
        return list(tokenizer(text if request.prompt is not None else f"{text}\n\n")["input_ids"])

    def _ends(self) -> set[int]:
        settings = self._model.bare.generation_config
        ends = settings.eos_token_id if settings is not None else None
        named = ends if isinstance(ends, list) else [ends]
        return {*(id for id in named if id is not None), self._model.prompt_tokenizer.eos_id}

    def _generate(self, prompt: list[int], most: int, request: Request) -> list[int]:
        ids = torch.tensor([prompt], device=self._model.device)
        draws = request.temperature is None or request.temperature > 0
        options: dict[str, Any] = {"do_sample": draws}
        if draws:
            options["temperature"] = request.temperature or 1.0
            options["top_p"] = 1.0 if request.top_p is None else request.top_p
            options["top_k"] = 0
        digest = hashlib.sha256(request.key("").encode()).digest()
        devices = [ids.device.index or 0] if ids.device.type == "cuda" else []
        with torch.random.fork_rng(devices), torch.inference_mode():
            torch.manual_seed(int.from_bytes(digest[:7]))
            made = self._model.bare.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=most,
                eos_token_id=sorted(self._ends()),
                pad_token_id=self._model.prompt_tokenizer.eos_id,
                **options,
            )
        return [int(id) for id in made[0, len(prompt) :]]
