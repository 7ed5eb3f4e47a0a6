from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
from benchmarks.texts import medquad

# The time of an example says nothing here: the first one compiles.
hypothesis.settings.register_profile("filters", deadline=None)
hypothesis.settings.load_profile("filters")


@pytest.fixture(scope="session")
def questions(data: Path) -> list[str]:
    """The questions of MedQuAD: 44,603, of a few forms."""
    return medquad(data)
