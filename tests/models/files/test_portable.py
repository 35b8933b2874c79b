"""Saved settings have the names that old and new releases and servers read, and say so where they cannot."""

import json
from pathlib import Path
from typing import Any

import pytest
from zoo import SHAPES, make

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.files.load import load_encoder
from embedtune.models.files.rope import with_old_rope
from embedtune.models.files.save import save_encoder


def saved(name: str, folder: Path) -> Path:
    encoder = load_encoder(EncoderSection(name=str(make(SHAPES[name], folder))), device="cpu")
    save_encoder(encoder, folder / "saved")
    return folder / "saved"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_paths_classes_and_poolings_are_the_old_ones(tmp_path: Path):
    folder = saved("xlm-roberta-cls", tmp_path)
    parts = [(part["path"], part["type"]) for part in read(folder / "modules.json")]
    assert parts == [
        ("", "sentence_transformers.models.Transformer"),
        ("1_Pooling", "sentence_transformers.models.Pooling"),
        ("2_Normalize", "sentence_transformers.models.Normalize"),
    ]
    pooling = read(folder / "1_Pooling" / "config.json")
    assert {key for key, value in pooling.items() if value is True} == {"pooling_mode_cls_token", "include_prompt"}
    assert pooling["word_embedding_dimension"] == 16 and "pooling_mode" not in pooling
    assert read(folder / "sentence_bert_config.json") == {"max_seq_length": 48, "do_lower_case": False}
    tokenizer = read(folder / "tokenizer_config.json")
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert tokenizer["model_input_names"] == ["input_ids", "attention_mask"]
    assert "sentence-transformers 5.1 and later" in (folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mean+cls", "the order of its poolings"),
        ("router-mapped", "its route mappings"),
        ("router-one-route-for-texts", "its routes by modality"),
        ("truncate-dim", "its truncate_dim"),
    ],
)
def test_what_old_releases_cannot_read_is_said(name: str, why: str, tmp_path: Path):
    card = (saved(name, tmp_path) / "README.md").read_text()
    assert f"sentence-transformers 6.2 and later; earlier releases do not know {why}" in card


def test_modules_within_a_router_are_rewritten_too(tmp_path: Path):
    folder = saved("router-first-and-last", tmp_path)
    types = read(folder / "router_config.json")["types"]
    assert set(types.values()) == {"sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling"}
    [pooling] = folder.glob("query_*Pooling/config.json")
    assert read(pooling)["pooling_mode_cls_token"] is True
    card = (folder / "README.md").read_text()
    assert 'prompt_name="query", task="query"' in card and 'prompt_name="document", task="document"' in card


def test_the_task_of_a_route_with_another_name_is_on_the_card(tmp_path: Path):
    card = (saved("router-of-documents-named-doc", tmp_path) / "README.md").read_text()
    assert 'prompt_name="document", task="doc"' in card


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 1e6}}, {"rope_theta": 1e6}),
        (
            {"rope_parameters": {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e4}},
            {"rope_theta": 1e4, "rope_scaling": {"rope_type": "yarn", "factor": 4.0}},
        ),
        (
            {
                "model_type": "modernbert",
                "rope_parameters": {
                    "full_attention": {"rope_type": "default", "rope_theta": 160_000.0},
                    "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
                },
            },
            {"global_rope_theta": 160_000.0, "local_rope_theta": 10_000.0},
        ),
        ({"hidden_size": 4}, {}),
    ],
)
def test_rotary_embeddings_get_their_old_names_too(settings: dict, expected: dict):
    found, reason = with_old_rope(settings)
    assert (found, reason) == (settings | expected, "")


def test_rotary_embeddings_without_old_names_are_said():
    rope = {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6}}}
    assert with_old_rope(rope | {"model_type": "gemma3_text"})[1] == "its rotary embeddings"
