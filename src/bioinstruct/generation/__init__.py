"""Instructions written by a language model: Self-Instruct, Alpaca and BioInstruct as recipes."""

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
