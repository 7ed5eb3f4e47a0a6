"""Ask prompts of a file through bespokelabs-curator; runs in an environment of its own.

`python generation_peer.py PROMPTS CONCURRENCY` with `OPENAI_BASE_URL` set; prints how many answers.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["TELEMETRY_ENABLED"] = "false"
os.environ["CURATOR_DISABLE_RICH_DISPLAY"] = "1"


def main() -> None:
    """Ask all of them, keep the texts."""
    import litellm
    from bespokelabs import curator

    # The encoding of gpt-4 ships with litellm, so that nothing is fetched.
    tokenizers = Path(litellm.__file__).parent / "litellm_core_utils" / "tokenizers"
    os.environ["TIKTOKEN_CACHE_DIR"] = str(tokenizers)
    path, concurrency = Path(sys.argv[1]), int(sys.argv[2])
    with path.open(encoding="utf-8") as file:
        prompts = [json.loads(line)["messages"][0]["content"] for line in file]
    with path.open(encoding="utf-8") as file:
        first = json.loads(file.readline())
    llm = curator.LLM(
        model_name=first["model"],
        backend="openai",
        generation_params={name: first[name] for name in ("temperature", "top_p", "max_tokens")},
        backend_params={
            "base_url": os.environ["OPENAI_BASE_URL"],
            "max_concurrent_requests": concurrency,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 100_000_000_000,
            "require_all_responses": True,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        made = llm(prompts, working_dir=folder)
        data = getattr(made, "dataset", made)
        print(sum(bool(text) for text in data["response"]))


if __name__ == "__main__":
    main()
