"""The wordings of computed records: questions, layouts, openings, and what fills them."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bioinstruct.synthesis.draw import Draw
from bioinstruct.synthesis.items import Value

__all__ = [
    "SPLITS",
    "fill",
    "frame_count",
    "frames",
    "names",
    "opened",
    "question",
    "render",
    "task",
]

SPLITS = ("train", "test")
_FOLDER = Path(__file__).parents[1] / "data" / "synthesis"
_SLOT = re.compile(r"\{(\w+)\}")


@cache
def frames() -> Mapping[str, Any]:
    """Return the parts of all frames, as frames.toml has them."""
    with (_FOLDER / "frames.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def _fillers() -> Mapping[str, Sequence[str]]:
    with (_FOLDER / "fillers.toml").open("rb") as file:
        return tomllib.load(file)


@cache
def _layouts(split: str) -> Sequence[Mapping[str, Any]]:
    return [layout for layout in frames()["layouts"] if layout["split"] == split]


def frame_count(split: str, group: str) -> int:
    """Return how many frames a split has: questions times layouts times openings."""
    parts = frames()
    counted = (parts["asks"][split], _layouts(split), parts["openings"][group][split])
    return math.prod(len(part) for part in counted)


def fill(draw: Draw, text: str, **known: str) -> str:
    """Fill the slots of a template: those that are known, and people, places and numbers."""
    parts = _fillers()

    def value(slot: re.Match[str]) -> str:
        name = slot[1]
        if name in known:
            return known[name]
        if name in {"name", "doctor"}:
            title = "Dr " if name == "doctor" else ""
            return f"{title}{draw.one(parts['first'])} {draw.one(parts['last'])}"
        if name == "bed":
            return str(draw.between(2, 99))
        return draw.one(parts[f"{name}s"])

    return _SLOT.sub(value, text)


def question(draw: Draw, split: str, style: str, **known: str) -> str:
    """Return the instruction for a value; `of` names it, `unit`, `digits` and `form` its form."""
    parts = frames()
    rounding = fill(draw, draw.one(parts["rounding"][style][split]), **known)
    rule = draw.one(parts["rule"][split])
    text = fill(draw, draw.one(parts["asks"][split]), rounding=rounding, rule=rule, **known)
    return text[0].upper() + text[1:]


def task(draw: Draw, split: str, kind: str, form: str, **known: str) -> str:
    """Return the instruction of a kind that is no formula; `form` is that of its answer."""
    parts = frames()
    do = fill(draw, draw.one(parts["do"][kind][split]), **known)
    return fill(draw, draw.one(parts["tasks"][split]), do=do, form=form)


def names(what: str) -> Sequence[str]:
    """Return all drugs, diseases, symptoms or events."""
    return _fillers()[what]


def opened(draw: Draw, split: str, group: str, body: str) -> str:
    """Return a document: an opening, its body and perhaps a closing."""
    parts = frames()
    opening = fill(draw, draw.one(parts["openings"][group][split]))
    closing = fill(draw, draw.one(parts["closings"][split]))
    return "\n".join(filter(None, (opening, body, closing)))


def render(
    draw: Draw, split: str, group: str, facts: Sequence[Value], strays: Sequence[Value] = ()
) -> str:
    """Return a document that states the facts in random order, and strays that do not count.

    Args:
        draw: the random choices.
        split: the frames to use, train or test.
        group: the openings to use.
        facts: what the document states about its subject.
        strays: older values, or values of somebody else; each is marked as such.
    """
    layout = draw.one(_layouts(split))
    stated = [_fact(draw, layout, fact) for fact in draw.shuffled(facts)]
    join = layout["join"]
    if not join.endswith(("\n", ", ", "; ", " / ")):
        stated = [text[0].upper() + text[1:] for text in stated]
    body = layout.get("lead", "") + join.join(stated)
    if ("." in join or layout.get("lead")) and body:
        body += "."
    lines = [_stray(draw, split, group, stray) for stray in strays]
    whole = [layout["head"]] if "head" in layout else []
    whole += draw.shuffled([body, *lines]) if not whole else [body, *lines]
    return opened(draw, split, group, "\n".join(filter(None, whole)))


def _fact(draw: Draw, layout: Mapping[str, Any], fact: Value) -> str:
    item = fact.item
    label = draw.one(item.terse if layout.get("terse") else item.labels)
    patterns = layout["number"] if item.type != "finding" else layout["yes" if fact.taken else "no"]
    text: str = draw.one(patterns)
    return text.replace("{l}", label).replace("{v}", fact.text)


def _stray(draw: Draw, split: str, group: str, stray: Value) -> str:
    parts = frames()
    if group == "study":
        who = parts["other_studies"]
    else:
        who = parts["older" if draw.chance(0.6) else "others"]
    lead = fill(draw, draw.one(who[split]))
    return f"{lead}: {draw.one(stray.item.labels)} {stray.text}."
