"""The command with a server behind it: a model, a judge, and files of the harness."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bioinstruct.bench.cli.endpoint import usage_error
from bioinstruct.bench.cli.main import _parser, main
from bioinstruct.bench.judge.prompt import CRITERIA
from bioinstruct.bench.models.causal_lm import CausalLM
from tests.bench.running import into_out
from tests.bench.test_endpoint import ModelServer
from tests.openai_server import Json, Server, Settings


class Done(NamedTuple):
    code: int
    out: str
    err: str


Bench = Callable[..., Done]


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("BIOINSTRUCT_DATA", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    def run(*args: object) -> Done:
        with pytest.raises(SystemExit) as caught:
            main(into_out(args))
        assert isinstance(caught.value.code, int)
        return Done(caught.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def folder(model_folder: Callable[[str], Path]) -> str:
    return str(model_folder("llama"))


@pytest.fixture
def server(folder: str) -> Iterator[ModelServer]:
    model = CausalLM.load(folder, device="cpu")
    with ModelServer(model).running() as server:
        assert isinstance(server, ModelServer)
        yield server


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server(Settings(answer=verdict)).running() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def verdict(body: Json, sample: int) -> str:
    if "answer 1" in body["messages"][1]["content"]:
        return json.dumps({"reason": "so", "better": "tie"})
    return json.dumps({"reason": "so", **dict.fromkeys(CRITERIA, 4)})


def rows(done: Done) -> list[dict[str, Any]]:
    assert done.code == 0, done.err
    return [row | {"base_flags": {}} for row in json.loads(done.out)["rows"]]


DEMO = ("--tasks", "demo-qa", "demo-gen", "--limit", "3", "--json")


def test_a_served_model_has_the_scores_that_it_has_here(
    bench: Bench, server: ModelServer, folder: str
) -> None:
    asked = ("--endpoint", server.url, "--model", "m", "--style", "alpaca", *DEMO, "--out", "there")
    there = bench(*asked)
    here = bench("--model", folder, "--no-tune", *DEMO, "--out", "here")
    # The room behind a prompt is not known of a server: nothing is shortened to fit it.
    assert [r["how"] for r in rows(there)] == [r["how"] for r in rows(here)]
    assert [r for r in rows(there) if r["task"] == "demo-qa"] == [
        r for r in rows(here) if r["task"] == "demo-qa"
    ]
    count = len(server.prompts)
    again = bench(*asked)
    assert (again.out, len(server.prompts)) == (there.out, count)
    assert json.loads(there.out)["judge"].startswith("not judged")
    files = {path.name for path in Path("there").iterdir()}
    assert {"report.json", "answers.jsonl", "endpoint.transcript.jsonl"} <= files


def test_a_chat_says_that_its_closed_sets_are_written(bench: Bench, server: ModelServer) -> None:
    server.settings.answer = lambda body, sample: "yes"
    done = bench("--endpoint", server.url, "--model", "m", *DEMO)
    assert {row["how"] for row in rows(done)} == {"generated"}
    assert "gives no likelihoods" in done.err
    assert done.err.split("gives no likelihoods", 1)[1].splitlines()[0].endswith("in demo-qa")
    assert json.loads(done.out)["style"] == "chat"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--endpoint", "http://h/v1"), "needs --model"),
        (("--endpoint", "http://h/v1", "--model", "m", "--adapter", "a"), "--endpoint only scores"),
        (("--model", "m", "--judge", "j"), "needs --budget"),
        (("--model", "m", "--agreement"), "name one with --judge"),
    ],
)
def test_what_does_not_go_together_is_told(
    bench: Bench, arguments: tuple[str, ...], said: str
) -> None:
    done = bench(*arguments)
    assert done.code == 2
    assert said in done.err


def test_a_dead_endpoint_is_one_line_and_a_hint(bench: Bench) -> None:
    done = bench("--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--tasks", "demo-gen")
    assert done.code == 1
    assert "cannot reach http://127.0.0.1:9/v1" in done.err
    assert "hint: check the address, and that the server runs" in done.err
    assert "Traceback" not in done.err


def test_a_wait_for_a_server_is_explained_and_its_answer_taken(
    bench: Bench, server: ModelServer
) -> None:
    server.settings.answer = lambda body, sample: "yes"
    server.settings.script.extend(["hang", "429", "hang", "500"])
    asked = ("--endpoint", server.url, "--model", "m", *DEMO, "--timeout", "0.5")
    done = bench(*asked, "--concurrency", "2")
    assert len(rows(done)) > 1
    notices = [line for line in done.err.splitlines() if line.endswith("retrying such requests")]
    assert sorted(notices) == [
        f"{server.url}: {reason}; retrying such requests"
        for reason in ("http-429", "http-500", "time-out")
    ]


def test_a_server_that_lies_on_the_way_ends_the_run_with_one_error(
    bench: Bench, server: ModelServer
) -> None:
    def spoil(content: Json) -> Json:
        said = content["choices"][0]["logprobs"]
        if len(server.prompts) > 4:  # the first of them asks whether it can
            said["token_logprobs"] = [None, *[0.7] * (len(said["tokens"]) - 1)]
        return content

    server.spoil = spoil
    asked = ("--endpoint", server.url, "--model", "m", "--style", "alpaca", *DEMO)
    done = bench(*asked, "--concurrency", "1")
    assert (done.code, done.out) == (1, "")
    assert "that are none: [0.7" in done.err
    assert len(done.err.splitlines()) == 1


FREE = ("--judge", "j", "--price", "0", "0", "--budget", "1")


def test_a_judge_gives_points_and_says_before_what_it_costs(
    bench: Bench, folder: str, judge: Server
) -> None:
    done = bench("--model", folder, "--no-tune", *DEMO, *FREE)
    report = json.loads(done.out)
    assert done.code == 0
    assert "judging by j: 3 requests" in done.err
    [task] = report["judge"]["tasks"]
    assert (task["task"], task["n"], task["base"]["value"]) == ("demo-gen", 3, 4)
    assert report["judge"]["agreement"] is None
    assert json.loads(Path("out/report.json").read_text(encoding="utf-8")) == report
    table = bench("--model", folder, "--no-tune", *DEMO[:-1], *FREE)
    assert "demo-gen, 3 items: 4.00 (" in table.out
    assert "agreement with people: not measured" in table.out
    assert judge.asked.total() == 3


def test_without_a_key_nothing_is_judged_and_no_score_is_lost(bench: Bench, folder: str) -> None:
    done = bench("--model", folder, "--no-tune", *DEMO, "--judge", "gpt-4o", "--budget", "1")
    report = json.loads(done.out)
    assert done.code == 1
    assert report["judge"] == "not judged: there is no key for the OpenAI API"
    assert len(report["rows"]) > 1


def test_the_agreement_with_people_is_measured_and_reported(
    bench: Bench, folder: str, judge: Server, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIOINSTRUCT_DATA", str(data))
    judge.settings.answer = lambda body, sample: json.dumps(
        {"reason": "so", "clear": 3, "complete": 1 + len(str(body)) % 5, "correct": 2}
    )
    alone = bench(*FREE, "--agreement", "--limit", "8", "--json")
    assert json.loads(alone.out)["n"] == 8
    judge.settings.answer = verdict
    done = bench("--model", folder, "--no-tune", *DEMO[:-1], *FREE)
    assert "agreement with people on 8 summaries" in done.out


def test_a_run_is_compared_with_a_results_file_of_the_harness(bench: Bench, folder: str) -> None:
    results = {"results": {"bioinstruct_demo_qa": {"acc,none": 0.5}}, "n-samples": {}}
    Path("results.json").write_text(json.dumps(results), encoding="utf-8")
    bench("--model", folder, "--no-tune", *DEMO[:-1], "--out", "run1")
    done = bench("compare", "run1", "results.json")
    assert done.code == 0
    cells = next(x for x in done.out.splitlines() if x.startswith("bioinstruct_demo_qa")).split()
    ours, _, apart = (float(cell) for cell in cells[3:])
    assert cells[:3] == ["bioinstruct_demo_qa", "acc", "0.500"]
    assert apart == pytest.approx(ours - 0.5, abs=1e-3)
    results["results"] = {"elsewhere": {"acc,none": 0.5}}
    Path("results.json").write_text(json.dumps(results), encoding="utf-8")
    done = bench("compare", "run1", "results.json")
    assert (done.code, "elsewhere" in done.out, "nothing can be compared" in done.err) == (
        1,
        True,
        True,
    )


def test_tasks_are_exported_and_nothing_else_is_done(bench: Bench) -> None:
    done = bench("export", "lm-eval", "folder", "--tasks", "demo-qa", "demo-gen", "--limit", "3")
    assert done.out.split() == ["bioinstruct_demo_qa", "bioinstruct_demo_gen"]
    assert len(list(Path("folder").glob("*.yaml"))) == 2
    assert not Path("out").exists()


@pytest.mark.parametrize("page", ["endpoints", "judge"])
def test_the_commands_of_the_guides_are_commands(page: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(r"^(?:accelerate .* -m )?bioinstruct[-.]bench (.*)$", text, re.MULTILINE)
    assert found
    for line in found:
        assert usage_error(_parser().parse_args(shlex.split(line))) == ""
