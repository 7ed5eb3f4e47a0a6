"""Settings of tuning: load a recipe by name or from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bioinstruct.errors import BioinstructError, DataError, MissingError, UnknownNameError
from bioinstruct.schema import explain

__all__ = [
    "RECIPES",
    "Recipe",
    "differences",
    "load_recipe",
    "load_settings",
    "parse_changes",
]

Settings = TypeVar("Settings", bound=BaseModel)

_DEEPEST = 8
RECIPES = Path(__file__).parents[2] / "data" / "recipes"


class Recipe(BaseModel):
    """Settings of tuning; the shipped recipes are TOML files with these fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    style: Literal["auto", "alpaca", "medtuned", "chat"] = "auto"
    """Prompt style; `auto` is the model's chat template where there is one, else Alpaca's. Another
    one that is named on the command line counts."""
    rank: int = Field(16, ge=1)
    """Rank of the adapter's matrices."""
    alpha: float = Field(32, gt=0)
    """LoRA's scale: the adapter's output is multiplied by alpha / rank."""
    dropout: float = Field(0.0, ge=0, lt=1)
    targets: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    """Layers with an adapter: every linear one but head and routers, or names such as q_proj."""
    variant: Literal["lora", "rslora", "dora", "pissa"] = "lora"
    """rslora: scale alpha / sqrt(rank); dora: the magnitude is trained too; pissa: starts from the
    principal singular values of the weight."""
    quantize: Literal["none", "nf4"] = "none"
    """nf4: hold the base in 4 bits (QLoRA); needs bioinstruct[quant] and a GPU."""
    learning_rate: float = Field(2e-4, gt=0)
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls to zero after the warm-up."""
    warmup: float = Field(0.03, ge=0)
    """Share of the steps in which the learning rate rises; from 2 on, the number of steps."""
    weight_decay: float = Field(0.0, ge=0)
    epochs: int = Field(3, ge=1)
    batch_size: int = Field(128, ge=1)
    """Examples of one optimizer step."""
    max_length: int = Field(1024, ge=16)
    """Longest example in tokens; the input of a longer one is shortened, its answer never."""
    max_gradient_norm: float = Field(1.0, gt=0)
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products in training; `auto` is bfloat16 where the device computes in it."""
    layout: Literal["auto", "padded", "packed"] = "auto"
    """Rows padded to the longest of a micro-batch, or examples end to end in one row; `auto` packs
    where a trial on this very model shows that packed examples do not see each other."""
    micro_batch_tokens: int = Field(0, ge=0)
    """Tokens that are computed at one time: less memory, the same gradient. 0: 16,384, or 1,024 on
    a CPU."""
    gradient_checkpointing: bool = False
    """Compute activations again instead of keeping them: less memory, a quarter slower."""
    train_embeddings: bool = False
    """Train the token embedding too: for a base that is too small to have good ones."""


def load_recipe(name: str, *, base: str = "", changes: Mapping[str, Any] | None = None) -> Recipe:
    """Load a shipped recipe by name, or one from a TOML file.

    Args:
        name: a shipped recipe, or a file. A file with `base = "tiny"` has the settings of that
            recipe where it names no others; the base may be another file.
        base: the recipe that a file starts from which names none.
        changes: settings that replace those of the recipe.

    Raises:
        UnknownNameError: neither a shipped recipe nor a file, or an unknown field in it.
        DataError: a value that a recipe cannot have.
    """
    path = _path(name)
    if base and path.parent != RECIPES:
        return load_settings(Recipe, path, base=_path(base), changes=changes)
    return load_settings(Recipe, path, changes=changes)


def _path(name: str, folder: Path = Path()) -> Path:
    """Return the file of a recipe, which is shipped or else lies in the folder."""
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = folder / name
    if not path.is_file():
        raise UnknownNameError("recipe", name, (p.stem for p in RECIPES.glob("*.toml")))
    return path


def load_settings(
    kind: type[Settings],
    path: Path | None,
    *,
    base: Path | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Settings:
    """Load settings from a TOML file, from the one that it calls its `base`, and from changes.

    Args:
        kind: the model of the settings.
        path: the file; None stands for the defaults.
        base: where a file starts that names no base.
        changes: values that replace those of the file.

    Raises:
        MissingError: there is no such file.
        UnknownNameError: a field that these settings do not have.
        DataError: it is not TOML, or a value is one that they cannot have.
    """
    values = _values(kind, path, base) if path else {}
    _check_fields(kind, changes or {})
    try:
        return kind.model_validate(values | dict(changes or {}))
    except ValidationError as error:
        raise DataError(explain(error), path=path or "--set") from error


def _values(kind: type[BaseModel], path: Path, base: Path | None, depth: int = 0) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingError(f"no file {path}") from error
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 5,000 digits
        raise DataError(f"not a TOML file: {error}", path=path) from error
    named = values.pop("base", None)
    _check_fields(kind, values)
    if named is not None and not isinstance(named, str):
        raise DataError("base: expected the name of a recipe or a file", path=path)
    if named is not None:
        base = _path(named, path.parent)
    if base is None:
        return values
    if depth == _DEEPEST:
        raise DataError("base: the recipes name one another in a circle", path=path)
    return _values(kind, base, None, depth + 1) | values


def _check_fields(kind: type[BaseModel], values: Iterable[str]) -> None:
    for key in values:
        if key not in kind.model_fields:
            raise UnknownNameError("recipe field", key, kind.model_fields)


def parse_changes(pairs: Iterable[str]) -> dict[str, Any]:
    """Return settings given as `epochs=1`; a value is TOML, or else a text.

    Raises:
        BioinstructError: a text has no `=`.
    """
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise BioinstructError(f"{pair!r} is not NAME=VALUE", hint="such as --set epochs=1")
        try:
            found[name] = tomllib.loads(f"x = {value}")["x"]
        except ValueError:
            found[name] = value
    return found


def differences(recipe: Recipe, named: Recipe) -> list[str]:
    """Return each setting in which a recipe differs from a named one, as `epochs 1 (3)`."""
    return [
        f"{name} {_shown(getattr(recipe, name))} ({_shown(getattr(named, name))})"
        for name in Recipe.model_fields
        if getattr(recipe, name) != getattr(named, name)
    ]


def _shown(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value}"
