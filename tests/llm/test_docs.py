from __future__ import annotations

from pathlib import Path

from tests.preloaded import Preloaded
from tests.test_docs import BLOCK, ROOT, run


def test_the_blocks_of_the_page_on_the_client_run_and_print_what_they_say(
    tmp_path: Path, preloaded: Preloaded
) -> None:
    page = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
    blocks = [code for kind, code in BLOCK.findall(page) if kind == "python"]
    assert len(blocks) == 3
    python = str(preloaded.path / "python")
    printed = run([python, "-c", "\n".join(blocks)], tmp_path, preloaded).splitlines()
    said = [line.removeprefix("#> ") for line in "\n".join(blocks).splitlines() if "#> " in line]
    assert printed == said
