from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml  # type: ignore[import-untyped]

from bioinstruct import (
    BioinstructError,
    Instruction,
    Style,
    UnknownNameError,
    read_examples,
    render,
)
from bioinstruct.cli.export import _FORMATS
from bioinstruct.dataset.export import FOLDERS, FORMATS, export
from bioinstruct.tokens import tokens_by
from tests.records import record, records

ODD = [
    record(0, input=""),
    record(
        1,
        instruction='Say "\u03b1" — two\n\nlines?',
        input="tab\tand\u2028separator",
        output="x\n\ny",
    ),
    record(2, instruction="### Instruction:", input="</s> <|user|> {{x}}", output=" padded "),
    *records(3),
]


def rows(to: str, out: Path) -> list[Any]:
    """The records of an export, read by plain `json`."""
    path = out / "data.jsonl" if to in FOLDERS else out
    text = path.read_text(encoding="utf-8")
    if to in {"alpaca", "sharegpt"}:
        return list(json.loads(text))
    return [json.loads(line) for line in io.StringIO(text, newline="\n")]


def asked(example: Instruction) -> str:
    return f"{example.instruction}\n\n{example.input}" if example.input else example.instruction


TEXTS: dict[str, Callable[[Any], tuple[str, str]]] = {
    "chat": lambda row: (row["messages"][0]["content"], row["messages"][1]["content"]),
    "prompt-completion": lambda row: (row["prompt"][0]["content"], row["completion"][0]["content"]),
    "sharegpt": lambda row: tuple(turn["value"] for turn in row["conversations"]),  # type: ignore[dict-item,return-value]
}


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_every_text_comes_back_to_the_letter(to: str, tmp_path: Path) -> None:
    assert export(ODD, to, tmp_path / "out") == len(ODD)
    found = rows(to, tmp_path / "out")
    assert [row["id"] for row in found] == [example.id for example in ODD]
    for row, example in zip(found, ODD, strict=True):
        if to in TEXTS:
            assert TEXTS[to](row) == (asked(example), example.output)
        elif to != "prompt-completion-text":
            texts = {name: row[name] for name in ("instruction", "input", "output")}
            assert texts == example.model_dump(include=set(texts))


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_the_library_behind_the_trainers_reads_it(to: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(ODD, to, out)
    path = out / "data.jsonl" if to in FOLDERS else out
    data = datasets.load_dataset(
        "json", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert list(data["id"]) == [example.id for example in ODD]


def test_the_turns_have_the_names_that_each_trainer_looks_for(tmp_path: Path) -> None:
    for to in ("chat", "prompt-completion", "sharegpt"):
        export(records(1), to, tmp_path / to)
    [chat] = rows("chat", tmp_path / "chat")
    assert [turn["role"] for turn in chat["messages"]] == ["user", "assistant"]
    [parts] = rows("prompt-completion", tmp_path / "prompt-completion")
    assert [turn["role"] for turn in parts["prompt"] + parts["completion"]] == ["user", "assistant"]
    [shared] = rows("sharegpt", tmp_path / "sharegpt")
    assert [turn["from"] for turn in shared["conversations"]] == ["human", "gpt"]


def test_the_turn_of_the_user_is_what_tuning_in_the_chat_style_shows(tmp_path: Path) -> None:
    export(ODD, "chat", tmp_path / "out")
    for row, example in zip(rows("chat", tmp_path / "out"), ODD, strict=True):
        shown = render(example, Style.CHAT, chat_template=lambda turns: turns[0]["content"])
        assert row["messages"][0]["content"] == shown


def test_llama_factory_finds_the_columns_in_its_list_of_datasets(tmp_path: Path) -> None:
    export(ODD, "llama-factory", tmp_path / "größe")
    raw = (tmp_path / "größe" / "dataset_info.json").read_bytes()
    assert raw.isascii()  # it is opened in the encoding of the machine
    info = json.loads(raw)
    assert info == {
        "größe": {
            "file_name": "data.jsonl",
            "formatting": "alpaca",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        }
    }


def test_axolotl_finds_the_records_by_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    export(ODD, "axolotl", Path("sub/a: \"b\" 'c' #d"))
    text = (tmp_path / "sub" / "a: \"b\" 'c' #d" / "dataset.yaml").read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    [dataset] = config["datasets"]
    assert Path(dataset.pop("path")).is_file()
    assert dataset == {"ds_type": "json", "type": "alpaca", "split": "train"}
    assert config["train_on_inputs"] is False


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_what_may_not_be_passed_on_stops_it_and_leaves_nothing(to: str, tmp_path: Path) -> None:
    closed = record(9, provenance={"origin": "i2b2-2010", "license": "LicenseRef-i2b2-DUA"})
    with pytest.raises(BioinstructError, match="may not be redistributed") as caught:
        export([*records(3), closed], to, tmp_path / "out")
    assert "--private-copy" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
    assert export([*records(3), closed], to, tmp_path / "out", private_copy=True) == 4


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_an_interruption_leaves_what_was_there_before(to: str, tmp_path: Path) -> None:
    export(records(2), to, tmp_path / "out")
    before = rows(to, tmp_path / "out")

    def broken() -> Iterator[Instruction]:
        yield from records(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(broken(), to, tmp_path / "out")
    assert rows(to, tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(BioinstructError, match="nothing to export"):
        export([], to, tmp_path / "out")
    assert rows(to, tmp_path / "out") == before


def test_a_folder_that_holds_anything_else_is_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(records(2), "axolotl", out)
    export(records(3), "llama-factory", out)  # an export replaces an export
    assert len(rows("llama-factory", out)) == 3
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(BioinstructError, match=r"notes\.txt"):
        export(records(1), "axolotl", out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.jsonl").write_text("mine", encoding="utf-8")
    with pytest.raises(BioinstructError, match=r"bioinstruct-export\.json"):
        export(records(1), "axolotl", tmp_path / "mine")
    with pytest.raises(BioinstructError, match="is a file"):
        export(records(1), "axolotl", out / "notes.txt")


def test_a_format_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no format named 'alpacca'") as caught:
        export(records(1), "alpacca", tmp_path / "out")
    assert "alpaca" in caught.value.hint


def test_the_command_knows_the_formats() -> None:
    assert list(_FORMATS) == sorted(FORMATS)  # it spares the help from importing them


def test_records_are_not_held(tmp_path: Path) -> None:
    code = (
        "import resource, itertools\n"
        "from pathlib import Path\n"
        "from bioinstruct.dataset.export import export\n"
        "from tests.records import record\n"
        "text = 'x' * 500_000\n"
        "def many():\n"
        "    for n in range(120): yield record(n, input=f'{n} {text}')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "export(many(), 'alpaca', Path('out'))\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 25  # MB, of 60 that were written


CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] }}{{ eos_token }}{% endgeneration %}"
    "{% else %}{{ m['content'] }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("to", ["chat", "prompt-completion", "prompt-completion-text"])
def test_trl_prepares_it_and_learns_the_answer_alone(to: str, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    examples = list(read_examples("demo"))[::60]
    export(examples, to, tmp_path / "out.jsonl")
    data = datasets.load_dataset(
        "json", data_files=str(tmp_path / "out.jsonl"), split="train", cache_dir=str(tmp_path)
    )
    tiny = str(Path(__file__).parents[1] / "src" / "bioinstruct" / "data" / "tiny")
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    texts = to == "prompt-completion-text"  # for a model without a template
    tokenizer.chat_template = None if texts else CHAT_TEMPLATE
    config = trl.SFTConfig(
        output_dir=str(tmp_path / "trl"),
        max_steps=1,
        per_device_train_batch_size=2,
        max_length=1024,
        report_to=[],
        use_cpu=True,
        assistant_only_loss=to == "chat",
    )
    trainer = trl.SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(tiny),
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
    )
    for row, example in zip(trainer.train_dataset, examples, strict=True):
        learned = [
            token
            for token, label in zip(row["input_ids"], row["labels"], strict=True)
            if label != -100
        ]
        assert tokenizer.decode(learned) == example.output + tokenizer.eos_token
        if texts:  # what the command counts
            count = tokens_by("tiny").count
            assert count(render(example)) + count(example.output) + 1 == len(row["input_ids"])
        prompt = render(example) if texts else asked(example)
        assert prompt in tokenizer.decode(row["input_ids"])
    assert trainer.train().training_loss > 0


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_trl_at_its_defaults_reads_the_other_formats_as_the_guide_says(tmp_path: Path) -> None:
    trl = pytest.importorskip("trl")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tiny = str(Path(__file__).parents[1] / "src" / "bioinstruct" / "data" / "tiny")
    examples = list(read_examples("demo"))[:3]

    def prepared(to: str, template: str | None) -> list[tuple[str, str]]:
        """Return the text that TRL feeds for each record, and what it learns of it."""
        export(examples, to, tmp_path / to)
        data = datasets.load_dataset(
            "json", data_files=str(tmp_path / to), split="train", cache_dir=str(tmp_path / "c")
        )
        tokenizer = AutoTokenizer.from_pretrained(tiny)
        tokenizer.chat_template = template
        trainer = trl.SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(tiny),
            args=trl.SFTConfig(output_dir=str(tmp_path / "trl"), report_to=[], use_cpu=True),
            train_dataset=data,
            processing_class=tokenizer,
        )
        found = []
        for row in trainer.train_dataset:
            labels = row.get("labels", row["input_ids"])
            learned = [i for i, label in zip(row["input_ids"], labels, strict=True) if label >= 0]
            found.append((tokenizer.decode(row["input_ids"]), tokenizer.decode(learned)))
        return found

    for (text, learned), example in zip(prepared("chat", CHAT_TEMPLATE), examples, strict=True):
        assert text == learned  # the question too
        assert asked(example) in text
        assert f"{example.output}</s>" in text
    skips = "{% for m in messages if m.role in ('user', 'assistant') %}{{ m.content }}{% endfor %}x"
    assert {text for text, _ in prepared("sharegpt", skips)} == {"x"}
    with pytest.raises(KeyError, match="text"):
        prepared("alpaca", CHAT_TEMPLATE)
    for to in ("chat", "prompt-completion"):
        with pytest.raises(ValueError, match="chat_template"):
            prepared(to, None)


@pytest.mark.parametrize("to", ["alpaca", "prompt-completion", "prompt-completion-text"])
def test_an_export_of_dates_alone_is_refused_and_one_other_answer_keeps_them_text(
    to: str, tmp_path: Path
) -> None:
    dates = [record(n, output=f"2020-01-0{n + 1}") for n in range(3)]
    with pytest.raises(BioinstructError, match="every output is a date"):
        export(dates, to, tmp_path / "dates.json")
    assert not (tmp_path / "dates.json").exists()
    export([*dates, record(4, output="unknown")], to, tmp_path / "mixed.json")
    loaded = datasets.load_dataset(
        "json",
        data_files=str(tmp_path / "mixed.json"),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    column = loaded["completion" if "completion" in to else "output"]
    texts = [each[0]["content"] if isinstance(each, list) else each for each in column]
    assert texts == [*(d.output for d in dates), "unknown"]


def test_the_text_format_is_the_prompt_and_the_answer_of_the_alpaca_style(tmp_path: Path) -> None:
    export(ODD, "prompt-completion-text", tmp_path / "out.jsonl")
    found = rows("prompt-completion-text", tmp_path / "out.jsonl")
    assert [(r["prompt"], r["completion"]) for r in found] == [(render(e), e.output) for e in ODD]


def test_the_command_counts_what_trl_would_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bioinstruct import write
    from bioinstruct.cli.main import main

    long = record(1, input="chest pain " * 2000)
    write(tmp_path / "in.jsonl", [record(0), long])
    args = [str(tmp_path / "in.jsonl"), "--to", "chat", "--out", str(tmp_path / "out.jsonl")]
    with pytest.raises(SystemExit):
        main(["export", *args, "--tokenizer", "tiny"])
    said = capsys.readouterr().err
    assert "1 of 2 records exceed 1,024 tokens of tiny" in said
    [keep] = [int(part.split(")")[0]) for part in said.split("max_length=")[1:]]
    text = f"{long.instruction}\n\n{long.input}\n{long.output}"
    assert tokens_by("tiny").count(text) < keep


def test_the_count_of_the_text_format_has_the_words_of_its_layout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from bioinstruct import write
    from bioinstruct.cli.main import main

    count = tokens_by("tiny").count
    near = record(0, input="pain " * 400)
    while count(asked(near)) < 1000:
        near = record(0, input=f"{near.input} pain")
    write(tmp_path / "in.jsonl", [near])
    for to, exceed in (("prompt-completion", 0), ("prompt-completion-text", 1)):
        args = [str(tmp_path / "in.jsonl"), "--to", to, "--out", str(tmp_path / to)]
        with pytest.raises(SystemExit):
            main(["export", *args, "--tokenizer", "tiny"])
        assert f"{exceed} of 1 records exceed" in capsys.readouterr().err
