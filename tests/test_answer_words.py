# ruff: noqa: RUF001
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct.bench.metrics import concept_f1, exact_match, rougeL, token_f1
from bioinstruct.text import answer_words

SAME = """
IL-1β|il‑1β
IL-1β|IL–1β
HER2+|HER2 (+)
HER2+|her2 +
HER2-|HER2 (−)
HBsAg-|HBsAg (−)
Rh –|Rh-
ER+/PR-|ER+ / PR−
CD4+|CD4⁺
Na⁺|Na+
Ca²⁺|Ca2+
CO₂|CO2
H₂O|H2O
Fe³⁺|Fe3+
<5|< 5
<5 ng/mL|< 5 ng / mL
≥ 65 years|>=65 years
≤5|<=5
≥5|>/= 5
p<0.05|p < 0.05
±2|+/- 2
5 ± 2|5±2
~5|≈ 5
−5|-5
(-5)|−5
5 mg|5mg
5 mg|5 mg
5 µg|5 μg
5µg|5 μg
5 %|5%
5 mg/kg|5mg / kg
37 °C|37°C
37 ℃|37 °C
10⁹/L|10^9/L
5.2×10⁹/L|5.2 x 10^9 / L
10⁻³|10^-3
1,000 mg|1000 mg
150,000/µL|150000 / μL
.5 mg|0.5 mg
7·4|7.4
120 / 80 mmHg|120/80 mmHg
3 × 4 cm|3x4 cm
½|1/2
1½|1 1/2
m²|m2
Crohn's disease|Crohn’s disease
non-small-cell|non‐small cell
COVID-19|covid 19
Tylenol®|tylenol
A → B|A -> B
yes.|Yes
**yes**|yes
"aspirin"|aspirin
pain – severe|pain, severe
ﬁbrosis|fibrosis
naïve|naïve
Straße|STRASSE
ΑΙDS|αιds
阳性|阳性。
""".strip().splitlines()

OTHER = """
IL-1β|IL-1α
TNF-α|TNF-β
α|β
HER2+|HER2-
HER2+|HER2
HER2-|HER2
CD4+CD25-|CD4+CD25+
ER+/PR-|ER+/PR+
ER- and PR-|ER- and PR+
Na+|Na
Cl⁻|Cl
Fe²⁺|Fe³⁺
O Rh+|O Rh-
Murphy sign (-)|Murphy sign (+)
(+)-warfarin|(-)-warfarin
2+|3+
2+|2
<5|5
<5|>5
≤5|<5
≥5|≤5
±2|2
~5|5
p < 0.05|p = 0.05
−5|5
+2.50 D|-2.50 D
5 µg|5 g
5 mg|5 µg
5 mg|50 mg
5 mg|5 mL
5 mg/kg|5 mg
5 mmol/L|5 µmol/L
1.5|15
1,5|15
0.5|5
5.0|50
5%|5
5%|5‰
5°|5
10⁹|109
10^9|10^6
10^-3|10^3
120/80|120/90
1/2|12
1:40|140
1½|11/2
♀|♂
↑ ALT|↓ ALT
阳性|阴性
陽性|陰性
положительный|отрицательный
""".strip().splitlines()


def test_there_are_a_hundred_pairs_that_differ_as_written() -> None:
    pairs = [tuple(line.split("|")) for line in SAME + OTHER]
    assert len(set(pairs)) == len(pairs) >= 100
    assert all(one != other for one, other in pairs)


@pytest.mark.parametrize("pair", SAME)
def test_spellings_of_one_answer_are_right(pair: str) -> None:
    gold, answer = pair.split("|")
    assert exact_match.count(gold, answer) == exact_match.count(answer, gold) == (1.0, 1.0)
    assert token_f1.count(gold, answer) == (1.0, 1.0)


@pytest.mark.parametrize("pair", OTHER)
def test_another_answer_is_wrong(pair: str) -> None:
    gold, answer = pair.split("|")
    assert exact_match.count(gold, answer) == exact_match.count(answer, gold) == (0.0, 1.0)
    assert token_f1.count(gold, answer)[0] < 1.0


@pytest.mark.parametrize("empty", [None, "", " \n", "...", "**"])
def test_an_empty_answer_is_never_right(empty: str | None) -> None:
    for gold in "|".join([*SAME, *OTHER]).split("|"):
        assert exact_match.count(gold, empty) == (0.0, 1.0)
        assert token_f1.count(gold, empty) == (0.0, 1.0)


def test_a_gold_of_punctuation_is_right_only_as_it_is() -> None:
    assert exact_match.count("?", "?") == (1.0, 1.0)
    assert exact_match.count("?", "") == exact_match.count("?", "!") == (0.0, 1.0)
    assert token_f1.count("?", "?") == (0.0, 0.0)


@given(st.text())
def test_any_text_can_be_read_and_equals_itself(text: str) -> None:
    words = answer_words(text)
    assert all(word and not word.isspace() for word in words)
    if text.strip():
        assert exact_match.count(text, text) == (1.0, 1.0)


def test_what_cannot_be_counted_is_not_in_n() -> None:
    golds, answers = ["fever", "发热", "?"], ["fever", "发热", "?"]
    assert rougeL.counted(rougeL.counts(golds, answers)) == 1
    assert token_f1.counted(token_f1.counts(golds, answers)) == 2
    assert exact_match.counted(exact_match.counts(golds, answers)) == 3


def test_concepts_are_told_apart_by_greek_letters_and_signs() -> None:
    metric = concept_f1({"IL-1α": "C1", "IL-1β": "C2", "HER2": "C3", "Rh+": "C4", "Rh-": "C5"})
    assert metric.count("IL-1α was high", "IL-1β was high") == (0.0, 1.0)
    assert metric.count("IL‑1β rose", "high il-1β") == (1.0, 1.0)
    assert metric.count("HER2+ tumour", "HER2 was found") == (1.0, 1.0)
    assert metric.count("blood group 0 Rh+", "blood group 0 Rh-") == (0.0, 1.0)
    ambiguous = concept_f1({"cold": "C1", "Cold": "C2"})
    assert ambiguous.count("a cold", "cold") == (1.0, 1.0)
