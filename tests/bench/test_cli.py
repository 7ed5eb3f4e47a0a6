from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bioinstruct import Instruction, write
from bioinstruct.bench.cli.main import _duration, main
from bioinstruct.bench.tasks.evaluation_set import sample
from bioinstruct.console import Line
from bioinstruct.dataset.load import read_examples
from tests.bench.running import into_out
from tests.golden import check

COMMAND = Path(sys.executable).with_name("bioinstruct-bench")
TASK = ("--tasks", "demo-qa", "--limit", "4")
RECIPE = "rank = 2\nlearning_rate = 1e-2\nepochs = 1\nbatch_size = 8\n"
STOPPED = (
    "bioinstruct-bench: stopped\n"
    "hint: all answers so far are saved; run the same command again to continue\n"
)


class Done(NamedTuple):
    code: int
    out: str
    err: str


Bench = Callable[..., Done]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with a recipe and a little to tune on, and no corpora."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)
    Path("fast.toml").write_text(RECIPE, encoding="utf-8")
    write("little.jsonl", little())
    return work


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    """The command, in this process, which has loaded torch already."""

    def run(*args: object) -> Done:
        with pytest.raises(SystemExit) as caught:
            main(into_out(args))
        assert isinstance(caught.value.code, int)
        return Done(caught.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def model(model_folder: Callable[[str], Path]) -> str:
    return str(model_folder("llama"))


OVERLAPS = {"2cff02168ed7e5b6", "95eae7db9509623f", "0eac6041160b7eda"}
"""Training records that are near a scored one, and so would be left out of tuning."""


def little(split: str = "train", count: int = 16) -> list[Instruction]:
    return [
        e
        for e in read_examples("demo", split=split)
        if e.task == "demo-qa" and e.id not in OVERLAPS
    ][:count]


def found() -> list[str]:
    """What a test left in its folder beside what the fixture put there, hidden files too."""
    paths = sorted(path.as_posix() for path in Path().rglob("*") if path.suffix != ".lock")
    paths = [path for path in paths if not path.endswith("/settings.json")]
    return [path for path in paths if path not in {"fast.toml", "little.jsonl"}]


def report(out: str = "out") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(out) / "report.json").read_text(encoding="utf-8"))
    return content


def test_help_is_what_was_agreed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    done = bench("--help")
    assert (done.code, done.err) == (0, "")
    check("help-bioinstruct-bench.txt", done.out)


def test_the_tasks_are_listed(bench: Bench) -> None:
    done = bench("--list")
    assert (done.code, done.err) == (0, "")
    check("bench-list.txt", done.out)


def test_a_model_is_scored_tuned_and_scored_again(bench: Bench, model: str) -> None:
    tuning = ("--data", "little.jsonl", "--recipe", "fast.toml")
    done = bench("--model", model, *TASK, *tuning)
    assert done.code == 0
    table, said = done.out.splitlines(), done.err.splitlines()
    assert table[0].split() == [
        *("task", "metric", "n", "documents", "majority", "floor", "base", "tuned", "difference"),
        *("(95", "%", "interval)", "verdict", "detectable", "shortened"),
    ]
    assert table[1].startswith("demo-qa  accuracy  4  ")
    assert table[-2:] == [
        "",
        "This is the demonstration, on short notes and sentences written for it. "
        "It shows that the pipeline runs end to end; it says nothing about model quality.",
    ]
    assert said[:3] == [
        "tuning on 16 instructions from little.jsonl",
        f"loading {model}",
        "scoring base   demo-qa  4/4",
    ]
    assert said[3].startswith("tuning  step 2/2  loss ")
    assert re.search(r" tokens/s \([\d,]+ target\)  \d+ s left$", said[3])
    assert said[4] == "scoring tuned  demo-qa  4/4"
    assert said[-1] == "wrote out/report.json, out/report.html, out/answers.jsonl, out/adapter"
    assert found() == [
        "out",
        "out/adapter",
        "out/adapter/README.md",
        "out/adapter/adapter_config.json",
        "out/adapter/adapter_model.safetensors",
        "out/adapter/bioinstruct.json",
        "out/answers.jsonl",
        "out/counts.jsonl",
        "out/items.jsonl",
        "out/report.html",
        "out/report.json",
        "out/tuning.jsonl",
    ]

    again = bench("--model", model, *TASK, "--adapter", "out/adapter", "--out", "again")
    assert again.code == 0
    assert again.out == done.out
    assert report("again")["rows"] == report()["rows"]
    assert report("again")["adapter"] == "out/adapter"


