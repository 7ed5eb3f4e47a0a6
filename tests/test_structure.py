"""The architecture, as a list: a module imports from lower levels only."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import bioinstruct

SOURCE = Path(bioinstruct.__file__).parent

LEVELS = [
    {"json_text"},
    {"answer_text", "errors", "lazy", "markup", "progress", "redaction", "tables", "text"},
    {"licenses", "tokens"},
    {"schema"},
    {"checksums", "console", "files", "parquet", "prompts"},
    {"journal", "rejection"},
    {"llm"},
    {"jsonl", "corpora", "filters", "labels"},
    {"seeds", "dataset", "doctor"},
    {"records", "synthesis"},
    {"analysis", "generation"},
    {"bench.models"},
    {"bench.metrics", "bench.training"},
    {"bench.judge", "bench.tasks"},
    {"bench.baselines"},
    {"bench.evaluation", "mixtures"},
    {"bench.report"},
    {"bench.experiment", "bench.results"},
    {"bench.api", "bench.encoders"},
    {"bench.ablation"},
    {"api", "cli"},
    {"bench.cli"},
    {"bench.__main__"},
]

MODELS = [
    {
        "attention",
        "capabilities",
        "checks",
        "distributed",
        "fingerprint",
        "plain_text",
        "precision",
        "token_tree",
    },
    {"fsdp", "tokenization"},
    {"base", "thinking"},
    {"constant", "endpoint", "forward", "loading"},
    {"adapter", "hf_generate", "loglikelihood"},
    {"generation"},
    {"causal_lm"},
    {"teacher"},
]
"""The files of bench/models, the only package whose inside has levels of its own."""


def module_of(path: Path) -> str:
    """Return the package or module of a file, as the levels name it."""
    parts = [p for p in path.relative_to(SOURCE).with_suffix("").parts if p != "__init__"]
    return ".".join(parts[: 2 if parts[:1] == ["bench"] else 1])


def imports(path: Path) -> set[str]:
    """Return the packages and modules of ours that a file imports, wherever in the file."""
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


def test_the_files_of_the_models_import_only_from_lower_levels() -> None:
    level = {name: n for n, names in enumerate(MODELS) for name in names}
    files = {path.stem: path for path in (SOURCE / "bench" / "models").glob("*.py")}
    assert files.keys() - {"__init__"} == level.keys()
    upward = {
        f"{name} imports {imported}"
        for name in level
        for node in ast.walk(ast.parse(files[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
        for imported in [node.module.removeprefix("bioinstruct.bench.models.")]
        if imported in level and level[imported] >= level[name]
    }
    assert upward == set()


@pytest.mark.parametrize("package", ["bioinstruct", "bioinstruct.bench"])
def test_all_lists_every_public_name(package: str) -> None:
    module = importlib.import_module(package)
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        (alias.name, node.module)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    lazy = {(name, home) for home, names in module._HOMES.items() for name in names}
    assert {pair for pair in typed if pair[0] in module.__all__} == lazy
    assert sorted({name for name, _ in lazy} | {"__version__"} & vars(module).keys()) == sorted(
        module.__all__
    )


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
    "scipy",
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
        "from bioinstruct.bench.cli.main import main; main(['compare', '--help'])",
        "from bioinstruct.bench.cli.main import main; main(['export', '--help'])",
        "from bioinstruct.bench.cli.main import main; main(['report', '--help'])",
        "from bioinstruct.bench.cli.main import main; main(['verify', '--help'])",
        "from bioinstruct.bench.cli.main import main; main(['ablate', '--help'])",
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


def test_no_command_that_handles_data_loads_torch_or_transformers(tmp_path: Path) -> None:
    from bioinstruct.cli.main import COMMANDS

    typed = {
        "seeds": "seeds",
        "generate": "generate --model m --count 1 --dry-run",
        "synthesize": "synthesize --count 5 --out y.jsonl",
        "compile": "compile demo --limit 5 --out c.jsonl",
        "import_records": "import c.jsonl --out i.jsonl",
        "filter": "filter c.jsonl --rules all --against demo-qa --out f.jsonl",
        "label": "label c.jsonl --out l.jsonl",
        "publish": "publish c.jsonl --out p",
        "export": "export c.jsonl --to chat --out e.jsonl",
        "show": "show c.jsonl",
        "cost": "cost --help",
        "stats": "stats c.jsonl",
    }
    # `doctor` describes the device, which only torch can.
    assert {command.__name__.split(".")[-1] for command in COMMANDS} - {"doctor"} == typed.keys()
    code = f"""
import sys
from bioinstruct.cli.main import main
for line in {list(typed.values())!r}:
    try:
        main(line.split())
    except SystemExit as done:
        assert not done.code, line
    found = [name for name in ("torch", "transformers", "peft") if name in sys.modules]
    assert not found, (line, found)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
