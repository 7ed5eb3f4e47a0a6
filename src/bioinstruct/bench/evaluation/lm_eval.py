"""Export our tasks for lm-evaluation-harness, and compare its results with ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bioinstruct.bench.tasks import Evaluation, Formulation, get_task
from bioinstruct.bench.tasks.formulation import formulation_of
from bioinstruct.errors import BioinstructError, DataError, MissingError
from bioinstruct.files import resolve_gz, write_text
from bioinstruct.json_text import loads
from bioinstruct.prompts import NEXT_EXAMPLE, Style, few_shot_text, split_gap, user_turn
from bioinstruct.schema import Instruction

__all__ = [
    "Peer",
    "Score",
    "compared",
    "counts",
    "export",
    "harness_name",
    "read_results",
    "read_scores",
    "value",
]

PREFIX = "bioinstruct_"
GENERATED = "generated"  # the name of a free-form answer in reports and names of tasks
FUNCTIONS = "bioinstruct_functions"
_SOURCE = '''\
"""Written by `bioinstruct-bench export lm-eval`: how lm-evaluation-harness reads these tasks."""

import json
from pathlib import Path


def data(file, **_):
    from datasets import Dataset

    text = (Path(__file__).parent / file).read_text(encoding="utf-8")
    return {"test": Dataset.from_list([json.loads(line) for line in text.splitlines()])}


def counts(doc, results):
    from bioinstruct.bench.evaluation.lm_eval import counts

    return counts(doc, results[0])


def value(items):
    from bioinstruct.bench.evaluation.lm_eval import value

    return value(items)
'''


def export(
    evaluations: Sequence[Evaluation], folder: Path, *, style: Style = Style.ALPACA
) -> list[str]:
    """Write each task as YAML and JSON Lines; return the names that lm-evaluation-harness knows.

    Closed sets are scored there by `acc`, without this package; written answers by this package's
    own metrics. In the style `chat` the texts are the user's turns, for `--apply_chat_template`.
    There is no `acc_norm`: the harness counts a line break at the end of a prompt to the answer.

    Raises:
        BioinstructError: worked examples are asked for in the style `chat`, two tasks would have
            the same name, or a task of the user's own has written answers.
    """
    names: list[str] = []
    for evaluation in evaluations:
        task = evaluation.task
        if evaluation.shots and style is Style.CHAT:
            hint = "use --style alpaca, or leave --shots out and give --num_fewshot there"
            raise BioinstructError("worked examples cannot be exported as turns", hint=hint)
        if not (task.corpus or evaluation.closed):
            hint = "give it choices, which the harness scores itself"
            raise BioinstructError(
                f"the harness would not find {task.name}, which is not of this package", hint=hint
            )
        name = _name(evaluation)
        if name in names:
            raise BioinstructError(f"two tasks would be {name}", hint="export them one by one")
        rows = [_document(evaluation, example, style) for example in evaluation.examples]
        lines = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
        write_text(folder / f"{name}.jsonl", lines)
        write_text(folder / f"{name}.yaml", _yaml(name, evaluation))
        names.append(name)
    write_text(folder / f"{FUNCTIONS}.py", _SOURCE)
    return names


def counts(document: Mapping[str, Any], text: str) -> dict[str, tuple[str, str, list[float]]]:
    """Return what one generated answer contributes to each metric; called by the harness."""
    formulation = formulation_of(document["form"])
    evaluation = Evaluation(get_task(document["task"]), formulation=formulation)
    task = evaluation.task
    example = Instruction.model_validate_json(document["record"])
    gold, found = evaluation.parse(example.output, example), evaluation.read(text, example)
    return {
        harness_name(metric.name): (
            task.name,
            metric.name,
            [
                float(n)
                for n in metric.counts(
                    [example.output if metric.of_texts else gold],
                    [text if metric.of_texts else found],
                )[0]
            ],
        )
        for metric in task.metrics
    }


def value(items: Sequence[tuple[str, str, list[float]]]) -> float:
    """Compute a metric over all items from the results of `counts`; called by the harness."""
    task, name, _ = items[0]
    metric = next(metric for metric in get_task(task).metrics if metric.name == name)
    return float(metric.value(np.array([each for _, _, each in items]).sum(axis=0)))


@dataclass(frozen=True, slots=True)
class Peer:
    """A number in a results file of lm-evaluation-harness."""

    task: str
    metric: str
    """As it is named there, with the filter where that is not `none`."""
    n: int | None
    value: float
    stderr: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """A score of a run of ours."""

    task: str
    how: str
    """How the model's answers were read, as in the report."""
    metric: str
    n: int
    """Items."""
    value: float


def read_scores(path: Path, system: str = "") -> list[Score]:
    """Read the scores of a run's report.

    Args:
        path: of report.json.
        system: `base` or `tuned`; by default the tuned model where there is one.

    Raises:
        MissingError: there is no such file.
        DataError: it is not the report of a run.
        BioinstructError: the run has no scores of that system.
    """
    if not path.is_file():
        raise MissingError(
            f"no {path.name} in {path.parent}", hint="name the --out folder of a run"
        )
    try:
        rows = loads(path.read_text(encoding="utf-8"))["rows"]
        system = system or ("tuned" if any(row["tuned"] for row in rows) else "base")
        scores = [
            Score(row["task"], row["how"], row["metric"], row["n"], float(row[system]["value"]))
            for row in rows
            if row[system]
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"not the report of a run ({type(error).__name__}: {error})", path=path
        ) from error
    if not scores:
        raise BioinstructError(f"{path} has no scores of a model named {system!r}")
    return scores


