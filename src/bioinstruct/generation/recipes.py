"""The published methods of generating instructions, as named settings.

Settings come from the papers and their code. Settings that these do not give are listed in
`Recipe.ours`, and `bioinstruct generate --dry-run` prints them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bioinstruct.errors import UnknownNameError

__all__ = ["RECIPES", "Recipe", "get_recipe"]

# Rules of `filters.rules`. Alpaca's list of words a language model cannot do includes
# Self-Instruct's, and the rule `needs-other-media` has them all.
_PUBLISHED = (
    "too-short",
    "too-long",
    "needs-other-media",
    "writes-a-program",
    "begins-with-punctuation",
    "begins-with-non-ascii",
)
_CLEAN_UP = ("repeats-input", "unfinished")
_OURS = (
    "speaks-as-a-model",
    "says-nothing",
    "placeholder",
    "missing-input",
    "broken-text",
    "has-html-entities",
    "special-token",
    "impossible-vital",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Settings of the prompts, and of the filters for answers."""

    name: str
    version: int = 1
    """Incremented when prompt or settings change; part of every record's provenance."""
    source: str
    """Source of the settings."""
    ours: tuple[str, ...]
    """Settings that the source does not give, or that differ from it."""
    opening: str
    """The first lines of the prompt."""
    requirements: tuple[str, ...]
    """Points that follow the opening, before those about labels, attributes and format."""
    seed_examples: int
    """Number of seeds in a prompt, minus the machine examples available."""
    machine_examples: int = 0
    """Maximum number of records of earlier rounds in a prompt."""
    tasks: int
    """Number of new tasks requested per answer."""
    labels: bool
    """Whether to request the category and the name of each task."""
    temperature: float | None
    top_p: float | None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    max_tokens: int
    near_duplicates: float = 0.7
    """ROUGE-L F above which an instruction is dropped; 1 drops none."""
    rules: tuple[str, ...]
    """Names of `filters.RULES`."""
    round: int = 64
    """Number of requests in a round; machine examples come from earlier rounds."""
    fruitless: int = 2
    """Number of consecutive rounds without an accepted record after which the run stops."""

    @property
    def prompt(self) -> str:
        """Name and version of the prompt, as in the provenance of records."""
        return f"{self.name}/{self.version}"


SELF_INSTRUCT = Recipe(
    name="self-instruct",
    source="Self-Instruct (arXiv 2212.10560), bootstrap_instructions.py",
    ours=(
        "instruction, input and output come in one answer, not in three steps",
        "marks in place of running numbers, and no stop strings",
        "max_tokens 4096, since outputs are in the answer too (published: 1024)",
        "machine examples come from earlier rounds of 64 requests (published: 5)",
        "the words of the prompt; it says that tasks are biomedical",
    ),
    opening="Come up with a series of biomedical tasks.",
    requirements=(),
    seed_examples=8,
    machine_examples=2,
    tasks=8,
    labels=False,
    temperature=0.7,
    top_p=0.5,
    presence_penalty=2.0,
    frequency_penalty=0.0,
    max_tokens=4096,
    rules=(*_PUBLISHED, *_CLEAN_UP),
)
ALPACA = Recipe(
    name="alpaca",
    source="Stanford Alpaca, generate_instruction.py and prompt.txt",
    ours=(
        "marks in place of running numbers, and no stop strings",
        "16 tasks for each answer, which the published prompt of 20 with 3 examples comes to",
        "the words of the prompt; it says that tasks are biomedical",
    ),
    opening=(
        "Come up with a set of diverse biomedical task instructions. They will be given to a "
        "language model, and we will judge how well it carries them out. Requirements:"
    ),
    requirements=(
        "Do not use the same verb in two instructions, so that they vary.",
        "Vary their wording too: some are questions, some are commands.",
        "Vary the kind of work: open generation, classification, editing, extraction and so on.",
        "A language model that reads and writes text must be able to do it. It cannot look at or "
        "make anything but text, act in the world, or remind somebody tomorrow.",
        "Write in English.",
        "An instruction has one or two sentences: a command or a question.",
        "Give a fitting input where the instruction needs one: specific and realistic, no "
        "placeholder, substantial and yet rarely above 100 words. Where a general question needs "
        "no more context, there is no input.",
        "The output answers instruction and input as it should, in fewer than 100 words.",
    ),
    seed_examples=3,
    tasks=16,
    labels=False,
    temperature=1.0,
    top_p=1.0,
    presence_penalty=0.0,
    frequency_penalty=0.0,
    max_tokens=3072,
    rules=_PUBLISHED,
)
BIOINSTRUCT = Recipe(
    name="bioinstruct",
    source="BioInstruct (arXiv 2310.19975): three of 80 seeds for each prompt, GPT-4",
    ours=(
        "the prompt, temperature, top_p, max_tokens and number of tasks (not known)",
        "the category is asked for at once (published: labelled afterwards)",
        "near duplicates above 0.7, as in Self-Instruct; rules of Self-Instruct and of our own",
    ),
    opening=(
        "You write training examples for a language model that works with biomedical text: "
        "research, clinical work, public health, genetics, pharmacology, dentistry, nursing and "
        "veterinary medicine. Requirements:"
    ),
    requirements=(
        "The tasks differ from the examples and from each other: in the kind of work, the subject, "
        "the verb, the length, and in being a command or a question.",
        "The instruction says what to do without naming facts that belong in the input.",
        "The input is what the work is done on: realistic, specific, complete, as it would stand "
        "in a record, an article or a message. No placeholder, no link, nobody real. Where the "
        "instruction needs no input, there is none.",
        "The output is what an expert would write: correct, complete, in the form that the "
        "instruction asks for. It follows from the input or is established knowledge.",
        "Text is enough to do it: no pictures, sound, files, tools or searching.",
        "Write in English.",
    ),
    seed_examples=3,
    tasks=5,
    labels=True,
    temperature=1.0,
    top_p=1.0,
    max_tokens=4096,
    rules=(*(rule for rule in _PUBLISHED if rule != "begins-with-non-ascii"), *_CLEAN_UP, *_OURS),
)
RECIPES: dict[str, Recipe] = {r.name: r for r in (BIOINSTRUCT, SELF_INSTRUCT, ALPACA)}
"""All recipes by name; the first is the default."""


def get_recipe(name: str) -> Recipe:
    """Return the recipe with this name.

    Raises:
        UnknownNameError: the recipe does not exist.
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]
