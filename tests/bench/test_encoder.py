from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard

from bioinstruct import Category, Instruction, ModelError
from bioinstruct.bench.encoders.model import EncoderRecipe, _marks, _owners, fits, load_encoder
from bioinstruct.bench.encoders.run import run_encoder
from bioinstruct.bench.encoders.tuning import _add_gradient
from bioinstruct.bench.evaluation.report import table
from bioinstruct.bench.evaluation.runs import read_counts
from bioinstruct.bench.metrics import label_f1, same_set
from bioinstruct.bench.report.verify import Verifier
from bioinstruct.bench.tasks import Task, get_task, load_evaluations
from bioinstruct.checksums import sealed
from bioinstruct.corpora import read
from bioinstruct.corpora.answers import entities, labels
from bioinstruct.corpora.answers.entities import Entity
from tests.records import ask

Make = Callable[..., Instruction]
FAST = EncoderRecipe(learning_rate=2e-3, epochs=20, batch_size=8, max_length=64)


def random_bert(path: Path, texts: list[str], *, pieces: int, width: int) -> str:
    """A BERT of two layers with random weights and a word-piece vocabulary of these texts."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = BertWordPieceTokenizer(lowercase=False)
    words.train_from_iterator(texts, vocab_size=pieces, show_progress=False)
    tokenizer: Any = BertTokenizerFast(tokenizer_object=words._tokenizer)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    BertModel(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    texts = [example.input for example in read("demo", "train")]
    return random_bert(tmp_path_factory.mktemp("bert"), texts, pieces=600, width=32)


def entity_task(typed: bool = False) -> Task:
    def parse(text: str, example: Instruction) -> list[Entity]:
        return entities.parse("mentions", text, example.input.split(" "), typed=typed)

    given = get_task("demo-ie")
    return Task("entities", Category.IE, given.read, parse, given.metrics)


def drugs(example: Make, count: int) -> list[Instruction]:
    names = ("metformin", "aspirin", "ibuprofen 400 mg", "warfarin", "insulin glargine")
    frames = (
        "The patient took {} today .",
        "We gave {} and then {} for a week .",
        "No drug was given .",
    )
    made = []
    for i in range(count):
        frame = frames[i % 3]
        given = [names[(i + j) % 5] for j in range(frame.count("{}"))]
        text = frame.format(*given)
        made.append(example(input=text, output="\n".join(given) or "none"))
    return made


def test_an_encoder_learns_to_find_entities(folder: str, example: Make) -> None:
    task, examples = entity_task(), drugs(example, 60)
    encoder = load_encoder(folder, task, examples[:45], FAST)
    losses = encoder.tune(examples[:45])
    found = encoder.predict(examples[45:])
    golds = [task.parse(e.output, e) for e in examples[45:]]
    counts = [task.metrics[0].count(g, p) for g, p in zip(golds, found, strict=True)]
    assert task.metrics[0].value(np.array(counts).sum(axis=0)) > 0.9
    assert losses[-1] < 0.2 < losses[0]


def test_what_is_saved_is_a_pipeline_of_transformers(
    folder: str, example: Make, tmp_path: Path
) -> None:
    from transformers import pipeline

    task, examples = entity_task(), drugs(example, 60)
    encoder = load_encoder(folder, task, examples, FAST)
    encoder.tune(examples)
    encoder.save(tmp_path / "e")
    found = pipeline("token-classification", str(tmp_path / "e"))(
        "The patient took aspirin today ."
    )
    of_aspirin = {token["entity"] for token in found if token["word"].startswith("a")}
    assert of_aspirin <= {"B-Entity", "O"}
    assert {"B-Entity"} <= {token["entity"] for token in found}


def test_an_encoder_learns_closed_answers(folder: str, example: Make) -> None:
    task = get_task("demo-qa")
    said = {"denies": "no", "reports": "yes", "may have": "maybe"}
    examples = [
        example(input=f"The patient {verb} {finding} .", output=answer)
        for finding in ("fever", "cough", "pain", "nausea", "headache")
        for verb, answer in said.items()
    ]
    encoder = load_encoder(folder, task, examples, FAST)
    assert encoder.names == ["yes", "no", "maybe"]
    encoder.tune(examples * 3)
    assert encoder.predict(examples) == [e.output for e in examples]


def findings(example: Make) -> tuple[Task, list[Instruction]]:
    """Texts with any number of findings, none among them; the answer names them."""
    names = ("cough", "pain", "rash")

    def parse(text: str, example: Instruction) -> tuple[str, ...] | None:
        return labels.parse("lines", text, {name: name for name in names})

    chosen = [[n for i, n in enumerate(names) if code >> i & 1] for code in range(8)]
    examples = [
        example(
            input=f"The patient has {' and '.join(some[turn:] + some[:turn]) or 'nothing'} .",
            output="\n".join(some) or "none",
        )
        for some in chosen
        for turn in range(3)
    ]
    task = Task("findings", Category.OTHER, lambda split: iter(()), parse, (label_f1, same_set))
    return task, examples


@pytest.mark.peer
def test_an_encoder_learns_sets_of_labels(folder: str, example: Make, tmp_path: Path) -> None:
    from transformers import pipeline

    task, examples = findings(example)
    assert fits(task)
    encoder = load_encoder(folder, task, examples, FAST.model_copy(update={"epochs": 40}))
    assert encoder.names == ["cough", "pain", "rash"]
    encoder.tune(examples * 4)
    golds = [task.parse(e.output, e) for e in examples]
    found = encoder.predict(examples)
    counts = label_f1.counts(golds, found)
    assert label_f1.value(counts.sum(axis=0)) > 0.75  # giving all labels always: 0.67
    encoder.save(tmp_path / "e")
    classify = pipeline("text-classification", str(tmp_path / "e"), top_k=None)
    for number in (0, 4, 12, 23):
        [scores] = classify([examples[number].input])
        assert {s["label"] for s in scores if s["score"] > 0.5} == set(found[number])


def test_a_long_text_has_the_labels_of_each_of_its_windows(folder: str, example: Make) -> None:
    task, examples = findings(example)
    encoder = load_encoder(folder, task, examples, FAST)
    encoder.tune(examples * 2)
    parts = ["The patient has cough . " * 20, "The patient has pain and rash . " * 20]
    long = example(input="".join(parts), output="cough\npain\nrash")
    windows = encoder.windows([long], learn=True)
    assert len(windows) > 3
    assert {tuple(window.labels) for window in windows} == {(1, 1, 1)}
    alone = [encoder.tokenizer.decode(window.ids[1:-1]) for window in windows]
    apart = encoder.predict([example(input=text) for text in alone])
    assert set(encoder.predict([long])[0]) == {label for found in apart for label in found}


def test_sets_of_labels_are_read_back_as_they_were_found(
    folder: str, example: Make, tmp_path: Path
) -> None:
    task, examples = findings(example)
    task = replace(task, read=lambda split: iter(examples[:16] if split == "train" else ()))
    recipe = FAST.model_copy(update={"epochs": 2})
    first, again = (
        run_encoder(folder, [ask(task, examples[16:])], tmp_path, recipe=recipe) for _ in range(2)
    )
    assert [row.metric for row in first.rows] == ["label F1", "exact match"]
    assert first == again


def test_relations_are_answers_of_a_closed_set(folder: str, example: Make) -> None:
    task = get_task("gad")
    examples = [
        example(input=f"@GENE$ {verb} with @DISEASE$ in {where} .", output=answer)
        for where in ("a cohort", "women", "mice", "our patients")
        for verb, answer in zip(("is associated", "has nothing to do"), task.labels, strict=True)
    ]
    encoder = load_encoder(folder, task, examples, FAST)
    encoder.tune(examples * 4)
    assert encoder.predict(examples) == [e.output for e in examples]


@pytest.mark.peer
def test_the_same_seed_gives_the_same_predictions(folder: str, example: Make) -> None:
    task, examples = entity_task(), drugs(example, 30)
    runs = [
        load_encoder(folder, task, examples, FAST, seed=seed).tune(examples, seed=seed)
        for seed in (0, 0, 1)
    ]
    assert runs[0] == runs[1] != runs[2]


@pytest.mark.peer
def test_long_inputs_are_read_in_windows_and_every_word_is_labelled_once(
    folder: str, example: Make
) -> None:
    task = entity_task()
    text = " ".join(f"word{i} metformin" for i in range(150))
    long = example(input=text, output="\n".join(["metformin"] * 150))
    work = load_encoder(folder, task, [long], FAST)
    windows = work.windows([long], learn=True)
    assert len(windows) > 3
    assert all(len(window.ids) <= 64 for window in windows)
    labelled = [word for window in windows for word, _ in window.words]
    assert sorted(labelled) == list(range(300))
    tags = {word: work.names[w.labels[at]] for w in windows for word, at in w.words}
    assert [tags[i] for i in range(300)] == ["O", "B"] * 150
    work.tune([long] * 8)
    [found] = work.predict([long])
    assert len(found) > 100


def test_a_word_belongs_to_the_window_that_shows_most_around_it() -> None:
    first = [None, 0, 1, 1, 2, 3, 4, None]
    second = [None, 2, 3, 4, 5, 6, 7, None]
    assert _owners([first, second]) == {0: 0, 1: 0, 2: 0, 3: 0, 4: 1, 5: 1, 6: 1, 7: 1}


def test_typed_entities_have_tags_of_their_own(folder: str, example: Make) -> None:
    task = entity_task(typed=True)
    typed = example(input="aspirin helps migraine", output="aspirin | Drug\nmigraine | Disease")
    work = load_encoder(folder, task, [typed], FAST)
    assert work.names == ["O", "B-Disease", "I-Disease", "B-Drug", "I-Drug"]


def test_tasks_with_open_answers_are_not_for_encoders(folder: str, example: Make) -> None:
    assert fits(get_task("pubmedqa"))
    assert fits(get_task("ncbi-disease"))
    assert not fits(get_task("mts-dialog"))
    with pytest.raises(ModelError, match="cannot write"):
        load_encoder(folder, get_task("mts-dialog"), [example()], FAST)


def test_what_is_no_encoder_is_explained(tmp_path: Path, example: Make) -> None:
    with pytest.raises(ModelError, match="as an encoder") as error:
        load_encoder(str(tmp_path), entity_task(), drugs(example, 2), FAST)
    assert "safetensors" in error.value.hint


@pytest.mark.peer
def test_entities_are_counted_as_seqeval_does_and_beat_saying_none(
    tmp_path: Path, data: Path
) -> None:
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    task = get_task("ncbi-disease")
    training, questions = list(task.read("train")), list(task.read("test"))
    folder = random_bert(tmp_path, [e.input for e in training], pieces=5000, width=64)
    recipe = EncoderRecipe(learning_rate=2e-3, epochs=4, batch_size=16, max_length=64)
    encoder = load_encoder(folder, task, training, recipe)
    encoder.tune(training)
    found = encoder.predict(questions)
    golds = [task.parse(e.output, e) for e in questions]
    counts = [task.metrics[0].count(g, p) for g, p in zip(golds, found, strict=True)]
    ours = float(task.metrics[0].value(np.array(counts).sum(axis=0)))

    def tags(entities: list[Entity], example: Instruction) -> list[str]:
        row = ["O"] * len(example.input.split(" "))
        for entity in entities:
            row[entity.start : entity.end] = [f"{mark}-X" for mark in _marks(entity)]
        return row

    rows = [[tags(e, q) for e, q in zip(es, questions, strict=True)] for es in (golds, found)]
    assert ours == pytest.approx(f1_score(*rows, mode="strict", scheme=IOB2))
    assert ours > 0.4  # from random weights, in a minute; saying none everywhere scores 0


@pytest.mark.peer
def test_a_run_is_counted_like_any_other_and_not_done_twice(folder: str, tmp_path: Path) -> None:
    tests, _ = load_evaluations([get_task("demo-qa"), get_task("demo-gen")], 20)
    recipe = FAST.model_copy(update={"epochs": 1, "batch_size": 64})
    steps: list[str] = []
    first, again = (
        run_encoder(
            folder, tests, tmp_path, recipe=recipe, tuned=lambda task, now: steps.append(task)
        )
        for _ in range(2)
    )
    assert [row.task for row in first.rows] == ["demo-qa"]  # the other's answers are open
    assert first == again
    done = len(steps)
    other = recipe.model_copy(update={"batch_size": 50})
    run_encoder(folder, tests, tmp_path, recipe=other, tuned=lambda task, now: steps.append(task))
    assert 0 < done < len(steps)
    assert "encoder" in table(first).splitlines()[0]
    assert (tmp_path / "encoder-demo-qa" / "model.safetensors").is_file()
    [answered] = read_counts(tmp_path)
    assert (answered.task, answered.how) == ("demo-qa", "encoder")
    assert list(answered.ids) == [example.id for example in tests[0].examples]
    with pytest.raises(ModelError, match="none of these tasks is for an encoder"):
        run_encoder(folder, tests[1:], tmp_path)


@pytest.mark.peer
def test_each_repeat_of_an_encoder_is_the_run_of_its_seed(folder: str, tmp_path: Path) -> None:
    tests, _ = load_evaluations([get_task("demo-qa")], 20)
    recipe = FAST.model_copy(update={"epochs": 1, "batch_size": 64})
    rows = [
        run_encoder(folder, tests, tmp_path / name, recipe=recipe, seed=seed, repeats=times).rows[0]
        for name, seed, times in (("5", 5, 1), ("6", 6, 1), ("both", 5, 2))
    ]
    alone = [row.base.value for row in rows[:2]]
    for folder_of, value in zip(
        ("encoder-demo-qa", "encoder-demo-qa-repeat-2"), alone, strict=True
    ):
        card = ModelCard.load(tmp_path / "both" / folder_of / "README.md").data
        [result] = card.eval_results
        assert (result.dataset_name, result.metric_type) == ("demo-qa", "accuracy")
        assert result.metric_value == pytest.approx(value, abs=1e-6)
    assert list(rows[2].repeats) == alone
    assert rows[2].base.value == pytest.approx(sum(alone) / 2)
    done = Verifier(tmp_path / "both").check()
    assert (done.faults, done.answers) == ([], 40)
    kept = tmp_path / "both" / "encoder-demo-qa-repeat-2" / "predictions.json"
    changed = json.loads(kept.read_text(encoding="utf-8"))
    [first, *_] = changed["predictions"]
    changed["predictions"][0] = "yes" if first == "no" else "no"
    kept.write_text(json.dumps(sealed(changed)), encoding="utf-8")
    assert tests[0].examples[0].id in Verifier(tmp_path / "both").check().faults[0]


@pytest.mark.parametrize("name", ["demo-ie", "demo-qa"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(name: str, folder: str) -> None:
    task = entity_task() if name == "demo-ie" else get_task(name)
    examples = list(get_task(name).read("train"))[:12]
    gradients, losses = [], []
    for budget in (64, 100_000):
        encoder = load_encoder(folder, task, examples, FAST)
        encoder.budget = budget
        encoder.model.eval()
        losses.append(_add_gradient(encoder, encoder.windows(examples, learn=True)))
        gradients.append([p.grad for p in encoder.model.parameters() if p.grad is not None])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    for part, whole in zip(*gradients, strict=True):
        assert torch.allclose(part, whole, atol=1e-6)
