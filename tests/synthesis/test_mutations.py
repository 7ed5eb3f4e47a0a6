"""A change of any constant of a formula or unit is found by the second implementation."""

from __future__ import annotations

import ast
import dataclasses
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bioinstruct.synthesis import extraction, formula, genetics, histories, writing
from bioinstruct.synthesis.catalogue import KINDS, MODULES
from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.items import items
from bioinstruct.synthesis.kinds import Kind
from bioinstruct.synthesis.second import ANSWERS

DRAWN = (genetics, histories, extraction, writing)  # most of their numbers only choose a case
FORMULAS = [module for module in MODULES if module not in DRAWN]
MOST = 3000  # records of a kind that are made until a mutation is found


def tree_of(module: ModuleType) -> ast.Module:
    return ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))


def constants(tree: ast.Module) -> list[tuple[ast.Constant, str]]:
    """The numbers of functions (not of their decorators) and of the module, with their owner."""
    found = []
    for node in tree.body:
        parts = node.body if isinstance(node, ast.FunctionDef) else [node]
        if isinstance(node, ast.FunctionDef | ast.Assign):
            found += [
                (one, getattr(node, "name", ""))
                for part in parts
                for one in ast.walk(part)
                if isinstance(one, ast.Constant) and type(one.value) in {int, float}
            ]
    return found


def kinds_in(tree: ast.Module, module: ModuleType) -> dict[str, Kind]:
    space: dict[str, Any] = {"__name__": "mutated", "__file__": module.__file__}
    exec(compile(tree, str(module.__file__), "exec"), space)
    return {name: value for name, value in space.items() if isinstance(value, Kind)}


def found(kinds: list[Kind]) -> bool:
    """Whether a record of one of the kinds shows that something is wrong with it."""
    for number in range(MOST):
        for kind in kinds:
            try:
                made = kind.make(Draw(f"{kind.name}/{number}"), "train")
                if ANSWERS[kind.name](made.instruction, made.input) != made.output:
                    return True
            except (ArithmeticError, ValueError, IndexError):
                return True
    return False


@pytest.mark.parametrize("module", FORMULAS, ids=lambda module: module.__name__.split(".")[-1])
def test_every_changed_constant_of_a_formula_is_found(module: ModuleType) -> None:
    missed = []
    for place, (constant, owner) in enumerate(constants(tree_of(module))):
        tree = tree_of(module)
        same = constants(tree)[place][0]
        value = constant.value
        assert isinstance(value, int | float)
        same.value = value + 1 if isinstance(value, int) else value * 1.05
        kinds = kinds_in(tree, module)
        if not found([kinds[owner]] if owner in kinds else list(kinds.values())):
            missed.append((owner, constant.lineno, value))
    assert missed == []


def test_every_changed_unit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    missed = []
    for name, item in items().items():
        for place, unit in enumerate(item.units):
            if unit.factor == 1:
                continue
            changed = dataclasses.replace(unit, factor=unit.factor * Fraction("1.05"))
            units = (*item.units[:place], changed, *item.units[place + 1 :])
            known = {**items(), name: dataclasses.replace(item, units=units)}
            monkeypatch.setattr(formula, "items", lambda known=known: known)
            users = [
                made
                for module in FORMULAS
                if f"{name}:" in Path(str(module.__file__)).read_text(encoding="utf-8")
                for made in kinds_in(tree_of(module), module).items()
            ]
            kinds = [kind for _, kind in users]
            if kinds and not found(kinds):
                missed.append((name, unit.text))
    assert missed == []


@pytest.mark.parametrize(
    ("table", "kinds"),
    [
        (genetics._PAIRS, ["dna-complement"]),
        (genetics._ACID, ["translation"]),
        (genetics._LONG, ["hgvs-protein"]),
        (genetics._AUTOSOMAL, ["inheritance"]),
        (writing._ROUTES, ["prescription-in-words"]),
        (writing._FREQUENCIES, ["prescription-in-words"]),
    ],
    ids=["pairs", "codons", "amino acids", "copies", "routes", "frequencies"],
)
def test_every_changed_entry_of_a_table_is_found(
    table: dict[Any, Any], kinds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    missed = []
    for key, value in table.items():
        other = next(one for one in table.values() if one != value)
        with monkeypatch.context() as patch:
            patch.setitem(table, key, other)
            if not found([KINDS[name] for name in kinds]):
                missed.append(key)
    assert missed == []
