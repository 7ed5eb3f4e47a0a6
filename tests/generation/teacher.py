"""A teacher for the server of the tests: answers in the form that the prompt asks for, some bad.

What it writes is a function of the prompt and of the sample, and there is no end of it: most tasks
are accepted, and each reason to reject one comes up.
"""

from __future__ import annotations

import hashlib
import random
import re
from functools import cache
from typing import Any

from bioinstruct.generation.answer_format import Form
from bioinstruct.schema import Category, Instruction
from bioinstruct.seeds import load_seeds
from tests.records import record

__all__ = ["answer", "form_of"]

_VERBS = ("Summarise", "List", "Explain", "Extract", "Rewrite", "Classify", "Compare", "Describe")


@cache
def _words() -> tuple[str, ...]:
    texts = " ".join(f"{seed.input} {seed.output}" for seed in load_seeds())
    return tuple(sorted(set(re.findall(r"[a-z]{4,12}", texts))))


def form_of(prompt: str) -> Form:
    """The form that a prompt asks for."""
    tag = re.search(r"the mark @@([0-9a-f]+) and", prompt)
    labels = "parts task," in prompt or "texts task," in prompt
    document = "\nThe document:\n" in prompt
    if tag:
        return Form("delimited", labels, tag[1], document)
    return Form("json", labels, document=document)


def answer(body: dict[str, Any], sample: int) -> str:
    """As many tasks as asked for, in the form asked for."""
    if not body["messages"]:  # some clients ask nothing, to see the limits in the headers
        return ""
    prompt = body["messages"][-1]["content"]
    found = re.search(r"Now write (\d+) new task", prompt)
    assert found, prompt
    digest = hashlib.sha256(f"{prompt} {sample}".encode()).digest()
    rng = random.Random(digest)
    form = form_of(prompt)
    text = form.show([_task(rng) for _ in range(int(found[1]))])
    chance = rng.random()
    if chance < 0.01:
        return text[: rng.randrange(len(text))]  # half an answer that claims to be whole
    if chance < 0.02:
        return "I am sorry, but I cannot help with that."
    return f"```\n{text}\n```" if chance < 0.05 else text


def _task(rng: random.Random) -> Instruction:
    words = [rng.choice(_words()) for _ in range(rng.randrange(30, 60))]
    length = rng.randrange(5, 14)
    instruction = f"{rng.choice(_VERBS)} the {' '.join(words[:length])}."
    text = " ".join(words[length : length + 12]) if rng.random() < 0.7 else ""
    output = f"{' '.join(words[-12:])} β-{rng.randrange(1000)}.\n- {words[0]}"
    chance = rng.random()
    if chance < 0.10:  # near duplicates
        subject = rng.choice(_words()[:40])
        instruction = f"What are the main symptoms and signs of {subject} in adults?"
    elif chance < 0.12:
        instruction = " ".join(words[:2])
    elif chance < 0.14:
        output = "As an AI language model, I cannot say."
    elif chance < 0.16:
        output = f"{words[0]} [patient name]"
    category = rng.choice(list(Category))
    task = f"{words[1]}-{words[2]}"
    return record(
        0, instruction=instruction, input=text, output=output, category=category, task=task
    )
