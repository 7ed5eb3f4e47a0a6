"""A server that is not ours, `transformers serve`, against the same model in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bioinstruct.bench.experiment import readable_by
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.endpoint import Endpoint
from bioinstruct.bench.tasks import Formulation, get_task
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.prompts import Style
from tests.llm.test_real_server import Serving, serving
from tests.records import ask

pytestmark = pytest.mark.peer
__all__ = ["serving"]


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("shown", [0, 1])
def test_its_completions_are_those_of_the_model_in_this_process(
    serving: Serving, tmp_path: Path, style: Style, shown: int
) -> None:
    examples = list(get_task("demo-gen").read("test"))
    asked, shots = examples[:5], examples[-shown:] if shown else []
    model = CausalLM.load(serving.model, style=style, device="cpu")
    expected = dict(model.complete(asked, max_new_tokens=24, shots=shots))
    client = OpenAIClient(base_url=serving.url)
    with Endpoint(client, serving.model, tmp_path / "t.jsonl", style=style) as endpoint:
        found = dict(endpoint.complete(asked, max_new_tokens=24, shots=shots))
        assert {i: c.text for i, c in found.items()} == {i: c.text for i, c in expected.items()}
        assert any(completion.text.strip() for completion in found.values())
        closed = ask(get_task("demo-qa"), asked)
        assert readable_by(endpoint, [closed]) == [
            replace(closed, formulation=Formulation.FREE_FORM)
        ]
