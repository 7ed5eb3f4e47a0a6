"""Strands, codons, descriptions of variants, and inheritance."""

from __future__ import annotations

from bioinstruct.schema import Category
from bioinstruct.synthesis.documents import Case, document, per_split
from bioinstruct.synthesis.draw import Draw

__all__ = ["FAMILY"]

FAMILY = "genetics"
_CRICK = "Watson JD, Crick FH. Nature 1953;171:737-738"
_CODE = "Osawa S et al. Microbiol Rev 1992;56:229-264 (standard genetic code)"
_HGVS = "den Dunnen JT et al. Hum Mutat 2016;37:564-569"
_PAIRS = {"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}
_CODONS = {
    "F": "UUU UUC",
    "L": "UUA UUG CUU CUC CUA CUG",
    "I": "AUU AUC AUA",
    "M": "AUG",
    "V": "GUU GUC GUA GUG",
    "S": "UCU UCC UCA UCG AGU AGC",
    "P": "CCU CCC CCA CCG",
    "T": "ACU ACC ACA ACG",
    "A": "GCU GCC GCA GCG",
    "Y": "UAU UAC",
    "*": "UAA UAG UGA",
    "H": "CAU CAC",
    "Q": "CAA CAG",
    "N": "AAU AAC",
    "K": "AAA AAG",
    "D": "GAU GAC",
    "E": "GAA GAG",
    "C": "UGU UGC",
    "W": "UGG",
    "R": "CGU CGC CGA CGG AGA AGG",
    "G": "GGU GGC GGA GGG",
}
_ACID = {codon: acid for acid, codons in _CODONS.items() for codon in codons.split()}
_LONG = {
    **{"A": "Ala", "R": "Arg", "N": "Asn", "D": "Asp", "C": "Cys", "Q": "Gln", "E": "Glu"},
    **{"G": "Gly", "H": "His", "I": "Ile", "L": "Leu", "K": "Lys", "M": "Met", "F": "Phe"},
    **{"P": "Pro", "S": "Ser", "T": "Thr", "W": "Trp", "Y": "Tyr", "V": "Val", "*": "Ter"},
}
_STRANDS = per_split(
    ("5'-{s}-3'", "strand (5' to 3'): {s}", "| 5' | {s} | 3' |", "DNA, from 5' to 3':\n{s}"),
    ("5' {s} 3'", "sequence in 5'-3' direction = {s}"),
)


def _bases(draw: Draw, count: int, letters: str = "ACGT") -> str:
    return "".join(draw.one(letters) for _ in range(count))


def _opposite(strand: str) -> str:
    return "".join(_PAIRS[base] for base in strand)


def _shown(draw: Draw, split: str, strand: str) -> str:
    return draw.one(_STRANDS[split]).replace("{s}", strand)


def _strand(draw: Draw) -> str:
    return _bases(draw, draw.between(12, 40), "ACGTACGTACGTN" if draw.chance(0.2) else "ACGT")


@document(
    "dna-complement",
    FAMILY,
    Category.QA,
    "Write it from its 3' end to its 5' end, base under base, letters only.",
    _CRICK,
    group="sequence",
)
def dna_complement(draw: Draw, split: str) -> Case:
    """Pair each base of a strand."""
    strand = _strand(draw)
    return Case(_shown(draw, split, strand), _opposite(strand))


@document(
    "dna-reverse-complement",
    FAMILY,
    Category.QA,
    "Write it from its 5' end to its 3' end, letters only.",
    _CRICK,
    group="sequence",
)
def dna_reverse_complement(draw: Draw, split: str) -> Case:
    """Pair each base, and read from the other end."""
    strand = _strand(draw)
    return Case(_shown(draw, split, strand), _opposite(strand)[::-1])


@document(
    "transcription",
    FAMILY,
    Category.QA,
    "Write it from its 5' end to its 3' end, letters only.",
    "Crick F. Nature 1970;227:561-563",
    group="sequence",
)
def transcription(draw: Draw, split: str) -> Case:
    """The RNA reads as the coding strand, or pairs with the template strand."""
    strand = _bases(draw, draw.between(12, 40))
    coding = draw.chance(0.5)
    body = (
        f"{_shown(draw, split, strand)}\nThis is the {'coding' if coding else 'template'} strand."
    )
    read = strand if coding else _opposite(strand)[::-1]
    return Case(body, read.replace("T", "U"))


@document(
    "translation",
    FAMILY,
    Category.QA,
    "Answer in one-letter code without the stop; if there is no AUG, answer `no start codon`.",
    _CODE,
    group="sequence",
)
def translation(draw: Draw, split: str) -> Case:
    """Read codons from the first AUG to a stop or the end."""
    lead = _bases(draw, draw.below(9), "ACGU")
    strand = lead + ("AUG" if draw.chance(0.9) else "") + _bases(draw, draw.between(9, 45), "ACGU")
    body = _shown(draw, split, strand).replace("DNA", "RNA")
    start = strand.find("AUG")
    if start < 0:
        return Case(body, "no start codon")
    acids = [_ACID[strand[i : i + 3]] for i in range(start, len(strand) - 2, 3)]
    return Case(body, "".join(acids).partition("*")[0])


_COMPARED = per_split(
    (
        "reference: {r}\npatient: {o}",
        "| reference | {r} |\n| patient | {o} |",
        "The reference reads {r}.\nThe patient has {o}.",
    ),
    ("ref = {r}\nobs = {o}", "Expected {r}\nFound {o}"),
)
_NUMBERED = "The first base is c.1 of the coding sequence."


@document(
    "hgvs-dna",
    FAMILY,
    Category.QA,
    "Write it without a reference, as in `c.5A>G`, and place it as far 3' as it can be.",
    _HGVS,
    group="sequence",
)
def hgvs_dna(draw: Draw, split: str) -> Case:
    """Apply a substitution, deletion, duplication or insertion, and describe it."""
    reference = _bases(draw, draw.between(15, 36), draw.one(("ACGT", "AC", "AAGT")))
    size, place = draw.between(1, 4), draw.between(2, len(reference) - 6)
    what = draw.one(("sub", "del", "dup", "ins"))
    if what == "sub":
        new = draw.one([base for base in "ACGT" if base != reference[place]])
        observed = reference[:place] + new + reference[place + 1 :]
        answer = f"c.{place + 1}{reference[place]}>{new}"
    elif what == "del":
        observed = reference[:place] + reference[place + size :]
        answer = f"c.{_span(*_shifted(reference, place, size))}del"
    else:
        added = reference[place - size : place] if what == "dup" else _bases(draw, size)
        if len(added) < size:
            added = _bases(draw, size)
        observed = reference[:place] + added + reference[place:]
        answer = _insertion(reference, place, added)
    shown = draw.one(_COMPARED[split]).replace("{r}", reference).replace("{o}", observed)
    return Case(f"{shown}\n{_NUMBERED}", answer)


def _shifted(reference: str, place: int, size: int) -> tuple[int, int]:
    """Return first and last base, counted from 1, of a deletion moved as far 3' as possible."""
    while place + size < len(reference) and reference[place] == reference[place + size]:
        place += 1
    return place + 1, place + size


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}_{last}"


