from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioinstruct import Category, DataError, Instruction, MissingError, UnknownNameError, corpora
from bioinstruct.corpora import Access, Corpus, Row, get_corpus, registry
from bioinstruct.dataset.publish import obstacle
from bioinstruct.filters import Rejection
from bioinstruct.mixtures.build import Report, compile_mixture, is_noncommercial
from bioinstruct.mixtures.spec import Mixture, Source, allocate, load_mixture, mixtures
from tests.records import record

# ---- how much of each source


def plain(count: int, **settings: object) -> Mixture:
    return Mixture(source=tuple(Source(corpus=str(n)) for n in range(count)), **settings)


@given(
    available=st.lists(st.integers(0, 300), min_size=1, max_size=8),
    size=st.integers(1, 900),
    temperature=st.sampled_from([1.0, 1.5, 5.0, math.inf]),
    weights=st.lists(st.floats(0.01, 50), min_size=8, max_size=8),
)
def test_a_size_is_reached_exactly_and_nothing_is_taken_twice(
    available: list[int], size: int, temperature: float, weights: list[float]
) -> None:
    sources = tuple(
        Source(corpus=str(n), weight=w) for n, w in zip(available, weights, strict=False)
    )
    mixture = Mixture(source=sources, size=size, temperature=temperature)
    given_ = allocate(mixture, available)
    assert sum(given_) == min(size, sum(available))
    assert all(0 <= g <= a for g, a in zip(given_, available, strict=True))
    # Of two sources that are not exhausted, the shares are as the rule says, to a record.
    rates = [
        w * a ** (1 / temperature) if a else 0 for a, w in zip(available, weights, strict=False)
    ]
    free = [n for n, (g, a) in enumerate(zip(given_, available, strict=True)) if g < a]
    level = sum(given_[n] for n in free) / (sum(rates[n] for n in free) or 1)
    assert all(abs(given_[n] - level * rates[n]) <= 2 for n in free)


@given(st.lists(st.integers(1, 300), min_size=2, max_size=6), st.integers(1, 500))
def test_a_larger_size_never_gives_a_source_much_less(available: list[int], size: int) -> None:
    less, more = (
        allocate(plain(len(available), size=n, temperature=2), available) for n in (size, size + 9)
    )
    assert all(b >= a - 1 for a, b in zip(less, more, strict=True))


def test_temperature_goes_from_the_sizes_of_the_sources_to_equal_parts() -> None:
    sizes = [10_000, 100, 1_600]
    assert allocate(plain(3, size=1_170), sizes) == [1_000, 10, 160]
    # The roots are 100, 10 and 40.
    assert allocate(plain(3, size=150, temperature=2), sizes) == [100, 10, 40]
    assert allocate(plain(3, size=150, temperature=math.inf), sizes) == [50, 50, 50]
    # What the second has not is shared out among the others.
    assert allocate(plain(3, size=900, temperature=math.inf), sizes) == [400, 100, 400]


def test_weights_multiply_and_sizes_shares_and_caps_hold() -> None:
    sources = (
        Source(corpus="a", weight=3),
        Source(corpus="b"),
        Source(corpus="c", size=5),
        Source(corpus="d", share=0.5),
    )
    mixture = Mixture(source=sources, size=45, temperature=math.inf)
    assert allocate(mixture, [100, 100, 100, 8]) == [27, 9, 5, 4]
    assert allocate(Mixture(source=sources, cap=50), [100, 20, 100, 8]) == [50, 20, 5, 4]
    assert allocate(Mixture(source=sources), [0, 0, 0, 0]) == [0, 0, 0, 0]


# ---- the file


