"""Dates of pregnancy."""

from __future__ import annotations

import datetime
from typing import Any

from bioinstruct.synthesis.formula import Result, formula

__all__ = ["FAMILY"]

FAMILY = "obstetrics"
_ACOG = "ACOG Committee Opinion 700. Obstet Gynecol 2017;129:e150-e154"


@formula(
    "gestational-age",
    FAMILY,
    Result(
        of="the gestational age at the visit, from the last menstrual period", form="W weeks D days"
    ),
    _ACOG,
)
def gestational_age(last_period: datetime.date, visit_date: datetime.date) -> list[Any]:
    """Return the completed weeks and days since the last menstrual period."""
    weeks, days = divmod((visit_date - last_period).days, 7)
    return [f"{weeks} weeks {days} days"]


@formula(
    "due-date",
    FAMILY,
    Result(
        of=(
            "the due date: 280 days after the last menstrual period, and a day "
            "later for each day that the cycle is longer than 28"
        ),
        form="YYYY-MM-DD",
    ),
    _ACOG,
)
def due_date(last_period: datetime.date, cycle_length: float) -> list[Any]:
    """Return the last menstrual period plus 280 days plus the cycle less 28."""
    days = 280 + int(cycle_length) - 28
    return [(last_period + datetime.timedelta(days=days)).isoformat()]


@formula(
    "due-date-transfer",
    FAMILY,
    Result(
        of="the due date: 266 days after the embryo transfer, less the age of the embryo",
        form="YYYY-MM-DD",
    ),
    _ACOG,
)
def due_date_transfer(transfer_date: datetime.date, embryo_age: float) -> list[Any]:
    """Return the transfer plus 266 days less the age of the embryo."""
    return [(transfer_date + datetime.timedelta(days=266 - int(embryo_age))).isoformat()]
