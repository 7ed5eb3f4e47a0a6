"""How the instructions from PubMed Central articles are worded, by task."""

from __future__ import annotations

from bioinstruct.schema import Category

__all__ = ["WORDINGS"]

WORDINGS: dict[str, tuple[Category, tuple[str, ...]]] = {
    "abstract-to-title": (
        Category.GEN,
        (
            "Write the title of the article that has this abstract.",
            "What would be a fitting title for the article whose abstract follows?",
            "Give the following abstract a title as a biomedical journal would print it.",
            "Read the abstract and name the article: a title that says what was studied, and how.",
            "Put the abstract below into one line that can serve as the title of the article.",
        ),
    ),
    "abstract-conclusion": (
        Category.GEN,
        (
            "Here is the abstract of a study without its conclusion. Write the conclusion.",
            "What do the authors conclude from these methods and results?",
            "Complete the abstract: write its last section, the conclusion.",
            "Draw the conclusion of this study in the way that its authors would, and no further "
            "than the results go.",
            "The conclusion of the following abstract is missing. Supply it in a few sentences.",
        ),
    ),
    "find-objective": (
        Category.IE,
        (
            "Copy from this abstract what it says of the objective of the study.",
            "Which part of the abstract states the aim of the study? Give it word for word.",
            "Find the objective in the abstract below and copy it out as it stands.",
            "Extract the statement of purpose from this abstract, without changing a word.",
            "What did the authors set out to do? Answer with the passage of the abstract that "
            "says so.",
        ),
    ),
    "trial-registration": (
        Category.IE,
        (
            "Under which number is this trial registered? If there are several, write one a line.",
            "Extract the trial registration number from the abstract, one a line if there are "
            "more.",
            "Find the identifiers of this trial in public registries and list them one a line.",
            "Copy every registration number that the abstract gives for the trial, each on its own "
            "line.",
            "Give the registry identifier of the study below, exactly as it is written there. Put "
            "several on separate lines.",
        ),
    ),
    "abstract-part": (
        Category.OTHER,
        (
            "Which part of a structured abstract is this: background (with the aim of the study), "
            "methods, results or conclusions?",
            "Classify this passage of an abstract as background, methods, results or conclusions. "
            "The aim of the study is part of the background.",
            "Under which heading would the passage stand in an abstract of four parts? Answer "
            "background, methods, results or conclusions.",
            "Label the following section of an abstract with one of: background (why the study "
            "was done and what for), methods, results, conclusions.",
            "Say what this passage from the abstract of a study reports: the background "
            "and aim (background), the methods, the results or the conclusions. One word is "
            "enough.",
        ),
    ),
    "article-section": (
        Category.OTHER,
        (
            "From which section of an article is this paragraph: introduction, methods, "
            "results or discussion?",
            "Classify the paragraph as introduction, methods, results or discussion.",
            "The paragraph below is from the report of a study. From which section? Answer "
            "introduction, methods, results or discussion.",
            "Label this paragraph with the section of the article that it belongs to: "
            "introduction, methods, results or discussion.",
            "Where in an article does this stand? Choose introduction, methods, results or "
            "discussion.",
        ),
    ),
}
