from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.texts import medquad


@pytest.fixture(scope="session")
def questions(data: Path) -> list[str]:
    """The questions of MedQuAD: 44,603, of a few forms."""
    return medquad(data)
