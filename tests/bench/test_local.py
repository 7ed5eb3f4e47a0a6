"""How a model on this machine is loaded and asked, through the command and its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bioinstruct import Instruction, ModelError, prompts, write
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import base as registry
from tests.bench.running import into_out

Folder = Callable[[str], Path]
Make = Callable[..., Instruction]


class Done(NamedTuple):
    code: int
    out: str
    err: str
    report: dict[str, Any]


Bench = Callable[..., Done]


@pytest.fixture
def bench(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    """The command on a model of this shape, without tuning, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    known = dict(registry._TASKS)

    def run(*args: object) -> Done:
        monkeypatch.setattr(registry, "_TASKS", dict(known))  # each call is a command of its own
        with pytest.raises(SystemExit) as caught:
            main(into_out(args))
        path = Path("out/report.json")
        report = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return Done(int(caught.value.code or 0), *capsys.readouterr(), report)

    return run


def lines() -> list[dict[str, Any]]:
    text = Path("out/answers.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def some_too_long(example: Make) -> None:
    """Ten records, the last three longer than the context of 256 tokens."""
    long = "The patient reports chest pain and denies fever . " * 60
    texts = [f"Finding {n} ." + (long if n > 6 else "") for n in range(10)]
    write(
        "mine.jsonl", [example(input=t, output=("yes", "no")[n % 2]) for n, t in enumerate(texts)]
    )


MINE = ("--task-file", "mine.jsonl", "--metric", "accuracy", "--no-tune")


def test_the_policy_for_prompts_that_do_not_fit_is_chosen_counted_and_part_of_the_answers_key(
    bench: Bench, model_folder: Folder, example: Make
) -> None:
    some_too_long(example)
    scored = ("--model", model_folder("llama"), *MINE)
    expected = {
        (): ("shorten", {"shortened": 3, "skipped": 0}),
        ("--overflow", "left"): ("left", {"shortened": 3, "skipped": 0}),
        ("--overflow", "skip"): ("skip", {"shortened": 0, "skipped": 3}),
    }
    cut = []
    for number, (option, (policy, flags)) in enumerate(expected.items(), 1):
        done = bench(*scored, *option)
        assert done.code == 0
        assert done.report["scoring"]["overflow"] == policy
        assert done.report["rows"][0]["base_flags"] | flags == done.report["rows"][0]["base_flags"]
        [column] = [name for name, count in flags.items() if count]
        assert done.out.splitlines()[0].split()[-1] == column
        assert done.out.splitlines()[1].split()[-1] == "3"
        asked = lines()
        assert len(asked) == len({row["key"] for row in asked}) == 10 * number
        cut.append({r["example"]: r["log_likelihoods"] for r in asked[-10:] if r["shortened"]})
    assert cut[0].keys() == cut[1].keys()
    assert all(cut[0][name] != cut[1][name] for name in cut[0])
    assert [len(row["log_likelihoods"]) for row in lines()[20:]].count(0) == 3
    again = bench(*scored, "--overflow", "skip")
    assert len(lines()) == 30
    assert again.report == done.report


def test_prompts_that_were_not_asked_are_told_with_what_can_be_done(
    bench: Bench, model_folder: Folder
) -> None:
    asked = ("--tasks", "demo-qa", "demo-gen", "--limit", "3", "--shots", "4", "--no-tune")
    done = bench("--model", model_folder("llama"), *asked)
    assert "6 prompts did not fit the context and were not asked: show fewer" in done.err
    cut = bench("--model", model_folder("llama"), *asked, "--overflow", "left")
    assert "were not asked" not in cut.err
    assert {row["base_flags"]["shortened"] for row in cut.report["rows"]} == {3}


def test_an_adapter_that_was_tuned_under_one_policy_is_scored_under_another(
    bench: Bench, model_folder: Folder, example: Make
) -> None:
    some_too_long(example)
    Path("fast.toml").write_text("rank = 2\nepochs = 1\nbatch_size = 8\n", encoding="utf-8")
    other = [example(input=f"Another finding, number {n} .") for n in range(8)]
    write("little.jsonl", other)
    scored = ("--model", model_folder("llama"), *MINE[:-1])
    assert bench(*scored, "--data", "little.jsonl", "--recipe", "fast.toml").code == 0
    done = bench(*scored, "--adapter", "out/adapter", "--overflow", "left", "--out", "out")
    assert (done.code, done.report["scoring"]["overflow"]) == (0, "left")
    assert done.report["rows"][0]["tuned_flags"]["shortened"] == 3


def test_the_report_says_by_which_plan_and_engine_answers_came(
    bench: Bench, model_folder: Folder
) -> None:
    tasks = ("--tasks", "demo-qa", "demo-gen", "--limit", "3", "--no-tune")
    done = bench("--model", model_folder("llama"), *tasks)
    ways = [{"by": "cascade", "answers": 3, "why": ""}, {"by": "refilled", "answers": 3, "why": ""}]
    assert done.report["scoring"] == {"overflow": "shorten", "ways": ways}
    assert "slow way" not in done.err


def test_a_model_that_can_only_be_asked_the_slow_way_is_told_with_the_reason(
    bench: Bench, model_folder: Folder
) -> None:
    tasks = ("--tasks", "demo-qa", "demo-gen", "--limit", "3", "--no-tune")
    done = bench("--model", model_folder("gemma2"), *tasks)
    why = "its attention has soft-capping or ALiBi"
    assert [(way["by"], way["why"]) for way in done.report["scoring"]["ways"]] == [
        ("flat", why),
        ("plain", why),
    ]
    assert f"3 answers by flat, the slow way: {why}\n" in done.err
    assert f"3 answers by plain, the slow way: {why}\n" in done.err


def test_the_scorer_may_be_named_and_its_numbers_are_the_same(
    bench: Bench, model_folder: Folder
) -> None:
    found = {}
    for scorer in ("flat", "tree", "cascade"):
        Path("out/answers.jsonl").unlink(missing_ok=True)
        scored = ("--model", model_folder("llama"), "--tasks", "demo-qa", "--limit", "6")
        done = bench(*scored, "--no-tune", "--scorer", scorer)
        assert done.code == 0
        way = {"by": scorer, "answers": 6, "why": ""}
        assert done.report["scoring"]["ways"] == [way]
        found[scorer] = {row["example"]: row["log_likelihoods"] for row in lines()}
    for scorer in ("tree", "cascade"):
        for name, values in found["flat"].items():
            assert found[scorer][name] == pytest.approx(values, abs=1e-4)


def test_a_scorer_that_is_not_exact_on_the_model_is_refused(
    bench: Bench, model_folder: Folder
) -> None:
    tasks = ("--tasks", "demo-qa", "--limit", "3", "--no-tune")
    done = bench("--model", model_folder("gemma2"), *tasks, "--scorer", "cascade")
    assert done.code == 1
    assert "cannot be scored by the plan cascade: its attention has soft-capping" in done.err
    assert "hint: use the plan `auto` or `flat`" in done.err


@pytest.mark.parametrize("option", [("--overflow", "left"), ("--scorer", "flat")])
@pytest.mark.parametrize(
    "other", [("--endpoint", "http://localhost:1/v1", "--model", "m"), ("--encoder", "somewhere")]
)
def test_what_is_for_a_model_on_this_machine_is_refused_elsewhere(
    option: tuple[str, str], other: tuple[str, ...], bench: Bench
) -> None:
    done = bench(*other, *option)
    assert done.code == 2
    assert "--overflow and --scorer need a local causal language model" in done.err


# ---- what a fingerprint is of


def with_other_merges(folder: Path, target: Path) -> Path:
    """The same model and vocabulary; merges apply in the opposite order."""
    import shutil

    shutil.copytree(folder, target)
    path = target / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["merges"].reverse()
    path.write_text(json.dumps(content), encoding="utf-8")
    return target


def test_two_tokenizers_of_one_vocabulary_with_other_merges_are_two_models(
    model_folder: Folder, tmp_path: Path
) -> None:
    one = CausalLM.load(str(model_folder("llama")))
    other = CausalLM.load(str(with_other_merges(model_folder("llama"), tmp_path / "other")))
    assert (
        one.prompt_tokenizer.tokenizer.get_vocab() == other.prompt_tokenizer.tokenizer.get_vocab()
    )
    text = "Metformin 500 mg was given for type 2 diabetes mellitus ."
    assert one.prompt_tokenizer.completion(text) != other.prompt_tokenizer.completion(text)
    assert one.fingerprint != other.fingerprint


def test_what_a_tokenizer_was_used_for_does_not_change_the_fingerprint(
    model_folder: Folder, example: Make
) -> None:
    folder = str(model_folder("llama"))
    model = CausalLM.load(folder)
    before = model.prompt_tokenizer.tokenizer.backend_tokenizer.to_str()
    model.prompt_tokenizer.tokenizer(["a", "b c d"], padding=True, truncation=True, max_length=2)
    assert model.prompt_tokenizer.tokenizer.backend_tokenizer.to_str() != before
    used = CausalLM(model.model, model.prompt_tokenizer, name="used")
    list(used.choose([example()], choices=[("yes", "no")]))
    assert used.fingerprint == model.fingerprint == CausalLM.load(folder).fingerprint


def test_another_layout_of_prompts_is_another_fingerprint(
    model_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(model_folder("llama"))
    before = CausalLM.load(folder).fingerprint

    def render(example: Instruction, *args: Any, **options: Any) -> str:
        return prompts.render(example, *args, **options) + "\n"

    monkeypatch.setattr("bioinstruct.bench.models.tokenization.render", render)
    assert CausalLM.load(folder).fingerprint != before


def test_an_answer_without_tokens_is_an_error_that_names_it(
    model_folder: Folder, example: Make
) -> None:
    model = CausalLM.load(str(model_folder("llama")))
    with pytest.raises(ModelError, match=r"an answer of \['yes', ''\] has no tokens"):
        list(model.choose([example()], choices=[("yes", "")]))