def test_json_is_all_that_is_on_stdout(bench: Bench, model: str) -> None:
    done = bench("--model", model, *TASK, "--no-tune", "--json", "--out", "a/b")
    assert done.code == 0
    assert json.loads(done.out) == report("a/b")
    assert done.err.splitlines()[0] == f"loading {model}"
    assert done.err.splitlines()[-1] == "wrote a/b/report.json, a/b/report.html, a/b/answers.jsonl"


def test_another_style_is_another_prompt(bench: Bench, model: str) -> None:
    scored = ("--model", model, *TASK, "--no-tune")
    for style in ("alpaca", "medtuned"):
        assert bench(*scored, "--style", style).code == 0
        assert report()["style"] == style
    lines = Path("out/answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len({json.loads(line)["key"] for line in lines}) == 8


def test_without_corpora_the_demonstration_runs_and_says_so(bench: Bench, model: str) -> None:
    done = bench("--model", model, "--limit", "1", "--no-tune")
    assert done.code == 0
    assert done.err.startswith("BIOINSTRUCT_DATA is not set: running the demonstration tasks\n")
    assert {row["task"] for row in report()["rows"]} == {"demo-qa", "demo-ie", "demo-gen"}


def test_the_corpora_that_are_there_are_run_and_the_others_named(
    bench: Bench, model: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "pubmedqa").symlink_to(data / "pubmedqa")
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(tmp_path / "some"))
    done = bench("--model", model, "--limit", "1", "--no-tune")
    assert done.code == 0
    assert done.err.startswith(
        f"skipping tasks whose corpora are not in {tmp_path / 'some'}: medqa, medmcqa, "
    )
    assert {row["task"] for row in report()["rows"]} == {"pubmedqa"}
    assert "demonstration" not in done.out


