from __future__ import annotations

import builtins
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from benchmarks.texts import grown, medquad, others

from bioinstruct.dataset.load import read_examples
from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.filters import Match, NearDuplicates
from bioinstruct.filters.spark import near_duplicates_spark, spark_session
from tests.filters.spark_cluster import Cluster, running_cluster

MANY = 50_000


def decisions(
    texts: Sequence[str],
    *,
    threshold: float = 0.7,
    tokenizer: str = "self-instruct",
    same_subject: bool = False,
    pool: Sequence[str] = (),
) -> list[Match | None]:
    """What the filter in memory says."""
    near = NearDuplicates(threshold, tokenizer=tokenizer, same_subject=same_subject)
    near.add(pool)
    return near.offer_all(texts)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One master and two workers, each a process of its own, and a session with them."""
    pytest.importorskip("pyspark", reason="pyspark is not installed: NOT CHECKED ON SPARK")
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def session(cluster: Cluster) -> Iterator[str]:
    """The address of the cluster, with a session that all tests share."""
    with spark_session(cluster.address):
        yield cluster.address


@pytest.fixture(scope="module")
def real() -> list[str]:
    """Texts of the corpora where they are, else those that ship with the package."""
    folder = os.environ.get("BIOINSTRUCT_DATA")
    if folder:
        return medquad(Path(folder)) + others(Path(folder))
    texts = [text for e in read_examples("demo") for text in (e.instruction, e.input, e.output)]
    return [text for text in dict.fromkeys(texts) if len(text.split()) < 50]


def test_without_java_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingError, match="Java") as caught:
        near_duplicates_spark(["one text", "another text"])
    assert "openjdk-17" in caught.value.hint


def test_an_old_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingError, match="is version 8"):
        near_duplicates_spark(["one text", "another text"])


def test_without_pyspark_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name.split(".")[0] in {"pyspark", "py4j"}:
            raise ImportError(name)
        return real_import(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingError) as caught:
        near_duplicates_spark(["one text", "another text"])
    assert "bioinstruct[spark]" in caught.value.hint


def test_what_cannot_be_is_refused_before_anything_starts() -> None:
    with pytest.raises(BioinstructError, match="threshold"):
        near_duplicates_spark(["a", "b"], threshold=1.5)
    with pytest.raises(UnknownNameError, match="unicode"):
        near_duplicates_spark(["a", "b"], tokenizer="unicod")


def test_few_texts_need_no_spark() -> None:
    assert near_duplicates_spark([]) == []
    assert near_duplicates_spark(["one"], master="spark://nowhere:1") == [None]
    assert near_duplicates_spark(["one", "one"], threshold=1) == [None, None]


@pytest.mark.peer
@pytest.mark.parametrize(
    ("threshold", "tokenizer"),
    [(0.0, "self-instruct"), (0.5, "unicode"), (0.7, "self-instruct"), (0.9, "unicode")],
)
def test_a_cluster_decides_as_one_process(
    session: str, real: list[str], threshold: float, tokenizer: str
) -> None:
    texts = random.Random(3).choices(real, k=150)
    texts += [
        "",
        "¿?",
        "\x00 \ud800",
        "IL-6 é",
        "IL-6 è",
        "什么是糖尿病",
        "什么是糖尿病?",
        "word " * 3000,
    ]
    texts += grown(texts, 200)
    found = near_duplicates_spark(
        texts, threshold=threshold, tokenizer=tokenizer, pool=texts[:20], master=session
    )
    assert found == decisions(texts, threshold=threshold, tokenizer=tokenizer, pool=texts[:20])


@pytest.mark.peer
def test_other_subjects_are_kept_on_a_cluster_too(session: str, real: list[str]) -> None:
    texts = random.Random(4).choices(real, k=3000)
    found = near_duplicates_spark(texts, same_subject=True, master=session)
    assert found == decisions(texts, same_subject=True)


@pytest.mark.peer
def test_many_texts_are_decided_as_in_memory(session: str, real: list[str]) -> None:
    texts = grown(real, MANY)  # synthetic beyond the real ones
    found = near_duplicates_spark(texts, master=session)
    assert found == decisions(texts)
    assert 1000 < sum(match is not None for match in found) < MANY


@pytest.mark.peer
def test_a_worker_killed_at_work_changes_nothing(
    cluster: Cluster, session: str, real: list[str]
) -> None:
    from pyspark.sql import SparkSession

    texts = grown(random.Random(5).sample(real, min(len(real), 20_000)), 30_000)
    tracker = SparkSession.active().sparkContext.statusTracker()
    before = set(tracker.getJobIdsForGroup(None))
    jobs_when_killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until and not jobs_when_killed:
            stages = map(tracker.getStageInfo, tracker.getActiveStageIds())
            jobs = len(set(tracker.getJobIdsForGroup(None)) - before)
            if jobs >= 12 and any(stage and stage.numActiveTasks for stage in stages):
                cluster.kill_worker(2)
                jobs_when_killed.append(jobs)
            time.sleep(0.02)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = near_duplicates_spark(texts, master=session)
    killer.join(10)
    jobs = len(set(tracker.getJobIdsForGroup(None)) - before)
    cluster.wait_for(r"(Removing worker)")
    assert jobs_when_killed, "the filter was done before the worker was killed"
    assert jobs > jobs_when_killed[0] + 3, "the worker was killed too late to matter"
    assert found == decisions(texts)
