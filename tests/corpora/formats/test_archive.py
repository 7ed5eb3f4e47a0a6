from __future__ import annotations

import gzip
import io
import random
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bioinstruct import DataError, MissingError
from bioinstruct.corpora.formats.archive import members, one

Files = dict[str, bytes]
FILES = {"top/b/2.txt": b"two", "top/a/1.txt": "\ufeffeins, größer".encode(), "top/README": b"-"}


def as_folder(path: Path, files: Files) -> None:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def as_zip(path: Path, files: Files) -> None:
    with zipfile.ZipFile(path.with_name(path.name + ".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def tarred(files: Files) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def as_tar(path: Path, files: Files) -> None:
    path.with_name(path.name + ".tar").write_bytes(tarred(files))


def as_tar_gz(path: Path, files: Files) -> None:
    path.with_name(path.name + ".tar.gz").write_bytes(gzip.compress(tarred(files)))


def as_tgz(path: Path, files: Files) -> None:
    path.with_name(path.name + ".tgz").write_bytes(gzip.compress(tarred(files)))


KINDS = [as_folder, as_zip, as_tar, as_tar_gz, as_tgz]
ARCHIVES = [as_zip, as_tar, as_tar_gz]
Pack = Callable[[Path, Files], None]


@pytest.mark.parametrize("pack", KINDS)
@pytest.mark.parametrize("asked", ["corpus", "corpus.zip", "corpus.tar.gz"])
def test_a_folder_and_its_archives_give_the_same_files_in_order_of_their_names(
    tmp_path: Path, pack: Pack, asked: str
) -> None:
    pack(tmp_path / "corpus", FILES)
    found = list(members(tmp_path / asked, "*/*.txt"))
    assert [(member.name, member.text) for member in found] == [
        ("top/a/1.txt", "eins, größer"),
        ("top/b/2.txt", "two"),
    ]
    assert all(member.path.name in {"1.txt", "2.txt"} for member in found)


def test_the_pattern_goes_by_the_last_parts_of_the_path(tmp_path: Path) -> None:
    as_zip(tmp_path / "corpus", FILES)
    assert [m.name for m in members(tmp_path / "corpus", "b/*.txt")] == ["top/b/2.txt"]
    assert [m.name for m in members(tmp_path / "corpus", "top/*")] == ["top/README"]


@pytest.mark.parametrize("pack", KINDS)
def test_a_compressed_member_is_given_uncompressed_under_its_plain_name(
    tmp_path: Path, pack: Pack
) -> None:
    pack(tmp_path / "c", {"a.txt.gz": gzip.compress(b"one"), "b.txt": b"2", "b.txt.gz": b"other"})
    found = [(member.name, member.content) for member in members(tmp_path / "c", "*.txt")]
    assert found == [("a.txt", b"one"), ("b.txt", b"2")]


@pytest.mark.parametrize("pack", KINDS)
def test_what_macos_leaves_behind_is_no_member(tmp_path: Path, pack: Pack) -> None:
    pack(tmp_path / "c", {"a/1.txt": b"1", "__MACOSX/a/1.txt": b"\0\5", "a/._1.txt": b"\0\5"})
    assert [member.name for member in members(tmp_path / "c", "*.txt")] == ["a/1.txt"]


@pytest.mark.parametrize("pack", ARCHIVES)
@pytest.mark.parametrize(
    "name", ["../evil.txt", "a/../../evil.txt", "/etc/evil.txt", "..\\evil.txt", "C:\\evil.txt"]
)
def test_a_member_outside_of_its_archive_is_refused_by_name(
    tmp_path: Path, pack: Pack, name: str
) -> None:
    pack(tmp_path / "corpus", {"1.txt": b"", name: b"root::0:0"})
    with pytest.raises(DataError, match="lies outside of the archive") as caught:
        list(members(tmp_path / "corpus", "1.txt"))
    assert repr(name) in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "corpus."))


def test_a_name_may_hold_dots(tmp_path: Path) -> None:
    as_zip(tmp_path / "corpus", {"a..b/1..txt": b"1"})
    assert len(list(members(tmp_path / "corpus", "1..txt"))) == 1


