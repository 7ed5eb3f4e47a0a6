"""A server on loopback that speaks as much of the Hub as pushing and loading a dataset needs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """What the server holds, what it was asked, and how it is told to misbehave."""

    token: str = "hf_secretsecretsecret"
    files: dict[str, bytes] = field(default_factory=dict)
    created: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    failures: list[tuple[str, int]] = field(default_factory=list)
    """Parts of a request line, each answered once with a status instead of the truth."""
    url: str = ""

    @property
    def revision(self) -> str:
        state = sorted((path, _sha1(content)) for path, content in self.files.items())
        return _sha1(repr(state).encode())


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()


@contextmanager
def hub_server() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._route()

    do_POST = do_PUT = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _route(self) -> None:
        body = self._body()
        path = unquote(urlsplit(self.path).path)
        line = f"{self.command} {path}"
        self.hub.requests.append(line)
        for failure in self.hub.failures:
            if failure[0] in line:
                self.hub.failures.remove(failure)
                return self._json({"error": f"told to fail, {self.hub.token}"}, failure[1])
        if path.startswith("/api") and self.headers["Authorization"] != f"Bearer {self.hub.token}":
            return self._json({"error": f"no such token: {self.headers['Authorization']}"}, 401)
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, line):
                return answer(self, body, *match.groups())
        return self._json({"error": f"not a call that this server knows: {line}"}, 404)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _json(self, content: Any, status: int = 200) -> None:
        self._send(json.dumps(content).encode(), {"Content-Type": "application/json"}, status)

    def _send(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def whoami(self, body: bytes) -> None:
        self._json({"name": "me", "type": "user", "orgs": []})

    def create(self, body: bytes) -> None:
        wanted = json.loads(body)
        self.hub.created.append(wanted)
        name = f"{wanted['organization'] or 'me'}/{wanted['name']}"
        url = {"url": f"{self.hub.url}/datasets/{name}"}
        if wanted["name"] in {earlier["name"] for earlier in self.hub.created[:-1]}:
            return self._json({"error": "you already created this repository", **url}, 409)
        return self._json(url)

    def validate(self, body: bytes) -> None:
        self._json({"errors": [], "warnings": []})

    def preupload(self, body: bytes) -> None:
        files = json.loads(body)["files"]
        for item in files:
            item["uploadMode"] = "lfs" if item["path"].endswith(".parquet") else "regular"
            item["shouldIgnore"] = False
        self._json({"files": files})

    def batch(self, body: bytes) -> None:
        objects = json.loads(body)["objects"]
        for item in objects:
            item["actions"] = {
                "upload": {"href": f"{self.hub.url}/upload/{item['oid']}"},
                "verify": {"href": f"{self.hub.url}/api/verify"},
            }
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            return self._json({"error": "not the bytes that were announced"}, 400)
        self.hub.blobs[oid] = body
        return self._send(b"", {})

    def verify(self, body: bytes) -> None:
        known = json.loads(body)["oid"] in self.hub.blobs
        self._json({}, 200 if known else 404)

    def commit(self, body: bytes, name: str) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.hub.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.hub.files[value["path"]] = self.hub.blobs[value["oid"]]
            elif entry["key"] == "deletedFile":
                del self.hub.files[value["path"]]
        self._json(
            {
                "commitUrl": f"{self.hub.url}/datasets/{name}/commit/{self.hub.revision}",
                "commitOid": self.hub.revision,
            }
        )

    def info(self, body: bytes, name: str) -> None:
        if not self.hub.created:
            return self._json({"error": "no such repository"}, 404)
        private = self.hub.created[0].get("visibility") == "private"
        known = {"id": name, "sha": self.hub.revision, "private": private}
        return self._json({**known, "tags": [], "siblings": []})

    def tree(self, body: bytes, folder: str | None) -> None:
        start = f"{folder}/" if folder else ""
        found = [self._entry(path) for path in self.hub.files if path.startswith(start)]
        if not start:
            found.append({"type": "directory", "path": "data", "oid": "0" * 40, "size": 0})
        self._json(found)

    def paths_info(self, body: bytes) -> None:
        asked = json.loads(body)["paths"]
        self._json([self._entry(path) for path in asked if path in self.hub.files])

    def _entry(self, path: str) -> dict[str, Any]:
        content = self.hub.files[path]
        oid = _sha1(content)
        return {"type": "file", "path": path, "oid": oid, "size": len(content)}

    def resolve(self, body: bytes, path: str) -> None:
        if path not in self.hub.files:
            return self._send(b"", {"X-Error-Code": "EntryNotFound"}, 404)
        content = self.hub.files[path]
        etag = _sha1(content)
        return self._send(content, {"ETag": f'"{etag}"', "X-Repo-Commit": self.hub.revision})


_NAME = r"(?:[\w.-]+/[\w.-]+)"
_ROUTES: list[tuple[str, Callable[..., None]]] = [
    (r"GET /api/whoami-v2", _Handler.whoami),
    (r"POST /api/repos/create", _Handler.create),
    (r"POST /api/validate-yaml", _Handler.validate),
    (rf"POST /api/datasets/{_NAME}/preupload/main", _Handler.preupload),
    (rf"POST /datasets/{_NAME}\.git/info/lfs/objects/batch", _Handler.batch),
    (r"PUT /upload/(\w+)", _Handler.upload),
    (r"POST /api/verify", _Handler.verify),
    (rf"POST /api/datasets/({_NAME})/commit/main", _Handler.commit),
    (rf"GET /api/datasets/({_NAME})(?:/revision/\w+)?", _Handler.info),
    (rf"GET /api/datasets/{_NAME}/tree/\w+(?:/(.+))?", _Handler.tree),
    (rf"POST /api/datasets/{_NAME}/paths-info/\w+", _Handler.paths_info),
    (rf"(?:GET|HEAD) /datasets/{_NAME}/resolve/\w+/(.+)", _Handler.resolve),
]
