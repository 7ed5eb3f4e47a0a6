"""Dates of pregnancy, and other spans of time."""

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


@formula(
    "age-on-date",
    "timelines",
    Result(
        of="the age of the patient on the day of the visit, in completed years (a birthday on "
        "29 February counts on 1 March of other years)",
        form="N years",
    ),
    "ISO 8601-1:2019",
)
def age_on_date(birth_date: datetime.date, day_of_visit: datetime.date) -> list[Any]:
    """Return the completed years from birth to visit."""
    before = (day_of_visit.month, day_of_visit.day) < (birth_date.month, birth_date.day)
    return [f"{day_of_visit.year - birth_date.year - before} years"]


@formula(
    "length-of-stay",
    "timelines",
    Result(
        of="the length of the stay, with the days of admission and discharge as one", form="N days"
    ),
    "OECD Health Statistics 2023, definition of the average length of stay",
)
def length_of_stay(admission_date: datetime.date, discharge_date: datetime.date) -> list[Any]:
    """Return the days from admission to discharge."""
    return [f"{(discharge_date - admission_date).days} days"]
