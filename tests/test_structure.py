"""The architecture, as a list: a module imports from lower levels only."""

from __future__ import annotations

import ast
import subprocess
import sys
from inspect import ismodule
from pathlib import Path

import pytest

import bioinstruct

SOURCE = Path(bioinstruct.__file__).parent

LEVELS = [
    {"errors", "text"},
    {
        "balance",
        "files",
        "hub",
        "schema",
        "terminal",
        "bench.devices",
        "bench.recipe",
    },
    {"bench.shards"},
    {"client", "jsonl", "prompts", "statistics", "corpora", "bench.loading"},
    {"bench.saving", "filters", "bench.metrics"},
    {
        "seeds",
        "card",
        "compile",
        "fetch",
        "mixture",
        "load",
        "tokens",
        "bench.task",
        "bench.attention",
        "bench.decoder",
        "bench.encode",
        "bench.rows",
        "bench.answers",
    },
    {"bench.likelihood", "bench.plain"},
    {"bench.decoding", "bench.pairs"},
    {"bench.forms", "bench.examples"},
    {"doctor", "generation", "mixing", "publish", "bench.tasks", "bench.model", "bench.compare"},
    {"bench.suites", "bench.task_file", "bench.endpoint", "bench.judge_prompt", "bench.agreement"},
    {"analysis", "exports", "labels", "bench.judge"},
    {"bench.score", "bench.adapter", "bench.answer_loss", "bench.layout"},
    {"bench.checkpoint"},
    {"bench.steps", "bench.encoder"},
    {"bench.plan", "bench.tune"},
    {"bench.report", "bench.track"},
    {"bench.cards", "bench.summary"},
    {"bench.run", "bench.export_lm_eval"},
    {"bench.encoder_run"},
    {"bench.choosing", "bench.local", "bench.reaching"},
    {"commands", "bench.cli"},
    {"cli", "bench.__main__"},
]
PACKAGES = {
    *("analysis", "bench.metrics", "bench.tasks", "client", "commands", "corpora", "filters"),
    *("generation", "labels"),
}


def module_of(path: Path) -> str:
    """Name under `bioinstruct`; a whole package where that is one thing to the others."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    for size in (1, 2):
        if ".".join(parts[:size]) in PACKAGES:
            return ".".join(parts[:size])
    return ".".join(part for part in parts if part != "__init__")


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    known = set().union(*LEVELS)
    ours = {name.removeprefix("bioinstruct.") for name in found if name.startswith("bioinstruct.")}
    return {module for name in ours for module in known if f"{name}.".startswith(f"{module}.")}


FILES = {path: module_of(path) for path in sorted(SOURCE.rglob("*.py"))}


def test_every_module_has_a_level() -> None:
    assert {m for m in FILES.values() if m not in {"", "bench"}} == set().union(*LEVELS)


def test_modules_import_only_from_lower_levels() -> None:
    level = {module: n for n, modules in enumerate(LEVELS) for module in modules}
    upward = {
        f"{module} imports {imported}"
        for path, module in FILES.items()
        if module in level
        for imported in imports(path)
        if imported != module and level[imported] >= level[module]
    }
    assert upward == set()


def test_all_lists_every_public_name() -> None:
    public = {
        name
        for name, value in vars(bioinstruct).items()
        if not name.startswith("_") and not ismodule(value)
    }
    assert sorted([*public, "__version__"]) == bioinstruct.__all__


@pytest.mark.parametrize("path", [p for p, m in FILES.items() if m], ids=lambda p: p.stem)
def test_a_module_says_what_it_exports(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    names = [
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    if path.name not in {"cli.py", "__init__.py"} and path.parent.name != "tasks":
        assert "__all__" in names


def test_functions_and_modules_stay_small() -> None:
    long = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long.append(path.name)
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    long.append(f"{path.name}:{node.lineno} {node.name} has {lines} lines")
    assert long == []


HEAVY = [
    "torch",
    "transformers",
    "peft",
    "datasets",
    "huggingface_hub",
    "openai",
    "tiktoken",
    "pyarrow",
    "pandas",
    "httpx2",
    "rouge_score",
    "matplotlib",
    "spacy",
    "sklearn",
]


@pytest.mark.parametrize(
    "statement",
    [
        "import bioinstruct",
        "import bioinstruct.bench",
        "from bioinstruct.cli.main import main; main(['--help'])",
        "from bioinstruct.cli.main import main; main(['seeds'])",
        "from bioinstruct.bench.cli.main import main; main(['--help'])",
        "from bioinstruct.bench.cli.main import main; main(['--list'])",
    ],
)
def test_light_commands_load_nothing_heavy(statement: str) -> None:
    code = f"""
import sys
try:
    {statement}
except SystemExit:
    pass
print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().splitlines()[-1] == "[]"
