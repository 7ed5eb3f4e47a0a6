"""Train the embedded `tiny` base model from scratch on openly licensed biomedical text.

    python benchmarks/pretrain_tiny.py --data DIR --work DIR --minutes 90
    python benchmarks/pretrain_tiny.py --work DIR --export src/bioinstruct/data/tiny

The run is resumable: it saves its whole state every two minutes, continues where it was when called
again, and spends the minutes asked for in total. The learning rate falls to zero over the last 40 %
of them. `--export` writes the weights (bfloat16 safetensors), the tokenizer and the card.

Texts (all CC BY, CC0 or public domain): clinical-trial articles of PubMed Central, answers of
MedQuAD, and three nursing textbooks of OpenStax. No file of a benchmark that bioinstruct scores is
read.

With glibc, set GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=100000000000 and
:glibc.malloc.hugetlb=1 behind it: 5,300 tokens a second on one core instead of 3,900.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 4096
HELD_OUT_TOKENS = 65_536
CONTEXT = 320
BATCH = 12  # sequences a step
PLAIN_STEPS = 3823
PAD, BOS, EOS = "<pad>", "<s>", "</s>"
HEADING = re.compile(r"^\s*(TITLE|[A-Z]+(\.[A-Z ,&/-]+)*):\s*$")


def members(archive: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file in a tar archive, in name order."""
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda m: m.name):
            if member.isfile() and member.name.endswith(suffix):
                file = tar.extractfile(member)
                assert file is not None
                yield member.name, file.read()


def plain(text: str) -> str:
    return " ".join(text.split())


def trial_articles(data: Path) -> Iterator[str]:
    """Paragraphs of each article, without headings and without flattened tables."""
    for archive in sorted((data / "pmc_ccby_articles").glob("*.tar.gz")):
        for _, blob in members(archive, ".txt"):
            for line in blob.decode("utf-8").splitlines():
                text = plain(line.removeprefix("TITLE:"))
                digits = sum(c.isdigit() for c in text)
                if len(text) > 120 and not HEADING.match(line) and digits < 0.08 * len(text):
                    yield text


def medquad_answers(data: Path) -> Iterator[str]:
    for archive in sorted((data / "medquad").glob("*.tar.gz")):
        for _, blob in members(archive, ".xml"):
            for pair in ElementTree.fromstring(blob).iter("QAPair"):
                question, answer = pair.findtext("Question"), pair.findtext("Answer")
                if question and answer and answer.strip():
                    yield plain(f"{question} {answer}")


def textbooks(data: Path) -> Iterator[str]:
    para = "{http://cnx.rice.edu/cnxml}para"
    for archive in sorted((data / "openstax_nursing").glob("*.tar.gz")):
        for _, blob in members(archive, ".cnxml"):
            for element in ElementTree.fromstring(blob).iter(para):
                text = plain("".join(element.itertext()))
                if len(text) > 80:
                    yield text


def corpus(data: Path) -> list[str]:
    """All paragraphs once, shuffled with a fixed seed."""
    texts = dict.fromkeys([*trial_articles(data), *medquad_answers(data), *textbooks(data)])
    shuffled = list(texts)
    random.Random(0).shuffle(shuffled)
    return shuffled


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    # Digits alone and no merge over them: numbers in clinical text are copied, not remembered.
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    bpe.train_from_iterator(texts[::4], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token=PAD, bos_token=BOS, eos_token=EOS, model_max_length=2048
    )


def prepare(data: Path, work: Path) -> None:
    """Write tokenizer and token ids once; later calls reuse them."""
    work.mkdir(parents=True, exist_ok=True)
    if (work / "ids.npy").exists():
        return
    texts = corpus(data)
    tokenizer = train_tokenizer(texts)
    tokenizer.save_pretrained(work / "tokenizer")
    ids: list[np.ndarray] = []
    for start in range(0, len(texts), 2000):
        for row in tokenizer(texts[start : start + 2000])["input_ids"]:
            ids.append(np.array([*row, tokenizer.eos_token_id], dtype=np.uint16))
    flat = np.concatenate(ids)
    characters = sum(map(len, texts))
    facts = {
        "paragraphs": len(texts),
        "characters": characters,
        "tokens": int(flat.size),
        "characters_per_token": round(characters / flat.size, 3),
        "sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
    }
    (work / "corpus.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    with (work / "ids.tmp").open("wb") as file:
        np.save(file, flat)
    (work / "ids.tmp").rename(work / "ids.npy")
    print(json.dumps(facts), flush=True)


def new_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=224,
        intermediate_size=608,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        attn_implementation="sdpa",
    )
    return LlamaForCausalLM(config)


