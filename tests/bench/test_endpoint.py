from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import BioinstructError, Category, Instruction, ModelError
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.evaluation.evaluate import score
from bioinstruct.bench.experiment import readable_by
from bioinstruct.bench.metrics import accuracy
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.models.endpoint import Asking, Endpoint
from bioinstruct.bench.models.tokenization import PromptTokenizer
from bioinstruct.bench.tasks import Formulation
from bioinstruct.bench.tasks.base import Task
from bioinstruct.errors import BudgetError, ProviderError
from bioinstruct.llm.openai import OpenAIClient
from bioinstruct.llm.pricing import Budget, Price
from bioinstruct.llm.rate_limit import Retries
from bioinstruct.prompts import Style
from tests.openai_server import Arrived, Json, Reply, Server, Settings, error
from tests.records import ask

Make = Callable[..., Instruction]
QUICK = Retries(first_delay=0.001, longest_delay=0.004, attempts=4)
OPTIONS = ("yes", "no", "chest pain", "type 2 diabetes mellitus")
TASK = Task("finding", Category.QA, lambda split: iter(()), lambda t, e: t, (accuracy,), OPTIONS)


class ModelServer(Server):
    """Serves a model that is in memory: `/completions` with real log-probabilities of a prompt."""

    def __init__(self, model: CausalLM, settings: Settings | None = None) -> None:
        super().__init__(settings or Settings(answer=self.written))
        self.model = model
        self.spoil: Callable[[Json], Json] = lambda content: content
        self.prompts: list[Json] = []
        self.most_tokens = 10_000
        self.routes["POST", "/v1/completions"] = self._go_on

    def written(self, body: Json, sample: int) -> str:
        """What the model writes behind its own chat template."""
        text = self.model.prompt_tokenizer.tokenizer.apply_chat_template(
            body["messages"], tokenize=False, add_generation_prompt=True
        )
        return self._write_on(self._ids(text), body["max_tokens"])[0]

    def _ids(self, text: str) -> list[int]:
        return list(self.model.prompt_tokenizer.tokenizer(text)["input_ids"])

    def _write_on(self, ids: list[int], most: int) -> tuple[str, list[int]]:
        fed = torch.tensor([ids])
        out = self.model.model.generate(
            input_ids=fed,
            attention_mask=torch.ones_like(fed),
            do_sample=False,
            max_new_tokens=most,
            eos_token_id=self.model.prompt_tokenizer.eos_id,
            pad_token_id=0,
        )[0].tolist()[len(ids) :]
        return self.model.prompt_tokenizer.text(out), out

    async def _go_on(self, arrived: Arrived) -> Reply:
        body = arrived.json()
        self.prompts.append(body)
        if self.settings.script and self.settings.script[0] == "echo-400":
            return error(400, "echo is not supported")
        ids = self._ids(body["prompt"])
        if len(ids) + body["max_tokens"] > self.most_tokens:
            return error(400, f"This model's maximum context length is {self.most_tokens} tokens")
        text, new = self._write_on(ids, body["max_tokens"])
        choice: Json = {"index": 0, "text": text, "finish_reason": "length"}
        if new[-1] == self.model.prompt_tokenizer.eos_id:
            choice["finish_reason"] = "stop"
        if body.get("echo"):
            choice |= {"text": body["prompt"] + text, "logprobs": self._logprobs([*ids, *new])}
        usage = {"prompt_tokens": len(ids), "completion_tokens": len(new)}
        content = self.spoil({"model": body["model"], "choices": [choice], "usage": usage})
        return Reply(200, json.dumps(content).encode())

    def _logprobs(self, ids: list[int]) -> Json:
        with torch.inference_mode():
            logits = self.model.model(input_ids=torch.tensor([ids])).logits[0]
        rows = logits.float().log_softmax(-1)
        values = [rows[i, token].item() for i, token in enumerate(ids[1:])]
        tokens = [self.model.prompt_tokenizer.tokenizer.decode([token]) for token in ids]
        return {"tokens": tokens, "token_logprobs": [None, *values]}


TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def model(model_folder: Callable[[str], Path]) -> CausalLM:
    loaded = CausalLM.load(str(model_folder("llama")), device="cpu")
    loaded.prompt_tokenizer.max_length = 2048  # rotary positions have no end
    return loaded


@pytest.fixture
def server(model: CausalLM) -> Iterator[ModelServer]:
    with contextlib.ExitStack() as stack:
        server = ModelServer(model)
        stack.enter_context(server.running())
        yield server


@pytest.fixture
def questions(example: Make) -> list[Instruction]:
    found = [example(input=f"Case {n} : chest pain .", output="no") for n in range(4)]
    return [*found, example(instruction="Which disease?", input="", output="yes")]


@pytest.fixture
def reach(server: Server, tmp_path: Path) -> Iterator[Callable[..., Endpoint]]:
    with contextlib.ExitStack() as stack:

        def make(style: Style = Style.ALPACA, *, timeout: float = 20, **asking: Any) -> Endpoint:
            client = OpenAIClient(
                base_url=server.url, api_key="none", retries=QUICK, timeout=timeout
            )
            settings = Asking(**asking) if asking else None
            path = tmp_path / "endpoint.transcript.jsonl"
            return stack.enter_context(Endpoint(client, "m", path, style=style, asking=settings))

        yield make


@pytest.mark.parametrize("shown", [0, 2])
def test_likelihoods_are_those_of_the_model_on_this_machine(
    model: CausalLM, reach: Callable[..., Endpoint], questions: list[Instruction], shown: int
) -> None:
    shots, asked = questions[:shown], questions[2:]
    options = [OPTIONS] * len(asked)
    ours = dict(model.choose(asked, choices=options, shots=shots))
    theirs = dict(reach().choose(asked, choices=options, shots=shots))
    assert theirs.keys() == ours.keys()
    for index, choice in theirs.items():
        assert choice.log_likelihoods == pytest.approx(ours[index].log_likelihoods, abs=1e-4)


