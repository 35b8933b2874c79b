"""What a model declares is read as it is meant, or refused with the file, the key and its value; never run as code."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from embedtune.config.sections.encoder import ModelSection
from embedtune.config.sections.objective import GuideSection
from embedtune.errors import ModelError
from embedtune.models.sources.resolve import resolve


def edited(folder: Path, to: Path, file: str, **values: Any) -> str:
    """The name of a copy of a model with other values in one of its JSON files."""
    shutil.copytree(folder, to)
    path = to / file
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | values))
    return str(to)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"prompts": {"query": 3}}, "prompts.query must be a text, not a number (3)"),
        ({"prompts": {"query": ["a", "b"]}}, "prompts.query must be a text, not a list (['a', 'b'])"),
        ({"prompts": {"query": {"text": "a"}}}, "prompts.query must be a text, not an object"),
        ({"prompts": ["query: "]}, "prompts must be an object of names and texts"),
        ({"prompts": None}, "prompts must be an object of names and texts"),
        ({"prompts": {"query": "q: "}, "default_prompt_name": "web"}, "must be the name of one of its prompts (query)"),
        ({"default_prompt_name": 0}, "default_prompt_name must be the name of one of its prompts"),
        ({"truncate_dim": -8}, "truncate_dim must be the number of dimensions to keep, 1 or more, not a number (-8)"),
        ({"truncate_dim": 0}, "1 or more, not a number (0)"),
        ({"truncate_dim": "16"}, "1 or more, not a text (16)"),
        ({"truncate_dim": 16.5}, "1 or more, not a number (16.5)"),
        ({"truncate_dim": True}, "1 or more, not a truth value (True)"),
        ({"similarity_fn_name": "cosinus"}, "similarity_fn_name must be one of cosine, dot, euclidean, manhattan"),
        ({"__version__": "5.0"}, "__version__ must be an object"),
    ],
)
def test_declarations_that_cannot_be_meant(bert_folder: Path, tmp_path: Path, declared: dict[str, Any], said: str):
    name = edited(bert_folder, tmp_path / "m", "config_sentence_transformers.json", **declared)
    with pytest.raises(ModelError) as caught:
        resolve(ModelSection(name=name))
    assert said in caught.value.message
    assert caught.value.where == f"{name}/config_sentence_transformers.json"


@pytest.mark.parametrize("length", [-3, 0, "64", 1.5, False])
def test_lengths_that_cannot_be_meant(bert_folder: Path, tmp_path: Path, length: object):
    name = edited(bert_folder, tmp_path / "m", "sentence_bert_config.json", max_seq_length=length)
    with pytest.raises(ModelError, match="max_seq_length must be a number of tokens"):
        resolve(ModelSection(name=name))


def test_declarations_as_models_have_them(bert_folder: Path, tmp_path: Path):
    fine = {
        "prompts": {"query": "", "passage": None, "웹": "검색: "},
        "default_prompt_name": "웹",
        "truncate_dim": None,
        "similarity_fn_name": "dot",
    }
    resolve(ModelSection(name=edited(bert_folder, tmp_path / "a", "config_sentence_transformers.json", **fine)))
    resolve(ModelSection(name=edited(bert_folder, tmp_path / "b", "sentence_bert_config.json", max_seq_length=None)))


PLACES = [
    ("config_sentence_transformers.json", lambda name: {"model_type": "CrossEncoder", "activation_fn": name}),
    ("config.json", lambda name: {"sentence_transformers": {"activation_fn": name}}),
    ("config.json", lambda name: {"sbert_ce_default_activation_function": name}),
]


@pytest.mark.parametrize(("file", "values"), PLACES)
@pytest.mark.parametrize(
    "name",
    [
        "torch.utils.cpp_extension.load",
        "torch.hub.load",
        "torch.nn.Transformer",
        "torch.sigmoid",
        "os.system",
        "a.B",
        3,
    ],
)
def test_a_cross_encoder_names_no_code(cross_folder: Path, tmp_path: Path, file: str, values: Any, name: object):
    folder = edited(cross_folder, tmp_path / "m", file, **values(name))
    if file == "config_sentence_transformers.json":
        modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.Transformer"}]
        (tmp_path / "m" / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError) as caught:
        resolve(ModelSection(name=folder), pairs=True)
    assert repr(name) in caught.value.message and "not one of torch.nn's" in caught.value.message
    assert "--trust-remote-code" in (caught.value.next or "")
    with pytest.raises(ModelError, match=r"not one of torch.nn's") as caught:
        resolve(GuideSection(name=folder), pairs=True)
    assert "guide.trust_remote_code=true" in (caught.value.next or "")
    resolve(ModelSection(name=folder, trust_remote_code=True), pairs=True)


@pytest.mark.parametrize(
    "name", ["torch.nn.Sigmoid", "torch.nn.modules.linear.Identity", "torch.nn.modules.activation.Tanh"]
)
@pytest.mark.parametrize(("file", "values"), PLACES[1:])
def test_plain_activation_functions_are_fine(cross_folder: Path, tmp_path: Path, file: str, values: Any, name: str):
    resolve(ModelSection(name=edited(cross_folder, tmp_path / "m", file, **values(name))), pairs=True)


def test_a_dense_layer_names_no_code_either(bert_folder: Path, tmp_path: Path):
    """sentence-transformers would replace the function by another, with a line in the log."""
    folder = Path(shutil.copytree(bert_folder, tmp_path / "m"))
    modules = json.loads((folder / "modules.json").read_text())
    dense = {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"}
    (folder / "modules.json").write_text(json.dumps([*modules, dense]))
    (folder / "2_Dense").mkdir()
    save_file({}, folder / "2_Dense" / "model.safetensors")
    config = folder / "2_Dense" / "config.json"
    for name in ("my_package.Act", "torch.hub.load"):
        config.write_text(json.dumps({"in_features": 32, "out_features": 4, "activation_function": name}))
        with pytest.raises(ModelError, match=r"2_Dense/config.json names the activation function"):
            resolve(ModelSection(name=str(folder)))
    config.write_text(json.dumps({"in_features": 32, "out_features": 4, "activation_function": "torch.nn.GELU"}))
    resolve(ModelSection(name=str(folder)))
