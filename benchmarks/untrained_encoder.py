"""A BERT-shaped encoder with random weights: what encoders reach without pretraining.

    python -m benchmarks.untrained_encoder --data "$BIOINSTRUCT_DATA" --out DIR
    bioinstruct-bench --encoder DIR --recipe DIR/recipe.toml --tasks ncbi-disease gad hoc

It stands in for BioBERT where no weights can be had: the same road from files to table, and a floor
under what a pretrained one reaches. Its words are those of the training splits of the tasks.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

TASKS = ("ncbi-disease", "gad", "hoc")
VOCABULARY, WIDTH, LAYERS, HEADS, LENGTH = 8192, 192, 2, 4, 512
RECIPE = """\
# Random weights need more than the usual 5e-5; at 1e-3 they found no label of HoC.
learning_rate = 3e-4
epochs = 8
batch_size = 32
max_length = 256
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    os.environ["BIOINSTRUCT_DATA"] = str(args.data)
    make(args.out)


def make(out: Path) -> None:
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from bioinstruct.bench.tasks.base import get_task

    texts = [example.input for name in TASKS for example in get_task(name).read("train")]
    words = BertWordPieceTokenizer(lowercase=False)
    words.train_from_iterator(texts, vocab_size=VOCABULARY, show_progress=False)
    out.mkdir(parents=True, exist_ok=True)
    words.save_model(str(out))
    BertTokenizerFast(vocab=str(out / "vocab.txt"), do_lower_case=False).save_pretrained(out)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=4 * WIDTH,
        max_position_embeddings=LENGTH,
    )
    BertModel(config).save_pretrained(out)
    (out / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    print(f"{out}: {sum(p.numel() for p in BertModel(config).parameters()):,} parameters")


if __name__ == "__main__":
    main()