def test_what_contains_test_questions_is_left_out_of_tuning_counted_and_kept(
    bench: Bench, model: str
) -> None:
    asked = sample(little("test", 1000), 4)[:3]
    write("mixed.jsonl", [*little(), *asked])
    tuning = ("--data", "mixed.jsonl", "--recipe", "fast.toml")
    done = bench("--model", model, *TASK, *tuning)
    assert done.code == 0
    assert "tuning on 16 instructions from mixed.jsonl\n" in done.err
    assert "left out 3 because they overlap a test\n" in done.err
    assert "out/contaminated.jsonl" in done.err.splitlines()[-1]
    lines = Path("out/contaminated.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["record"] for line in lines] == [e.row() for e in asked]
    assert report()["data"]["contaminated"] == 3
    assert report()["tuning"]["examples"] == 16
    before = done.err.index("contaminated-"), done.err.index("loading")
    assert before[0] < before[1]  # shown before anything is tuned
    kept = bench("--model", model, *TASK, *tuning, "--contamination", "report", "--out", "kept")
    assert "3 examples overlap a test and were KEPT" in kept.out
    data = report("kept")["data"]
    assert (data["contamination"], data["contaminated"]) == ("report", 3)
    assert report("kept")["tuning"]["examples"] == 19


def test_what_was_left_out_is_there_even_when_nothing_is_left(bench: Bench, model: str) -> None:
    asked = sample(little("test", 1000), 4)[:3]
    write("asked.jsonl", asked)
    done = bench("--model", model, *TASK, "--data", "asked.jsonl")
    assert done.code == 1
    assert "nothing to tune on: each of the 3" in done.err
    assert len(Path("out/contaminated.jsonl").read_text(encoding="utf-8").splitlines()) == 3


def test_data_may_be_named(bench: Bench, model: str) -> None:
    Path("seeds.toml").write_text("epochs = 1\nbatch_size = 200\nrank = 1\n", encoding="utf-8")
    done = bench("--model", model, *TASK, "--data", "seeds", "--recipe", "seeds.toml")
    assert done.code == 0
    assert "tuning on 80 instructions from seeds\n" in done.err
    skipped = report()["tuning"]["skipped"]
    assert f"tuning: {skipped} examples did not fit and were left out, " in done.err
    assert skipped + report()["tuning"]["examples"] == 80


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        ((), ["no model", "hint: name one with --model PATH, or `--model tiny`"]),
        (
            ("--model", "MODEL", "--tasks", "pubmdqa"),
            [
                "no task or suite named 'pubmdqa'; nearest of ",
                "hint: did you mean `pubmedqa`?",
            ],
        ),
        (
            ("--model", "./nowhere/at/all", *TASK, "--no-tune"),
            ["no model at './nowhere/at/all': not a folder"],
        ),
        (
            ("--model", ".", *TASK, "--no-tune"),
            ["holds no config.json, so it is not a model folder"],
        ),
        (
            ("--model", "MODEL", *TASK, "--adapter", "nowhere"),
            ["no adapter in nowhere: adapter_config.json is missing"],
        ),
        (
            ("--model", "MODEL", *TASK, "--out", "little.jsonl"),
            ["little.jsonl is a file", "hint: name a folder with --out"],
        ),
        (
            ("--model", "MODEL", *TASK, "--data", "nowhere.jsonl"),
            ["no file or folder 'nowhere.jsonl'"],
        ),
        (
            ("--model", "MODEL", *TASK, "--data", "demos"),
            ["no dataset named 'demos'; known: bioinstruct, demo, seeds", "did you mean `demo`?"],
        ),
        (
            ("--model", "MODEL", *TASK, "--recipe", "fats.toml"),
            ["no recipe named 'fats.toml'"],
        ),
        (
            ("--model", "MODEL", *TASK, "--style", "chat", "--no-tune"),
            ["the model has no chat template", "hint: use --style alpaca or --style medtuned"],
        ),
        (
            ("--model", "MODEL", "--tasks", "pubmedqa"),
            ["no data directory is given", "BIOINSTRUCT_DATA", "https://github.com/pubmedqa"],
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_the_user_can_mend_is_said_at_once_and_leaves_nothing(
    args: tuple[str, ...], lines: list[str], bench: Bench, model: str
) -> None:
    done = bench(*(model if arg == "MODEL" else arg for arg in args))
    assert (done.code, done.out) == (1, "")
    assert "bioinstruct-bench: " in done.err
    for line in lines:
        assert line in done.err
    assert "scoring" not in done.err
    assert [path for path in found() if path != "out"] == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--limit", "0"), "argument --limit: '0' is not a whole number of 1 or more"),
        (("--limit", "many"), "argument --limit: 'many' is not a whole number of 1 or more"),
        (("--style", "alpca"), "argument --style: "),
        (("--seed", "x"), "argument --seed: invalid int value: 'x'"),
        (("--model",), "argument --model: expected one argument"),
        (("--no-tune", "--data", "demo"), "--data, --recipe and --set are for tuning"),
        (("--adapter", "x", "--recipe", "tiny"), "--data, --recipe and --set are for tuning"),
        (("--encoder", "x", "--plan"), "--plan and --merge are for language models"),
        (("--encoder", "x", "--merge", "float32"), "--plan and --merge are for language models"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_exit_code_two_and_two_lines(
    args: tuple[str, ...], message: str, bench: Bench
) -> None:
    done = bench(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("bioinstruct-bench: ")
    assert "usage:" not in done.err
    assert done.err.count("\n") == 2
    assert message in done.err


def test_a_data_directory_that_is_not_there_is_an_error_and_no_demonstration(
    bench: Bench, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", "/nowhere")
    done = bench("--model", model)
    assert done.code == 1
    assert done.err.startswith("bioinstruct-bench: no folder /nowhere\nhint: ")


def test_an_encoder_is_refused(bench: Bench, tokenizer: Any, tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    encoder = tmp_path / "bert"
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(tokenizer), intermediate_size=32, **sizes)  # type: ignore[arg-type]
    BertForMaskedLM(config).save_pretrained(encoder)
    tokenizer.save_pretrained(encoder)
    done = bench("--model", encoder, *TASK, "--no-tune")
    assert done.code == 1
    assert "encoder" in done.err or "causal" in done.err
    assert "hint: " in done.err
    assert found() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "data.jsonl has no instructions"),
        ('{"instruction": "a"}\n', "data.jsonl:1: no output"),
        ("nonsense", "data.jsonl:1: not valid JSON"),
    ],
    ids=["empty", "missing field", "no JSON"],
)
def test_data_that_is_wrong_stops_the_run_before_it_begins(
    content: str, message: str, bench: Bench, model: str
) -> None:
    Path("data.jsonl").write_text(content, encoding="utf-8")
    done = bench("--model", model, *TASK, "--data", "data.jsonl")
    assert done.code == 1
    assert message in done.err
    assert "loading" not in done.err
    assert found() == ["data.jsonl"]


def test_one_wrong_line_of_many_is_named_and_not_silently_left_out(
    bench: Bench, model: str
) -> None:
    lines = Path("little.jsonl").read_text(encoding="utf-8").splitlines()
    lines[9] = lines[9].replace('"QA"', '"qa"')
    Path("little.jsonl").write_text("\n".join(lines), encoding="utf-8")
    done = bench("--model", model, *TASK, "--data", "little.jsonl")
    assert done.code == 1
    assert "bioinstruct-bench: little.jsonl:10: category: " in done.err


def test_records_that_are_all_too_long_are_counted_and_nothing_is_tuned(
    bench: Bench, model: str
) -> None:
    long = [e.row() | {"instruction": f"{n} " + "word " * 400} for n, e in enumerate(little())]
    for row in long:
        del row["id"]
    write("long.jsonl", [Instruction.model_validate(row) for row in long])
    done = bench("--model", model, *TASK, "--data", "long.jsonl")
    assert done.code == 1
    assert "bioinstruct-bench: nothing to tune on: 16 examples, 16 of them too long" in done.err
    assert found() == ["long.jsonl"]  # told before the base is scored


def test_layers_that_the_model_does_not_have_are_told_before_the_base_is_scored(
    bench: Bench, model: str
) -> None:
    Path("layers.toml").write_text('targets = ["q_projj"]\n', encoding="utf-8")
    done = bench("--model", model, *TASK, "--data", "little.jsonl", "--recipe", "layers.toml")
    assert done.code == 1
    assert "no linear layer in this model named 'q_projj'" in done.err
    assert "hint: did you mean `q_proj`?" in done.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rnak = 2\n", "no recipe field named 'rnak'"),
        ("rank = 0\n", "own.toml: rank: "),
        ("rank", "own.toml: not a TOML file"),
    ],
)
def test_a_recipe_that_is_wrong_stops_the_run_before_it_begins(
    content: str, message: str, bench: Bench, model: str
) -> None:
    Path("own.toml").write_text(content, encoding="utf-8")
    done = bench("--model", model, *TASK, "--recipe", "own.toml")
    assert done.code == 1
    assert message in done.err
    assert found() == ["own.toml"]


