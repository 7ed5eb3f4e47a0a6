from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError
from bioinstruct.corpora import liveqa, read

# Made by hand, in the layouts of the official files: the two of train differ in their ids, the test
# file calls a reference answer by two names.
TRAIN_1 = """<?xml version="1.0" encoding="UTF-8"?>
<NLM-QUESTIONS>
<NLM-QUESTION questionid="Q1" fRef="1">
  <SUBJECT>gout</SUBJECT>
  <MESSAGE>What is gout &amp; how is it treated?</MESSAGE>
  <SUB-QUESTIONS>
    <SUB-QUESTION subqid="Q1-S1">
      <ANNOTATIONS><FOCUS>gout</FOCUS><TYPE>information</TYPE></ANNOTATIONS>
      <ANSWERS>
        <ANSWER answerid="Q1-S1-A1" pairid="1">A disease
        of the joints.</ANSWER>
        <ANSWER answerid="Q1-S1-A2" pairid="2">Arthritis.</ANSWER>
      </ANSWERS>
    </SUB-QUESTION>
    <SUB-QUESTION subqid="Q1-S2">
      <ANNOTATIONS><FOCUS>gout</FOCUS><TYPE>Treatment</TYPE></ANNOTATIONS>
      <ANSWERS><ANSWER answerid="Q1-S2-A1" pairid="3">Allopurinol.</ANSWER></ANSWERS>
    </SUB-QUESTION>
  </SUB-QUESTIONS>
</NLM-QUESTION>
</NLM-QUESTIONS>
"""
TRAIN_2 = """<?xml version="1.0" encoding="UTF-8"?>
<NLM-QUESTIONS>
<NLM-QUESTION qid="1.0">
  <SUBJECT></SUBJECT>
  <MESSAGE>What helps against hiccups?</MESSAGE>
  <SUB-QUESTIONS><SUB-QUESTION><ANNOTATIONS><FOCUS>hiccups</FOCUS><TYPE></TYPE></ANNOTATIONS>
  <ANSWERS><ANSWER></ANSWER><ANSWER>Waiting.</ANSWER></ANSWERS></SUB-QUESTION></SUB-QUESTIONS>
</NLM-QUESTION>
</NLM-QUESTIONS>
"""


def question(number: int, answers: str) -> str:
    return f"""<NLM-QUESTION qid="TQ{number}">
  <Original-Question qfile="1.txt">
    <SUBJECT>Subject {number}</SUBJECT>
    <MESSAGE> Message {number}? </MESSAGE>
  </Original-Question>
  <NIST-PARAPHRASE>Paraphrase</NIST-PARAPHRASE>
  <NLM-Summary>Summary</NLM-Summary>
  <ReferenceAnswers>{answers}</ReferenceAnswers>
</NLM-QUESTION>"""


OLD = '<RefAnswer aid="A1"><ANSWER> Old name.\n\t\tTwo lines. </ANSWER></RefAnswer>'
NEW = '<ReferenceAnswer aid="A1"><ANSWER>New name.</ANSWER></ReferenceAnswer>'
EMPTY = '<ReferenceAnswer aid="A1"><ANSWER> </ANSWER></ReferenceAnswer>'


def mini(folder: Path, *questions: str) -> Path:
    texts = {
        liveqa.TRAIN[0]: TRAIN_1,
        liveqa.TRAIN[1]: TRAIN_2,
        liveqa.TEST: f"<LiveQA2017-Medical-Test-Set-Full>{''.join(questions)}"
        "</LiveQA2017-Medical-Test-Set-Full>",
    }
    for name, text in texts.items():
        path = folder / "liveqa_medical" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def test_every_answer_to_every_part_of_a_message_is_learnt_from(tmp_path: Path) -> None:
    skipped: Counter[str] = Counter()
    examples = list(read("liveqa", "train", data=mini(tmp_path), skipped=skipped))
    message = "gout\nWhat is gout & how is it treated?"
    assert [(example.input, example.output) for example in examples] == [
        (f"{message}\n\nAbout: gout (information)", "A disease\nof the joints."),
        (f"{message}\n\nAbout: gout (information)", "Arthritis."),
        (f"{message}\n\nAbout: gout (treatment)", "Allopurinol."),
        ("What helps against hiccups?", "Waiting."),
    ]
    assert [e.provenance.document for e in examples] == [
        "train-1-1-1-1",
        "train-1-1-1-2",
        "train-1-1-2-1",
        "train-2-1-1-2",
    ]
    assert skipped == {"no answer is published": 1}


def test_a_message_is_tested_on_its_first_answer_under_either_name(tmp_path: Path) -> None:
    data = mini(tmp_path, question(1, OLD), question(2, EMPTY + NEW), question(3, EMPTY))
    skipped: Counter[str] = Counter()
    old, new = read("liveqa", "test", data=data, skipped=skipped)
    assert (old.input, old.output) == ("Subject 1\nMessage 1?", "Old name.\nTwo lines.")
    assert (new.output, new.provenance.document) == ("New name.", "TQ2")
    assert skipped == {"no answer is published": 1}


