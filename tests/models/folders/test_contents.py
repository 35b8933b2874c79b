"""A folder that was copied badly is refused by the name of the file, before a model library loads."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import save_file
from zoo import SHAPES, make

from embedtune.errors import ModelError
from embedtune.models.folders.contents import ModelFolder

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 90868376\n"


@pytest.fixture
def folder(bert_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be damaged."""
    return Path(shutil.copytree(bert_folder, tmp_path / "m"))


def checked(folder: Path) -> str:
    """What is said about a folder."""
    with pytest.raises(ModelError) as caught:
        ModelFolder(folder).check_files()
    return caught.value.message


def test_whole_folders_pass(bert_folder: Path, bare_folder: Path, cross_folder: Path):
    for folder in (bert_folder, bare_folder, cross_folder):
        ModelFolder(folder).check_files()


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json", "modules.json"])
def test_a_git_lfs_pointer_is_not_the_file(folder: Path, file: str):
    (folder / file).write_text(POINTER)
    assert checked(folder) == f"{folder / file} is a Git-LFS pointer: the file itself was not downloaded"


@pytest.mark.parametrize("kept", [-1, -500, 100, 4])
def test_weights_that_end_too_early(folder: Path, kept: int):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    assert "model.safetensors is cut off" in checked(folder) or "does not begin with the header" in checked(folder)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("config.json", "{", "cannot be used: Expecting"),
        ("config.json", "[]", "cannot be used: it must hold a JSON object"),
        ("config_sentence_transformers.json", "3", "it must hold a JSON object"),
        ("1_Pooling/config.json", "", "cannot be used: it is empty"),
        ("tokenizer_config.json", "[" * 100_000, "cannot be used"),
        ("modules.json", "{}", "it must list the modules"),
        ("modules.json", '[{"path": ""}]', "every module needs a type and a path"),
        ("modules.json", '[{"type": "a.B", "path": "../m"}]', "leads out of the folder"),
        ("model.safetensors", "", "it is empty"),
        ("model.safetensors", "no header at all", "does not begin with the header"),
    ],
)
def test_a_file_that_holds_something_else(folder: Path, file: str, content: str, said: str):
    (folder / file).write_text(content)
    message = checked(folder)
    assert said in message and file in message


@pytest.mark.parametrize("file", ["config.json", "modules.json", "tokenizer.json"])
def test_a_named_pipe_is_not_waited_for(folder: Path, file: str):
    (folder / file).unlink()
    os.mkfifo(folder / file)
    assert f"{file} cannot be used: it is not a regular file" in checked(folder)


def test_a_blob_that_the_cache_lost(folder: Path):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to(folder / "blobs" / "0a")
    assert "model.safetensors cannot be read: No such file" in checked(folder)


def test_an_old_list_of_parts_beside_whole_weights(folder: Path):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-00001-of-00002.safetensors"}}')
    ModelFolder(folder).check_files()


def test_files_in_other_encodings_are_refused(folder: Path):
    (folder / "config.json").write_bytes('{"model_type": "버트"}'.encode("utf-16"))
    assert "config.json cannot be used" in checked(folder)


def test_records_of_a_training_may_be_in_any_form(folder: Path):
    for name in ("data_config.json", "trainer_state.json", "2_note.json"):
        (folder / name).write_text("[1, 2]")
    (folder / "runs").mkdir()
    (folder / "runs" / "config.json").write_text("{")
    ModelFolder(folder).check_files()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_files_that_may_not_be_read(folder: Path):
    for file in ("model.safetensors", "modules.json"):
        (folder / file).chmod(0)
        assert checked(folder) == f"{folder / file} cannot be read: Permission denied"


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_files_that_cannot_be_opened(folder: Path, file: str, monkeypatch: pytest.MonkeyPatch):
    plain: Callable[..., object] = Path.open

    def refuse(path: Path, *args: object, **given: object) -> object:
        if path == folder / file:
            raise PermissionError(13, "Permission denied")
        return plain(path, *args, **given)

    monkeypatch.setattr(Path, "open", refuse)
    assert checked(folder) == f"{folder / file} cannot be read: Permission denied"