def write(folder: Path, text: str) -> Path:
    path = folder / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("temprature = 2.0\n[[source]]\ncorpus = 'demo'", 1,
         "temprature: unknown field", "temperature"),
        ("[[source]]\ncorpus = 'demo'\n[[source]]\ncorpus = 'pubmedqa'\nlayuot = 'x'", 5,
         "source.2.layuot: unknown field", "layout"),
        ("[[source]]\ncorpus = 'pubmed'", 2, "no corpus named 'pubmed'", "pubmedqa"),
        ("[[source]]\nlayout = 'mentions'", 1, "source.1.corpus: missing field", ""),
        ("[[source]]\ncorpus = 'demo'\nsize = 0", 3, "greater than or equal to 1", ""),
        ("[[source]]\ncorpus = 'demo'\nsize = '5'", 3, "valid integer, found '5'", ""),
        ("[[source]]\ncorpus = 'demo'\nsplit = 'dev'", 2, "no split of demo named 'dev'", ""),
        ("[[source]]\ncorpus = 'ncbi-disease'\nlayout = 'tags'", 2, "no layout of ncbi", ""),
        ("[[source]]\ncorpus = 'demo'\n[[source]]\ncorpus = 'demo'", 4, "named twice", ""),
        ("temperature = 2.0\n[[source]]\ncorpus = 'demo'", None, "no effect without `size`", ""),
        ("[[source]]\ncorpus = 'demo'\nweight = 2.0", None, "no effect without `size`", ""),
        ("match = 'category'\n[[source]]\ncorpus = 'demo'", 1, "'categories'", ""),
        ("a = 1\n\nb = = 2", 3, "not valid TOML", ""),
        ("cap = 3", None, "source: missing field", ""),
    ],
)  # fmt: skip
def test_a_slip_in_the_file_is_told_with_its_line(
    text: str, line: int | None, message: str, hint: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError) as caught:
        load_mixture(path)
    assert message in str(caught.value)
    assert caught.value.path == path
    assert caught.value.line == line
    assert (hint in caught.value.hint) if hint else True


def test_a_file_says_all_that_a_mixture_can(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "description = 'Two'\nsize = 9\ntemperature = inf\ncap = 5\nmatch = 'categories'\n"
        "duplicates = true\ndecontaminate = false\nnear-duplicates = 0.8\n"
        "[[source]]\ncorpus = 'ncbi-disease'\nlayout = 'medtuned'\nnear-duplicates = false\n"
        "[[source]]\ncorpus = 'demo'\nshare = 0.5\nweight = 2\noptional = true\n",
    )
    mixture = load_mixture(path)
    assert mixture.source[0] == Source(
        corpus="ncbi-disease", layout="medtuned", near_duplicates=False
    )
    assert mixture.source[1] == Source(corpus="demo", share=0.5, weight=2.0, optional=True)
    assert (mixture.size, mixture.temperature, mixture.cap) == (9, math.inf, 5)
    assert (mixture.match, mixture.near_duplicates) == ("categories", 0.8)
    assert (mixture.duplicates, mixture.decontaminate) == (True, False)


def test_an_unknown_mixture_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UnknownNameError, match="medtuned, open, open-two-layouts") as caught:
        load_mixture("opn")
    assert caught.value.hint == "did you mean `open`?"


# ---- compiling


def numbered(name: str, count: int, category: str = "IE") -> list[Instruction]:
    """Records that no filter takes for near: every word is their own."""
    return [
        record(n, input=" ".join(f"{name}{n}word{k}" for k in range(8)), category=category)
        for n in range(count)
    ]


