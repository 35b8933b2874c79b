"""Names are decided before sentence-transformers loads, offline in one sentence, and never by opening a pickle."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.sources import on_hub
from embedtune.models.sources import resolve as resolving
from embedtune.models.sources.resolve import Resolved


def resolve(name: str, **allowed: bool) -> Resolved:
    """The model of a section that need not be valid: an empty name, for one, never gets as far from a recipe."""
    given = {"name": name, "trust_remote_code": False, "allow_pickle": False, **allowed}
    return resolving.resolve(ModelSection.model_construct(**given))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hub cache."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(folder))
    return folder


WEIGHTS = b"\x02\0\0\0\0\0\0\0{}"
"""A file of safetensors that holds nothing."""


def put_in_cache(cache: Path, repository: str, source: Path) -> None:
    """Lay a model folder into the cache the way huggingface_hub does."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    home = cache / f"models--{repository.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    snapshot = home / "snapshots" / commit
    snapshot.parent.mkdir()
    snapshot.symlink_to(source, target_is_directory=True)


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a network that the test itself plays, however long a busy machine takes to hear its answer."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(on_hub, "PROBE_S", 300)


def unreachable(*_: object, **__: object) -> None:
    raise ConnectionError("Name or service not known")


def test_starter_and_folders(bert_folder: Path, bare_folder: Path):
    assert resolve("starter") == Resolved("starter", "starter", None)
    assert resolve(str(bert_folder)) == Resolved(str(bert_folder), "folder", bert_folder)
    assert resolve(str(bare_folder)).kind == "folder"


def test_bm25_is_told_apart_from_encoders_without_asking_the_hub() -> None:
    with pytest.raises(ModelError, match="bm25 is not an encoder") as refused:
        resolve("bm25")
    assert "--candidates dense+bm25" in str(refused.value.next)


def test_offline_and_not_on_disk_is_one_sentence(cache: Path):
    with pytest.raises(ModelError) as caught:
        resolve("intfloat/multilingual-e5-small")
    assert "intfloat/multilingual-e5-small is not on this machine" in caught.value.message
    assert "HF_HUB_OFFLINE" in caught.value.message
    assert "starter" in (caught.value.next or "")


def test_unreachable_hub_is_said_with_its_reason(cache: Path, online: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.model_info", unreachable)
    with pytest.raises(ModelError, match=r"cannot be reached \(ConnectionError: Name or service not known\)"):
        resolve("intfloat/multilingual-e5-small")


def test_a_hub_that_never_answers_is_given_up(cache: Path, online: None, monkeypatch: pytest.MonkeyPatch):
    import threading

    never = threading.Event()
    monkeypatch.setattr("huggingface_hub.model_info", lambda *_, **__: never.wait())
    monkeypatch.setattr(on_hub, "PROBE_S", 0.01)
    try:
        with pytest.raises(ModelError, match=r"cannot be reached \(TimeoutError"):
            resolve("intfloat/multilingual-e5-small")
    finally:
        never.set()


def test_the_hub_has_no_such_model(cache: Path, online: None, monkeypatch: pytest.MonkeyPatch):
    from huggingface_hub.errors import RepositoryNotFoundError

    def missing(*_: object, **__: object) -> None:
        raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)

    monkeypatch.setattr("huggingface_hub.model_info", missing)
    with pytest.raises(ModelError, match="the Hub has no model owner/nothing"):
        resolve("owner/nothing")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (["config.json", "pytorch_model.bin"], "only as pickle"),
        (["README.md", "weights.safetensors"], "is not a sentence-transformers or transformers model"),
    ],
)
def test_a_hub_model_is_judged_by_its_files_before_download(
    cache: Path, online: None, monkeypatch: pytest.MonkeyPatch, files: list[str], problem: str
):
    from huggingface_hub.hf_api import ModelInfo

    info = ModelInfo(id="owner/model", siblings=[{"rfilename": file} for file in files])
    monkeypatch.setattr("huggingface_hub.model_info", lambda *_, **__: info)
    with pytest.raises(ModelError, match=problem):
        resolve("owner/model")


def test_a_cached_model_needs_no_network(cache: Path, bert_folder: Path):
    put_in_cache(cache, "owner/tiny", bert_folder)
    found = resolve("owner/tiny")
    assert found.kind == "hub"
    assert found.path is not None and (found.path / "modules.json").exists()


