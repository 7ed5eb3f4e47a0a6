"""Fetching over real HTTP, from a server on loopback that misbehaves as it is told."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bioinstruct import MissingError, Refused
from bioinstruct.corpora import Access, Corpus, Download, get_corpus
from bioinstruct.corpora import download as fetching
from bioinstruct.corpora.download import fetch

CONTENT = b"".join(b"token%d\tO\n" % n for n in range(20_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers by what its script says, one entry a request, then as it should."""

    script: list[Callable[[Handler], None]]
    ranges: list[str | None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers["Range"])
        (self.server.script.pop(0) if self.server.script else parts)(self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def answer(self, body: bytes, *, start: int | None = None, sent: int | None = None) -> None:
        """Promise all of the body, and send so many bytes of it before the line goes dead."""
        self.send_response(200 if start is None else 206)
        self.send_header("Content-Length", str(len(body)))
        if start is not None:
            self.send_header("Content-Range", f"bytes {start}-{start + len(body) - 1}/*")
        self.end_headers()
        self.wfile.write(body[:sent])
        self.close_connection = sent is not None

    def start(self) -> int | None:
        asked = self.headers["Range"]
        return int(asked.removeprefix("bytes=").rstrip("-")) if asked else None


def parts(handler: Handler) -> None:
    start = handler.start()
    handler.answer(CONTENT[start or 0 :], start=start)


def cut(sent: int) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        start = handler.start()
        handler.answer(CONTENT[start or 0 :], start=start, sent=sent)

    return answer


def whole(handler: Handler) -> None:
    """A server that knows no ranges."""
    handler.answer(CONTENT)


def changed(handler: Handler) -> None:
    handler.answer(CONTENT[:-1] + b"!")


def status(code: int) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Handler)
    found.script, found.ranges = [], []
    thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fetching, "_WAITS", (0.0, 0.0))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("BIOINSTRUCT_DATA", raising=False)


