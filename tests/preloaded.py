"""Run the project's commands in processes that have imported the libraries already.

Starting `bioinstruct-bench` takes seconds, nearly all of them in importing torch and transformers,
and the pages of docs/ start it dozens of times. `Preloaded` starts one server that imports them
once. `bioinstruct`, `bioinstruct-bench` and `python -c` in `Preloaded.path` ask the server to fork
a child, which takes over their arguments, environment, working directory and the three standard
streams. What a command imports is tested elsewhere, with processes of their own.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import importlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

COMMANDS = {
    "bioinstruct": ("bioinstruct.cli.main", "main"),
    "bioinstruct-bench": ("bioinstruct.bench.cli.main", "main"),
}
HEAVY = (
    "datasets",
    "peft",
    "sklearn.linear_model",
    "sklearn.feature_extraction.text",
    "transformers.models.llama.modeling_llama",
    "bioinstruct.bench",
    "bioinstruct.bench.evaluation.report",
    "bioinstruct.bench.models.causal_lm",
    "bioinstruct.bench.training.trainer",
)

_SHIM = """#!{python} -IS
import array, json, os, socket, sys
asked = json.dumps([{name!r}, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
streams = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))
server.sendmsg([b"%12d" % len(asked)], [streams])
server.sendall(asked)
code = server.recv(1)
sys.exit(code[0] if code else 137)
"""


class Preloaded:
    """A server of preloaded processes, with commands that ask it, in a folder of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.path = folder
        address = str(folder / "server")
        for name in (*COMMANDS, "python"):
            shim = folder / name
            shim.write_text(_SHIM.format(python=sys.executable, name=name, address=address))
            shim.chmod(0o755)
        self._server = subprocess.Popen(
            [sys.executable, __file__, address], env=environment, stdout=subprocess.PIPE
        )
        assert self._server.stdout
        assert self._server.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        """Stop the server; the processes that it made have ended with their commands."""
        self._server.kill()
        self._server.communicate()


def serve(address: str) -> NoReturn:
    """Fork a child for each connection."""
    for name in (*HEAVY, *(module for module, _ in COMMANDS.values())):
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    print("ready", flush=True)
    while True:
        asking, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_answer(asking))
        asking.close()


def _answer(asking: socket.socket) -> int:
    streams = array.array("i")
    size, rights, _, _ = asking.recvmsg(12, socket.CMSG_LEN(3 * streams.itemsize))
    streams.frombytes(rights[0][2][: 3 * streams.itemsize])
    with asking.makefile("rb") as file:
        name, arguments, folder, environment = json.loads(file.read(int(size)))
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8")
    errors = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(errors, "utf-8", line_buffering=True)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    code = _code(name, arguments)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    asking.send(bytes([code]))
    return code


def _code(name: str, arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    try:
        if name == "python":
            return _python(arguments)
        module, function = COMMANDS[name]
        sys.argv = [name, *arguments]
        returned = getattr(importlib.import_module(module), function)()
    except SystemExit as stop:
        returned = stop.code
    except BaseException:
        traceback.print_exc()
        return 1
    if isinstance(returned, str):
        print(returned, file=sys.stderr)
    return returned if isinstance(returned, int) else int(returned is not None)


def _python(arguments: list[str]) -> int:
    flag, source, *rest = arguments
    assert flag == "-c", arguments
    main: Any = type(sys)("__main__")
    sys.modules["__main__"] = main
    sys.argv = ["-c", *rest]
    more = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:0] = ["", *more]
    exec(compile(source, "<string>", "exec"), main.__dict__)
    return 0


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of the tests
    serve(sys.argv[1])
