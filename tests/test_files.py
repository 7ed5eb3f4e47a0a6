from __future__ import annotations

import errno
import gzip
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from bioinstruct import BioinstructError, MissingError
from bioinstruct.files import (
    atomic_directory,
    atomic_file,
    read_bytes,
    remove_leftovers,
    resolve_gz,
    set_aside,
)

ERRORS = [ValueError("mine"), KeyboardInterrupt(), SystemExit(3), OSError(errno.ECONNRESET, "gone")]
errors = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)


def names(folder: Path) -> list[str]:
    """Everything under a folder, hidden files too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a small disk of one's own, with mount's options; needs to be root."""
    disks: list[Path] = []

    def mount(options: str) -> Path:
        disk = tmp_path / f"disk{len(disks)}"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("may not mount a small disk: NOT CHECKED ON A FULL ONE")
        disks.append(disk)
        return disk

    yield mount
    for disk in disks:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_appears_when_it_is_complete_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.jsonl"
    with atomic_file(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["new", "new/folder", "new/folder/x.jsonl"]


def write_half(path: Path, error: BaseException) -> None:
    with atomic_file(path) as file:
        file.write(b"half")
        file.flush()
        raise error


@errors
def test_an_error_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


@errors
def test_an_error_leaves_no_file_where_there_was_none(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_half(tmp_path / "x", error)
    assert names(tmp_path) == []


def test_an_error_of_somebody_else_is_not_said_to_be_of_this_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone") as caught, atomic_file(tmp_path / "x"):
        raise OSError(errno.ECONNRESET, "gone")
    assert caught.value.filename is None


def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "x", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with atomic_file(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["link", "there", "there/x"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with atomic_file(pipe) as file:
        file.write(b"through")
    reader.join(timeout=10)
    assert got == [b"through"]
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_device_stays_a_device_and_a_full_one_is_named(tmp_path: Path) -> None:
    device = tmp_path / "full"  # a node of our own: /dev/full itself would not survive a mistake
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        device.open("wb").close()
    except OSError:
        pytest.skip("may not make a device: NOT CHECKED ON ONE")
    with pytest.raises(OSError, match="No space left") as caught, atomic_file(device) as file:
        file.write(b"x")
    assert caught.value.filename == str(device)
    assert device.is_char_device()


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError), atomic_file(tmp_path / "folder"):
        pass
    assert names(tmp_path) == ["folder"]


def test_a_full_disk_names_the_file_and_leaves_the_old_one(
    mounted: Callable[[str], Path],
) -> None:
    disk = mounted("size=64k")
    path = disk / "x"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left") as caught, atomic_file(path) as file:
        file.write(b"x" * 200_000)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"old"
    assert names(disk) == ["x"]


@pytest.mark.parametrize("atomic", [atomic_file, atomic_directory])
def test_a_disk_that_may_only_be_read_is_an_error_of_the_system(
    mounted: Callable[[str], Path], atomic: Callable[[Path], AbstractContextManager[object]]
) -> None:
    disk = mounted("size=64k,ro")
    with pytest.raises(OSError, match="Read-only") as caught, atomic(disk / "x"):
        pass
    assert caught.value.errno == errno.EROFS
    assert names(disk) == []


def fill(folder: Path, text: str) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "x").write_text(text, encoding="utf-8")


def fill_half(path: Path, error: BaseException) -> None:
    with atomic_directory(path) as folder:
        fill(folder, "half")
        raise error


def test_a_folder_appears_when_it_is_complete_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out"
    with atomic_directory(path) as folder:
        fill(folder, "whole")
        assert not path.exists()
    assert names(tmp_path) == ["new", "new/out", "new/out/data", "new/out/data/x"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "old").touch()
    with atomic_directory(path) as folder:
        fill(folder, "new")
        assert names(path) == ["old"]
    assert names(tmp_path) == ["out", "out/data", "out/data/x"]


@errors
@pytest.mark.parametrize("before", [True, False], ids=["replacing", "new"])
def test_an_error_leaves_the_old_folder_and_nothing_else(
    tmp_path: Path, before: bool, error: BaseException
) -> None:
    path = tmp_path / "out"
    if before:
        path.mkdir()
        fill(path, "old")
    found = names(tmp_path)
    with pytest.raises(type(error)):
        fill_half(path, error)
    assert names(tmp_path) == found


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    fill(path, "old")
    with pytest.raises(FileNotFoundError), atomic_directory(path) as folder:
        folder.rmdir()  # as if the disk had lost it
    assert names(tmp_path) == ["out", "out/data", "out/data/x"]
    assert (path / "data" / "x").read_text(encoding="utf-8") == "old"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with atomic_directory(tmp_path / "link") as folder:
        fill(folder, "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "data" / "x").is_file()
    assert names(tmp_path) == ["link", "there", "there/data", "there/data/x"]


def test_a_file_is_not_replaced_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(NotADirectoryError), atomic_directory(tmp_path / "out"):
        raise AssertionError("said before anything is done")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_leaves_the_old_folder(mounted: Callable[[str], Path]) -> None:
    disk = mounted("size=64k")
    path = disk / "out"
    path.mkdir()
    fill(path, "old")
    with pytest.raises(OSError, match="No space left"), atomic_directory(path) as folder:
        fill(folder, "x" * 200_000)
    assert names(disk) == ["out", "out/data", "out/data/x"]
    assert (path / "data" / "x").read_text(encoding="utf-8") == "old"


def test_a_file_is_found_plain_or_compressed_plain_first(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with pytest.raises(MissingError, match=r"no file .*x\.txt \(nor x\.txt\.gz\)"):
        resolve_gz(path)
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(b"compressed"))
    assert resolve_gz(path) == tmp_path / "x.txt.gz"
    assert read_bytes(path) == b"compressed"
    path.write_bytes(b"plain")
    assert resolve_gz(path) == path
    assert read_bytes(path) == b"plain"


def test_what_is_compressed_is_told_by_its_content_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(gzip.compress(b"a") + gzip.compress(b"b"))
    assert read_bytes(path) == b"ab"
    path.write_bytes(b"")
    assert read_bytes(path) == b""


def test_a_damaged_compressed_file_is_an_error_wherever_it_is_damaged(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(300) + b"text " * 100, mtime=0)
    path = tmp_path / "x"
    for cut in (5, 12, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(BioinstructError, match="not a complete gzip file") as caught:
            read_bytes(path)
        assert caught.value.hint == "fetch the file again"
    for position in range(10, len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(BioinstructError, match="not a complete gzip file"):
            read_bytes(path)


KILLED = """
import os, sys
from pathlib import Path
from bioinstruct import files
path, what = Path(sys.argv[1]), sys.argv[2]
if what == "renamed":  # killed when the old folder has made way, and the new one is not yet there
    really = Path.rename
    def rename(old, new):
        if str(new).endswith("out"):
            os._exit(9)
        return really(old, new)
    Path.rename = rename
if what == "file":
    with files.atomic_file(path) as file:
        file.write(b"half")
        file.flush()
        os._exit(9)
with files.atomic_directory(path) as folder:
    (folder / "x").write_text("half")
    if what == "folder":
        os._exit(9)
"""


def killed(path: Path, what: str) -> None:
    """Be killed while writing a file, a folder, or while the folder is put in place."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), what], check=False)
    assert done.returncode == 9
    assert any(path.parent.glob(".*.tmp"))


@pytest.mark.parametrize("what", ["file", "folder", "renamed"])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path, what: str) -> None:
    path = tmp_path / "out"
    if what == "renamed":
        path.mkdir()
        fill(path, "old")
    killed(path, what)
    (tmp_path / ".other.01234567.tmp").touch()  # of another place
    (tmp_path / ".out.012.tmp").touch()  # of somebody else
    (tmp_path / ".out.01234567.tmp").symlink_to(tmp_path / "away")
    atomic = atomic_file if what == "file" else atomic_directory
    with pytest.raises(ZeroDivisionError), atomic(path):
        raise ZeroDivisionError
    kept = [".other.01234567.tmp", ".out.012.tmp", ".out.01234567.tmp"]
    kept += ["out", "out/data", "out/data/x"] if what == "renamed" else []
    assert names(tmp_path) == sorted(kept)
    if what == "renamed":  # the old one is back
        assert (path / "data" / "x").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("atomic", [atomic_file, atomic_directory])
def test_what_is_still_being_written_is_not_taken_for_left_over(
    tmp_path: Path, atomic: Callable[[Path], AbstractContextManager[object]]
) -> None:
    with atomic(tmp_path / "out"):
        with atomic(tmp_path / "out"):
            remove_leftovers(tmp_path)
            assert len(list(tmp_path.glob(".out.*.tmp"))) == 2
        assert len(list(tmp_path.glob(".out.*.tmp"))) == 1
    assert names(tmp_path) == ["out"]


def test_what_is_set_aside_keeps_what_was_set_aside_before(tmp_path: Path) -> None:
    found = []
    for text in ("one", "two", "three"):
        (tmp_path / "x").write_text(text, encoding="utf-8")
        found.append(set_aside(tmp_path / "x"))
    assert [path.name for path in found] == ["damaged-x", "damaged-x-2", "damaged-x-3"]
    assert [path.read_text(encoding="utf-8") for path in found] == ["one", "two", "three"]


def test_what_is_written_is_synced_before_it_is_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename, replace = os.fsync, Path.rename, Path.replace

    def fsync(descriptor: int) -> None:
        done.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", lambda a, b: (done.append("put"), rename(a, b)))
    monkeypatch.setattr(Path, "replace", lambda a, b: (done.append("put"), replace(a, b)))
    with atomic_directory(tmp_path / "out") as folder:
        fill(folder, "x")
    put = done.index("put")
    assert {"sync x", "sync data", f"sync {folder.name}"} <= set(done[:put])
    assert done[put + 1 :] == [f"sync {tmp_path.name}"]
    done.clear()
    with atomic_file(tmp_path / "file") as file:
        temporary = Path(file.name).name
    assert done == [f"sync {temporary}", "put", f"sync {tmp_path.name}"]