def test_a_folder_under_the_adapters_name_is_not_replaced(bench: Bench, model: str) -> None:
    Path("out/adapter").mkdir(parents=True)
    Path("out/adapter/thesis.txt").write_text("mine", encoding="utf-8")
    done = bench("--model", model, *TASK, "--data", "little.jsonl", "--recipe", "fast.toml")
    assert done.code == 1
    assert "out/adapter is in the way: it is not an adapter" in done.err
    assert found() == ["out", "out/adapter", "out/adapter/thesis.txt"]


def test_a_second_run_in_the_same_place_is_refused(bench: Bench, model: str) -> None:
    from bioinstruct.bench.evaluation.cache import Answers

    with Answers(Path("out/answers.jsonl")) as answers:
        answers.add("k", {})
        done = bench("--model", model, *TASK, "--no-tune")
    assert done.code == 1
    assert "out/answers.jsonl: in use by another process" in done.err


def test_a_disk_that_takes_no_more_is_an_error_and_the_answers_so_far_are_kept(
    bench: Bench, model: str
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, before[1]))
    try:
        done = bench("--model", model, *TASK, "--no-tune")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert done.code == 1
    assert "out/answers.jsonl\nhint: " in done.err
    assert found() == ["out", "out/answers.jsonl"]
    assert bench("--model", model, *TASK, "--no-tune").code == 0
    lines = Path("out/answers.jsonl").read_text(encoding="utf-8").splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == len(lines) == 4


