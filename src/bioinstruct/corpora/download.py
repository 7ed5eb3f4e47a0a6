"""Download the official files of open corpora: resumable, atomic, checked by SHA-256."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bioinstruct import corpora
from bioinstruct.corpora import Access, Corpus, Download
from bioinstruct.errors import MissingError, Refused
from bioinstruct.files import add_filename_to_oserror

if TYPE_CHECKING:
    import httpx2

__all__ = ["fetch"]

_WAITS = (0.5, 2.0, 8.0, 20.0)  # seconds before each retry while no byte arrives
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_TIMEOUT = 30.0  # seconds without a response
_LONGEST_WAIT = 60.0  # seconds, whatever the server asks for

Show = Callable[[str], None]


def fetch(corpus: Corpus, *, data: Path | None = None, show: Show = lambda text: None) -> int:
    """Download the files of an open corpus into the cache; return the number of downloaded files.

    Corpora that are complete in the data directory are not downloaded. A cached file is checked by
    its checksum and replaced if it differs. If an attempt fails, the next one, now or in another
    run, resumes the download.

    Raises:
        Refused: the files need registration, or have no pinned address.
        MissingError: a download failed, or a file differs from the pinned one.
    """
    if corpus.folder is None or _is_given(corpus, data):
        return 0  # ships with the package, or is available
    if corpus.access is not Access.OPEN:
        raise Refused(
            f"{corpus.name} needs {corpus.access.value} and is never downloaded",
            hint=f"apply at {corpus.homepage}, and put the files into {corpus.folder}/",
        )
    if not corpus.downloads:
        raise Refused(
            f"{corpus.name} has no files at a pinned address",
            hint=f"get them from {corpus.homepage}, and put them into {corpus.folder}/",
        )
    folder = corpora.cache_directory() / corpus.folder
    wanted = [d for d in corpus.downloads if not _is_whole(folder / d.path, d.sha256)]
    for download in wanted:
        _download(download, folder / download.path, lambda text: show(f"{corpus.name}: {text}"))
    return len(wanted)


def _is_given(corpus: Corpus, data: Path | None) -> bool:
    with suppress(MissingError):
        folder = corpora.data_directory(data) / (corpus.folder or "")
        return corpora.is_complete(corpus, folder)
    return False


def _is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and _sum(path) == sha256


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(download: Download, path: Path, show: Show) -> None:
    """Download a file, retrying for as long as bytes keep arriving."""
    import httpx2

    with add_filename_to_oserror(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    # The name contains the checksum, so that a part of another version is never resumed.
    part = path.with_name(f".{path.name}.{download.sha256[:12]}.part")
    failures, wrong = 0, 0
    with httpx2.Client(timeout=_TIMEOUT, follow_redirects=True) as client:
        while True:
            before = _size(part)
            try:
                _transfer(client, download.url, part, show)
            except (httpx2.HTTPError, httpx2.InvalidURL, _Busy) as error:
                failures = 0 if _size(part) > before else failures + 1
                if failures > len(_WAITS) or isinstance(error, httpx2.InvalidURL):
                    raise _unreachable(download, error) from None
                show(f"{path.name}: {_reason(error)}; trying again")
                time.sleep(_wait(error, failures))
                continue
            if _sum(part) == download.sha256:
                break
            wrong += 1
            if wrong > (2 if before else 1):  # a resumed file gets another attempt from the start
                raise _another_file(download, part)
            part.unlink()
    part.replace(path)


class _Busy(Exception):
    """The server is busy."""

    def __init__(self, status: int, after: str | None) -> None:
        super().__init__(f"the server answered {status}")
        self.after = float(after) if after and after.isdecimal() else 0.0


def _transfer(client: httpx2.Client, url: str, part: Path, show: Show) -> None:
    """Download the missing part of a file, or all of it if the server supports no ranges."""
    start = _size(part)
    # Parts of a compressed response could not be joined.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code in _BUSY:
            raise _Busy(response.status_code, response.headers.get("Retry-After"))
        if response.status_code == 416:  # nothing is missing: the checksum decides
            return
        if response.status_code not in {200, 206}:
            raise MissingError(
                f"{url}: the server answered {response.status_code} {response.reason_phrase}",
                hint="the file has moved or was removed; see the home page of the corpus",
            )
        goes_on = response.status_code == 206 and _begins_at(response, start)
        with add_filename_to_oserror(part), part.open("ab" if goes_on else "wb") as file:
            for chunk in response.iter_bytes():
                file.write(chunk)
                file.flush()  # keep what arrived
                show(f"{file.tell() / 1e6:,.1f} MB of {url.rpartition('/')[2]}")
            os.fsync(file.fileno())


def _begins_at(response: httpx2.Response, start: int) -> bool:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        return False
    return str(response.headers.get("Content-Range", "")).startswith(f"bytes {start}-")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _wait(error: Exception, failures: int) -> float:
    asked = error.after if isinstance(error, _Busy) else 0.0
    return min(max(asked, _WAITS[max(failures - 1, 0)]), _LONGEST_WAIT)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _unreachable(download: Download, error: Exception) -> MissingError:
    return MissingError(
        f"cannot fetch {download.url}: {_reason(error)}",
        hint="check the network; run the same command again to continue",
    )


def _another_file(download: Download, part: Path) -> MissingError:
    found = _sum(part)
    with part.open("rb") as file:
        begins = file.read(40)
    part.unlink()
    return MissingError(
        f"{download.url} is not the pinned file: its SHA-256 is {found}, "
        f"expected {download.sha256}; it begins with {begins!r}",
        hint="something on the network changes files (a proxy, a login page), or the "
        "file was replaced",
    )
