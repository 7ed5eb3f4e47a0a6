"""Feed damaged inputs to every parser: `python -m benchmarks.fuzz --count 1000000 --seed 0`.

Each input is a valid one with a few random changes: bytes flipped, cut, repeated, replaced by marks
of the format, by nesting or by bytes that are no UTF-8. A parser may return a value or raise one of
the errors that it documents. Any other error, and any call of more than `SECONDS`, is a finding,
which the seed and the number of the input reproduce. Results go to `results/fuzz.json`.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bioinstruct import BioinstructError, jsonl
from bioinstruct.answer_text import html_entity, is_nothing, line_forms, split_thought, unwrap
from bioinstruct.bench.evaluation.cache import Answers
from bioinstruct.bench.judge.prompt import read_duel, read_grade
from bioinstruct.bench.training.recipe import load_recipe
from bioinstruct.checksums import read_sealed, sealed
from bioinstruct.corpora.answers import entities, labels, multiple_choice
from bioinstruct.corpora.formats import iob, pubtator, records, table, tsv, xmltree
from bioinstruct.corpora.formats.archive import members
from bioinstruct.generation.answer_format import Form
from bioinstruct.generation.parse import parse
from bioinstruct.json_text import loads
from bioinstruct.llm.batch_api import LineError, _job, _object, read_line
from bioinstruct.llm.errors import classify_error, words
from bioinstruct.llm.responses import TryAgainError, read_reply
from bioinstruct.llm.transcript import Transcript
from bioinstruct.llm.types import Answer, Message, Request
from bioinstruct.redaction import public_address, redactor, url_secrets
from bioinstruct.seeds import load_seeds
from bioinstruct.text import answer_words, escaped_json, unicode_words, visible

RESULTS = Path(__file__).with_name("results") / "fuzz.json"
SECONDS = 5
"""Of one call, after which it counts as a hang."""

_REQUEST = Request(model="m", messages=(Message("user", "Name it."),), max_tokens=100, echo=False)
_REPLY = {
    "id": "c",
    "model": "m",
    "choices": [{"message": {"content": "measles"}, "finish_reason": "stop", "logprobs": None}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2},
}
_LETTERS = ("yes", "no", "maybe")
_MARKS = [
    *(mark.encode() for mark in "[]{}()<>\"'\\/:;,|&%=+-*#@`\n\r\t \0\x1b"),
    *(b"[" * 2000, b'{"a":' * 500, b"\xff\xfe", b"\xed\xa0\x80", b"\xf0\x9f\xa9\xba", b"NaN"),
    *(b"1e999", b"9" * 5000, b"-0", b"null", b"true", b"\\u0000", b"\\ud800", b"<think>", b"```"),
    *(b"<!DOCTYPE a>", b"<a>" * 500, b"</a>", b"B-", b"I-", b"O", b"\xe2\x80\xae", b"\xc2\xa0"),
]


class Row(BaseModel):
    """A record of a corpus."""

    id: str
    text: str
    answer: list[str] = []


@dataclass(frozen=True)
class Parser:
    """A parser, valid inputs for it, and the errors that it documents."""

    name: str
    seeds: tuple[bytes, ...]
    call: Callable[[bytes], object]
    errors: tuple[type[BaseException], ...] = (BioinstructError,)


def parsers(folder: Path) -> Iterator[Parser]:
    yield from _texts()
    yield from _server()
    yield from _files(folder)


def _texts() -> Iterator[Parser]:
    def of_text(work: Callable[[str], object]) -> Callable[[bytes], object]:
        return lambda raw: work(raw.decode("utf-8", "replace"))

    def of_answers(text: str) -> object:
        tokens = ["The", "patient", "has", "measles", "and", "mumps", "."]
        found: list[Any] = [entities.parse(name, text, tokens) for name in entities.LAYOUTS]
        found += [labels.parse("lines", text, {name: name for name in _LETTERS})]
        found += [labels.parse_one(text, _LETTERS)]
        found += [multiple_choice.parse_letter(text, _LETTERS)]
        return found

    def of_question(text: str) -> object:
        return multiple_choice.read(text)

    said = (
        b"Answer: **yes**.",
        b"<think>It may be.</think> The answer is \\boxed{B}",
        b'```json\n{"answer": "no"}\n```',
        b"measles\n- mumps (2)\n&gt; 5 &#956;g, HER2+",
    )
    yield Parser("JSON", (json.dumps(_REPLY).encode(),), loads, (ValueError,))
    yield Parser(
        "forms of an answer",
        said,
        of_text(lambda t: (unwrap(t), split_thought(t), [*line_forms(t)], html_entity(t))),
    )
    yield Parser("answers of tasks", said, of_text(of_answers))
    yield Parser("questions", (b"Which?\n\nA. one\nB. two",), of_text(of_question), (ValueError,))
    yield Parser(
        "words", said, of_text(lambda t: (answer_words(t), unicode_words(t), is_nothing(t)))
    )
    yield Parser("texts for a terminal", said, of_text(lambda t: (visible(t), escaped_json(t))))
    redact = redactor(["a-secret-of-the-fuzzer", "user:pass/word"])
    kept = (b"Basic dXNlcjpwYXNzL3dvcmQ=", b"a%2Dsecret\\u002dof&#45;the-\nfuzzer")
    yield Parser("secrets", kept, of_text(redact))
    address = (b"https://user:pass@host:80/v1?api-key=abc&x=1",)
    yield Parser(
        "addresses", address, of_text(lambda t: (public_address(t), url_secrets(t))), (ValueError,)
    )
    seeds = load_seeds()[:3]
    for form in (Form("json", True), Form("json", False), Form("delimited", True, "0a1b")):
        yield Parser(
            f"tasks in {form.format}{' with labels' if form.labels else ''}",
            (form.show(seeds).encode(),),
            of_text(lambda t, f=form: (parse(t, f, cut=False), parse(t, f, cut=True))),
        )


def _server() -> Iterator[Parser]:
    again = (TryAgainError,)
    reply = json.dumps(_REPLY).encode()
    wrong = b'{"error": {"message": "no", "code": "content_filter", "param": "temperature"}}'

    def of_line(raw: bytes) -> object:
        row = loads(raw)
        if not isinstance(row, dict):
            raise ValueError("not an object")
        return read_line(row, _REQUEST, redact=str)

    def of_verdict(raw: bytes) -> object:
        text = raw.decode("utf-8", "replace")
        outcome = Answer(
            text=text, finish_reason="stop", model="m", prompt_tokens=1, completion_tokens=1
        )
        return read_grade(outcome), read_duel(outcome)

    line = {"custom_id": "k-0", "response": {"status_code": 200, "body": _REPLY}, "error": None}
    bad = {"custom_id": "k-0", "response": {"status_code": 400, "body": loads(wrong)}}
    verdict = b'{"reason": "so", "better": "1"}'
    yield Parser(
        "replies",
        (reply, wrong),
        lambda raw: read_reply(raw.decode("utf-8", "replace"), _REQUEST),
        again,
    )
    yield Parser(
        "errors of a server",
        (wrong, b"<html>bad gateway</html>"),
        lambda raw: [
            (
                classify_error(status, raw.decode("utf-8", "replace")),
                words(raw.decode("utf-8", "replace")),
            )
            for status in (400, 429, 500)
        ],
    )
    yield Parser(
        "lines of a batch",
        (json.dumps(line).encode(), json.dumps(bad).encode()),
        of_line,
        (*again, LineError, ValueError),
    )
    job = {"id": "b", "status": "failed", "created_at": 3, "request_counts": {"total": 2}}
    job |= {"errors": {"data": [{"code": "c", "message": "m"}]}, "metadata": {"bioinstruct": "n"}}
    yield Parser(
        "batches",
        (json.dumps(job).encode(),),
        lambda raw: _job(_object(raw.decode("utf-8", "replace"))),
        again,
    )
    yield Parser("verdicts of a judge", (verdict,), of_verdict)


def _files(folder: Path) -> Iterator[Parser]:
    def of_file(name: str, work: Callable[[Path], object]) -> Callable[[bytes], object]:
        path = folder / name

        def call(raw: bytes) -> object:
            path.write_bytes(raw)
            return work(path)

        return call

    def of_transcript(path: Path) -> object:
        with Transcript.read(path) as transcript:
            return [*transcript], transcript.get(_REQUEST)

    def of_rows(path: Path) -> object:
        rejected: list[Any] = []
        return [*jsonl.read(path, rejected=rejected)], rejected

    seeds = folder / "seeds.jsonl"
    jsonl.write(seeds, load_seeds()[:3])
    asked, kept = folder / "seed.transcript.jsonl", folder / "seed.answers.jsonl"
    answer = Answer(
        text="measles", finish_reason="stop", model="m", prompt_tokens=1, completion_tokens=1
    )
    with Transcript.open(asked, base_url="http://127.0.0.1:1/v1") as transcript:
        transcript.add(_REQUEST, answer)
    with Answers(kept) as answers:
        answers.add("k", {"text": "yes", "skipped": False})
    iob2 = b"Measles\tB-Disease\nis\tO\nbad\tO\n\nNo\tO\n"
    tabbed = b"id\ttext\tanswer\n1\tmeasles\tyes\n2\tmumps\tno\n"
    document = b"1|t|Measles\n1|a|It is bad.\n1\t0\t7\tMeasles\tDisease\tD008457\n"
    rows = b'{"id": "1", "text": "a"}\n{"id": "2", "text": "b", "answer": ["c"]}\n'
    tree = b'<?xml version="1.0"?><set><q id="1"><t>a &amp; b</t></q><q id="2"/></set>'
    recipe = b'rank = 8\nalpha = 16\nepochs = 1\ntargets = ["q_proj"]\n'
    path = folder / "of.xml"
    files: list[tuple[str, bytes, Callable[[Path], object]]] = [
        ("records.jsonl", seeds.read_bytes(), of_rows),
        ("made.transcript.jsonl", asked.read_bytes(), of_transcript),
        ("iob.tsv", iob2, lambda p: [*iob.sentences(p, types={"Disease"})]),
        ("pubtator.txt", document, lambda p: [*pubtator.documents(p)]),
        ("rows.tsv", tabbed, lambda p: [*tsv.rows(p, ("id", "text", "answer"), header=True)]),
        (
            "rows.csv",
            tabbed.replace(b"\t", b","),
            lambda p: [*table.rows(p, columns=("id", "text"))],
        ),
        ("rows.json", rows, lambda p: [*records.records(p, Row)]),
        (
            "list.json",
            b"[" + rows.replace(b"\n", b",")[:-1] + b"]",
            lambda p: [*records.records(p, Row)],
        ),
        ("entries.json", b'{"1": {"a": 1}, "2": [2]}', lambda p: [*records.entries(p)]),
        ("recipe.toml", recipe, lambda p: load_recipe(str(p))),
        ("corpus.zip", _zip(), lambda p: [*members(p, "*.txt")]),
        ("corpus.tar.gz", _tar(), lambda p: [*members(p, "*.txt")]),
    ]
    for name, seed, work in files:
        yield Parser(name, (seed,), of_file(name, work))
    yield Parser(
        "XML",
        (tree,),
        lambda raw: [*xmltree.elements(raw, path, root="set", tags={"q"})],
    )
    yield Parser(
        "answers.jsonl", (kept.read_bytes(),), of_file("answers.jsonl", lambda p: _opened(p))
    )
    about = json.dumps(sealed({"run": "k", "parts": {"style": "alpaca"}})).encode()
    yield Parser("checksums", (about,), of_file("about.json", read_sealed), (ValueError,))


def _opened(path: Path) -> object:
    with Answers(path) as answers:
        return "k" in answers and answers["k"]


def _zip() -> bytes:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/1.txt", "measles " * 20)
    return out.getvalue()


def _tar() -> bytes:
    import io
    import tarfile

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("a/1.txt")
        info.size = 7
        archive.addfile(info, io.BytesIO(b"measles"))
    return out.getvalue()


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """Return an input with one to four random changes."""
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw) + 1)
        to = min(len(raw), at + rng.choice((1, 2, 4, 16, 64)))
        match rng.randrange(7):
            case 0:
                raw = raw[:at]
            case 1:
                raw = raw[:at] + raw[to:]
            case 2:
                raw = raw[:at] + raw[at:to] * rng.choice((2, 3, 100)) + raw[to:]
            case 3:
                raw = raw[:at] + bytes([rng.randrange(256)]) + raw[to:]
            case 4 if raw:
                place = min(at, len(raw) - 1)
                flipped = raw[place] ^ (1 << rng.randrange(8))
                raw = raw[:place] + bytes([flipped]) + raw[place + 1 :]
            case _:
                raw = raw[:at] + rng.choice(_MARKS) + raw[at if rng.random() < 0.5 else to :]
    return raw[:200_000]


class Hang(BaseException):
    """A call took longer than `SECONDS`."""


def _stop(*_: object) -> None:
    raise Hang


def fuzz(
    count: int,
    seed: int,
    *,
    only: str = "",
    save: Callable[[dict[str, Any]], None] = lambda found: None,
) -> dict[str, Any]:
    """Return how many inputs each parser took and refused, and the findings.

    `save` gets the same after every 50,000 inputs.
    """
    findings: list[dict[str, Any]] = []
    taken: dict[str, Counter[str]] = {}
    begun = time.process_time()
    signal.signal(signal.SIGALRM, _stop)
    with tempfile.TemporaryDirectory() as folder:
        chosen = [one for one in parsers(Path(folder)) if only in one.name]
        for number in range(count):
            parser = chosen[number % len(chosen)]
            rng = random.Random(f"{seed} {number}")
            raw = mutated(rng.choice(parser.seeds), rng)
            counts = taken.setdefault(parser.name, Counter())
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                parser.call(raw)
                counts["taken"] += 1
            except parser.errors:
                counts["refused"] += 1
            except (Exception, Hang) as error:
                counts["findings"] += 1
                what = f"{type(error).__name__}: {str(error)[:200]}"
                findings.append({"parser": parser.name, "number": number, "error": what})
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if number % 50_000 == 49_999:
                save(_result(seed, number + 1, begun, taken, findings))
    return _result(seed, count, begun, taken, findings)


def _result(
    seed: int,
    count: int,
    begun: float,
    taken: dict[str, Counter[str]],
    findings: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "seed": seed,
        "inputs": count,
        "cpu": round(time.process_time() - begun, 1),
        "python": sys.version.split()[0],
        "parsers": {name: dict(counts) for name, counts in taken.items()},
        "findings": findings,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Feed damaged inputs to every parser.")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="parsers whose name contains this")
    parser.add_argument("--out", type=Path, default=RESULTS)
    args = parser.parse_args()
    logging.getLogger("bioinstruct").setLevel(logging.CRITICAL)

    def save(found: dict[str, Any]) -> None:
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")

    found = fuzz(args.count, args.seed, only=args.only, save=save)
    save(found)
    kinds = Counter((one["parser"], one["error"]) for one in found["findings"])
    for (name, error), often in kinds.most_common(20):
        print(f"{name}: {error} ({often:,})")
    print(
        f"{args.count:,} inputs, {len(found['findings']):,} findings, {found['cpu']:.0f} s of CPU"
    )
    raise SystemExit(bool(found["findings"]))


if __name__ == "__main__":
    main()
