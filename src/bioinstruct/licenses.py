"""Parse SPDX licence expressions and list the licences they name."""

from __future__ import annotations

import re
from functools import lru_cache

from bioinstruct.errors import BioinstructError

__all__ = ["check_license", "license_ids"]

_NO_LICENSE = {"NOASSERTION", "NONE"}


@lru_cache(maxsize=1024)
def check_license(expression: str) -> str:
    """Return an SPDX licence expression as it was given.

    It may name licences of the SPDX list, in any case, and `LicenseRef-` with a name of your own.
    SPDX's words for no licence and for an unknown one, NONE and NOASSERTION, pass too.

    Raises:
        BioinstructError: it is not an SPDX expression; the hint says what to write.
    """
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    if expression in _NO_LICENSE:
        return expression
    try:
        if expression != " ".join(expression.split()):
            raise InvalidLicenseExpression
        canonicalize_license_expression(expression)
    except InvalidLicenseExpression:
        near = _nearest(expression)
        raise BioinstructError(
            f"{expression!r} is not an SPDX licence expression",
            hint=f"did you mean `{near}`?"
            if near
            else "such as `CC-BY-4.0`; for terms not on the SPDX list, `LicenseRef-` and a name",
        ) from None
    return expression


def license_ids(expression: str) -> list[str]:
    """Return the identifiers in an SPDX expression, without operators and exceptions."""
    bare = re.sub(r"\bWITH +\S+", "", expression, flags=re.IGNORECASE)
    ids = re.findall(r"[A-Za-z0-9.+-]+", bare)
    return [id for id in ids if id.upper() not in {"AND", "OR"}]


def _nearest(expression: str) -> str:
    """Return the SPDX identifier that a text becomes with hyphens for spaces, or an empty text."""
    from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

    try:
        hyphenated = re.sub(r"[\s_,]+", "-", expression.strip())
        return str(canonicalize_license_expression(hyphenated))
    except InvalidLicenseExpression:
        return ""
