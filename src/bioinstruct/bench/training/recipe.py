"""Settings of tuning: load a recipe by name or from a TOML file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bioinstruct.errors import DataError, MissingError, UnknownNameError
from bioinstruct.schema import explain

__all__ = ["RECIPES", "Recipe", "load_recipe", "load_settings"]

Settings = TypeVar("Settings", bound=BaseModel)

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


def load_recipe(name: str) -> Recipe:
    """Load a shipped recipe by name, or one from a TOML file.

    Raises:
        UnknownNameError: neither a shipped recipe nor a file, or an unknown field in it.
        DataError: a value that a recipe cannot have.
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        raise UnknownNameError("recipe", name, (p.stem for p in RECIPES.glob("*.toml")))
    return load_settings(Recipe, path)


def load_settings(kind: type[Settings], path: Path) -> Settings:
    """Load settings from a TOML file.

    Raises:
        MissingError: there is no such file.
        UnknownNameError: it has a field that these settings do not have.
        DataError: it is not TOML, or a value is one that they cannot have.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingError(f"no file {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"not a TOML file: {error}", path=path) from error
    for key in values.keys() - kind.model_fields.keys():
        raise UnknownNameError("recipe field", key, kind.model_fields)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise DataError(explain(error), path=path) from error