class Run:
    """Model, optimisers and position, saved and restored as one."""

    def __init__(self, work: Path) -> None:
        self.file = work / "state.pt"
        self.model = new_model()
        embedding = self.model.get_input_embeddings().weight
        matrices = [p for p in self.model.parameters() if p.dim() == 2 and p is not embedding]
        rest = [p for p in self.model.parameters() if p.dim() != 2 or p is embedding]
        # Muon on the matrices and AdamW on the rest: the lowest loss per second of those tried.
        self.optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=0.02, momentum=0.95, weight_decay=0.0),
            torch.optim.AdamW(rest, lr=3e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
        ]
        self.rates = [[g["lr"] for g in o.param_groups] for o in self.optimizers]
        self.step = 0
        self.seconds = 0.0
        self.losses: list[tuple[int, float]] = []
        if self.file.exists():
            # Our own file, read with the tensor-only unpickler.
            state = torch.load(self.file, weights_only=True)
            self.model.load_state_dict(state["model"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.step, self.seconds = state["step"], state["seconds"]
            self.losses = [tuple(pair) for pair in state["losses"]]

    def save(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
        }
        temporary = self.file.with_suffix(".tmp")
        torch.save(state, temporary)
        temporary.replace(self.file)

    def set_rate(self, factor: float) -> None:
        for optimizer, rates in zip(self.optimizers, self.rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor


def sample_rows(ids: torch.Tensor, step: int) -> torch.Tensor:
    """Random windows of the text, shape (BATCH, CONTEXT + 1), half of them with repetitions.

    From PLAIN_STEPS on, in every second row spans of 4 to 48 tokens are written again further on,
    over what stood there.
    A model of this size is slow to learn from plain text that what was said before can be copied,
    which is most of what extraction asks; repeated spans teach it (induction, Olsson et al. 2022).
    """
    random = np.random.default_rng(step)
    starts = random.integers(0, len(ids) - CONTEXT - 1, BATCH)
    rows = torch.stack([ids[s : s + CONTEXT + 1] for s in starts])
    for row in rows[::2] if step >= PLAIN_STEPS else ():
        for _ in range(4):
            length = int(random.integers(4, 49))
            source = int(random.integers(0, CONTEXT - 2 * length))
            target = int(random.integers(source + length, CONTEXT + 1 - length))
            row[target : target + length] = row[source : source + length].clone()
    return rows


def held_out_loss(model: LlamaForCausalLM, ids: torch.Tensor) -> float:
    model.eval()
    rows = ids[: len(ids) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    with torch.inference_mode():
        losses = [
            model(input_ids=part, labels=part, use_cache=False).loss.item() * len(part)
            for part in rows.split(16)
        ]
    model.train()
    return sum(losses) / len(rows)


def pretrain(work: Path, minutes: float) -> None:
    ids = torch.from_numpy(np.load(work / "ids.npy").astype(np.int64))
    held_out, train = ids[:HELD_OUT_TOKENS], ids[HELD_OUT_TOKENS:]
    run = Run(work)
    model, budget = run.model, minutes * 60
    saved = printed = run.seconds
    recent: list[float] = []
    while run.seconds < budget:
        started = time.perf_counter()
        # Warm up, hold, then fall to zero over the last 40 % of the time.
        remaining = 1 - run.seconds / budget
        run.set_rate(min(1.0, (run.step + 1) / 100, remaining / 0.4))
        rows = sample_rows(train, run.step)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=rows[:, :-1], use_cache=False).logits
        targets = rows[:, 1:].flatten()
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in run.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        run.step += 1
        recent.append(loss.item())
        run.seconds += time.perf_counter() - started
        if run.seconds - printed > 30:
            printed = run.seconds
            mean = sum(recent) / len(recent)
            run.losses.append((run.step, round(mean, 4)))
            recent = []
            rate = run.step * BATCH * CONTEXT / run.seconds
            print(
                f"{run.seconds:6.0f}/{budget:.0f} s  step {run.step}  loss {mean:.3f}  "
                f"{rate:.0f} tokens/s",
                flush=True,
            )
        if run.seconds - saved > 120:
            saved = run.seconds
            run.save()
    run.save()
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": run.step,
        "tokens_seen": run.step * BATCH * CONTEXT,
        "seconds": round(run.seconds),
        "held_out_loss": round(held_out_loss(model, held_out), 4),
    }
    (work / "training.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    print(json.dumps(facts), flush=True)


def export(work: Path, out: Path) -> None:
    """Write the trained model as the package ships it."""
    run = Run(work)
    out.mkdir(parents=True, exist_ok=True)
    run.model.to(torch.bfloat16).save_pretrained(out)
    PreTrainedTokenizerFast.from_pretrained(work / "tokenizer").save_pretrained(out)
    facts = json.loads((work / "corpus.json").read_text(encoding="utf-8"))
    training = json.loads((work / "training.json").read_text(encoding="utf-8"))
    card = Path(__file__).with_name("tiny_card.md").read_text(encoding="utf-8")
    (out / "README.md").write_text(card.format(**facts, **training), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("BIOINSTRUCT_DATA"))
    parser.add_argument("--work", type=Path, required=True, help="state, tokenizer and token ids")
    parser.add_argument("--minutes", type=float, default=90, help="training time in all")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--export", type=Path, help="write the trained model there, and stop")
    args = parser.parse_args()
    if args.export:
        export(args.work, args.export)
        return
    torch.set_num_threads(args.threads)
    prepare(args.data, args.work)
    pretrain(args.work, args.minutes)


if __name__ == "__main__":
    main()
