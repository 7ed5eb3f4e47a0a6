"""A standalone Spark cluster on the loopback: one master, and workers that can be killed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PATIENCE = 90  # seconds for a process to be ready
LIFE = 1800  # seconds after which a process ends by itself, should the test be killed


class Cluster:
    """The processes of a cluster, and what the master wrote."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "master.log"
        self._processes: list[subprocess.Popen[bytes]] = []
        name = "org.apache.spark.deploy.master.Master"
        self._start(name, "--host", "127.0.0.1", "--port", "0", "--webui-port", "0", log=self._log)
        self.address = self.wait_for(r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")

    def add_worker(self, number: int) -> None:
        """A worker with one core, registered with the master."""
        folder, log = self._folder / f"worker{number}", self._folder / f"worker{number}.log"
        options = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0", "--cores", "1"]
        options += ["--memory", "2g", "--work-dir", str(folder)]
        self._start("org.apache.spark.deploy.worker.Worker", *options, self.address, log=log)
        self.wait_for(r"(Registering worker)", times=number)

    def kill_worker(self, number: int) -> None:
        """SIGKILL to the worker and the executor that it started."""
        os.killpg(self._processes[number].pid, signal.SIGKILL)
        assert self._processes[number].wait(PATIENCE) != 0

    def wait_for(self, pattern: str, *, times: int = 1) -> str:
        """What the pattern finds in the master's log, once it is there that often."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = re.findall(pattern, self._log.read_text(encoding="utf-8", errors="replace"))
            if len(found) >= times:
                return str(found[-1])
            time.sleep(0.1)
        raise AssertionError(f"no {pattern!r} in\n{self._log.read_text(encoding='utf-8')}")

    def stop(self) -> None:
        """End everything that was started, and what that started."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self._processes:
            process.wait(PATIENCE)

    def _start(self, name: str, *options: str, log: Path) -> None:
        import pyspark

        home = Path(pyspark.__file__).parent
        command = [str(home / "bin" / "spark-class"), name, *options]
        if timeout := shutil.which("timeout"):
            command = [timeout, "--signal=KILL", str(LIFE), *command]
        own = {"SPARK_HOME": str(home), "SPARK_DAEMON_MEMORY": "512m"}
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                env=os.environ | own,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)


@contextlib.contextmanager
def running_cluster(folder: Path, *, workers: int) -> Iterator[Cluster]:
    """A cluster with these workers, and nothing left of it afterwards."""
    before = {name: os.environ.get(name) for name in ("SPARK_LOCAL_IP", "PYSPARK_PYTHON")}
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    cluster = None
    try:
        cluster = Cluster(folder)
        for number in range(1, workers + 1):
            cluster.add_worker(number)
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
