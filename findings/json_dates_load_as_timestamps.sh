#!/usr/bin/env bash
# Surprise: load_dataset("json") turns a column of strings into timestamps, without a warning, when each of its strings looks like a date; one other string keeps the whole column as text.
# Seen with datasets 5.2.0, pyarrow 26.0.1; source: type inference of pyarrow/json (read_json), which the json builder of datasets uses.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1
HF_HOME=$folder/cache HF_HUB_OFFLINE=1 "$folder/env/bin/python" - "$folder" <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow
from datasets import load_dataset

folder = Path(sys.argv[1])
dates = ["2024-03-01", "2024-03-15"]


def read(name: str, answers: list[str]) -> tuple[str, object]:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"output": answer}) + "\n" for answer in answers))
    found = load_dataset("json", data_files=str(path), split="train")
    return found.features["output"].dtype, found[0]["output"]


print(f"datasets {version('datasets')}, pyarrow {pyarrow.__version__}")
of_dates, mixed = read("dates", dates), read("mixed", [*dates, "in spring"])
print("answers that are all dates: ", *of_dates)
print("and one that is not:        ", *mixed)
assert of_dates[0].startswith("timestamp") and mixed == ("string", dates[0])
PY
