from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub import DatasetCard

from bioinstruct import BioinstructError, Instruction, corpora, write
from bioinstruct.cli.main import main
from bioinstruct.dataset.load import load_dataset, read_examples
from bioinstruct.dataset.pictures import PICTURES
from bioinstruct.dataset.publish import forbids_redistribution, obstacle, publish, push
from bioinstruct.parquet import features
from tests.records import record, records

ROOT = Path(__file__).parents[1]
CARD = ROOT / "dataset_card"
TEACHER = {"model": "some-model", "prompt": "v1"}


def _tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _python(code: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a fresh process that has no network and an own cache."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(cwd.parent / "hf"), **env}
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=clean | offline,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work" / "bioinstruct"


def test_publishing_writes_the_data_its_card_and_its_statistics(out: Path) -> None:
    statistics = publish(records(5), out)
    assert sorted(_tree(out)) == [
        "README.md",
        "croissant.json",
        "data/train-00000-of-00001.parquet",
        *sorted(f"pictures/{name}" for name in PICTURES),
        "statistics.json",
    ]
    written = json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    assert written["examples"] == statistics.examples == 5
    assert written.items() >= json.loads(json.dumps(statistics.as_dict())).items()
    assert list(read_examples(str(out))) == records(5)


def test_plain_datasets_loads_it_by_name_offline_in_a_fresh_process(out: Path) -> None:
    publish([record(n, input="" if n else "Case.") for n in range(3)], out)
    code = (
        "import json, datasets\n"
        "data = datasets.load_dataset('bioinstruct')\n"
        "print(json.dumps([list(data), data['train'].features.to_dict(), data['train'].to_list()]))"
    )
    done = _python(code, out.parent)
    assert done.returncode == 0, done.stderr
    splits, columns, rows = json.loads(done.stdout)
    assert splits == ["train"]
    assert columns == features().to_dict()
    assert [row["input"] for row in rows] == ["Case.", "", ""]
    assert rows[0]["provenance"]["teacher"] is None


def test_what_was_published_last_is_what_is_loaded(out: Path) -> None:
    # `datasets` keys its cache by the card's `configs`, not by the files: see card.py.
    for count in (3, 5):
        publish(records(count), out)
        assert load_dataset(str(out), split="train").num_rows == count
    publish([record(n, task="other-task") for n in range(5)], out)
    assert set(load_dataset(str(out), split="train")["task"]) == {"other-task"}


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    publish(records(1200), tmp_path / "a" / "bioinstruct")
    publish(iter(records(1200)), tmp_path / "b" / "bioinstruct")
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")


def test_exact_duplicates_are_left_out_counted_and_reported(out: Path) -> None:
    statistics = publish([*records(3), record(1, task="a-second-label"), record(0)], out)
    assert (statistics.examples, statistics.duplicates) == (3, 2)
    assert [e.task for e in read_examples(str(out))] == ["ner-disease"] * 3
    assert "2 exact duplicates were left out" in (out / "README.md").read_text(encoding="utf-8")


def test_an_empty_dataset_is_refused_and_leaves_nothing(out: Path) -> None:
    with pytest.raises(BioinstructError, match="nothing to publish"):
        publish([], out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("license", "closed"),
    [
        ("LicenseRef-PhysioNet-Credentialed-1.5.0", True),
        ("LicenseRef-i2b2-DUA", True),
        ("MIT AND (LicenseRef-x-NoRedistribution OR MIT)", True),
        ("LicenseRef-restricted", True),
        ("CC-BY-NC-ND-4.0", False),
        ("LicenseRef-public-domain", False),
        ("GPL-3.0-only WITH Classpath-exception-2.0", False),
        ("LicenseRef-unrestricted", False),
    ],
)
def test_one_rule_says_which_licences_forbid_redistribution(license: str, closed: bool) -> None:
    assert forbids_redistribution(license) is closed


def test_a_record_that_may_not_be_redistributed_stops_the_publication(out: Path) -> None:
    closed = record(7, provenance={"origin": "i2b2-2010", "license": "LicenseRef-i2b2-DUA"})
    with pytest.raises(BioinstructError, match=f"{closed.id} from 'i2b2-2010' may not be redis"):
        publish([*records(3), closed], out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("origin", "license", "why"),
    [
        ("i2b2-2012", "CC-BY-4.0", "i2b2-2012 needs credentialed"),
        ("x", "CC-BY-NC-ND-4.0", "forbids redistributing derived works"),
        ("x", "MIT AND CC-BY-ND-4.0", "forbids redistributing derived works"),
        ("x", "LicenseRef-i2b2-DUA", "its licence is LicenseRef-i2b2-DUA"),
        ("ncbi-disease", "NCBI-PD", ""),
        ("a corpus of the user's own", "CC-BY-SA-4.0", ""),
        ("x", "LicenseRef-Indeed-3.0", ""),
    ],
)
def test_what_may_not_be_passed_on_is_kept_as_a_private_copy_only(
    origin: str, license: str, why: str, out: Path
) -> None:
    mixed = [*records(3), record(7, provenance={"origin": origin, "license": license})]
    if not why:
        assert obstacle(origin, license) == ""
        publish(mixed, out)
        assert "redistribution" not in (out / "README.md").read_text(encoding="utf-8")
        return
    with pytest.raises(BioinstructError, match=re.escape(why)) as caught:
        publish(mixed, out)
    assert "--private-copy" in caught.value.hint
    assert publish(mixed, out, private_copy=True).examples == 4
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "\n- not-for-redistribution\n" in card
    assert "\n\n> **Not for redistribution.** This is a private copy: of 1 records " in card
    with pytest.raises(BioinstructError, match="1 records may not be redistributed"):
        push(out, "me/x", license=license, token="hf_x")


def test_a_private_copy_without_such_records_is_as_any_other(out: Path) -> None:
    publish(records(3), out, private_copy=True)
    assert "redistribution" not in (out / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_what_was_there_before(
    out: Path, error: type[BaseException]
) -> None:
    publish(records(2), out)
    before = _tree(out.parent)

    def broken() -> Iterator[Instruction]:
        yield from records(1500)
        raise error

    with pytest.raises(error):
        publish(broken(), out)
    assert _tree(out.parent) == before
    assert sorted(out.parent.iterdir()) == [out]


def test_a_full_disk_is_an_error_and_leaves_nothing(out: Path) -> None:
    code = (
        "import resource, pathlib\n"
        "from bioinstruct import BioinstructError\n"
        "from bioinstruct.dataset.publish import publish\n"
        "from tests.records import records\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: publish(records(2000), pathlib.Path('bioinstruct'))\n"
        "except BioinstructError as error: print(error, '|', error.hint)\n"
    )
    done = _python(code, out.parent, PYTHONPATH=str(ROOT))
    assert done.stdout.startswith(f"cannot publish to {out}: "), done.stderr
    assert "| check the space" in done.stdout
    assert list(out.parent.iterdir()) == []


def test_a_folder_that_holds_anything_else_is_never_replaced(out: Path) -> None:
    publish(records(2), out)
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    before = _tree(out)
    with pytest.raises(BioinstructError, match=r"is not replaced.*notes\.txt"):
        publish(records(3), out)
    assert _tree(out) == before


def _user_folder(out: Path) -> None:
    (out / "data").mkdir(parents=True)
    (out / "data" / "train-00000-of-00001.parquet").write_bytes(b"mine")
    (out / "README.md").write_text("mine", encoding="utf-8")


def test_a_folder_that_only_looks_published_is_never_replaced(out: Path) -> None:
    _user_folder(out)
    with pytest.raises(BioinstructError, match="no mark of a published dataset"):
        publish(records(3), out)
    (out / "statistics.json").write_text('{"format": "else"}', encoding="utf-8")
    with pytest.raises(BioinstructError, match="no mark of a published dataset"):
        publish(records(3), out)
    assert (out / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_file_and_the_current_folder_are_refused(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out.write_text("mine", encoding="utf-8")
    with pytest.raises(BioinstructError, match="is a file"):
        publish(records(1), out)
    monkeypatch.chdir(out.parent)
    for current in (Path(), Path(".."), Path("/")):
        with pytest.raises(BioinstructError, match="contains, the current folder"):
            publish(records(1), current)
    assert out.read_text(encoding="utf-8") == "mine"


def test_an_empty_folder_a_new_path_and_a_link_are_filled(out: Path) -> None:
    out.mkdir()
    publish(records(1), out)
    link = out.parent / "link"
    link.symlink_to(out)
    publish(records(2), link)
    assert link.is_symlink()
    assert len(list(read_examples(str(out)))) == 2
    publish(records(1), out.parent / "new" / "deep")
    assert (out.parent / "new" / "deep" / "README.md").is_file()


def _front_matter(text: str) -> Any:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    assert match
    return yaml.safe_load(match[1])


NASTY = 'quo"te: # & | <b> `x`\n---\n$name [link](http://x)'


def test_the_card_is_valid_and_says_what_is_in_the_data(out: Path) -> None:
    examples = [
        *records(3),
        record(3, category="QA", task="yes-no", provenance={"license": "MIT"}),
        record(4, category="GEN", provenance={"kind": "generated", "teacher": TEACHER}),
        record(5, provenance={"origin": "the|corpus", "license": "LicenseRef-public-domain"}),
    ]
    publish(examples, out)
    text = (out / "README.md").read_text(encoding="utf-8")
    front = _front_matter(text)
    assert front["license"] == ["cc-by-4.0", "mit", "other"]
    assert front["size_categories"] == ["n<1K"]
    assert front["language"] == ["en"]
    assert front["task_categories"] == [
        "question-answering",
        "text-generation",
        "token-classification",
    ]
    assert DatasetCard(text).data.to_dict()["license"] == front["license"]  # type: ignore[no-untyped-call]
    assert "6 biomedical instructions" in text
    assert "| IE | information extraction | 4 | 66.7 % | 1 |" in text
    assert "- **QA**: yes-no." in text
    assert "| generated | written by a language model | 1 | 16.7 % |" in text
    assert "Models that wrote generated records: some-model." in text
    assert "| corpus | not stated | CC-BY-4.0 | compiled | 3 |" in text
    assert "| the\\|corpus | not stated | LicenseRef-public-domain | compiled | 1 |" in text
    assert "| output, characters | 7 | 7 | 7 | 7 | 7 | 7 |" in text
    for doi in ("10.1093/jamia/ocae122", "10.1016/j.artmed.2024.103007"):
        assert doi in text
    assert "Not medical advice" in text


def test_the_card_shows_a_record_that_is_in_the_data(out: Path) -> None:
    publish([record(0, input="x" * 5000), *records(3)], out)
    text = (out / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert shown
    assert Instruction.model_validate_json(shown[1]) == record(0)


def test_a_card_without_a_short_record_shows_none(out: Path) -> None:
    publish([record(0, input="")], out)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "One of the records" not in text
    assert "\n\n\n" not in text
    assert "1 record has no input" in text


def test_text_from_the_data_cannot_break_the_card(out: Path) -> None:
    publish(
        [record(0, task="a|b*c", provenance={"origin": NASTY, "revision": NASTY})], out, name=NASTY
    )
    text = (out / "README.md").read_text(encoding="utf-8")
    assert _front_matter(text)["pretty_name"] == NASTY
    rows = [line for line in text.splitlines() if "quo" in line and line.startswith("|")]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 6
    assert load_dataset(str(out), split="train").num_rows == 1


def test_the_code_in_the_card_runs(out: Path) -> None:
    publish(records(2), out)
    code = re.search(r"```python\n(.*?)```", (out / "README.md").read_text("utf-8"), re.DOTALL)
    assert code
    done = _python(code[1], out.parent)
    assert done.stdout == "Name the disease in sentence 0.\n", done.stderr


def test_a_long_list_of_tasks_is_cut_with_its_count(out: Path) -> None:
    publish([record(n, task=f"task-{n % 50:02d}") for n in range(150)], out)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "task-00 (3), task-01 (3)" in text
    assert "task-39 (3), 10 more (30)." in text


def test_the_card_in_the_repository_is_that_of_the_data_that_ships(tmp_path: Path) -> None:
    # `UPDATE_GOLDEN=1 pytest tests/test_publish.py` renews it.
    examples = [*read_examples("seeds"), *read_examples("demo")]
    publish(examples, tmp_path / "bioinstruct")
    for name in ("README.md", "statistics.json", *(f"pictures/{name}" for name in PICTURES)):
        now = (tmp_path / "bioinstruct" / name).read_text(encoding="utf-8")
        if os.environ.get("UPDATE_GOLDEN"):
            (CARD / name).write_text(now, encoding="utf-8")
        assert (CARD / name).read_text(encoding="utf-8") == now, f"dataset_card/{name} is stale"


@pytest.mark.peer
@pytest.mark.filterwarnings("ignore")
def test_mlcroissant_reads_every_field_of_every_record(out: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant")
    teacher = {"model": "m", "prompt": "p", "temperature": 0.5, "seed": 3, "examples": ["a", "b"]}
    examples = [
        record(0, input="", output="a\u2028\n\nb"),
        record(1, provenance={"kind": "generated", "teacher": teacher}),
        record(2, provenance={"revision": "1", "license": "CC0-1.0 AND LicenseRef-x"}),
    ]
    publish(examples, out, name="Gr\u00f6\u00dfe: 1", shard_bytes=60)
    assert len(list((out / "data").iterdir())) > 1
    found = mlcroissant.Dataset(str(out / "croissant.json"))
    assert not found.metadata.issues.errors
    read = {row["records/id"].decode(): row for row in found.records("records")}
    assert read.keys() == {example.id for example in examples}
    for example in examples:
        row = read[example.id]
        for name in ("instruction", "input", "output", "category", "task"):
            assert row[f"records/{name}"].decode() == getattr(example, name)
        flat = example.provenance.model_dump(mode="json", exclude={"teacher"})
        told = example.provenance.teacher
        flat |= {f"teacher/{k}": v for k, v in told.model_dump(mode="json").items()} if told else {}
        made = row["records/provenance"]
        for name, value in flat.items():
            assert _plain(made[f"records/provenance/{name}"]) == value, name


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return list(map(_plain, value))
    return value.decode() if isinstance(value, bytes) else value


def test_the_code_in_the_guide_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "publish.md").read_text(encoding="utf-8")
    code = "".join(re.findall(r"```python\n(.*?)```", guide, re.DOTALL))
    done = _python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == re.findall(r"^#> (.*)", code, re.MULTILINE)


def test_the_real_corpora_are_published_whole(data: Path, out: Path) -> None:
    published = {"ncbi-disease": 5424, "pubmedqa": 500, "mts-dialog": 1201}
    for name, count in published.items():
        examples = list(corpora.read(name, "train", data=data))
        assert len(examples) == count
        statistics = publish(examples, out)
        assert statistics.examples + statistics.duplicates == count
        found = load_dataset(str(out), split="train")
        assert found.num_rows == statistics.examples
        assert found.features == features()


def test_a_record_of_the_test_split_is_in_no_other(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    write(tmp_path / "a.jsonl", records(9))
    write(tmp_path / "b.jsonl", records(4))
    out = tmp_path / "set"
    args = ["publish", f"{tmp_path}/a.jsonl", "--test", f"{tmp_path}/b.jsonl", "--out", str(out)]
    with pytest.raises(SystemExit) as done:
        main(args)
    assert done.value.code == 0
    found = {split: list(read_examples(str(out), split=split)) for split in ("train", "test")}
    assert found == {"train": records(9)[4:], "test": records(4)}
    card = (out / "README.md").read_text("utf-8")
    assert "path: data/test-*.parquet" in card
    assert "The splits are train 5, test 4" in card
    for name in re.findall(r"!\[.*?\]\((.*?)\)", card):
        drawn = ElementTree.parse(out / name)
        texts = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}text")]
        assert {"IE", "corpus", "instruction"} & set(texts)
    content = json.loads((out / "statistics.json").read_text("utf-8"))
    assert content["splits"] == {"train": 5, "test": 4}
    with pytest.raises(SystemExit):
        main([*args, "--force"])  # what was published there is replaced, pictures and all
    with pytest.raises(BioinstructError, match="the split test is empty"):
        publish({"train": records(2), "test": []}, tmp_path / "other")


def test_the_card_says_how_records_were_generated(tmp_path: Path) -> None:
    from bioinstruct.llm.transcript import Transcript
    from bioinstruct.llm.types import Answer, Message, Request
    from bioinstruct.rejection import Rejection, write_rejections

    teacher = {"model": "gpt-4", "prompt": "alpaca/1", "temperature": 0.5, "top_p": 1.0}
    made = {"kind": "generated", "teacher": teacher}
    write(tmp_path / "m.jsonl", [record(1, provenance=made), record(2, provenance=made)])
    asked = Request(model="gpt-4", messages=(Message("user", "x"),))
    with Transcript.open(
        tmp_path / "m.transcript.jsonl", base_url="https://api.openai.com/v1"
    ) as transcript:
        transcript.add(
            asked,
            Answer(
                text="y",
                finish_reason="stop",
                model="gpt-4",
                prompt_tokens=9,
                completion_tokens=100,
            ),
        )
    rejects = [Rejection(reason=reason, text="") for reason in ("span", "span", "cut-off")]
    write_rejections(tmp_path / "m.rejected.jsonl", rejects)
    with pytest.raises(SystemExit):
        main(["publish", f"{tmp_path}/m.jsonl", "--out", f"{tmp_path}/set"])
    card = (tmp_path / "set" / "README.md").read_text("utf-8")
    _, _, section = card.partition("### How they were generated\n\n")
    lines = section.splitlines()
    assert lines[0] == "- gpt-4, recipe alpaca/1, temperature 0.5, top\\_p 1.0: 2 records."
    assert "1 requests, 9 tokens in, 100 out: $0.006" in lines[1]
    assert "answered on 20" in lines[1]
    assert lines[2] == "- Accepted: 2 records. Rejected parts of answers: span 2, cut-off 1."