def _insertion(reference: str, place: int, added: str) -> str:
    """Describe bases that are added in front of a place, as duplication where they are one."""
    while place < len(reference) and reference[place] == added[0]:
        added = added[1:] + added[0]
        place += 1
    size = len(added)
    if place >= size and reference[place - size : place] == added:
        return f"c.{_span(place - size + 1, place)}dup"
    return f"c.{place}_{place + 1}ins{added}"


@document(
    "hgvs-protein",
    FAMILY,
    Category.QA,
    "Write it in three-letter code with parentheses, as in `p.(Gly12Val)`.",
    _HGVS,
    group="sequence",
)
def hgvs_protein(draw: Draw, split: str) -> Case:
    """Substitute a base of a coding sequence; predict missense, nonsense, silence, lost start."""
    codons = [c for c in _ACID if _ACID[c] != "*"]
    chosen = ["AUG", *(draw.one(codons) for _ in range(draw.between(4, 11)))]
    strand = "".join(chosen)
    place = draw.below(3) if draw.chance(0.08) else draw.between(3, len(strand) - 1)
    new = draw.one([base for base in "ACGU" if base != strand[place]])
    number = place // 3
    before = chosen[number]
    after = before[: place % 3] + new + before[place % 3 + 1 :]
    old, acid = _LONG[_ACID[before]], _LONG[_ACID[after]]
    end = "=" if old == acid else acid
    answer = "p.(Met1?)" if number == 0 else f"p.({old}{number + 1}{end})"
    written = strand.replace("U", "T")
    change = f"c.{place + 1}{written[place]}>{new.replace('U', 'T')}"
    return Case(f"{_shown(draw, split, written)}\n{_NUMBERED}\nVariant: {change}", answer)


_AUTOSOMAL = {0: "does not carry the allele", 1: "has one copy of the allele", 2: "has two copies"}
_CHILDREN = ("a child is affected", "a child has exactly one copy of the allele")
_SEXES = ("a son is affected", "a daughter is affected", "a daughter has exactly one copy")
_MODES = ("autosomal recessive", "autosomal dominant with full penetrance", "X-linked recessive")
_PARENTS = per_split(
    (
        "Mother: {m}.\nFather: {f}.",
        "The mother {m}. The father {f}.",
        "| mother | {m} |\n| father | {f} |",
    ),
    ("maternal side = {m}\npaternal side = {f}", "Family history: mother {m}; father {f}."),
)


@document(
    "inheritance",
    FAMILY,
    Category.QA,
    "Answer in per cent, as in `25%`; there are no new mutations.",
    "Mendel G. Verh Naturforsch Ver Brünn 1866;4:3-47",
)
def inheritance(draw: Draw, split: str) -> Case:
    """Count the squares of Punnett."""
    mode = draw.one(_MODES)
    linked = mode.startswith("X")
    mother, father = draw.below(3), draw.below(2 if linked else 3)
    child = draw.one(_SEXES if linked else _CHILDREN)
    eggs, sperms = _gametes(mother), [father, father] if linked else _gametes(father)
    if child.startswith("a son"):
        sperms = [0, 0]
    needed = 1 if "dominant" in mode or child.startswith("a son") else 2
    copies = [egg + sperm for egg in eggs for sperm in sperms]
    hits = sum(n == 1 if "exactly" in child else n >= needed for n in copies)
    fathers = "has the allele on his X chromosome" if linked and father else _AUTOSOMAL[father]
    parents = draw.one(_PARENTS[split])
    body = parents.replace("{m}", _AUTOSOMAL[mother]).replace("{f}", fathers)
    shown = draw.shuffled([body, f"Inheritance of the disease: {mode}."])
    return Case("\n".join(shown), f"{25 * hits}%", {"child": child})


def _gametes(copies: int) -> list[int]:
    return {0: [0, 0], 1: [0, 1], 2: [1, 1]}[copies]
