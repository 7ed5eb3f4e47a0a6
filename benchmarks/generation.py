"""A full-size generation against a local server, beside a plain loop and a peer.

    python -m benchmarks.generation --peer-python /path/to/venv/bin/python

All contenders ask the same number of requests, with the same prompts, of the same server, which
is a process of its own. Ours is the command itself: it also keeps the transcript, parses, filters
and writes the dataset. The plain loop is asyncio and the official package, and keeps the texts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results") / "generation.json"
MODEL = "gpt-4"
COMMAND = Path(sys.executable).with_name("bioinstruct")


@dataclass
class Measured:
    """One process from its start to its end."""

    requests: int
    wall: float
    cpu: float
    peak_mib: float
    mib_at: list[float]
    """Resident memory when a tenth, two tenths … of the requests were answered."""
    server_cpu: float

    @property
    def requests_per_second(self) -> float:
        return self.requests / self.wall


@contextmanager
def serving(latency: float) -> Iterator[tuple[str, int]]:
    """The server of the tests, in a process of its own: its address and process."""
    command = [sys.executable, "-m", "tests.openai_server", "--latency", str(latency)]
    command += ["--answer", "tests.generation.teacher:answer"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process.stdout.readline().strip(), process.pid
    finally:
        process.terminate()
        process.wait()


def stats(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/stats") as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def measure(command: list[str], *, latency: float, log: Path, online: bool = True) -> Measured:
    """Run a command against a server of its own, or without one."""
    import psutil

    with serving(latency) as (url, server):
        url = url if online else "http://127.0.0.1:9/v1"
        environment = os.environ | {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
        environment |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        began = time.monotonic()
        with log.open("w", encoding="utf-8") as err:
            process = subprocess.Popen(command, env=environment, stdout=err, stderr=err)
            memory = []
            while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
                memory.append(psutil.Process(process.pid).memory_info().rss / 2**20)
                time.sleep(0.1)
        wall = time.monotonic() - began
        times = psutil.Process(server).cpu_times()
        asked = stats(url)["answered"] if online else 0
    process.returncode = os.waitstatus_to_exitcode(ended[1])
    if process.returncode != 0:
        raise SystemExit(f"{command}\n{log.read_text(encoding='utf-8')}")
    usage = ended[2]
    steps = [memory[len(memory) * tenth // 10] for tenth in range(1, 10)] if memory else []
    return Measured(
        requests=asked,
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        mib_at=[round(mib, 1) for mib in steps],
        server_cpu=times.user + times.system,
    )


def ours(records: int, folder: Path, concurrency: int) -> list[str]:
    out = folder / "made.jsonl"
    for path in folder.glob("made.*"):
        path.unlink()
    arguments = ["--model", MODEL, "--count", str(records), "--license", "CC-BY-4.0"]
    arguments += ["--out", str(out), "--concurrency", str(concurrency)]
    return [str(COMMAND), "generate", *arguments]


def write_prompts(path: Path, requests: int) -> None:
    """The requests that our run made, for the others."""
    from bioinstruct.generation.prompt import Plan, prompt
    from bioinstruct.llm.openai import body_of
    from bioinstruct.seeds import load_seeds

    plan = Plan(model=MODEL, seeds=load_seeds())
    with path.open("w", encoding="utf-8") as file:
        for number in range(requests):
            body = body_of(prompt(plan, number).request, max_name="max_tokens")
            file.write(json.dumps(body) + "\n")


async def plain(path: Path, concurrency: int) -> list[str | None]:
    """What one would write in ten minutes."""
    from openai import AsyncOpenAI

    texts: list[str | None] = []
    with path.open(encoding="utf-8") as file:
        async with AsyncOpenAI(max_retries=0) as client:

            async def work() -> None:
                for line in file:
                    answer = await client.chat.completions.create(**json.loads(line))
                    texts.append(answer.choices[0].message.content)

            await asyncio.gather(*(work() for _ in range(concurrency)))
    return texts


@dataclass
class Round:
    """The three contenders, one after the other."""

    name: str
    records: int
    concurrency: int
    latency: float
    load_before: float
    bioinstruct: Measured
    replay: Measured
    """Ours again without a server: start, parse, filter and write, from the transcript."""
    plain: Measured
    peer: Measured | None


def compare(name: str, records: int, options: argparse.Namespace, *, latency: float) -> Round:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as where:
        folder = Path(where)
        log = folder / "log"
        command = ours(records, folder, options.concurrency)
        mine = measure(command, latency=latency, log=log)
        made = (folder / "made.jsonl").read_bytes()
        assert made.count(b"\n") == records
        replay = measure([*command, "--replay"], latency=0, log=log, online=False)
        replay.requests = mine.requests
        assert (folder / "made.jsonl").read_bytes() == made
        prompts = folder / "prompts.jsonl"
        write_prompts(prompts, mine.requests)
        arguments = [str(prompts), str(options.concurrency)]
        here = [sys.executable, "-m", "benchmarks.generation", "--plain", *arguments]
        loop = measure(here, latency=latency, log=log)
        peer = None
        if options.peer_python:
            there = [options.peer_python, str(Path(__file__).with_name("generation_peer.py"))]
            peer = measure([*there, *arguments], latency=latency, log=log)
    return Round(name, records, options.concurrency, latency, load, mine, replay, loop, peer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=25_005)
    parser.add_argument("--small", type=int, default=4_000, help="records without latency")
    parser.add_argument("--repeats", type=int, default=3, help="of the small rounds")
    parser.add_argument("--latency", type=float, default=1.0)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--peer-python", help="of an environment with bespokelabs-curator")
    parser.add_argument("--plain", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        texts = asyncio.run(plain(Path(options.plain[0]), int(options.plain[1])))
        print(sum(bool(text) for text in texts))
        return
    rounds = [
        compare("no latency", options.small, options, latency=0) for _ in range(options.repeats)
    ]
    rounds.append(compare("full size", options.records, options, latency=options.latency))
    packages = ("bioinstruct", "openai", "pydantic", "numpy")
    report = {
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "peer": peer_version(options.peer_python),
        "rounds": [asdict(one) for one in rounds],
    }
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    render(report)
    print("\n".join(table(report)))


def peer_version(python: str | None) -> str:
    if not python:
        return ""
    code = "from importlib.metadata import version as v; "
    code += "print('bespokelabs-curator', v('bespokelabs-curator'))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


NAMES = {
    "bioinstruct": "bioinstruct: transcript, parse, filter, dataset",
    "plain": "plain loop: the texts in a list",
    "peer": "bespokelabs-curator: the texts in a dataset",
    "replay": "bioinstruct --replay: parse, filter, dataset alone",
}


def table(report: dict[str, Any]) -> Iterator[str]:
    """The tables of `README.md`."""
    for one in report["rounds"]:
        yield (
            f"**{one['records']:,} records, {one['latency']:g} s a request**, "
            f"{one['concurrency']} at once, load of the machine before {one['load_before']:.1f}:"
        )
        yield ""
        yield "| | requests | wall | CPU | CPU a request | peak memory |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: |"
        for name, title in NAMES.items():
            if m := one[name]:
                cells = (
                    f"{m['requests']:,}",
                    f"{m['wall']:.1f} s",
                    f"{m['cpu']:.1f} s",
                    f"{1000 * m['cpu'] / m['requests']:.2f} ms",
                    f"{m['peak_mib']:.0f} MiB",
                )
                yield f"| {title} | {' | '.join(cells)} |"
        yield ""


def render(report: dict[str, Any]) -> None:
    """Put the tables where `README.md` has their place."""
    path = Path(__file__).with_name("README.md")
    begin, end = "<!-- generation: rendered -->\n\n", "<!-- end of generation -->"
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    text = "\n".join(table(report))
    path.write_text(f"{before}{begin}{text}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
