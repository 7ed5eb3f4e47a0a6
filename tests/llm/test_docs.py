from __future__ import annotations

import sys
from pathlib import Path

from tests.test_docs import BLOCK, ROOT, run


def test_the_blocks_of_the_page_on_the_client_run_and_print_what_they_say(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    blocks = [code for kind, code in BLOCK.findall(page) if kind == "python"]
    assert len(blocks) == 3
    printed = run([sys.executable, "-c", "\n".join(blocks)], tmp_path).splitlines()
    said = [line.removeprefix("#> ") for line in "\n".join(blocks).splitlines() if "#> " in line]
    assert printed == said