def read_results(path: Path) -> list[Peer]:
    """Read the scores of a results file.

    Raises:
        MissingError: there is no such file.
        DataError: it is not a results file of lm-evaluation-harness.
    """
    try:
        content = loads(resolve_gz(path).read_text(encoding="utf-8"))
        results, sizes = content["results"], content.get("n-samples", {})
        return [
            peer
            for task, found in results.items()
            for peer in _numbers(task, found, sizes.get(task, {}))
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"not a results file of lm-evaluation-harness ({type(error).__name__}: {error})",
            path=path,
            hint="give the results_*.json that `lm_eval --output_path` wrote",
        ) from error


def compared(peers: Sequence[Peer], scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Pair each score with ours of the same task and metric, if there is one.

    Tasks are the same where the harness ran what `export` wrote; others stand alone, since the
    same name elsewhere usually has another prompt.
    """
    return [_compared(peer, scores) for peer in peers]


def _compared(peer: Peer, scores: Sequence[Score]) -> dict[str, Any]:
    ours = next((score for score in scores if _same(peer, score)), None)
    return {
        "task": peer.task,
        "metric": peer.metric,
        "n": peer.n,
        "lm-eval": peer.value,
        "stderr": peer.stderr,
        "ours": ours.value if ours else None,
        "ours_n": ours.n if ours else None,
        "difference": ours.value - peer.value if ours else None,
    }


def _same(peer: Peer, score: Score) -> bool:
    written = score.how == GENERATED
    form = score.how if score.how == Formulation.CLOZE else ""
    names = {_named(score.task, form)} | ({_named(score.task, score.how)} if written else set())
    theirs = harness_name(score.metric) if written else score.metric
    metric = peer.metric if written else {"acc": "accuracy"}.get(peer.metric)
    return peer.task in names and metric == theirs and "per character" not in score.how


def _numbers(task: str, found: Mapping[str, Any], size: Mapping[str, Any]) -> Iterator[Peer]:
    for key, number in found.items():
        metric, _, filter = key.partition(",")
        if metric.endswith("_stderr") or not isinstance(number, int | float) or not filter:
            continue
        stderr = found.get(f"{metric}_stderr,{filter}")
        name = metric if filter == "none" else f"{metric}, {filter}"
        known = float(stderr) if isinstance(stderr, int | float) else None
        yield Peer(task, name, size.get("effective"), float(number), known)


def harness_name(metric: str) -> str:
    """Return the name of a metric for the harness, which splits its keys at commas."""
    name, _, more = metric.partition(", ")
    return f"{name} ({more})" if more else name


def _name(evaluation: Evaluation) -> str:
    return _named(evaluation.name, evaluation.form)


def _named(task: str, form: str) -> str:
    name = PREFIX + task.replace("-", "_")
    return f"{name}_{form}" if form in {Formulation.CLOZE, GENERATED} else name


def _document(evaluation: Evaluation, example: Instruction, style: Style) -> dict[str, Any]:
    """Return one line of data: the prompt of this package, and what is needed to score it."""
    shown = evaluation.shown(example)
    if style is Style.CHAT:
        prompt = user_turn(shown)
    else:
        shots = [evaluation.shown(shot) for shot in evaluation.shots]
        prompt = few_shot_text(shown, shots, style)
    document: dict[str, Any] = {"id": example.id, "prompt": prompt}
    options = evaluation.options(example)
    if options:
        read = [evaluation.parse(option, example) for option in options]
        gold = read.index(evaluation.parse(example.output, example))
        return document | {"choices": list(options), "gold": gold}
    document["prompt"] = split_gap(prompt)[0]  # for likelihoods the harness does so by itself
    record = example.model_dump_json()
    form = evaluation.formulation.value
    return document | {"task": evaluation.name, "form": form, "record": record}


def _yaml(name: str, evaluation: Evaluation) -> str:
    """Write YAML as JSON, except for the names of functions."""
    head: dict[str, Any] = {
        "task": name,
        "tag": PREFIX.rstrip("_"),
        "custom_dataset": f"!function {FUNCTIONS}.data",
        "dataset_kwargs": {"file": f"{name}.jsonl"},
        "test_split": "test",
        "doc_to_text": "{{prompt}}",
        "target_delimiter": "",
    }
    body = _choices() if evaluation.closed else _written(evaluation)
    lines = [f"# {evaluation.task.description}"]
    for key, said in (head | body | {"metadata": {"version": 1}}).items():
        raw = isinstance(said, str) and said.startswith("!function")
        lines.append(f"{key}: {said if raw else json.dumps(said)}")
    if not evaluation.closed:
        lines += ["metric_list:"]
        for metric in get_task(evaluation.name).metrics:  # those that `counts` finds there
            lines.append(f"  - metric: {json.dumps(harness_name(metric.name))}")
            lines.append(f"    aggregation: !function {FUNCTIONS}.value")
            lines.append("    higher_is_better: true")
    return "\n".join(lines) + "\n"


def _choices() -> dict[str, Any]:
    return {
        "output_type": "multiple_choice",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{gold}}",
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    }


def _written(evaluation: Evaluation) -> dict[str, Any]:
    stop = [*evaluation.stop, *(NEXT_EXAMPLE if evaluation.shots else ())]
    return {
        "output_type": "generate_until",
        "doc_to_target": "",
        "process_results": f"!function {FUNCTIONS}.counts",
        "generation_kwargs": {
            "until": stop,
            "do_sample": False,
            "max_gen_toks": evaluation.task.max_new_tokens,
        },
    }
