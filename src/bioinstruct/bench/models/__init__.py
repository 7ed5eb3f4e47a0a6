"""Models that can be scored: in this process, behind a server, or of a user's own class."""

from bioinstruct.bench.models.base import Choice, Completion, Model, Tunable
from bioinstruct.bench.models.constant import Constant

__all__ = ["Choice", "Completion", "Constant", "Model", "Tunable"]
