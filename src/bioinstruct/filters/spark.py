"""The near-duplicate filter on Apache Spark, with the same decisions as the one in memory.

The rarest words of every text become rows of an inverted index (a prefix filter). Keeping the first
of two near duplicates is sequential, so the driver works in rounds: it takes the next texts that no
kept text drops, finds the near duplicates among them, decides these in file order, and drops all
later texts that repeat one of those kept. The results of a round do not depend on how the work was
divided, so losing a machine changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from bioinstruct.errors import BioinstructError, MissingError, UnknownNameError
from bioinstruct.filters.content_words import subject
from bioinstruct.filters.near_duplicates import Match
from bioinstruct.filters.similarity import check_threshold, prefix_length, rouge_l
from bioinstruct.filters.token_codes import TOKENIZERS, Tokenizer

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["near_duplicates_spark", "spark_session"]

Ids = NDArray[np.int64]
Scores = NDArray[np.float64]
Pairs = tuple[Ids, Ids, Scores]

_JAVA = 17  # the oldest version that Spark 4 supports
_JAVA_HINT = (
    "install OpenJDK 17 (Debian, Ubuntu: `apt-get install openjdk-17-jre-headless`; macOS: "
    "`brew install openjdk@17`; conda: `conda install -c conda-forge openjdk=17`), "
    "or set JAVA_HOME"
)
_SETTINGS = {
    "spark.driver.memory": "4g",
    "spark.log.level": "ERROR",
    "spark.rpc.message.maxSize": "1024",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
_CHUNK = 100_000  # texts sent to the cluster at a time
_HEAD_LEAST, _HEAD_MOST = 2048, 131_072  # texts decided in a round
_CANDIDATES = 300_000  # near duplicates, at most, that a round brings to the driver
_SAMPLE = 1024


def near_duplicates_spark(
    texts: Iterable[str],
    *,
    threshold: float = 0.7,
    tokenizer: str = "self-instruct",
    same_subject: bool = False,
    pool: Iterable[str] = (),
    master: str = "local[*]",
) -> list[Match | None]:
    """Return what `NearDuplicates.offer_all` would for the texts after `add(pool)`, using Spark.

    The driver holds the texts, about 30 more bytes for each, and the near duplicates of one round.

    Raises:
        MissingError: pyspark or a Java runtime of version 17 or newer is not installed.
        BioinstructError: the cluster does not respond, or the job failed.
    """
    threshold = check_threshold(threshold)
    if tokenizer not in TOKENIZERS:
        raise UnknownNameError("tokenizer", tokenizer, TOKENIZERS)
    added = [*pool]
    together = [*added, *texts]
    causes, scores = np.full(len(together), -1, np.int64), np.zeros(len(together))
    if threshold < 1 and len(together) > 1:  # no F is above 1
        with spark_session(master) as session:
            words = _words(session, together, threshold, TOKENIZERS[tokenizer], same_subject)
            _Filter(session, threshold).decide(words, len(added), causes, scores)
    return [
        Match(cause, score) if cause >= 0 else None
        for cause, score in zip(
            causes[len(added) :].tolist(), scores[len(added) :].tolist(), strict=True
        )
    ]


class _Filter:
    """The rounds of the filter, and the tables cached on the cluster while they run."""

    def __init__(self, session: SparkSession, threshold: float) -> None:
        self._session = session
        self._threshold = threshold
        parallel = session.sparkContext.defaultParallelism
        session.conf.set("spark.sql.shuffle.partitions", str(max(2 * parallel, 8)))

    def decide(self, words: DataFrame, pool: int, causes: Ids, scores: Scores) -> None:
        """Write the earlier text that drops each text, if any; keep the first `pool`."""
        words = words.persist()
        firsts, repeats, equals = _unique(words, pool)
        self._bodies = self._only(words, firsts).persist()
        self._index = _index(self._bodies).persist()
        added = int(np.searchsorted(firsts, pool))
        self._rounds(firsts[:added], firsts[added:], causes, scores)
        for table in (words, self._bodies, self._index):
            table.unpersist()
        kept = causes[equals] < 0
        later = repeats >= pool
        causes[repeats[later]] = np.where(kept, equals, causes[equals])[later]
        scores[repeats[later]] = np.where(kept, 1.0, scores[equals])[later]

    def _rounds(self, kept: Ids, pending: Ids, causes: Ids, scores: Scores) -> None:
        """Drop texts that repeat a kept one, decide the next texts, and repeat."""
        while len(pending):
            if len(kept):
                later, earlier, score = self._earliest(pending, kept)
                causes[later], scores[later] = earlier, score
                pending = pending[causes[pending] < 0]
            head = pending[: self._head_size(pending)]
            pending = pending[len(head) :]
            _keep_first(self._pairs(head), causes, scores)
            kept = head[causes[head] < 0]

    def _head_size(self, pending: Ids) -> int:
        """Return how many texts to compare with each other in one round.

        A long stretch of a file may be variants of one question. Estimates the number of
        candidates from a sample, which bounds the work and the driver's memory.
        """
        most = pending[:_HEAD_MOST]
        if len(most) <= _HEAD_LEAST:
            return len(most)
        step = -(-len(most) // _SAMPLE)
        sample = most[step - 1 :: step]
        found = self._candidates(sample, most).groupBy("later").count().toArrow()
        counts = np.zeros(len(sample))
        counts[np.searchsorted(sample, found["later"].to_numpy())] = found["count"].to_numpy()
        within = int(np.searchsorted(np.cumsum(counts) * step, _CANDIDATES, side="right"))
        return max(within * step, _HEAD_LEAST) if within < len(sample) else len(most)

    def _pairs(self, head: Ids) -> Pairs:
        """Return the near duplicates among the texts as (later, earlier, score), in file order."""
        found = self._near(head, head).toArrow()
        return _columns(found.sort_by([("later", "ascending"), ("earlier", "ascending")]))

    def _earliest(self, pending: Ids, kept: Ids) -> Pairs:
        """Return the first near duplicate among the kept texts, for each text that has one."""
        from pyspark.sql import functions as f

        first = f.min(f.struct("earlier", "score")).alias("first")
        found = self._near(pending, kept).groupBy("later").agg(first)
        return _columns(found.select("later", "first.earlier", "first.score").toArrow())

    def _near(self, later: Ids, earlier: Ids) -> DataFrame:
        """Return the candidates that ROUGE-L confirms."""
        from pyspark.sql import functions as f

        threshold = self._threshold

        def score(left: pd.Series[str], right: pd.Series[str]) -> pd.Series[float]:
            import pandas as pd

            pairs = zip(left, right, strict=True)
            return pd.Series([_rouge_l(a, b, threshold) for a, b in pairs], dtype="float64")

        left = self._bodies.select(
            f.col("id").alias("later"), f.col("body").alias("left"), "subject"
        )
        right = self._only(self._bodies, earlier)
        right = right.select(f.col("id").alias("earlier"), f.col("body").alias("right"), "subject")
        pairs = self._candidates(later, earlier).join(left, "later")
        pairs = pairs.join(right, ["earlier", "subject"])
        scored = _pandas_udf(score, "double")("left", "right").alias("score")
        return pairs.select("later", "earlier", scored).where(f.col("score") > threshold)

    def _candidates(self, later: Ids, earlier: Ids) -> DataFrame:
        """Return pairs that share a rare word and whose sketches and lengths allow a match."""
        from pyspark.sql import functions as f

        one, other = self._only(self._index, later), self._only(self._index, earlier)
        if len(later) < len(earlier):
            one = f.broadcast(one)
        else:
            other = f.broadcast(other)
        a, b = one.alias("a"), other.alias("b")
        both = f.col("a.length") + f.col("b.length")
        # Slightly too low is harmless, since every pair is verified; too high would lose pairs.
        least = f.ceil(both * (self._threshold / 2) - 1e-6)
        apart = f.bit_count(f.col("a.sketch").bitwiseXOR(f.col("b.sketch")))
        near = (
            (f.col("a.code") == f.col("b.code"))
            & (f.col("a.id") > f.col("b.id"))
            & (f.col("a.place") <= f.col("a.length") - least)
            & (f.col("b.place") <= f.col("b.length") - least)
            & (apart <= both - 2 * least)
        )
        pair = f.col("a.id").alias("later"), f.col("b.id").alias("earlier")
        return a.join(b, near).select(*pair).distinct()

    def _only(self, table: DataFrame, ids: Ids) -> DataFrame:
        """Return the rows with the given ids."""
        import pyarrow as pa
        from pyspark.sql import functions as f

        wanted = self._session.createDataFrame(pa.table({"id": ids}))
        return table.join(f.broadcast(wanted), "id", "left_semi")


def _words(
    session: SparkSession,
    texts: Sequence[str],
    threshold: float,
    tokenize: Tokenizer,
    same_subject: bool,
) -> DataFrame:
    """Return the nonempty texts: words joined by spaces, their number, and the subject."""
    import pyarrow as pa

    def split(column: pd.Series[str]) -> pd.DataFrame:
        import pandas as pd

        words = [tokenize(text) for text in column]
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        return pd.DataFrame(
            {
                "body": [" ".join(map(_string, text)) for text in words],
                "length": lengths,
                "prefix": prefix_length(lengths, threshold),
                "subject": [" ".join(subject(text)) if same_subject else "" for text in column],
            }
        )

    words = _pandas_udf(split, "body string, length long, prefix long, subject string")
    tables = [
        session.createDataFrame(pa.table({"id": np.arange(at, at + len(part)), "text": part}))
        for at in range(0, len(texts), _CHUNK)
        # A lone surrogate cannot be encoded, and is part of no word.
        for part in [[_sendable(text) for text in texts[at : at + _CHUNK]]]
    ]
    table = reduce(lambda one, other: one.union(other), tables)
    return table.select("id", words("text").alias("w")).select("id", "w.*").where("length > 0")


def _unique(words: DataFrame, pool: int) -> tuple[Ids, Ids, Ids]:
    """Return the first of each group of equal texts, the other texts, and their group's first.

    A text that equals one of the pool is not grouped with it: an earlier pool text may drop it.
    """
    from pyspark.sql import functions as f

    groups = words.groupBy("body", "subject", f.col("id") < pool).agg(
        f.collect_list("id").alias("ids")
    )
    rows = groups.select(f.array_min("ids").alias("first"), f.explode("ids").alias("id"))
    table = rows.toArrow()
    ids, firsts = table["id"].to_numpy(), table["first"].to_numpy()
    again = ids != firsts
    return np.sort(ids[~again]), ids[again], firsts[again]


def _index(bodies: DataFrame) -> DataFrame:
    """Return a row for each of the rarest words of each text; near duplicates share one of them.

    Words are identified by a hash that includes the subject; a collision only costs comparisons.
    """
    from pyspark.sql import functions as f

    word = f.explode(f.split("body", " ")).alias("word")
    words = bodies.select("id", "length", "prefix", "subject", word)
    counted = words.join(words.groupBy("word").agg(f.count("*").alias("count")), "word")
    word = f.struct("count", f.xxhash64("word", "subject").alias("code"))
    texts = counted.groupBy("id", "length", "prefix").agg(
        f.sort_array(f.collect_list(word)).alias("words")
    )
    sketch = f.aggregate("words", f.lit(0).cast("long"), lambda bits, w: bits.bitwiseOR(_bit(w)))
    rarest = f.slice("words", f.lit(1), f.col("prefix"))
    rows = texts.select("id", "length", sketch.alias("sketch"), f.posexplode(rarest))
    return rows.groupBy("id", "length", "sketch", f.col("col.code").alias("code")).agg(
        f.min("pos").alias("place")
    )


def _bit(word: Column) -> Column:
    from pyspark.sql import functions as f

    place = word["code"].bitwiseAND(63).cast("int")
    return f.call_function("shiftleft", f.lit(1).cast("long"), place)


def _keep_first(pairs: Pairs, causes: Ids, scores: Scores) -> None:
    """Decide near duplicates in file order; a dropped text drops nothing."""
    for later, earlier, score in zip(*(column.tolist() for column in pairs), strict=True):
        if causes[later] < 0 and causes[earlier] < 0:
            causes[later], scores[later] = earlier, score


def _rouge_l(left: str, right: str, threshold: float) -> float:
    """Return the ROUGE-L F of two texts, or 0 if it is clearly below the threshold."""
    a, b = left.split(" "), right.split(" ")
    least = max(int(threshold * (len(a) + len(b)) / 2) - 1, 0)
    return rouge_l(int(LCSseq.similarity(a, b, score_cutoff=least)), len(a), len(b))


def _string(word: object) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _columns(table: pa.Table) -> Pairs:
    return table["later"].to_numpy(), table["earlier"].to_numpy(), table["score"].to_numpy()


def _pandas_udf(function: Any, kind: str) -> Any:
    """Make a pandas UDF, whose annotations Spark needs as objects rather than strings."""
    import pandas as pd
    from pyspark.sql.functions import pandas_udf

    hints: dict[str, Any] = dict.fromkeys(function.__annotations__, pd.Series)
    hints["return"] = pd.DataFrame if "," in kind else pd.Series
    function.__annotations__ = hints
    return pandas_udf(function, kind)


@contextlib.contextmanager
def spark_session(master: str) -> Iterator[SparkSession]:
    """Yield the active session, or one on the given cluster that lasts until the block ends.

    Raises:
        MissingError: pyspark or a Java runtime of version 17 or newer is not installed.
        BioinstructError: the cluster does not respond, or the job failed.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingError(
            "Apache Spark is not installed", hint="pip install 'bioinstruct[spark]'"
        ) from error
    active = session = None
    with contextlib.suppress(PySparkException):
        active = SparkSession.active()
    try:
        with warnings.catch_warnings():  # PySpark warns about pandas 3; our tests cover what we use
            warnings.filterwarnings("ignore", "PySpark does not yet fully support", FutureWarning)
            session = active or _start(master)
            yield session
    except (Py4JError, PySparkException) as error:
        reason = re.sub(r"\s+", " ", str(error))[:400]
        raise BioinstructError(
            f"the Spark job at {master} failed: {reason}",
            hint="every worker needs this Python with bioinstruct[spark]; see docs/spark.md",
        ) from error
    finally:
        if session and not active:
            session.stop()


def _start(master: str) -> SparkSession:
    from pyspark.sql import SparkSession

    _check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master).appName("bioinstruct filter")
    return builder.config(map=dict(_SETTINGS)).getOrCreate()


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not java or not Path(java).is_file():
        raise MissingError("Apache Spark needs a Java runtime", hint=_JAVA_HINT)
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if not version or int(version[1]) < _JAVA:
        found = version[1] if version else "unknown"
        raise MissingError(
            f"Apache Spark needs Java {_JAVA} or newer; {java} is version {found}", hint=_JAVA_HINT
        )
