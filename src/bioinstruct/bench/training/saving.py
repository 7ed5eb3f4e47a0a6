"""Folders of safetensors that are whole or not there."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from bioinstruct.files import atomic_directory

__all__ = ["weights_directory"]


@contextlib.contextmanager
def weights_directory(path: Path) -> Iterator[Path]:
    """A folder to fill with weights, which replaces `path` only when the block ends without error.

    Raises:
        OSError: such as a full disk, which safetensors reports with an error of its own.
    """
    from safetensors import SafetensorError

    with atomic_directory(path) as temporary:
        try:
            yield temporary
        except SafetensorError as error:
            if found := re.search(r"os error (\d+)", str(error)):
                number = int(found[1])
                raise OSError(number, os.strerror(number), str(path)) from error
            raise
