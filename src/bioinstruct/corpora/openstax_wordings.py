"""How the instructions from the OpenStax nursing textbooks are worded, by task."""

from __future__ import annotations

from bioinstruct.schema import Category

__all__ = ["WORDINGS"]

WORDINGS: dict[str, tuple[Category, tuple[str, ...]]] = {
    "term-definition": (
        Category.QA,
        (
            "Define this term as it is used in {book}.",
            "What does the following term mean in {book}? Answer in one sentence.",
            "Give the glossary definition of this term from {book}.",
            "A nursing student meets this term in {book}. State briefly what it means.",
            "Explain the term below in a single sentence, as a textbook of {book} would.",
        ),
    ),
    "term-of-definition": (
        Category.QA,
        (
            "Which term of {book} has this definition?",
            "Name the term that is defined below. It comes from {book}.",
            "What is this called in {book}? Answer with the term alone.",
            "Read the definition, from the glossary of a textbook of {book}, and give the term.",
            "Give the term of {book} that the following sentence defines.",
        ),
    ),
    "drug-dosage": (
        Category.QA,
        (
            "State the routes and dosage ranges that {book} gives for this drug.",
            "By which routes and in which doses is this drug given? Answer as a drug table of "
            "{book} does.",
            "Fill in the row of this drug in a table of {book}: routes and dosage ranges.",
            "Give the route of administration and the usual dosage range of the drug below, as "
            "listed in {book}.",
            "What are the routes and the dosages of the following drug in {book}? Give them for "
            "each indication or form where they differ.",
        ),
    ),
    "section-title": (
        Category.GEN,
        (
            "Give this section of a textbook of {book} its heading.",
            "What heading does the following passage from {book} have? Write only the heading.",
            "Write a short heading for the passage below, as a textbook of {book} would.",
            "Sum up in a heading what this part of {book} is about.",
            "Read the section, from {book}, and supply the heading that is missing.",
        ),
    ),
    "section-summary": (
        Category.GEN,
        (
            "Summarise this section of a textbook of {book} in one paragraph.",
            "Write the summary that closes the following section of {book}.",
            "Condense the section below, from {book}, into the points a nursing student should "
            "take away from it.",
            "Read the section of {book} and write its summary for revision.",
            "What does this section of {book} say in short? Answer in a few sentences.",
        ),
    ),
    "learning-outcomes": (
        Category.GEN,
        (
            "Here are the title and the headings of a section of {book}. List its learning "
            "outcomes, one a line.",
            "Write learning outcomes for a section of {book} with this outline. Begin each with a "
            "verb that can be tested.",
            "What should nursing students be able to do after a section of {book} with these "
            "headings? Answer as a list.",
            "Complete the sentence “By the end of this section, you should be able to” for "
            "the following section of {book}, as a list.",
            "From the outline of this section of {book}, state its learning outcomes.",
        ),
    ),
}
