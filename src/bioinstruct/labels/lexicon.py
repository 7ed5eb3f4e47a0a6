"""Words that indicate a category, taken from the labelling guideline and the seeds."""

from __future__ import annotations

import re

__all__ = ["AUDIENCE", "CLOSED", "CODE", "COMMON", "GENRE", "LEXICON", "QUESTION"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


LEXICON = {
    "extract": _set(
        "annotate bracket capture chart code collect copy encode enumerate extract fetch gather "
        "highlight itemise itemize isolate link list locate map mark normalise normalize note "
        "parse pick populate pull quote record recognise recognize resolve retrieve tabulate tag "
        "transcribe underline"
    ),
    "write": _set(
        "argue author brainstorm compose condense create describe design develop devise draft "
        "elaborate expand formulate generate imagine invent issue make outline paraphrase phrase "
        "plan prepare produce propose put recap reformulate rephrase reply retell reword rewrite "
        "shorten simplify summarise summarize write"
    ),
    "ask": _set(
        "advise answer choose compare complete contrast decide define determine diagnose discuss "
        "estimate evaluate explain give identify interpret justify name predict recommend select "
        "solve specify state suggest tell"
    ),
    "sort": _set(
        "anonymise anonymize arrange assess assign calculate categorise categorize check classify "
        "compute convert correct count deidentify detect distinguish fix flag format grade group "
        "judge label match mask order prioritise prioritize proofread pseudonymise rank rate "
        "reformat remove replace reorder score sort spot translate triage validate verify"
    ),
}
"""Imperative verbs by their most likely category; many occur in every category."""

QUESTION = re.compile(
    r"^(?:\w+ ){0,8}?(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|"
    r"can|could|should|would|will|has|have|may|must)\b"
)
_PEOPLE = (
    "patients?|parents?|mothers?|fathers?|famil(?:y|ies)|child(?:ren)?|teenagers?|students?|"
    "colleagues?|doctors?|gps?|nurses?|public|readers?|clinicians?|practitioners?|carers?|"
    "caregivers?|sons?|daughters?|husbands?|wi(?:fe|ves)|relatives?|insurers?|teams?|owners?|"
    "journal|newspaper|newsletter|magazine|website|committee|clinic|audience|layperson|school"
)
AUDIENCE = re.compile(
    rf"\b(?:to|for|with|by|tells?|telling|speak|address(?:ed|ing)?|reassur\w+)\b"
    rf"(?: \w+){{0,4}}? (?:{_PEOPLE})\b"
)
GENRE = re.compile(
    r"\b(?:abstract|advert\w*|advice|article|blog|brochures?|captions?|care plan|checklist|"
    r"conclusions?|consent|conversation|counsel\w*|dialogue|email|e mail|essay|explanation|flyer|"
    r"handout|handover|headline|hypothes[ie]s|impression|infographic|interview|introduction|lay|"
    r"leaflet|lecture|letter|limerick|lines|message|monologue|narrative|note|pamphlet|paragraph|"
    r"plan|poem|post|poster|press|protocol|questions|quiz|referral|reminder|reply|report|review|"
    r"scenario|script|section|slogan|soap|song|speech|story|summar(?:y|ies)|titles?|tweet|"
    r"vignette|version|words)\b"
)
CLOSED = re.compile(
    r"\b(?:one of|choose (?:one|from)|from (?:these|the following|the list)|categor(?:y|ies)|class|"
    r"labels?|scale|score|yes or no|yes no|true or false|either|only the (?:letter|number|word)|"
    r"letters? only|number only|numbers only|one word|single word|same or different|entail\w*|"
    r"contradict\w*|neutral|supported|refuted|level|positive negative|positive or negative)\b"
)
CODE = re.compile(
    r"\b(?:python|sql|sparql|r code|code that|pandas|javascript|regex|regular expression|function|"
    r"query|search string|json|csv|xml|html|yaml|latex|markdown|fhir|formula|shell|excel|script|"
    r"boolean|format|reformat)\b"
)
COMMON = _set(
    "a about above according all an and answer any are as at based be below between by can case "
    "data did do does each every following for from given has have her his how i if in is it its "
    "least line list many may me most much my name no not note of on one only or out patient "
    "please question report s sentence should that the their there these this those to two text "
    "using was were what when where whether which who why will with words would yes you your"
).union(*LEXICON.values())
"""The words that patterns distinguish; all others are equal to them."""
