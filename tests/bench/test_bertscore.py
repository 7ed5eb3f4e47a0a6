"""BERTScore against its reference implementation, with a tiny encoder of random weights."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bioinstruct import BioinstructError, ModelError
from bioinstruct.bench.cli.main import main
from bioinstruct.bench.metrics import Metric, bert_score
from bioinstruct.bench.metrics.bertscore import _Encoder, _f1
from bioinstruct.bench.models.causal_lm import CausalLM
from bioinstruct.bench.tasks import load_evaluations
from bioinstruct.bench.tasks.base import get_task

GOLD = "The patient reports chest pain and denies fever ."


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three layers, pieces of words, 64 positions."""
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = str(tmp_path_factory.mktemp("encoder"))
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,:;()/-%'"
    words = ["patient", "pain", "fever", "the", "chest", "reports", "metformin"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters]
    pieces += [f"##{letter}" for letter in letters]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    BertTokenizerFast(vocab=vocabulary, model_max_length=64).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8.0) if parameter.dim() == 2 else None
    model.save_pretrained(folder)
    return folder


def scores(metric: Metric, golds: list[str], found: list[Any]) -> list[float]:
    return [float(row[0]) for row in metric.counts(golds, found)]


@pytest.mark.peer
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_scores_of_real_outputs_are_those_of_the_reference_implementation(
    layer: int, encoder: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from bert_score import score as reference

    [evaluation], _ = load_evaluations([get_task("demo-gen")], 12)
    examples = evaluation.examples
    written = dict(CausalLM.load("tiny").complete(examples, max_new_tokens=40))
    pairs = [(e.output, written[n].text) for n, e in enumerate(examples)]
    golds = [gold for gold, text in pairs if text.strip()]
    texts = [text for gold, text in pairs if text.strip()]
    golds, texts = [*golds, GOLD, "fever", GOLD * 5], [*texts, GOLD, "no pain .", "the fever"]
    assert len(texts) > 10
    # Singly, since it pads with zeros, which a cosine below zero loses to.
    theirs = [
        float(reference([text], [gold], model_type=encoder, num_layers=layer)[2])
        for gold, text in zip(golds, texts, strict=True)
    ]
    ours = scores(bert_score(encoder, layer), golds, texts)
    assert ours == pytest.approx(theirs, abs=1e-5)
    assert max(ours[:-3]) - min(ours[:-3]) > 0.02


def test_the_same_text_has_one_and_no_text_has_nothing(encoder: str) -> None:
    metric = bert_score(encoder, 2)
    found = scores(metric, [GOLD] * 4, [GOLD, f"  {GOLD}\n", "", None])
    assert found == pytest.approx([1, 1, 0, 0], abs=1e-6)
    other = metric.counts(["", GOLD], ["anything", "fever"])
    assert other[0].tolist() == [0, 0]  # nothing to find: left out
    assert 0 < float(metric.value(other.sum(axis=0))) == other[1][0] < 1


def test_one_word_against_two_is_the_mean_of_hand_made_cosines(encoder: str) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)

    def rows(text: str) -> list[list[float]]:
        with torch.inference_mode():
            out = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
        found: list[list[float]] = out.hidden_states[1][0].tolist()
        return found

    def cosine(a: list[float], b: list[float]) -> float:
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))

    gold, given = rows("fever"), rows("chest pain")
    assert (len(gold), len(given)) == (3, 4)  # with what stands at either end
    recall = max(cosine(gold[1], other) for other in given)
    precision = sum(max(cosine(given[n], other) for other in gold) for n in (1, 2)) / 2
    expected = 2 * precision * recall / (precision + recall)
    assert scores(bert_score(encoder, 1), ["fever"], ["chest pain"]) == pytest.approx([expected])


def test_a_text_that_is_too_long_is_cut_and_the_specification_says_where(encoder: str) -> None:
    metric = bert_score(encoder, 3)
    assert "texts are cut at 64 tokens" in metric.spec
    assert f"layer 3 of {encoder}" in metric.spec
    long = "pain " * 62
    assert scores(metric, [long], [f"{long} fever fever fever"]) == pytest.approx([1])


def test_a_first_word_of_byte_level_bpe_is_read_as_any_other(
    tokenizer: Any, tmp_path: Path
) -> None:
    """As the authors do for RoBERTa, whose positions also begin behind that of the padding."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    RobertaModel(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    encoder = _Encoder(str(tmp_path), 2)
    assert (encoder.begin, encoder.limit) == (" ", 64)
    assert len(encoder.read("pain " * 100).vectors) == 64
    both = _f1(encoder.read("chest pain"), encoder.read("chest pain"))
    assert both == pytest.approx(1)
    assert len(encoder.read("pain").vectors) == len(tokenizer.tokenize(" pain"))


def test_what_is_no_encoder_or_no_layer_is_said_at_once(encoder: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model at"):
        bert_score(str(tmp_path / "nowhere"), 1)
    for layer in (0, 4):
        with pytest.raises(BioinstructError, match=f"has no layer {layer}") as caught:
            bert_score(encoder, layer)
        assert caught.value.hint == "it has layers 1 to 3"


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(args)
    return int(caught.value.code or 0)


@pytest.mark.peer
def test_written_answers_are_counted_by_it_when_the_command_is_asked_to(
    encoder: str,
    model_folder: Callable[[str], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("--tasks", "demo-gen", "demo-qa", "--limit", "2", "--no-tune", "--json")
    scored = ("--model", str(model_folder("llama")), *asked, "--out", str(tmp_path / "out"))
    assert run(*scored, "--bertscore", encoder, "2") == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    found = [row for row in rows if row["metric"] == "BERTScore"]
    assert [row["task"] for row in found] == ["demo-gen"]
    assert -1 <= found[0]["base"]["value"] <= 1
    assert found[0]["majority"] > 0
    assert run(*scored, "--bertscore", encoder, "two") == 2
    assert "argument --bertscore: 'two' is not a layer number" in capsys.readouterr().err
    assert run(*scored, "--bertscore", str(tmp_path / "nowhere"), "2") == 1
    assert "loading" not in capsys.readouterr().err


def test_nothing_of_it_is_loaded_before_it_is_asked_for() -> None:
    code = "import sys, bioinstruct.bench.metrics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
