"""A model of another family is refused by name, in both directions; language models are a usual start, with a note."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.sources.resolve import resolve


def as_model(folder: Path, to: Path, *, config: dict[str, Any] | None = None, **files: Any) -> str:
    """A copy of a model with other values in config.json, and further files."""
    shutil.copytree(folder, to)
    path = to / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | (config or {})))
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (to / name.replace("__", ".")).write_text(text)
    return str(to)


def modules(*types: str) -> list[dict[str, object]]:
    return [{"idx": i, "name": str(i), "path": "", "type": kind} for i, kind in enumerate(types)]


TRANSFORMER = "sentence_transformers.models.Transformer"
CARD = "---\nlanguage: ko\ntags:\n- sentence-transformers\n- {tag}\nbase_model: {base}\n---\n# A model\n"


@pytest.mark.parametrize(
    ("config", "files", "said"),
    [
        ({}, {"config_sentence_transformers__json": {"model_type": "CrossEncoder"}}, "a cross-encoder"),
        ({}, {"config_sentence_transformers__json": {"model_type": "SparseEncoder"}}, "a sparse encoder"),
        ({}, {"config_sentence_transformers__json": {"model_type": "MultiVectorEncoder"}}, "one vector per token"),
        (
            {},
            {"config_sentence_transformers__json": {"model_type": "Oracle"}},
            "an Oracle, which embedtune does not know",
        ),
        ({}, {"modules__json": modules(TRANSFORMER, "pylate.models.Dense.Dense")}, "one vector per token"),
        (
            {},
            {
                "modules__json": modules(
                    "sentence_transformers.sparse_encoder.models.MLMTransformer",
                    "sentence_transformers.sparse_encoder.models.SpladePooling",
                )
            },
            "a sparse encoder",
        ),
        ({"architectures": ["XLMRobertaForSequenceClassification"], "id2label": {"0": "L"}}, {}, "a cross-encoder"),
        ({"sentence_transformers": {"version": "5.0"}}, {}, "a cross-encoder"),
        ({"architectures": ["HF_ColBERT"]}, {}, "one vector per token"),
        ({"architectures": ["ColQwen2ForRetrieval"]}, {}, "one vector per token"),
        ({"architectures": ["BertForMaskedLM"]}, {"README__md": CARD.format(tag="splade", base="bert")}, "a sparse"),
        ({"architectures": ["BertModel"]}, {"README__md": CARD.format(tag="ColBERT", base="bert")}, "per token"),
        ({"architectures": None}, {"README__md": '---\ntags: ["SPLADE", ko]\n---\n'}, "a sparse encoder"),
        ({"architectures": None}, {"README__md": "---\r\ntags:\r\n  - pylate\r\n---\r\n"}, "per token"),
        ({"architectures": ["Qwen3ForCausalLM"]}, {"README__md": "---\npipeline_tag: text-ranking\n---\n"}, "a cross-"),
    ],
)
def test_other_families_are_no_encoders(
    bare_folder: Path, tmp_path: Path, config: dict[str, Any], files: dict[str, Any], said: str
):
    name = as_model(bare_folder, tmp_path / "m", config=config, **files)
    with pytest.raises(ModelError) as caught:
        resolve(ModelSection(name=name))
    assert said in caught.value.message
    assert caught.value.next


@pytest.mark.parametrize(
    ("config", "files"),
    [
        ({"architectures": ["BertForMaskedLM"]}, {}),
        ({"architectures": ["BertForPreTraining"]}, {"README__md": CARD.format(tag="fill-mask", base="a/colbert")}),
        ({"architectures": ["LlamaForCausalLM"]}, {}),
        ({"architectures": None}, {"README__md": "---\ntags: [\n---\n# splade, colbert, reranker\n"}),
        ({"architectures": None}, {"README__md": "---\nname: splade\ndatasets:\n- reranker\n---\n"}),
        ({"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b"}}, {}),
    ],
)
def test_language_models_are_a_usual_start(
    bare_folder: Path, tmp_path: Path, config: dict[str, Any], files: dict[str, Any]
):
    resolve(ModelSection(name=as_model(bare_folder, tmp_path / "m", config=config, **files)))


def test_a_cross_encoder_is_for_pairs_and_an_encoder_is_not(cross_folder: Path, bert_folder: Path, bare_folder: Path):
    resolve(ModelSection(name=str(cross_folder)), pairs=True)
    with pytest.raises(ModelError, match="is a cross-encoder") as caught:
        resolve(ModelSection(name=str(cross_folder)))
    assert "--cross-encoder" in (caught.value.next or "")
    for folder, said in ((bert_folder, "an encoder, which gives one vector per text"), (bare_folder, "a BertModel")):
        with pytest.raises(ModelError, match="not trained to score pairs") as caught:
            resolve(ModelSection(name=str(folder)), pairs=True)
        assert said in caught.value.message and caught.value.where == "model"


def test_a_saved_cross_encoder_is_known_either_way(cross_folder: Path, tmp_path: Path):
    from sentence_transformers import CrossEncoder

    CrossEncoder(str(cross_folder), device="cpu", local_files_only=True).save_pretrained(str(tmp_path / "m"))
    resolve(ModelSection(name=str(tmp_path / "m")), pairs=True)
    with pytest.raises(ModelError, match="is a cross-encoder"):
        resolve(ModelSection(name=str(tmp_path / "m")))


def test_a_model_of_images_reads_no_text(bare_folder: Path, tmp_path: Path):
    name = as_model(bare_folder, tmp_path / "m", preprocessor_config__json={"image_processor_type": "ViT"})
    resolve(ModelSection(name=name))  # with a tokenizer too: of both kinds
    for file in (tmp_path / "m").glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ModelError, match="reads images or sound, and no text"):
        resolve(ModelSection(name=name))


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("model-q4_k.gguf", "GGUF"),
        ("onnx/model.onnx", "ONNX"),
        ("tf_model.h5", "TensorFlow"),
        ("flax_model.msgpack", "Flax"),
        ("openvino/openvino_model.bin", "OpenVINO"),
    ],
)
def test_weights_in_other_forms_are_named(bare_folder: Path, tmp_path: Path, file: str, kind: str):
    name = as_model(bare_folder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").unlink()
    (tmp_path / "m" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "m" / file).write_bytes(b"x")
    with pytest.raises(ModelError) as caught:
        resolve(ModelSection(name=name))
    assert f"holds no weights (*.safetensors); it has weights for {kind}" in caught.value.message