@pytest.fixture
def corpus(server: Server) -> Corpus:
    url = f"http://127.0.0.1:{server.server_address[1]}/abc/train.tsv"
    return replace(
        get_corpus("ncbi-disease"), downloads=(Download("conll/train.tsv", url, SHA256),)
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache/bioinstruct/corpora/ncbi_disease/conll/train.tsv"


def left_beside(path: Path) -> list[str]:
    return [found.name for found in path.parent.glob("*") if found != path]


def test_a_file_is_fetched_once_checked_and_kept(
    server: Server, corpus: Corpus, path: Path
) -> None:
    shown: list[str] = []
    assert fetch(corpus, show=shown.append) == 1
    assert path.read_bytes() == CONTENT
    assert left_beside(path) == []
    assert shown[-1] == "ncbi-disease: 0.2 MB of train.tsv"
    assert fetch(corpus) == 0
    assert server.ranges == [None]


def test_a_dropped_connection_is_gone_on_with_where_it_stopped(
    server: Server, corpus: Corpus, path: Path
) -> None:
    server.script = [cut(70_000), cut(50_000)]
    fetch(corpus)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=70000-", "bytes=120000-"]


def test_a_server_that_knows_no_ranges_sends_all_of_it_again(
    server: Server, corpus: Corpus, path: Path
) -> None:
    server.script = [cut(70_000), whole]
    fetch(corpus)
    assert path.read_bytes() == CONTENT


def test_another_run_goes_on_where_this_one_was_stopped(
    server: Server, corpus: Corpus, path: Path
) -> None:
    server.script = [cut(70_000), cut(0), cut(0), cut(0)]
    with pytest.raises(MissingError, match="cannot fetch http") as caught:
        fetch(corpus)
    assert "again to continue" in caught.value.hint
    assert not path.exists()
    server.ranges.clear()
    fetch(corpus)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=70000-"]
    assert left_beside(path) == []


def test_a_part_of_another_file_is_thrown_away(server: Server, corpus: Corpus, path: Path) -> None:
    server.script = [cut(70_000), cut(0), cut(0), cut(0)]
    with pytest.raises(MissingError):
        fetch(corpus)
    [part] = path.parent.iterdir()
    part.write_bytes(b"something else")
    fetch(corpus)
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_the_whole_file_is_not_fetched_again(
    server: Server, corpus: Corpus, path: Path
) -> None:
    server.script = [cut(70_000), cut(0), cut(0), cut(0)]
    with pytest.raises(MissingError):
        fetch(corpus)
    [part] = path.parent.iterdir()
    part.write_bytes(CONTENT)
    server.script = [status(416)]
    fetch(corpus)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("cuts", [0, 1])
def test_a_wrong_byte_is_never_accepted(
    server: Server, corpus: Corpus, path: Path, cuts: int
) -> None:
    server.script = [*([cut(10)] * cuts), *([changed] * 6)]
    with pytest.raises(MissingError, match="is not the pinned file") as caught:
        fetch(corpus)
    assert SHA256 in str(caught.value)
    assert "b'token0" in str(caught.value)
    assert left_beside(path) == []
    assert not path.exists()


def test_one_wrong_byte_is_mended_by_fetching_again(
    server: Server, corpus: Corpus, path: Path
) -> None:
    server.script = [changed]
    fetch(corpus)
    assert path.read_bytes() == CONTENT


def test_a_file_that_was_changed_in_the_cache_is_fetched_again(corpus: Corpus, path: Path) -> None:
    fetch(corpus)
    path.write_bytes(b"changed")
    assert fetch(corpus) == 1
    assert path.read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_said_at_once(
    server: Server, corpus: Corpus, path: Path
) -> None:
    server.script = [status(404)]
    with pytest.raises(MissingError, match="the server answered 404 Not Found"):
        fetch(corpus)
    assert len(server.ranges) == 1
    assert not path.exists()


def test_a_server_in_trouble_is_asked_again(server: Server, corpus: Corpus, path: Path) -> None:
    server.script = [status(500), status(503)]
    fetch(corpus)
    assert path.read_bytes() == CONTENT
    path.unlink()
    server.script = [status(500)] * 3
    with pytest.raises(MissingError, match="the server answered 500"):
        fetch(corpus)


def test_without_a_network_the_hint_says_what_to_check(corpus: Corpus, path: Path) -> None:
    nowhere = (replace(corpus.downloads[0], url="http://127.0.0.1:1/train.tsv"),)
    with pytest.raises(MissingError, match="cannot fetch") as caught:
        fetch(replace(corpus, downloads=nowhere))
    assert "check the network" in caught.value.hint
    assert not path.exists()


@pytest.mark.parametrize("access", [Access.CREDENTIALED, Access.REGISTRATION])
def test_what_is_not_open_is_never_fetched(server: Server, corpus: Corpus, access: Access) -> None:
    with pytest.raises(Refused, match=f"ncbi-disease needs {access.value}") as caught:
        fetch(replace(corpus, access=access))
    assert corpus.homepage in caught.value.hint
    assert server.ranges == []


def test_a_corpus_without_a_pinned_address_says_where_to_get_it(corpus: Corpus) -> None:
    with pytest.raises(Refused, match="no files at a pinned address") as caught:
        fetch(replace(corpus, downloads=()))
    assert corpus.homepage in caught.value.hint


def test_what_is_in_the_data_directory_is_not_fetched(
    server: Server, corpus: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "ncbi_disease/conll").mkdir(parents=True)
    (tmp_path / "ncbi_disease/conll/train.tsv.gz").write_bytes(b"")
    assert fetch(corpus, data=tmp_path) == 0
    assert fetch(replace(corpus, access=Access.CREDENTIALED), data=tmp_path) == 0
    assert fetch(replace(corpus, downloads=()), data=tmp_path) == 0
    assert server.ranges == []


def test_a_full_disk_is_not_a_matter_of_the_network(
    server: Server, corpus: Corpus, path: Path
) -> None:
    path.parent.parent.mkdir(parents=True)
    path.parent.write_bytes(b"a file where the folder should be")
    with pytest.raises(FileExistsError):
        fetch(corpus)
