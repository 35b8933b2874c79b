"""What a model's folder declares about prompts and shorter vectors."""

import json
from pathlib import Path

import numpy as np
import pytest

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder


@pytest.fixture
def declaring(bert_folder: Path, tmp_path: Path):
    """The tiny BERT, declaring what is given."""
    import shutil

    def load(section: dict | None = None, **declared) -> Encoder:
        folder = tmp_path / "declaring"
        shutil.copytree(bert_folder, folder, dirs_exist_ok=True)
        file = folder / "config_sentence_transformers.json"
        own = json.loads(file.read_text(encoding="utf-8")) | {"prompts": {}}
        file.write_text(json.dumps(own | declared), encoding="utf-8")
        return load_encoder(EncoderSection(name=str(folder), **(section or {})), device="cpu")

    return load


@pytest.mark.parametrize(
    ("declared", "default", "expected"),
    [
        ({"query": "q: ", "document": ""}, "query", ("q: ", "")),
        ({"query": "q: "}, "query", ("q: ", "q: ")),
        ({"query": "", "document": "d: "}, "document", ("", "d: ")),
        ({"query": "q: ", "passage": "p: "}, None, ("q: ", "p: ")),
        ({"query": "q: ", "passage": ""}, "query", ("q: ", "")),
        ({"s2s": "s: "}, "s2s", ("s: ", "s: ")),
        ({"query": None, "document": None, "s2s": "s: "}, "s2s", ("s: ", "s: ")),
        ({}, None, ("", "")),
    ],
)
def test_an_empty_prompt_that_is_declared_stays_empty(declaring, declared: dict, default: str | None, expected):
    encoder = declaring(prompts=declared, default_prompt_name=default)
    assert (encoder.prompts["query"], encoder.prompts["document"]) == expected


def test_a_prompt_that_is_given_counts_even_if_it_is_empty(declaring):
    encoder = declaring({"prompts": {"query": ""}}, prompts={"query": "q: ", "document": "d: "})
    assert dict(encoder.prompts) == {"query": "", "document": "d: "}


def test_an_empty_prompt_next_to_another_name_for_it_is_said(declaring):
    encoder = declaring(prompts={"query": "", "document": "", "passage": "p: "})
    assert encoder.prompts["document"] == ""
    assert any("'passage'" in note and "documents get none" in note for note in encoder.notes)


def test_what_is_saved_is_what_was_used(declaring, texts: tuple[str, ...], tmp_path: Path):
    encoder = declaring(prompts={"query": "q: ", "document": ""}, default_prompt_name="query")
    save_encoder(encoder, tmp_path / "saved")
    again = load_encoder(EncoderSection(name=str(tmp_path / "saved")), device="cpu")
    assert again.prompts == encoder.prompts
    plain = again.model.encode_document(list(texts), normalize_embeddings=True)
    np.testing.assert_allclose(plain, encode(encoder, texts, role="document"), atol=1e-5)


def test_a_backslash_in_a_prompt_is_said(declaring):
    encoder = declaring(prompts={"query": "Instruct: find\\nQuery: "})
    assert any("a backslash and the letter 'n'" in note for note in encoder.notes)
    assert not any("backslash" in note for note in declaring(prompts={"query": "Instruct: find\nQuery: "}).notes)


def test_shorter_vectors_are_said(declaring):
    encoder = declaring(truncate_dim=8)
    assert encoder.dimensions == 8
    assert any("cut to 8 of 32 components" in note for note in encoder.notes)
    assert not any("truncate_dim" in note for note in declaring(truncate_dim=32).notes)
