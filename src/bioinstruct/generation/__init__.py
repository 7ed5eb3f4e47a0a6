"""Instructions written by a language model: Self-Instruct, Alpaca and BioInstruct as recipes."""

from bioinstruct.generation.api import Access, Generated, Progress, Settings, generate
from bioinstruct.generation.recipes import RECIPES, Recipe, get_recipe

__all__ = [
    "RECIPES",
    "Access",
    "Generated",
    "Progress",
    "Recipe",
    "Settings",
    "generate",
    "get_recipe",
]
