"""Attributes that a prompt may ask for, to make a teacher's answers more diverse."""

from __future__ import annotations

from bioinstruct.errors import UnknownNameError

__all__ = ["ATTRIBUTES", "choose_attributes"]

_KINDS = """
answering a question from a passage; answering a consumer's question; a multiple-choice question;
a yes/no question with its reason; a list question; deciding trial eligibility;
a differential diagnosis; extracting entities; extracting relations; extracting PICO elements;
extracting medication and its status; extracting adverse events; finding negation and uncertainty;
ordering events in time; extracting family history; resolving coreference;
expanding abbreviations; normalising terms to a vocabulary; coding a diagnosis; summarising a note;
summarising a study; turning a conversation into a note; writing discharge instructions;
writing a referral letter; rewriting for patients; shortening a question; drawing a conclusion from
results; giving a title; natural language inference; triage; classifying a section or document;
removing identifying details; correcting an error; comparing two options; explaining a mechanism;
interpreting laboratory values; calculating a dose or a score; planning follow-up
"""
_SPECIALTIES = """
anaesthesiology; cardiology; critical care; dentistry; dermatology; emergency medicine;
endocrinology; epidemiology; family medicine; gastroenterology; genetics; geriatrics; gynaecology;
haematology; hepatology; immunology; infectious diseases; microbiology; molecular biology;
neonatology; nephrology; neurology; neuroscience; nursing; nutrition; obstetrics;
occupational medicine; oncology; ophthalmology; orthopaedics; otolaryngology; paediatrics;
palliative care; pathology; pharmacology; physiotherapy; psychiatry; public health; pulmonology;
radiology; rehabilitation; rheumatology; sleep medicine; surgery; toxicology;
transplantation medicine; urology; veterinary medicine
"""


def _values(text: str) -> tuple[str, ...]:
    return tuple(" ".join(value.split()) for value in text.split(";"))


ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "kind": _values(_KINDS),
    "specialty": _values(_SPECIALTIES),
    "audience": _values(
        "physicians; nurses; pharmacists; medical students; researchers; patients; parents of a "
        "sick child; public health officers; medical coders"
    ),
    "difficulty": _values(
        "easy for a student; usual for a professional; hard: it needs a specialist; hard: it needs "
        "several steps of reasoning; with a detail that misleads"
    ),
}
"""Values of each attribute."""


def choose_attributes(*names: str) -> dict[str, tuple[str, ...]]:
    """Return the attributes with these names, or `all`.

    Raises:
        UnknownNameError: an attribute does not exist.
    """
    for name in names:
        if name != "all" and name not in ATTRIBUTES:
            raise UnknownNameError("attribute", name, [*ATTRIBUTES, "all"])
    return {n: values for n, values in ATTRIBUTES.items() if n in names or "all" in names}