def test_missing_parts_are_named(folder: Path):
    shutil.move(folder / "1_Pooling", folder / "elsewhere")
    assert (
        checked(folder)
        == f"{folder} is incomplete: the folder 1_Pooling is missing, but its modules.json lists Pooling"
    )
    (folder / "1_Pooling").mkdir()
    assert "1_Pooling/config.json is missing" in checked(folder)
    shutil.copytree(folder / "elsewhere", folder / "1_Pooling", dirs_exist_ok=True)
    ModelFolder(folder).check_files()
    (folder / "modules.json").unlink()
    assert "modules.json is missing, but it holds 1_Pooling" in checked(folder)


def test_a_lost_dense_layer_and_a_lost_config(folder: Path):
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    normalise = {"idx": 3, "name": "3", "path": "3_Normalize", "type": "sentence_transformers.models.Normalize"}
    (folder / "modules.json").write_text(json.dumps([*modules, dense, normalise]))
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "config.json").write_text("{}")
    assert "2_Dense/model.safetensors is missing" in checked(folder)
    save_file({}, folder / "2_Dense" / "model.safetensors")
    ModelFolder(folder).check_files()  # Git keeps no empty folder, such as that of Normalize
    (folder / "config.json").unlink()
    assert "config.json is missing, but its modules.json lists Transformer" in checked(folder)


def test_weights_in_parts_of_which_one_is_lost(bare_folder: Path, tmp_path: Path):
    from transformers import BertModel

    BertModel.from_pretrained(bare_folder).save_pretrained(tmp_path, max_shard_size="40KB")
    parts = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(parts) > 2
    ModelFolder(tmp_path).check_files()
    parts[1].unlink()
    assert f"{parts[1].name} is missing, but model.safetensors.index.json names it" in checked(tmp_path)
    parts[2].unlink()
    assert "(and 1 more) is missing" in checked(tmp_path)


def test_a_router_s_own_folders_are_looked_into(folder: Path):
    modules = json.loads((folder / "modules.json").read_text())
    router = {"idx": 2, "name": "2", "path": "2_Router", "type": "sentence_transformers.models.Router"}
    (folder / "modules.json").write_text(json.dumps([*modules, router]))
    (folder / "2_Router" / "query_0_Dense").mkdir(parents=True)
    types = {"types": {"query_0_Dense": "sentence_transformers.models.Dense"}}
    (folder / "2_Router" / "router_config.json").write_text(json.dumps(types))
    (folder / "2_Router" / "query_0_Dense" / "model.safetensors").write_text(POINTER)
    assert "query_0_Dense/model.safetensors is a Git-LFS pointer" in checked(folder)


def test_weights_of_whole_numbers_are_known(folder: Path):
    import numpy as np

    assert ModelFolder(folder).quantised() is None
    tensors = {"a.weight": np.ones((2, 2), np.int8), "position_ids": np.arange(3)}
    save_file(tensors, folder / "model.safetensors")
    assert ModelFolder(folder).quantised() == "I8"
    save_file({"a.weight": np.ones((2, 2), np.float16), "position_ids": np.arange(3)}, folder / "model.safetensors")
    assert ModelFolder(folder).quantised() is None


@pytest.mark.parametrize(
    ("shape", "lost", "said"),
    [
        ("router-last", "2_Router/query_0_Dense", "the folder 2_Router/query_0_Dense"),
        ("router-last", "2_Router/document_0_Dense/model.safetensors", "2_Router/document_0_Dense/model.safetensors"),
        ("router-last", "2_Router/router_config.json", "2_Router/router_config.json"),
        ("router-first", "document_1_Pooling/config.json", "document_1_Pooling/config.json"),
        ("router-first", "query_0_Transformer/config.json", "query_0_Transformer/config.json"),
    ],
)
def test_a_lost_part_of_a_router(tmp_path: Path, shape: str, lost: str, said: str):
    folder = make(SHAPES[shape], tmp_path)
    ModelFolder(folder).check_files()
    shutil.rmtree(folder / lost) if (folder / lost).is_dir() else (folder / lost).unlink()
    assert f"is incomplete: {said} is missing, but its " in checked(folder)
