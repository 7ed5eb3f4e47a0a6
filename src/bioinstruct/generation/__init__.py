"""Generate instructions with a language model, by the recipes of three papers."""

from bioinstruct.generation.api import Generated, generate
from bioinstruct.generation.recipes import RECIPES, Recipe, get_recipe
from bioinstruct.generation.settings import Progress, Settings, Tally, Watcher

__all__ = [
    "RECIPES",
    "Generated",
    "Progress",
    "Recipe",
    "Settings",
    "Tally",
    "Watcher",
    "generate",
    "get_recipe",
]
