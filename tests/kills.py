"""How often a test kills a process: five times, or `$BIOINSTRUCT_KILLS` for a longer campaign."""

from __future__ import annotations

import os

__all__ = ["KILLS"]

KILLS = int(os.environ.get("BIOINSTRUCT_KILLS", "5"))
