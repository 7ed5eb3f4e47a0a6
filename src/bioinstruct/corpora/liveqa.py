"""LiveQA-Med (TREC 2017): consumers' messages with expert answers, and how good answers were."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from bioinstruct.corpora.base import Row, Skipped, choose
from bioinstruct.corpora.formats.archive import Member, members
from bioinstruct.corpora.formats.xmltree import parse
from bioinstruct.corpora.registry import described
from bioinstruct.corpora.wordings import wordings
from bioinstruct.errors import BioinstructError, DataError
from bioinstruct.files import read_bytes, resolve_gz
from bioinstruct.schema import Category, Instruction

__all__ = ["read", "read_judged"]

TRAIN = (
    "TrainingDatasets/TREC-2017-LiveQA-Medical-Train-1.xml",
    "TrainingDatasets/TREC-2017-LiveQA-Medical-Train-2.xml",
)
TEST = "TestDataset/TREC-2017-LiveQA-Medical-Test-Questions-w-summaries.xml"
_ROOTS = ("NLM-QUESTIONS", "LiveQA2017-Medical-Test-Set-Full")
JUDGED = "QA-TestSet-LiveQA-Med-Qrels-2479-Answers"
WORDINGS = wordings("liveqa")["consumer-message"]
GRADES = {
    "1-Incorrect": "incorrect",
    "2-Related": "related",
    "3-Incomplete": "incomplete",
    "4-Excellent": "excellent",
}
JUDGE_WORDINGS = wordings("liveqa")["answer-quality"]


def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield every answer to a part of a message (train), or the first to a message (test)."""
    if split == "train":
        for number, name in enumerate(TRAIN, start=1):
            path = resolve_gz(folder / name)
            for place, message in enumerate(_messages(path), start=1):
                yield from _answered_parts(message, f"train-{number}-{place}", path, seed)
        return
    path = resolve_gz(folder / TEST)
    for message in _messages(path):
        name = _id(message)
        answers = [*message.iter("ReferenceAnswer"), *message.iter("RefAnswer")]
        texts = [_text(answer, "ANSWER") for answer in answers]
        yield _row(_message(message), next(filter(None, texts), ""), name, path, split, seed)


def _messages(path: Path) -> list[Element]:
    found = list(parse(_content(path), path, root=_ROOTS).iter("NLM-QUESTION"))
    if not found:
        raise DataError("expected NLM-QUESTION elements, found none", path=path)
    return found


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise BioinstructError(f"{path}: cannot be read ({error.strerror})") from error


def _answered_parts(message: Element, place: str, path: Path, seed: int) -> Iterator[Row]:
    """Name the part of the message that an answer is for, by focus and type."""
    parts = list(message.iter("SUB-QUESTION"))
    for number, part in enumerate(parts, start=1):
        focus, type = (_text(part, f"ANNOTATIONS/{name}") for name in ("FOCUS", "TYPE"))
        asked = f"\n\nAbout: {focus} ({type.lower()})" if focus and type else ""
        for k, answer in enumerate(part.iter("ANSWER"), start=1):
            name = f"{place}-{number}-{k}"
            text = _folded(answer.text or "")
            yield _row(_message(message) + asked, text, name, path, "train", seed)


def _row(input: str, output: str, name: str, path: Path, split: str, seed: int) -> Row:
    if not input.strip():
        return DataError(f"{name}: no message", path=path)
    if not output:
        return Skipped("no answer is published")
    return Instruction(
        instruction=choose(WORDINGS, input, seed),
        input=input,
        output=output,
        category=Category.QA,
        task="consumer-message",
        provenance=LIVEQA.provenance(split=split, document=name),
    )


def _message(element: Element) -> str:
    inner = element.find("Original-Question")
    source = element if inner is None else inner
    return "\n".join(filter(None, (_text(source, name) for name in ("SUBJECT", "MESSAGE"))))


def _id(element: Element) -> str:
    return element.get("qid") or element.get("questionid") or "?"


def _text(element: Element, name: str) -> str:
    return _folded(element.findtext(name) or "")


def _folded(text: str) -> str:
    """Return the lines without the file's indentation."""
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


# ---- judged answers


def read_judged(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
    """Yield the answers that systems found in MedQuAD, in the order of the judgements.

    168 answers have two grades, mostly neighbours, and are skipped.
    """
    path = resolve_gz(folder / TEST)
    messages = {_id(message).removeprefix("TQ"): _message(message) for message in _messages(path)}
    archive = folder / JUDGED
    if not any(folder.glob(f"{JUDGED}*")) and any(folder.parent.glob(f"medquad/{JUDGED}*")):
        archive = folder.parent / "medquad" / JUDGED
    answers = _answers(archive)
    [judgements] = _only(archive, "All-qrels_LiveQAMed2017-TestQuestions_2479_Judged-Answers.txt")
    lines = [text.split() for text in judgements.text.splitlines()]
    whole = (parts for parts in lines if len(parts) == 3 and parts[1] in GRADES)
    times = Counter((question, answer) for question, _, answer in whole)
    for line, parts in enumerate(lines, start=1):
        fault = _fault(parts, messages, answers)
        if fault:
            found = f"{fault}, found {' '.join(parts)[:80]!r}"
            yield DataError(found, path=judgements.path, line=line)
            continue
        question, grade, answer = parts
        if times[question, answer] > 1:
            yield Skipped("the same answer has two grades")
            continue
        input = f"Question: {messages[question]}\n\nAnswer: {answers[answer]}"
        yield Instruction(
            instruction=choose(JUDGE_WORDINGS, input, seed),
            input=input,
            output=GRADES[grade],
            category=Category.QA,
            task="answer-quality",
            provenance=ANSWERS.provenance(split=split, document=f"{question}-{answer}"),
        )


def _fault(parts: Sequence[str], messages: dict[str, str], answers: dict[str, str]) -> str:
    if len(parts) != 3 or parts[1] not in GRADES:
        return f"expected a question, a grade ({', '.join(GRADES)}) and an answer"
    if parts[0] not in messages:
        return f"expected a question of {Path(TEST).name}"
    return "" if parts[2] in answers else "expected an answer of the table of answers"


def _only(archive: Path, name: str) -> list[Member]:
    found = list(members(archive, name))
    if len(found) != 1:
        raise DataError(f"expected one member {name}, found {len(found)}", path=archive)
    return found


def _answers(archive: Path) -> dict[str, str]:
    """Return the text of each answer, after its question and source address."""
    [table] = _only(archive, "All-2479-Answers-retrieved-from-MedQuAD.csv")
    found = {}
    reader = csv.DictReader(io.StringIO(table.text, newline=""))
    if not {"AnswerID", "Answer"} <= set(reader.fieldnames or ()):
        raise DataError("expected the columns AnswerID, Answer", path=table.path, line=1)
    for row in reader:
        _, mark, answer = row["Answer"].partition("\nAnswer:")
        if not mark or not answer.strip():
            raise DataError(
                f"{row['AnswerID']}: expected Question:, URL: and Answer:",
                path=table.path,
                line=reader.line_num,
            )
        found[row["AnswerID"]] = _folded(answer)
    return found


LIVEQA = described("liveqa")

ANSWERS = described("liveqa-judged")