Register = Callable[..., None]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Makes these the only corpora: their rows for training, and texts of a test split."""
    known: dict[str, Corpus] = {}
    monkeypatch.setattr(registry, "_known", lambda: known)

    def make(
        name: str, train: Sequence[Row], test: Sequence[Row] = (), license: str = "CC-BY-4.0"
    ) -> None:
        def read(folder: Path, split: str, *, layout: str, seed: int) -> Iterator[Row]:
            for row in train if split == "train" else test:
                if isinstance(row, MissingError):
                    raise row
                yield row

        corpus = replace(demo, name=name, license=license, reader=read, splits=("train", "test"))
        registry._known()[name] = corpus

    demo = replace(get_corpus("demo")) if "demo" in registry._known() else DEMO
    return make


DEMO = get_corpus("demo")


def mixed(*names: str, seed: int = 0, **settings: object) -> list[Instruction]:
    mixture = Mixture(source=tuple(Source(corpus=name) for name in names), **settings)
    return list(compile_mixture(mixture, seed=seed))


def inputs(examples: Sequence[Instruction], start: str) -> list[str]:
    return [example.input for example in examples if example.input.startswith(start)]


def test_the_choice_within_a_source_depends_on_nothing_but_the_seed(register: Register) -> None:
    register("a", numbered("a", 200))
    register("b", numbered("b", 300))
    alone = mixed("a", cap=50)
    with_b = mixed("a", "b", cap=50)
    other_order = mixed("b", "a", cap=50)
    assert len(alone) == 50
    assert inputs(with_b, "a") == inputs(other_order, "a") == [e.input for e in alone]
    assert with_b == mixed("a", "b", cap=50)
    assert inputs(mixed("a", cap=50, seed=1), "a") != inputs(alone, "a")
    # A smaller choice is a part of a larger one, and both keep the order of the file.
    more = [e.input for e in mixed("a", cap=80)]
    assert set(inputs(alone, "a")) < set(more)
    assert more == [e.input for e in numbered("a", 200) if e.input in set(more)]


def test_the_choice_is_even(register: Register) -> None:
    """Of 2,000 records the first half gets its share of 1,000, to four standard deviations."""
    register("a", numbered("a", 2000))
    first = {e.input for e in numbered("a", 1000)}
    chosen = sum(e.input in first for e in mixed("a", cap=1000, decontaminate=False))
    assert abs(chosen - 500) < 4 * math.sqrt(1000) / 2


def test_exact_duplicates_go_first_and_can_be_kept(register: Register) -> None:
    register("a", [*numbered("a", 3), *numbered("a", 2)])
    register("b", numbered("a", 4))
    report = Report()
    mixture = Mixture(source=(Source(corpus="a"), Source(corpus="b")))
    assert list(compile_mixture(mixture, report=report)) == numbered("a", 4)
    assert [dict(source.dropped) for source in report.sources] == [
        {"duplicate": 2},
        {"duplicate": 3},
    ]
    assert [source.taken for source in report.sources] == [3, 1]
    assert len(mixed("a", "b", duplicates=True)) == 9


def test_what_overlaps_a_test_split_of_any_corpus_is_left_out(register: Register) -> None:
    [leaked] = numbered("leak", 1)
    register("a", [*numbered("a", 2), leaked])
    register("b", [], test=[record(7, input=leaked.input.upper())])
    register("c", [], test=[MissingError("no file c/test.tsv")])
    report = Report()
    dropped: list[Rejection] = []
    mixture = Mixture(source=(Source(corpus="a"),))
    kept = list(compile_mixture(mixture, report=report, on_drop=dropped.append))
    assert kept == numbered("a", 2)
    assert [(d.reason, d.record) for d in dropped] == [("contaminated-exact", leaked)]
    assert report.tests == 1
    assert report.not_compared == {"c": "no file c/test.tsv"}
    assert mixed("a", decontaminate=False) == numbered("a", 2)
    reworded = record(8, input=f"{leaked.input} reworded")
    register("d", [reworded])
    assert mixed("d") == []
    assert mixed("d", decontaminate=False) == [reworded]


def test_a_list_of_labels_and_the_names_of_a_pair_are_not_taken_for_test_texts(
    register: Register,
) -> None:
    labels = (  # 14 words: of an answer, fewer are not looked for
        "sustaining proliferative signaling\ninducing angiogenesis\nresisting cell death\n"
        "evading growth suppressors\ntumor promoting inflammation"
    )

    hallmarks = [
        record(n, input=f"abstract number {n} says its own", output=labels) for n in (1, 2)
    ]
    pair = "\n\nFirst drug: warfarin sodium tablets\nSecond drug: aspirin"
    asked = record(3, input=f"One sentence of a test.{pair}", task="relation-drug-drug")
    [other] = numbered("a", 1)
    kept = [
        record(8, input=other.input + pair, task="relation-drug-drug"),
        record(9, input=other.input, output=labels),
    ]
    leaked = record(10, input="One sentence of a test.", task="relation-drug-drug")
    register("a", [*kept, leaked])
    register("b", [], test=[*hallmarks, asked])
    assert mixed("a") == kept


def test_near_duplicates_go_within_a_task_where_the_source_allows(register: Register) -> None:
    [first, second] = numbered("a", 2)
    near = record(0, input=first.input + " more")
    other_task = record(0, input=first.input + " other", task="ner-chemical")
    register("a", [first, second, near, other_task])
    kept = mixed("a", near_duplicates=0.8)
    assert kept == [first, second, other_task]
    source = Source(corpus="a", near_duplicates=False)
    mixture = Mixture(source=(source,), near_duplicates=0.8)
    assert len(list(compile_mixture(mixture))) == 4


def test_what_says_another_thing_of_the_same_text_is_no_near_duplicate(register: Register) -> None:
    [first] = numbered("a", 1)
    other = record(0, input=first.input, output="an answer of many words that are its own")
    register("a", [first, other])
    assert mixed("a", near_duplicates=0.8) == [first, other]


def test_categories_are_matched_by_record(register: Register) -> None:
    register("a", [*numbered("a", 30), *numbered("q", 10, "QA")])
    register("b", [*numbered("g", 25, "GEN"), *numbered("r", 9, "QA")])
    found = mixed("a", "b", match="categories")
    assert Counter(e.category for e in found) == {
        Category.IE: 19,
        Category.QA: 19,
        Category.GEN: 19,
    }
    # The choice among the entities does not depend on the other source.
    assert inputs(mixed("a", match="categories"), "a") == [
        e.input for e in mixed("a", match="categories") if e.category == "IE"
    ]


def test_non_commercial_sources_are_left_out_unless_they_are_allowed(register: Register) -> None:
    register("a", numbered("a", 1))
    register("b", numbered("b", 1), license="CC-BY-NC-4.0")
    mixture = Mixture(source=(Source(corpus="a"), Source(corpus="b")))
    report = Report()
    assert list(compile_mixture(mixture, report=report)) == numbered("a", 1)
    assert report.sources[1].left_out == "its licence forbids commercial use"
    assert not report.sources[1].is_fault
    assert len(list(compile_mixture(mixture, allow_nc=True))) == 2


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("CC-BY-NC-ND-4.0", True),
        ("MIT AND CC-BY-NC-4.0", True),
        ("LicenseRef-Academic-Use", True),
        ("LicenseRef-X-NonCommercial", True),
        ("NCBI-PD", False),
        ("CC-BY-SA-3.0", False),
    ],
)
def test_what_a_licence_says_of_commercial_use(license: str, expected: bool) -> None:
    assert is_noncommercial(license) is expected


def test_a_source_may_be_missing_only_where_the_mixture_says_so(register: Register) -> None:
    register("a", numbered("a", 1))
    register("b", [MissingError("no file b/train.tsv")])
    for optional in (True, False):
        source = Source(corpus="b", optional=optional)
        mixture = Mixture(source=(Source(corpus="a"), source))
        report = Report()
        assert list(compile_mixture(mixture, report=report)) == numbered("a", 1)
        assert str(report.sources[1].error) == "no file b/train.tsv"
        assert report.sources[1].is_fault is not optional
    with pytest.raises(MissingError, match=r"no file b/train\.tsv"):
        list(compile_mixture(mixture))


def test_rows_at_fault_are_kept_and_the_others_go_on(register: Register) -> None:
    fault = DataError("expected a tag", path="train.tsv", line=3)
    register("a", [numbered("a", 1)[0], fault, numbered("a", 2)[1]])
    report = Report()
    mixture = Mixture(source=(Source(corpus="a", optional=True),))
    assert list(compile_mixture(mixture, report=report)) == numbered("a", 2)
    assert report.sources[0].rejected == [fault]
    assert report.sources[0].is_fault
    with pytest.raises(DataError, match="expected a tag"):
        list(compile_mixture(mixture))


def test_a_limit_holds_for_each_source(register: Register) -> None:
    register("a", numbered("a", 5))
    register("b", numbered("b", 5))
    mixture = Mixture(source=(Source(corpus="a"), Source(corpus="b")))
    assert len(list(compile_mixture(mixture, limit=2))) == 4


# ---- what ships with the package


@pytest.mark.parametrize("name", mixtures())
def test_the_mixtures_of_the_package_can_be_loaded(name: str) -> None:
    mixture = load_mixture(name)
    assert mixture.description
    assert {source.split for source in mixture.source} == {"train"}


LEFT_OUT = {
    "demo": "made up, to show the road",
    "bc5cdr": "the sentences of bc5cdr-disease and bc5cdr-chemical",
    "jnlpba-gene": "jnlpba in the classes of MedTuned",
    "chemprot-abstracts": "chemprot from the original abstracts, in groups of relations",
    "genetag": "bc2gm before it was cut into words",
    "linnaeus-documents": "linnaeus whole",
    "medqa-5": "medqa with a fifth option",
    "pubmedqa-unlabelled": "no answers but the conclusions of abstracts, as pubmedqa-artificial",
    "chemdner": "no licence stated",
    "bc4chemd": "no licence stated",
    "liveqa": "no licence stated",
    "mediqa-ans": "no licence stated",
    "healthfc": "what is made from it may not be passed on",
    "medtuned-instructions": "compiled from the others, and from credentialed ones",
    "pmc-llama-instructions": "a collection of others, each under its own terms",
}
"""Why an open corpus with a training split is not in the mixture `open`."""


def test_open_has_every_open_corpus_or_it_is_known_why_not() -> None:
    sources = {source.corpus: source for source in load_mixture("open").source}
    for name in corpora.names():
        corpus = get_corpus(name)
        shots = name.startswith("mmlu-")  # its training split are the examples of the prompts
        expected = corpus.access is Access.OPEN and "train" in corpus.splits
        assert (name in sources) == (expected and name not in LEFT_OUT and not shots), name
    assert set(LEFT_OUT) <= set(corpora.names())
    assert len(sources) == len(load_mixture("open").source)


def test_what_is_open_may_be_passed_on() -> None:
    for source in load_mixture("open").source:
        corpus = get_corpus(source.corpus)
        assert obstacle(corpus.name, corpus.license) == ""
        assert not is_noncommercial(corpus.license) or source.optional


def test_two_layouts_are_the_open_mixture_and_a_second_layout() -> None:
    opened, twice = load_mixture("open"), load_mixture("open-two-layouts")
    assert [source for source in twice.source if not source.layout] == list(opened.source)
    again = {source.corpus for source in twice.source if source.layout}
    assert again == {
        source.corpus for source in opened.source if "medtuned" in get_corpus(source.corpus).layouts
    }


def test_medtuned_has_the_twelve_sources_in_the_published_layout() -> None:
    mixture = load_mixture("medtuned")
    assert len(mixture.source) == 12
    for source in mixture.source:
        layouts = get_corpus(source.corpus).layouts
        assert source.layout == ("medtuned" if "medtuned" in layouts else "")
    assert mixture.duplicates
    assert not mixture.decontaminate


@pytest.mark.peer
def test_medtuned_has_the_published_sizes_but_for_what_is_scored(data: Path) -> None:
    report = Report()
    for _ in compile_mixture(load_mixture("medtuned"), data=data, report=report):
        pass
    found = {source.corpus: source.taken for source in report.sources if source.taken}
    leaked = {s.corpus: s.dropped["contaminated-exact"] for s in report.sources}
    expected = {
        "ncbi-disease": 5_424,
        "bc5cdr-disease": 4_560,
        "bc5cdr-chemical": 4_560,
        "hoc": 12_119,
        "gad": 4_796,
    }
    assert expected.items() <= {name: n + leaked[name] for name, n in found.items()}.items()
    assert 0 < sum(leaked.values()) < 100
    assert not any(source.is_fault for source in report.sources)
