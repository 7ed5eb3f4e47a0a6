"""Strands, codons, variants and inheritance, derived again from the text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

from bioinstruct.synthesis.second.answers import Answer

__all__ = ["SEQUENCES"]

_LETTERS = re.compile(r"(?<![A-Za-z])[ACGTUN]{7,}(?![A-Za-z])")
# The table of the NCBI: first, second and third base in the order TCAG.
_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
_TABLE = {
    "".join(codon): acid for codon, acid in zip(product("TCAG", repeat=3), _ACIDS, strict=True)
}
_NAMES = {
    **{"A": "Ala", "C": "Cys", "D": "Asp", "E": "Glu", "F": "Phe", "G": "Gly", "H": "His"},
    **{"I": "Ile", "K": "Lys", "L": "Leu", "M": "Met", "N": "Asn", "P": "Pro", "Q": "Gln"},
    **{"R": "Arg", "S": "Ser", "T": "Thr", "V": "Val", "W": "Trp", "Y": "Tyr", "*": "Ter"},
}
_MIRROR = str.maketrans("ACGT", "TGCA")


def _strands(text: str) -> list[str]:
    """Return the sequences of a text in their order.

    Raises:
        LookupError: there is none.
    """
    found = [one[0] for one in _LETTERS.finditer(text)]
    if not found:
        raise LookupError("no sequence")
    return found


def _complement(instruction: str, text: str) -> str:
    return _strands(text)[0].translate(_MIRROR)


def _reverse(instruction: str, text: str) -> str:
    return "".join(reversed(_strands(text)[0].translate(_MIRROR)))


def _transcribe(instruction: str, text: str) -> str:
    strand = _strands(text)[0]
    if "template strand" in text:
        return strand[::-1].translate(str.maketrans("ACGT", "UGCA"))
    return strand.translate(str.maketrans("T", "U"))


def _translate(instruction: str, text: str) -> str:
    strand = _strands(text)[0].replace("U", "T")
    start = re.search("ATG", strand)
    if start is None:
        return "no start codon"
    peptide = ""
    for codon in re.findall("...", strand[start.start() :]):
        if _TABLE[codon] == "*":
            break
        peptide += _TABLE[codon]
    return peptide


def _shared(pair: Sequence[str]) -> str:
    """Return the longest common start of two texts."""
    one, other = pair
    length = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return one[:length] if length is not None else min(one, other, key=len)


def _variant(instruction: str, text: str) -> str:
    """Align by the longest common start, which puts a change at its 3' end, and the common end."""
    reference, observed = _strands(text)
    start = len(_shared([reference, observed]))
    rests = reference[start:], observed[start:]
    end = len(_shared([rest[::-1] for rest in rests]))
    gone, come = (rest[: len(rest) - end] for rest in rests)
    if len(gone) == len(come) == 1:
        return f"c.{start + 1}{gone}>{come}"
    if gone and not come:
        return f"c.{_place(start + 1, start + len(gone))}del"
    if come and not gone:
        if reference[:start].endswith(come):
            return f"c.{_place(start - len(come) + 1, start)}dup"
        return f"c.{start}_{start + 1}ins{come}"
    raise LookupError("a change of another type")


def _place(first: int, last: int) -> str:
    return "_".join(map(str, dict.fromkeys((first, last))))


def _protein(instruction: str, text: str) -> str:
    strand = _strands(text)[0]
    found = re.search(r"c\.(\d+)([ACGT])>([ACGT])", text)
    if found is None:
        raise LookupError("no variant")
    place = int(found[1])
    if strand[place - 1] != found[2]:
        raise LookupError("the variant is not of this sequence")
    changed = f"{strand[: place - 1]}{found[3]}{strand[place:]}"
    codon = -(-place // 3)
    if codon == 1:
        return "p.(Met1?)"
    old, new = (_NAMES[_TABLE[whole[3 * codon - 3 : 3 * codon]]] for whole in (strand, changed))
    return f"p.({old}{codon}{'=' if old == new else new})"


_DOSES = {"does not carry": 0.0, "one copy": 0.5, "two copies": 1.0, "on his X": 1.0}


def _inherit(instruction: str, text: str) -> str:
    """Multiply the chances of the two parents to pass the allele on."""
    carried = re.findall("|".join(_DOSES), text)
    mother, father = (_DOSES[one] for one in carried)
    if "X-linked" in text:
        if "a son" in instruction:
            return f"{mother * 100:.0f}%"
        both, either = mother * father, mother + father - 2 * mother * father
        return f"{100 * (either if 'exactly one' in instruction else both):.0f}%"
    exactly = mother * (1 - father) + father * (1 - mother)
    if "exactly one" in instruction:
        return f"{100 * exactly:.0f}%"
    affected = mother * father + (exactly if "dominant" in text else 0)
    return f"{100 * affected:.0f}%"


SEQUENCES: dict[str, Answer] = {
    "dna-complement": _complement,
    "dna-reverse-complement": _reverse,
    "transcription": _transcribe,
    "translation": _translate,
    "hgvs-dna": _variant,
    "hgvs-protein": _protein,
    "inheritance": _inherit,
}
"""By the name of the kind."""
