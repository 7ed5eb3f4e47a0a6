from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bioinstruct import Instruction
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.evaluation import estimate
from bioinstruct.bench.evaluation.estimate import RunPlan, ScoringPlan, plan_run
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import get_task, load_evaluations
from bioinstruct.bench.training.estimate import make_plan
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import tune

from .test_tune import lessons

Make = Callable[..., Instruction]
Folder = Callable[[str], Path]
RECIPE = Recipe(rank=4, epochs=3, batch_size=4, precision="float32")


def test_a_plan_counts_what_tuning_then_does(model_folder: Folder, example: Make) -> None:
    examples = [*lessons(example), example(instruction="fever " * 500)]
    plan = make_plan(CausalLM.load(str(model_folder("llama"))), examples, RECIPE)
    tuning = tune(CausalLM.load(str(model_folder("llama"))), examples, RECIPE)
    assert (plan.examples, plan.skipped, plan.steps) == (10, 1, tuning.steps)
    assert (plan.tokens, plan.target_tokens) == (tuning.tokens, tuning.target_tokens)
    assert plan.trained_parameters == tuning.trained_parameters
    assert plan.packed is tuning.packed is True
    assert plan.fill == 1
    assert plan.seconds > 0
    assert plan.fits in (True, None)
    least = replace(plan, available=1)
    assert not least.fits
    assert least.lines()[-1].endswith("or micro_batch_tokens = 512 in the recipe")
    text = "\n".join(plan.lines())
    assert "to lower" not in text
    assert f"{plan.trained_parameters:,} trained of {plan.parameters:,}" in text


def test_a_plan_is_for_the_micro_batches_of_the_recipe(model_folder: Folder, example: Make) -> None:
    small, large = (
        make_plan(CausalLM.load(str(model_folder("llama"))), lessons(example), recipe)
        for recipe in (RECIPE.model_copy(update={"micro_batch_tokens": n}) for n in (1, 1000))
    )
    assert (small.micro_batch_tokens, large.micro_batch_tokens) == (1, 1000)
    assert small.memory < large.memory


def test_padding_is_counted(model_folder: Folder, example: Make) -> None:
    short, long = example(input="fever"), example(input="fever " * 60)
    plan = make_plan(CausalLM.load(str(model_folder("falcon"))), [short, long], RECIPE)
    assert not plan.packed
    assert 0.5 < plan.fill < 1


SCRIPT = """
import re, sys
from pathlib import Path
import peft, torch
from itertools import islice
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
from bioinstruct import Style, read_examples
from bioinstruct.bench.models.tokenization import PromptTokenizer
from bioinstruct.bench.models.loading import TINY
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.training.estimate import make_plan
from bioinstruct.bench.training.recipe import Recipe
from bioinstruct.bench.training.trainer import tune

def peak():
    # Of this program alone: getrusage would start from the peak of the process that started it.
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

what, width, layers, vocabulary, budget = sys.argv[1], *map(int, sys.argv[2:])
tokenizer = AutoTokenizer.from_pretrained(TINY)
examples = list(islice(read_examples("demo"), 64))
before = peak()
torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=vocabulary, hidden_size=width, intermediate_size=3 * width,
    num_hidden_layers=layers, num_attention_heads=8, num_key_value_heads=8,
    max_position_embeddings=1024, eos_token_id=tokenizer.eos_token_id,
)
model = LlamaForCausalLM(config).eval()
model = CausalLM(model, PromptTokenizer(tokenizer, Style.ALPACA, 1024), name="fixture")
model.tuning_budget = budget
recipe = Recipe(rank=16, epochs=1, batch_size=32, precision="float32")
if what == "plan":
    print(make_plan(model, examples, recipe).memory)
else:
    tune(model, examples, recipe)
    print(peak() - before)
"""


@pytest.mark.peer
@pytest.mark.parametrize(
    "shape", [(256, 4, 4096, 8192), (512, 8, 32_000, 2048), (512, 4, 64_000, 4096)]
)
def test_the_memory_of_a_plan_is_what_the_process_then_takes(shape: tuple[int, ...]) -> None:
    # Freed blocks go back to the system at once, or the heap's holes would be measured too.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    planned, taken = (
        int(
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", SCRIPT, what, *map(str, shape)],
                capture_output=True,
                check=True,
                env=environment,
                text=True,
            ).stdout
        )
        for what in ("plan", "run")
    )
    assert planned == pytest.approx(taken, rel=0.15)


def test_the_plan_of_a_run_counts_the_prompts_and_adds_up(model_folder: Folder) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    evaluations, _ = load_evaluations([get_task("demo-qa"), get_task("demo-gen")], 5)
    examples = list(get_task("demo-qa").read("train"))[:8]
    plan = plan_run(model, evaluations, examples, RECIPE, repeats=3)
    front = model.prompt_tokenizer.front(())
    asked = [
        model.prompt_tokenizer.prompt(example, room=1, front=front)
        for evaluation in evaluations
        for example in evaluation.examples
    ]
    assert plan.tuning
    # Each task has so few items that all are tried, but for the first, which tries the ways.
    tokens = sum(len(prompt.ids) for prompt in asked if prompt)
    assert plan.scoring.tokens == pytest.approx(tokens, rel=0.15)
    assert (plan.scoring.questions, plan.models) == (10, 4)
    assert plan.seconds == 3 * plan.tuning.seconds + 4 * plan.scoring.seconds
    assert not model.has_adapter
    assert plan_run(model, evaluations).models == 1


def test_a_run_of_more_than_an_hour_says_so() -> None:
    hours = [ScoringPlan(10, 1000, seconds, 100, 1) for seconds in (1799.0, 1801.0)]
    short, long = (RunPlan(scoring, 2) for scoring in hours)
    assert short.warning() == []
    assert "MORE THAN AN HOUR" in long.lines()[-1]


def test_the_command_plans_a_run_that_only_scores_and_writes_nothing(
    model_folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["--model", str(model_folder("llama")), "--tasks", "demo-qa", "--limit", "8"]
    with pytest.raises(SystemExit) as done:
        main([*args, "--no-tune", "--plan"])
    assert done.value.code == 0
    printed = capsys.readouterr().out
    assert "8 questions" in printed
    assert ", once" in printed
    assert list(tmp_path.iterdir()) == []


def test_a_long_run_says_so_before_anything_is_scored_and_a_quick_one_is_not_tried(
    model_folder: Folder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    args = ["--model", str(model_folder("llama")), "--tasks", "demo-qa", "--limit", "8"]
    for quick in (True, False):
        monkeypatch.setattr(estimate, "HOUR", 0)
        monkeypatch.setattr(estimate, "_QUICK", 1e30 if quick else 0)
        with pytest.raises(SystemExit):
            main([*args, "--no-tune", "--out", str(tmp_path / f"{quick}")])
        said = capsys.readouterr().err
        assert ("MORE THAN AN HOUR" in said) is not quick
        if not quick:
            assert said.index("MORE THAN AN HOUR") < said.index("scoring base")
    reports = [(tmp_path / f"{quick}" / "report.json").read_bytes() for quick in (True, False)]
    assert reports[0] == reports[1]