def test_completions_are_those_of_the_model_on_this_machine(
    model: CausalLM, reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    ours = dict(model.complete(questions, max_new_tokens=12))
    assert dict(reach().complete(questions, max_new_tokens=12)) == ours
    assert any(completion.truncated for completion in ours.values())


def test_stop_strings_end_a_completion_also_where_the_server_ignores_them(
    model: CausalLM, reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    whole = dict(model.complete(questions, max_new_tokens=12))[0].text
    stop = (whole[3:6],)
    found = dict(reach().complete(questions, max_new_tokens=12, stop=stop))
    assert found == dict(model.complete(questions, max_new_tokens=12, stop=stop))
    assert found[0].text == whole[: whole.find(stop[0])]


def test_worked_examples_are_earlier_turns_of_a_chat(
    server: ModelServer, reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    said: list[Json] = []
    server.settings.answer = lambda body, sample: said.append(body) or "fine"  # type: ignore[func-returns-value]
    endpoint = reach(Style.CHAT)
    list(endpoint.complete(questions[:1], max_new_tokens=7, shots=questions[1:2]))
    roles = [turn["role"] for turn in said[0]["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert said[0]["messages"][1]["content"] == questions[1].output
    assert (said[0]["max_tokens"], said[0]["temperature"]) == (7, 0)


def test_chat_completions_are_those_of_the_model_on_this_machine(
    model: CausalLM,
    reach: Callable[..., Endpoint],
    questions: list[Instruction],
    model_folder: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model.prompt_tokenizer.tokenizer, "chat_template", TEMPLATE)
    encoder = PromptTokenizer(
        model.prompt_tokenizer.tokenizer, Style.CHAT, model.prompt_tokenizer.max_length
    )
    ours = CausalLM(model.model, encoder, name="chat")
    found = dict(reach(Style.CHAT).complete(questions, max_new_tokens=9, shots=questions[:1]))
    expected = dict(ours.complete(questions, max_new_tokens=9, shots=questions[:1]))
    assert {i: c.text for i, c in found.items()} == {i: c.text for i, c in expected.items()}


def test_a_run_that_goes_on_asks_nothing_twice(
    server: ModelServer,
    reach: Callable[..., Endpoint],
    questions: list[Instruction],
    tmp_path: Path,
) -> None:
    endpoint = reach()
    with Answers(tmp_path / "answers.jsonl") as answers:
        first = score(endpoint, ask(TASK, questions), answers)
        asked = len(server.prompts)
        assert asked == len(questions) * (len(OPTIONS) + 1)
        again = score(endpoint, ask(TASK, questions), answers)
    list(endpoint.choose(questions, choices=[OPTIONS] * len(questions)))  # by the transcript
    assert len(server.prompts) == asked
    assert [r.value for r in again.readouts] == [r.value for r in first.readouts]
    assert [r.how for r in first.readouts] == ["likelihood"]


def without_likelihoods(content: Json) -> Json:
    return content | {"choices": [content["choices"][0] | {"logprobs": None}]}


def test_a_closed_set_is_written_where_likelihoods_are_not_said_and_the_row_says_so(
    server: ModelServer, reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    tests = [ask(TASK, questions)]
    endpoint = reach()
    assert readable_by(endpoint, tests) == tests
    server.spoil = lambda content: (
        content | {"choices": [content["choices"][0] | {"logprobs": None}]}
    )
    other = replace(endpoint.asking, temperature=None)
    endpoint.asking = other  # another question, so not on record
    [written] = readable_by(endpoint, tests)
    assert (written.closed, written.read_by) == (False, "generated")


def test_a_chat_is_never_scored_by_likelihood(
    reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    [written] = readable_by(reach(Style.CHAT), [ask(TASK, questions)])
    assert written.formulation is Formulation.FREE_FORM


def test_a_server_without_completions_is_told_of_the_other_style(
    server: ModelServer, reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    del server.routes["POST", "/v1/completions"]
    with pytest.raises(ModelError, match="/completions") as caught:
        readable_by(reach(), [ask(TASK, questions)])
    assert "--style chat" in caught.value.hint


def test_a_prompt_that_the_server_finds_too_long_is_skipped(
    server: ModelServer, reach: Callable[..., Endpoint], questions: list[Instruction], example: Make
) -> None:
    server.most_tokens = 400
    asked = [*questions[:1], example(input="chest pain " * 200)]
    endpoint = reach()
    assert [c.skipped for _, c in endpoint.complete(asked, max_new_tokens=4)] == [False, True]
    found = dict(endpoint.choose(asked, choices=[("yes", "no")] * 2))
    assert [len(found[i].log_likelihoods) for i in (0, 1)] == [2, 0]


LIES: dict[str, tuple[Callable[[list[Any]], list[Any]], str]] = {
    "probability above 1": (lambda values: [None, *[0.7] * (len(values) - 1)], "are none"),
    "no number": (lambda values: [None] * len(values), "are none"),
}


@pytest.mark.parametrize("lie", LIES)
def test_log_probabilities_that_cannot_be_are_refused(
    server: ModelServer, reach: Callable[..., Endpoint], questions: list[Instruction], lie: str
) -> None:
    change, message = LIES[lie]

    def spoil(content: Json) -> Json:
        said = content["choices"][0]["logprobs"]
        said["token_logprobs"] = change(said["token_logprobs"])
        return content

    server.spoil = spoil
    with pytest.raises(ModelError, match=message):
        list(reach().choose(questions[:1], choices=[OPTIONS]))


def test_a_token_across_the_end_of_the_prompt_is_an_error_and_no_number(
    reach: Callable[..., Endpoint], example: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the layout's last space were the prompt's: the vocabulary joins it with the next word.
    monkeypatch.setattr("bioinstruct.bench.models.endpoint.split_gap", lambda text: (text, ""))
    asked = [example(input="The patient reports chest", output="pain")]
    with pytest.raises(ModelError, match="spans the end"):
        list(reach(Style.MEDTUNED).choose(asked, choices=[("pain", "chest")]))


def test_the_space_at_the_end_of_a_layout_is_the_answers_as_in_this_process(
    server: ModelServer, reach: Callable[..., Endpoint], model: CausalLM, example: Make
) -> None:
    asked = [example(input="The patient reports chest", output="pain")]
    prompts = PromptTokenizer(model.prompt_tokenizer.tokenizer, Style.MEDTUNED, 2048)
    ours = CausalLM(model.model, prompts, name="medtuned")
    endpoint = reach(Style.MEDTUNED)
    options, how = [("pain", "chest")], {"max_new_tokens": 9, "shots": asked}
    [(_, found)] = endpoint.choose(asked, choices=options)
    [(_, expected)] = ours.choose(asked, choices=options)
    assert found.log_likelihoods == pytest.approx(expected.log_likelihoods, abs=1e-4)
    [(_, theirs)], [(_, own)] = endpoint.complete(asked, **how), ours.complete(asked, **how)
    assert theirs.text == own.text
    assert not any(body["prompt"].endswith(" ") for body in server.prompts)


def test_a_refused_question_is_an_empty_answer_that_is_counted(
    server: ModelServer, reach: Callable[..., Endpoint], questions: list[Instruction]
) -> None:
    server.settings.answer = lambda body, sample: "fine"
    server.settings.script.extend(["ok", "content-filter"])
    endpoint = reach(Style.CHAT, concurrency=1)
    texts = [c.text for _, c in endpoint.complete(questions[:3], max_new_tokens=4)]
    assert texts == ["fine", "", "fine"]
    assert endpoint.odd == {"content-filter": 1}


def test_a_server_that_hangs_ends_the_run_and_a_second_run_goes_on(
    server: ModelServer,
    reach: Callable[..., Endpoint],
    questions: list[Instruction],
    tmp_path: Path,
) -> None:
    server.settings.answer = lambda body, sample: "fine"
    server.settings.script.extend(["ok", "ok", *["hang"] * 4])
    endpoint = reach(Style.CHAT, timeout=0.2, concurrency=1)
    task = replace(TASK, choices=(), max_new_tokens=4)
    with Answers(tmp_path / "answers.jsonl") as answers:
        with pytest.raises(BioinstructError, match=r"1 questions had no answer.*time-out"):
            score(endpoint, ask(task, questions), answers)
        asked = server.asked.total()
        assert score(endpoint, ask(task, questions), answers).flags["skipped"] == 0
    assert server.asked.total() == asked + 1


def test_a_server_that_is_down_is_told(model: CausalLM, tmp_path: Path, example: Make) -> None:
    client = OpenAIClient(base_url="http://127.0.0.1:9/v1", api_key="none", retries=QUICK)
    with (
        Endpoint(client, "m", tmp_path / "t.jsonl") as endpoint,
        pytest.raises(ProviderError, match="cannot reach"),
    ):
        list(endpoint.complete([example()], max_new_tokens=4))


def test_a_budget_is_kept(
    server: ModelServer, reach: Callable[..., Endpoint], example: Make
) -> None:
    questions = [example(input=f"Case {n}") for n in range(30)]
    server.settings.answer = lambda body, sample: "fine"
    endpoint = reach(Style.CHAT, budget=Budget(0.0005, Price(input=1, output=1)), concurrency=1)
    with pytest.raises(BudgetError):
        list(endpoint.complete(questions, max_new_tokens=300))


def test_the_fingerprint_names_server_model_and_settings(
    server: ModelServer, tmp_path: Path
) -> None:
    def fingerprint(name: str = "m", style: Style = Style.CHAT, heat: float | None = 0.0) -> str:
        client = OpenAIClient(base_url=server.url, api_key="none")
        asking = Asking(temperature=heat)
        with Endpoint(client, name, tmp_path / "t.jsonl", style=style, asking=asking) as endpoint:
            return endpoint.fingerprint

    found = [fingerprint(), fingerprint("n"), fingerprint(style=Style.ALPACA), fingerprint(heat=1)]
    assert len(set(found)) == 4
    assert fingerprint() == found[0]
