from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bioinstruct import BioinstructError
from bioinstruct.dataset.pictures import PICTURES
from bioinstruct.dataset.publish import publish, push
from tests.hub_server import Hub, hub_server
from tests.records import record, records

# A process of its own, because the client reads its settings when it is imported.
PUSH = """
import sys
from pathlib import Path
from bioinstruct import BioinstructError
from bioinstruct.dataset.publish import push
try:
    print(push(Path(sys.argv[1]), sys.argv[2], license="CC-BY-4.0", private="private" in sys.argv))
except BioinstructError as error:
    sys.exit(f"{error}\\nhint: {error.hint}")
"""
LOAD = """
import sys
from bioinstruct.dataset.load import load_dataset, read_examples
print(load_dataset("me/bioinstruct", split="train").num_rows)
print(sum(1 for _ in read_examples("me/bioinstruct")))
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as hub:
        yield hub


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    publish(records(20), tmp_path / "bioinstruct")
    return tmp_path / "bioinstruct"


def _run(code: str, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    settings = {"HF_HUB_DISABLE_XET": "1", "HF_HOME": os.environ["HF_HOME"], **env}
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env=clean | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _push(hub: Hub, folder: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, **env}
    done = _run(PUSH, str(folder), "me/bioinstruct", *args, **settings)
    assert hub.token not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr or "HF_DEBUG" in env
    return done


def _local(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_arrives_is_what_was_published_byte_for_byte(hub: Hub, folder: Path) -> None:
    done = _push(hub, folder, "private")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{hub.url}/datasets/me/bioinstruct/commit/")
    assert hub.files == _local(folder)
    (created,) = hub.created
    assert (created["name"], created["organization"], created["type"]) == (
        "bioinstruct",
        "me",
        "dataset",
    )
    assert created["visibility"] == "private"
    assert any(line.startswith("PUT /upload/") for line in hub.requests)


def test_the_token_is_not_even_in_the_debugging_log_of_the_client(hub: Hub, folder: Path) -> None:
    done = _push(hub, folder, HF_DEBUG="1")
    assert done.returncode == 0
    assert "/commit/main" in done.stderr  # the log is there


def test_what_was_pushed_loads_by_its_id(hub: Hub, folder: Path) -> None:
    assert _push(hub, folder).returncode == 0
    done = _run(LOAD, HF_ENDPOINT=hub.url, HF_TOKEN=hub.token)
    assert done.stdout == "20\n20\n", done.stderr


def test_a_public_repository_is_not_taken_for_a_private_one(hub: Hub, folder: Path) -> None:
    assert _push(hub, folder).returncode == 0
    publish(records(3), folder)
    before = dict(hub.files)
    done = _push(hub, folder, "private")
    assert done.returncode == 1
    assert "me/bioinstruct already exists and is public\nhint: make it private" in done.stderr
    assert hub.files == before


def test_nothing_but_what_publish_wrote_is_uploaded(hub: Hub, folder: Path) -> None:
    (folder / ".env").write_text("SECRET=1", encoding="utf-8")
    (folder / "data" / "notes.txt").write_text("mine", encoding="utf-8")
    assert _push(hub, folder).returncode == 0
    assert sorted(hub.files) == [
        "README.md",
        "croissant.json",
        "data/train-00000-of-00001.parquet",
        *sorted(f"pictures/{name}" for name in PICTURES),
        "statistics.json",
    ]


def test_a_smaller_version_takes_the_old_files_away(hub: Hub, folder: Path) -> None:
    publish(records(20), folder, shard_bytes=500)
    assert _push(hub, folder).returncode == 0
    assert len(hub.files) > 3
    hub.files["data/extra.parquet"] = b"not ours"
    publish(records(4), folder)
    done = _push(hub, folder)
    assert done.returncode == 0, done.stderr
    assert hub.files == _local(folder) | {"data/extra.parquet": b"not ours"}


@pytest.mark.parametrize("step", ["whoami", "repos/create", "preupload", "PUT /upload", "commit"])
def test_a_hub_that_fails_once_is_asked_again(hub: Hub, folder: Path, step: str) -> None:
    hub.failures = [(step, 500)]
    done = _push(hub, folder)
    assert done.returncode == 0, done.stderr
    assert hub.failures == []
    assert hub.files == _local(folder)


def test_a_hub_that_goes_on_failing_is_an_error_with_a_hint(hub: Hub, folder: Path) -> None:
    hub.failures = [("whoami", 503)] * 3
    done = _push(hub, folder)
    assert done.returncode == 1
    assert "the Hub answered 503 (told to fail, [key])" in done.stderr
    assert "hint: try again later" in done.stderr
    assert hub.files == {}


def test_a_wrong_token_is_an_error_that_does_not_show_it(hub: Hub, folder: Path) -> None:
    done = _push(hub, folder, HF_TOKEN="hf_anotherwrongtoken")
    assert done.returncode == 1
    assert "the Hub refused the token\nhint: set HF_TOKEN" in done.stderr
    assert "hf_anotherwrongtoken" not in done.stdout + done.stderr
    assert hub.files == {}


@pytest.mark.parametrize("step", ["repos/create", "preupload", "commit"])
def test_a_token_that_may_not_write_is_an_error_with_a_hint(
    hub: Hub, folder: Path, step: str
) -> None:
    hub.failures = [(step, 403)]
    done = _push(hub, folder)
    assert done.returncode == 1
    assert "the token may not write to 'me/bioinstruct'" in done.stderr
    assert "hint: use a token with write access" in done.stderr
    assert hub.files == {}


def test_no_token_is_an_error_with_a_hint(hub: Hub, folder: Path) -> None:
    done = _push(hub, folder, HF_TOKEN="")
    assert done.returncode == 1
    assert "pushing needs a Hub token\nhint: set HF_TOKEN" in done.stderr


@pytest.mark.parametrize(
    "setting", [{"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}]
)
def test_a_hub_out_of_reach_is_an_error_with_a_hint(
    hub: Hub, folder: Path, setting: dict[str, str]
) -> None:
    done = _push(hub, folder, **setting)
    assert done.returncode == 1
    assert "cannot reach the Hub at http://127.0.0.1:" in done.stderr
    assert "hint: check the network and HF_ENDPOINT" in done.stderr


def test_a_name_that_the_hub_cannot_have_is_an_error(hub: Hub, folder: Path) -> None:
    settings = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token}
    done = _run(PUSH, str(folder), "not a name", **settings)
    assert done.returncode == 1
    assert "cannot push to 'not a name'" in done.stderr
    assert "Traceback" not in done.stderr


def _refusal(folder: Path, license: str | None) -> BioinstructError:
    with pytest.raises(BioinstructError) as error:
        push(folder, "me/bioinstruct", license=license, token="unused")
    return error.value


def test_pushing_without_a_licence_is_refused_with_the_words_to_add(tmp_path: Path) -> None:
    examples = [*records(2), record(2, provenance={"license": "MIT OR Apache-2.0"})]
    publish(examples, tmp_path / "b")
    for license in (None, ""):
        error = _refusal(tmp_path / "b", license)
        assert "needs an explicit licence" in str(error)
        assert '--license "Apache-2.0 AND CC-BY-4.0 AND MIT"' in error.hint


def test_a_licence_that_no_record_has_is_refused(folder: Path) -> None:
    error = _refusal(folder, "MIT")
    assert "no record is under mit; the data has CC-BY-4.0" in str(error)


def test_a_licence_that_drops_a_condition_is_refused(tmp_path: Path) -> None:
    publish([*records(1), record(1, provenance={"license": "CC-BY-NC-SA-4.0"})], tmp_path / "b")
    assert "leaves out a condition that some records carry: NC, SA" in str(
        _refusal(tmp_path / "b", "CC-BY-4.0")
    )


@pytest.mark.parametrize("license", ["NOASSERTION", "NONE", "LicenseRef-unknown"])
def test_records_of_unknown_licence_are_not_pushed(tmp_path: Path, license: str) -> None:
    publish([*records(1), record(1, provenance={"license": license})], tmp_path / "b")
    assert f"1 records have no known licence ({license})" in str(
        _refusal(tmp_path / "b", "CC-BY-4.0")
    )


def test_a_closed_record_is_found_in_the_data_whatever_the_statistics_say(
    tmp_path: Path, folder: Path
) -> None:
    from bioinstruct.parquet import write_parquet

    closed = record(0, provenance={"license": "LicenseRef-PhysioNet-Credentialed-1.5.0"})
    for path in (folder / "data").iterdir():
        path.unlink()
    write_parquet(folder / "data", "train", [closed.row()])
    assert "1 records may not be redistributed" in str(_refusal(folder, "CC-BY-4.0"))


def test_a_folder_that_was_not_published_is_not_pushed(tmp_path: Path, folder: Path) -> None:
    assert "is not a published dataset" in str(_refusal(tmp_path, "CC-BY-4.0"))
    (folder / "README.md").write_text("# my own card\n", encoding="utf-8")
    assert "the card declares no licence" in str(_refusal(folder, "CC-BY-4.0"))
