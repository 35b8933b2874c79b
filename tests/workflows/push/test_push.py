"""Publishing: to a Hub inside this process that keeps what arrives; only files of the model, byte for byte."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from embedtune.errors import ConfigError, ModelError, OutputError
from embedtune.workflows.push.run import push

REPOSITORY = "kim/tuned"
MODEL = {
    "README.md": b"---\ntags:\n- embedtune\n---\n# A model\n\nLoad path/to/this/folder.\n",
    "modules.json": b"[]",
    "1_Pooling/config.json": b"{}",
    "tokenizer.json": "{'한': 1}".encode(),
    "model.safetensors": bytes(range(256)) * 40,
}


class FakeHub(ThreadingHTTPServer):
    """Speaks as much of the Hub's protocol as a commit needs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.files: dict[str, bytes] | None = None
        self.large: dict[str, bytes] = {}
        self.created: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.refuse: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, lines: list[dict[str, Any]]) -> None:
        files = dict(self.files or {})
        for line in lines:
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            elif line["key"] == "lfsFile":
                files[line["value"]["path"]] = self.large[line["value"]["oid"]]
        self.files = files


class Answering(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, *_: object) -> None:
        pass

    def say(self, value: object, status: int = 200, **headers: str) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in ({"Content-Length": str(len(body)), "Content-Type": "application/json"} | headers).items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = b""
            while size := int(self.rfile.readline(), 16):
                parts += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return parts
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def do_GET(self) -> None:
        hub = self.server
        hub.asked.append(f"GET {self.path}")
        if hub.files is None:
            self.say({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
        elif "/tree/" in self.path:
            self.say([{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in hub.files])
        else:
            self.say({"id": REPOSITORY, "siblings": [], "private": True})

    def do_PUT(self) -> None:
        content = self.body()
        self.server.large[hashlib.sha256(content).hexdigest()] = content
        self.say({})

    def do_POST(self) -> None:
        hub, content = self.server, self.body()
        hub.asked.append(f"POST {self.path}")
        if hub.refuse is not None:
            self.say({"error": "You may not write here"}, hub.refuse)
        elif self.path.endswith("/repos/create"):
            hub.created.append(json.loads(content))
            hub.files = {".gitattributes": b""}
            self.say({"url": f"{hub.url}/{REPOSITORY}"})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(content)["files"]]
            modes = {name: "lfs" if name.endswith(".safetensors") else "regular" for name in names}
            files = [{"path": name, "uploadMode": mode, "shouldIgnore": False} for name, mode in modes.items()]
            self.say({"files": files})
        elif self.path.endswith("/objects/batch"):
            objects = json.loads(content)["objects"]
            actions = {one["oid"]: {"upload": {"href": f"{hub.url}/put/{one['oid']}"}} for one in objects}
            self.say({"transfer": "basic", "objects": [one | {"actions": actions[one["oid"]]} for one in objects]})
        elif "/commit/" in self.path:
            hub.commit([json.loads(line) for line in content.splitlines() if line.strip()])
            self.say({"success": True, "commitOid": "a" * 40, "commitUrl": f"{hub.url}/{REPOSITORY}/commit/aaaa"})
        else:
            self.say({"errors": [], "warnings": []})


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    from huggingface_hub import constants

    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # its storage is a service of its own
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    server = FakeHub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


SENT = MODEL | {"README.md": MODEL["README.md"].replace(b"path/to/this/folder", REPOSITORY.encode())}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    for name, content in MODEL.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "pairs.jsonl").write_text("my customers' words")
    (folder / ".env").write_text("KEY=1")
    return folder


def test_the_files_of_the_model_arrive_and_no_others(hub: FakeHub, model: Path) -> None:
    result = push(str(model), REPOSITORY)
    assert hub.files == SENT | {".gitattributes": b""}
    sent = hub.created[0]
    assert (sent.get("private") is True or sent.get("visibility") == "private") and result.private is True
    assert {file.name for file in result.files} == set(MODEL)
    assert result.url.endswith("/commit/aaaa") and "hf_secret" not in str(result)


def test_what_is_there_is_replaced_only_when_asked(hub: FakeHub, model: Path) -> None:
    hub.files = {"README.md": b"theirs"}
    with pytest.raises(ConfigError, match="already holds 1 file, such as README"):
        push(str(model), REPOSITORY)
    assert hub.files == {"README.md": b"theirs"}
    result = push(str(model), REPOSITORY, force=True)
    assert hub.files == SENT and result.private is None and not hub.created


def test_a_dry_run_asks_nobody(hub: FakeHub, model: Path) -> None:
    result = push(str(model), REPOSITORY, dry_run=True)
    assert not hub.asked and result.url == ""
    assert {file.name: file.size_bytes for file in result.files} == {name: len(text) for name, text in MODEL.items()}
    assert "5 files" in str(result) and "nothing was sent" in str(result)


def test_a_refusal_is_said_in_words(hub: FakeHub, model: Path) -> None:
    hub.refuse = 403
    with pytest.raises(OutputError, match="the Hub refuses") as refused:
        push(str(model), REPOSITORY)
    assert "hf auth login" in str(refused.value.next)


def test_what_must_not_be_published(model: Path, tmp_path: Path) -> None:
    for name in ("tuned", "a/b/c", "../x/y", "a/"):
        with pytest.raises(ConfigError, match="not the name of a repository"):
            push(str(model), name, dry_run=True)
    with pytest.raises(ConfigError, match="there is no"):
        push(str(tmp_path / "none"), REPOSITORY, dry_run=True)
    with pytest.raises(ConfigError, match="neither a run nor a model"):
        push(str(tmp_path), REPOSITORY, dry_run=True)
    (model / "config.json").symlink_to(model / ".env")
    with pytest.raises(ModelError, match="is a link"):
        push(str(model), REPOSITORY, dry_run=True)
    (model / "config.json").unlink()
    (model / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="is a pickle"):
        push(str(model), REPOSITORY, dry_run=True)