@pytest.mark.parametrize("pack", ARCHIVES)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.6, 0.99])
def test_a_half_downloaded_archive_is_named(tmp_path: Path, pack: Pack, share: float) -> None:
    noise = random.Random(0).randbytes(9000)
    pack(tmp_path / "corpus", {"1.txt": noise, "2.txt": noise[::-1], "3.txt": b"3"})
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match="not a whole") as caught:
        list(members(path, "1.txt"))
    assert str(path) in str(caught.value)
    assert "fetch the file again" in caught.value.hint


@pytest.mark.parametrize("name", ["c.zip", "c.tar.gz", "c.tar"])
def test_a_page_in_place_of_an_archive_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"<!doctype html><title>Sign in</title>" * 100)
    with pytest.raises(DataError, match=r"not a whole (archive|zip file)"):
        list(members(tmp_path / name, "*"))


def test_a_flipped_byte_in_a_zip_is_named_with_its_member(tmp_path: Path) -> None:
    as_zip(tmp_path / "c", {"a/1.txt": b"abcdefgh" * 9, "a/2.txt": b"2"})
    raw = bytearray((tmp_path / "c.zip").read_bytes())
    raw[40] ^= 0xFF
    (tmp_path / "c.zip").write_bytes(raw)
    with pytest.raises(DataError, match=r"c\.zip/a/1\.txt: not a whole member"):
        list(members(tmp_path / "c.zip", "*.txt"))


def test_a_link_in_a_tar_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        link = tarfile.TarInfo("1.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (tmp_path / "c.tar").write_bytes(file.getvalue())
    with pytest.raises(DataError, match=r"1\.txt: a link or a device, not a file"):
        list(members(tmp_path / "c", "*.txt"))


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("1.txt", "one")
        archive.writestr("1.txt", "another")
    with pytest.raises(DataError, match=r"the member '1\.txt' is there twice"):
        list(members(tmp_path / "c", "*.txt"))


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    as_zip(tmp_path / "c", FILES)
    with pytest.raises(DataError, match=r"c\.zip: expected members like \*\.xml, found none"):
        list(members(tmp_path / "c", "*.xml"))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=rf"no file {tmp_path}/c "):
        list(members(tmp_path / "c.zip", "*"))
    as_folder(tmp_path / "d", FILES)
    with pytest.raises(MissingError, match=r"no file .*/d/\*\.xml"):
        list(members(tmp_path / "d", "*.xml"))


@pytest.mark.parametrize("pack", KINDS)
def test_text_that_is_not_utf8_is_named_with_member_and_line(tmp_path: Path, pack: Pack) -> None:
    pack(tmp_path / "c", {"a/1.txt": "gut\ngrößer".encode("latin-1")})
    [member] = members(tmp_path / "c", "1.txt")
    with pytest.raises(DataError, match=r"a/1\.txt:2: not UTF-8: byte 0xf6"):
        _ = member.text


@pytest.mark.parametrize("pack", KINDS)
def test_one_file_is_found_in_the_folder_or_in_an_archive_there(tmp_path: Path, pack: Pack) -> None:
    as_zip(tmp_path / "another", {"x.txt": b"x"})
    pack(tmp_path / "corpus", FILES)
    found = one(tmp_path, "b/2.txt")
    assert (found.name.endswith("top/b/2.txt"), found.text) == (True, "two")
    with pytest.raises(MissingError, match=r"no file .*/3\.txt \(nor in an archive there\)"):
        one(tmp_path, "3.txt")
    with pytest.raises(MissingError, match="no file"):
        one(tmp_path / "nowhere", "3.txt")


def test_a_link_out_of_a_folder_is_refused_as_in_an_archive(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine", encoding="utf-8")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "inside").write_text("text", encoding="utf-8")
    (corpus / "1.txt").symlink_to(corpus / "inside")
    (tmp_path / "linked").symlink_to(corpus)  # the whole folder may lie elsewhere
    assert [member.content for member in members(tmp_path / "linked", "1.txt")] == [b"text"]
    (corpus / "2.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(DataError, match=r"2\.txt: a link to a file outside of the corpus"):
        list(members(corpus, "2.txt"))