def test_an_interrupted_download_is_taken_up_again(
    cache: Path, bert_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from huggingface_hub.hf_api import ModelInfo

    (tmp_path / "part").mkdir()
    for name in ("config.json", "modules.json"):
        (tmp_path / "part" / name).write_bytes((bert_folder / name).read_bytes())
    put_in_cache(cache, "owner/tiny", tmp_path / "part")
    with pytest.raises(ModelError, match=r"is incomplete|holds no weights"):
        resolve("owner/tiny")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    info = ModelInfo(id="owner/tiny", siblings=[{"rfilename": "config.json"}, {"rfilename": "model.safetensors"}])
    monkeypatch.setattr("huggingface_hub.model_info", lambda *_, **__: info)
    assert resolve("owner/tiny") == Resolved("owner/tiny", "hub", None, "owner/tiny")


def test_what_describes_a_hub_model_is_checked_before_it_is_opened(
    cross_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Only its JSON files are there by then; a cross-encoder that names code must not get as far as being loaded."""
    from embedtune.models.files.opening import fetch_described

    for file in cross_folder.glob("*.json"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    asked: list[object] = []

    def download(repository: str, *, allow_patterns: list[str]) -> str:
        asked.append((repository, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    found, section = Resolved("tiny", "hub", None, "owner/tiny"), ModelSection(name="tiny")
    fetch_described(found, section, pairs=True)
    with pytest.raises(ModelError, match="is a cross-encoder"):
        fetch_described(found, section)
    config = json.loads((tmp_path / "config.json").read_text())
    named = {"sentence_transformers": {"activation_fn": "torch.hub.load"}}
    (tmp_path / "config.json").write_text(json.dumps(config | named))
    with pytest.raises(ModelError, match=r"torch\.hub\.load"):
        fetch_described(found, section, pairs=True)
    assert asked == [("owner/tiny", ["*.json", "README.md"])] * 3


def test_a_name_without_owner_means_sentence_transformers(cache: Path, bert_folder: Path):
    put_in_cache(cache, "sentence-transformers/tiny", bert_folder)
    assert resolve("tiny").kind == "hub"


def test_near_names_are_suggested(cache: Path, bert_folder: Path, tmp_path: Path):
    put_in_cache(cache, "owner/tiny-model", bert_folder)
    with pytest.raises(ModelError, match="did you mean owner/tiny-model"):
        resolve("owner/tiny-modle")
    with pytest.raises(ModelError, match="did you mean starter"):
        resolve("startr")
    (tmp_path / "my-model").mkdir()
    with pytest.raises(ModelError, match=r"there is no folder .*; did you mean my-model"):
        resolve(str(tmp_path / "my-modle"))


@pytest.mark.parametrize("name", ["", " ", "a b/c", "한국어/모델", "owner/model/extra", "./nothing", "x" * 300])
def test_odd_names_are_model_errors(cache: Path, name: str):
    with pytest.raises(ModelError):
        resolve(name)


def test_a_folder_that_is_no_model_says_what_it_holds(tmp_path: Path):
    (tmp_path / "corpus.jsonl").write_text("{}")
    (tmp_path / "qrels").mkdir()
    for name, said in ((tmp_path, r"it holds corpus.jsonl, qrels/"), (tmp_path / "corpus.jsonl", "is a file")):
        with pytest.raises(ModelError, match=said) as caught:
            resolve(str(name))
        assert caught.value.next == "name the folder of a model; data are given with --data"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="it holds nothing"):
        resolve(str(tmp_path / "empty"))


def test_a_file_of_a_model_leads_to_its_folder(tmp_path: Path):
    for name in ("modules.json", "model.safetensors"):
        (tmp_path / name).write_text("[]")
    with pytest.raises(ModelError, match="is a file") as caught:
        resolve(str(tmp_path / "model.safetensors"))
    assert caught.value.next == f"try {tmp_path}"


def test_a_folder_with_nothing_but_other_weights_says_so(tmp_path: Path):
    (tmp_path / "bge-small-q8.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"weights for GGUF .* cannot be trained or read here") as caught:
        resolve(str(tmp_path))
    assert caught.value.next == "name the model that they were converted from"


def test_a_model_inside_the_folder_is_pointed_at(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "modules.json").write_text("[]")
    with pytest.raises(ModelError) as caught:
        resolve(str(tmp_path))
    assert str(tmp_path / "model") in (caught.value.next or "")


def test_pickled_weights_are_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="holds no weights"):
        resolve(str(tmp_path))
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    with pytest.raises(ModelError, match=r"only as pickle \(pytorch_model.bin\)"):
        resolve(str(tmp_path))


def test_a_pickle_may_be_allowed(tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    assert resolve(str(tmp_path), allow_pickle=True).kind == "folder"


def test_a_pickle_of_one_module_beside_safetensors_of_another_is_refused(tmp_path: Path):
    (tmp_path / "2_Dense").mkdir()
    for name in ("config.json", "2_Dense/config.json"):
        (tmp_path / name).write_text("{}")
    types = {"": "sentence_transformers.models.Transformer", "2_Dense": "sentence_transformers.models.Dense"}
    modules = [{"idx": 0, "name": path, "path": path, "type": kind} for path, kind in types.items()]
    (tmp_path / "modules.json").write_text(json.dumps(modules[:1]))
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    (tmp_path / "training_args.bin").write_bytes(b"")
    assert resolve(str(tmp_path)).kind == "folder"
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match=r"only as pickle \(2_Dense/pytorch_model.bin\)") as caught:
        resolve(str(tmp_path))
    assert "--allow-pickle" in (caught.value.next or "")
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(WEIGHTS)
    assert resolve(str(tmp_path)).kind == "folder"


def test_code_of_its_own_needs_permission(tmp_path: Path):
    modules = [{"idx": 0, "name": "0", "path": "", "type": "modeling.Odd"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    with pytest.raises(ModelError, match=r"needs its own code \(modeling.Odd\)"):
        resolve(str(tmp_path))
    assert resolve(str(tmp_path), trust_remote_code=True).kind == "folder"
    (tmp_path / "modules.json").write_text("[1")
    with pytest.raises(ModelError, match=r"modules.json cannot be used"):
        resolve(str(tmp_path))


def test_the_answer_comes_without_loading_a_model_library(tmp_path: Path):
    script = (
        "import sys\n"
        "from embedtune.config.sections.encoder import ModelSection\n"
        "from embedtune.errors import ModelError\n"
        "from embedtune.models.files.load import resolve\n"
        "try:\n    resolve(ModelSection(name='owner/nothing'))\n"
        "except ModelError as error:\n    print(error.message)\n"
        "print(sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "owner/nothing is not on this machine" in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_a_home_that_nobody_knows():
    with pytest.raises(ModelError, match="there is no folder ~there-is-no-such-user/model"):
        resolve("~there-is-no-such-user/model")