def test_the_adapter_is_merged_when_asked(bench: Bench, model: str) -> None:
    tuning = ("--data", "little.jsonl", "--recipe", "fast.toml")
    done = bench("--model", model, *TASK, *tuning, "--merge", "float32", "--json")
    assert done.code == 0
    last = done.err.splitlines()[-1]
    assert last.startswith("wrote out/merged in float32; ")
    assert float(last.rsplit(" ", 1)[1]) < 1e-3
    merged = bench("--model", "out/merged", *TASK, "--no-tune", "--out", "again", "--json")
    rows = zip(json.loads(done.out)["rows"], json.loads(merged.out)["rows"], strict=True)
    assert all(before["tuned"] == after["base"] for before, after in rows)
    later = ("--adapter", "out/adapter", "--merge", "bfloat16", "--out", "low")
    assert bench("--model", model, *TASK, *later).code == 0
    sizes = [Path(f"{out}/merged/model.safetensors").stat().st_size for out in ("out", "low")]
    assert sizes[0] > 1.8 * sizes[1]
    for out, said in (("out", "written in float32"), ("low", "written in bfloat16")):
        card = Path(f"{out}/merged/README.md").read_text(encoding="utf-8")
        assert said in card
        assert f"## LoRA adapter for {Path(model).name}" in card  # with its data and their licences
        assert ("\n## Results\n" in card) is (out == "low")  # which this run did not tune
    assert bench("--model", model, *TASK, "--no-tune", "--merge", "float32").code == 2


def test_stopping_while_it_scores_is_one_word_and_keeps_what_was_tuned(
    bench: Bench, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(self: Line, text: str, *, last: bool = False) -> None:
        if text == "scoring tuned  demo-qa  2/4":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Line, "show", show)
    tuning = ("--data", "little.jsonl", "--recipe", "fast.toml")
    done = bench("--model", model, *TASK, *tuning)
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith(STOPPED)
    names = ("adapter_config.json", "adapter_model.safetensors", "bioinstruct.json")
    adapter = ["adapter", *(f"adapter/{name}" for name in names)]
    assert found() == [
        "out",
        *(f"out/{name}" for name in [*adapter, "answers.jsonl", "tuning.jsonl"]),
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0 s"), (119.4, "119 s"), (120, "2 min"), (3599, "60 min"), (7200, "2.0 h")],
)
def test_the_time_that_is_left_is_told_in_a_unit_to_grasp(seconds: float, told: str) -> None:
    assert _duration(seconds) == told


@pytest.fixture
def real() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """The command as a process of its own, to be stopped by signals."""
    started: list[subprocess.Popen[str]] = []

    def start(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [COMMAND, *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "80"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.peer
def test_ctrl_c_while_it_tunes_is_one_word_and_leaves_what_there_is(
    real: Callable[..., subprocess.Popen[str]], model: str
) -> None:
    Path("endless.toml").write_text(RECIPE.replace("epochs = 1", "epochs = 100000"), "utf-8")
    process = real(
        *(
            "--model",
            model,
            *TASK,
            "--data",
            "little.jsonl",
            "--recipe",
            "endless.toml",
            "--out",
            "out",
        )
    )
    assert process.stderr
    for line in process.stderr:
        if line == "scoring base   demo-qa  4/4\n":
            break
    while not Path("out/tuning.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (1, "", STOPPED)
    # The checkpoints, once there are any, are what tuning goes on from.
    assert found() == ["endless.toml", "out", "out/answers.jsonl", "out/tuning.jsonl"]


@pytest.mark.peer
def test_a_run_that_was_killed_goes_on_to_the_report_of_an_undisturbed_one(
    bench: Bench, real: Callable[..., subprocess.Popen[str]], model: str
) -> None:
    scored = ("--model", model, "--tasks", "demo-qa", "demo-gen", "--limit", "60", "--no-tune")
    process = real(*scored, "--out", "killed")
    answers = Path("killed/answers.jsonl")
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if answers.exists() and answers.read_bytes().count(b"\n") >= 20:
            break
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = answers.read_bytes()
    assert 20 <= before.count(b"\n") < 120

    assert bench(*scored, "--out", "killed").code == 0
    assert bench(*scored, "--out", "whole").code == 0
    assert Path("killed/report.json").read_bytes() == Path("whole/report.json").read_bytes()
    whole = before[: before.rindex(b"\n") + 1]
    assert answers.read_bytes().startswith(whole)
    keys = [json.loads(line)["key"] for line in answers.read_bytes().splitlines()]
    assert len(keys) == len(set(keys)) == 120


def test_a_reader_that_has_enough_ends_it_without_a_word(model: str) -> None:
    command = f"{COMMAND} --list | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