def test_wordings_are_several(tmp_path: Path) -> None:
    data = mini(tmp_path, question(1, OLD))
    found = {e.instruction for s in range(40) for e in read("liveqa", "test", data=data, seed=s)}
    assert found == set(liveqa.WORDINGS)
    assert len(set(liveqa.WORDINGS)) >= 5
    assert len(set(liveqa.JUDGE_WORDINGS)) >= 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html></html>", "expected <NLM-QUESTIONS>, found <html>"),
        ("<NLM-QUESTIONS></NLM-QUESTIONS>", "expected NLM-QUESTION elements, found none"),
        (TRAIN_1[:-40], r"Train-1\.xml:\d+: not valid XML"),
        (TRAIN_1.replace("gout", "caf\xe9"), "not valid XML"),
    ],
)
def test_another_file_at_the_right_path_is_refused(tmp_path: Path, text: str, message: str) -> None:
    data = mini(tmp_path)
    (data / "liveqa_medical" / liveqa.TRAIN[0]).write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=message):
        list(read("liveqa", "train", data=data))


def test_a_message_without_text_is_a_fault(tmp_path: Path) -> None:
    rejected: list[DataError] = []
    none = question(2, NEW).replace("Subject 2", "").replace("Message 2?", "")
    data = mini(tmp_path, question(1, OLD), none)
    assert len(list(read("liveqa", "test", data=data, rejected=rejected))) == 1
    assert "TQ2: no message" in str(rejected[0])


def test_judgements_are_as_many_as_published(data: Path, tmp_path: Path) -> None:
    """The judgements and answers are the real ones, the questions are made up."""
    mini(tmp_path, *(question(number, NEW) for number in range(1, 105)))
    (tmp_path / "medquad").symlink_to(data / "medquad")
    skipped: Counter[str] = Counter()
    examples = list(read("liveqa-judged", "test", data=tmp_path, skipped=skipped))
    # 1,436, 678, 223 and 142, less the answers with two grades.
    assert skipped == {"the same answer has two grades": 2 * 168}
    assert Counter(example.output for example in examples) == {
        "incorrect": 1_436 - 66 - 4,
        "related": 678 - 66 - 50 - 14,
        "incomplete": 223 - 50 - 34,
        "excellent": 142 - 34 - 14 - 4,
    }
    assert len(examples) + skipped.total() == 2_479
    assert len({example.provenance.document for example in examples}) == len(examples)
    assert len({str(e.provenance.document).split("-")[0] for e in examples}) == 103
    assert examples[0].input.startswith(
        "Question: Subject 1\nMessage 1?\n\nAnswer: Polycystic ovary syndrome is a condition in"
    )


CSV = 'AnswerID,Answer\nGARD_1_Sec1.txt,"Question: What?\nURL: x\nAnswer: It is."\n'
QRELS = "1 4-Excellent GARD_1_Sec1.txt\n"


def judged(folder: Path, table: str, qrels: str) -> Path:
    path = mini(folder, question(1, NEW)) / "liveqa_medical" / f"{liveqa.JUDGED}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (
            ("All-2479-Answers-retrieved-from-MedQuAD.csv", table),
            ("All-qrels_LiveQAMed2017-TestQuestions_2479_Judged-Answers.txt", qrels),
        ):
            archive.writestr(f"{liveqa.JUDGED}/{name}", text)
            archive.writestr(f"__MACOSX/{liveqa.JUDGED}/._{name}", b"\0\5\x16\7")
    return folder


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 5-Perfect GARD_1_Sec1.txt", "expected a question, a grade"),
        ("1 4-Excellent", "expected a question, a grade"),
        ("2 4-Excellent GARD_1_Sec1.txt", "expected a question of TREC-2017"),
        ("1 4-Excellent GARD_2_Sec1.txt", "expected an answer of the table"),
    ],
)
def test_a_judgement_at_fault_is_named(tmp_path: Path, line: str, message: str) -> None:
    rejected: list[DataError] = []
    data = judged(tmp_path, CSV, line + "\n" + QRELS)
    [kept] = read("liveqa-judged", "test", data=data, rejected=rejected)
    assert kept.output == "excellent"
    [fault] = rejected
    assert fault.line == 1
    assert message in str(fault)


def test_a_table_at_fault_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"csv:1: expected the columns AnswerID, Answer"):
        list(read("liveqa-judged", "test", data=judged(tmp_path, "id,text\n", QRELS)))
    text = CSV.replace("\nAnswer: ", "\nReply: ")
    with pytest.raises(DataError, match=r"csv:4: GARD_1_Sec1\.txt: expected Question:, URL: and"):
        list(read("liveqa-judged", "test", data=judged(tmp_path, text, QRELS)))


def test_half_an_archive_is_refused_and_a_missing_one_named(tmp_path: Path) -> None:
    path = judged(tmp_path, CSV, QRELS) / "liveqa_medical" / f"{liveqa.JUDGED}.zip"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="not a whole zip file"):
        list(read("liveqa-judged", "test", data=tmp_path))
    path.unlink()
    with pytest.raises(MissingError, match=liveqa.JUDGED):
        list(read("liveqa-judged", "test", data=tmp_path))
