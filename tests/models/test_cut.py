"""Transformers cut to some layers: the hidden state after the first, and what is saved and read again."""

from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.config.sections.student import StudentSection
from embedtune.errors import ConfigError
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.sources.resolve import resolve
from embedtune.models.speed.declared import declared_layers
from tests.families import make_family


def hidden(folder: Path, texts: list[str], layer: int) -> np.ndarray:
    """The mean of the hidden states after a layer, by transformers alone, of length 1."""
    from sentence_transformers import SentenceTransformer

    whole = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    read = whole.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        states = whole.transformers_model(**read, output_hidden_states=True).hidden_states[layer]
    mask = read["attention_mask"][..., None]
    mean = ((states * mask).sum(dim=1) / mask.sum(dim=1)).numpy()
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def test_the_first_layer_alone_gives_the_hidden_state_there(bert_folder, texts) -> None:
    cut = load_encoder(StudentSection(name=str(bert_folder), layers=1), device="cpu")
    np.testing.assert_allclose(encode(cut, texts, role="document"), hidden(bert_folder, list(texts), 1), atol=1e-5)
    assert cut.notes[-1] == "of 2 layers these are kept: 1"


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "modernbert", "qwen3", "gemma3", "mpnet", "t5"])
def test_what_is_saved_is_what_was_cut(family, bare_folder, tmp_path, texts) -> None:
    make_family(family, bare_folder, tmp_path)
    layers = 1 if family in ("distilbert", "t5") else 2
    cut = load_encoder(StudentSection(name=str(tmp_path / "whole"), layers=layers), device="cpu")
    save_encoder(cut, tmp_path / "cut")
    again = load_encoder(EncoderSection(name=str(tmp_path / "cut")), device="cpu")
    np.testing.assert_allclose(encode(again, texts, role="query"), encode(cut, texts, role="query"), atol=1e-6)
    full = load_encoder(EncoderSection(name=str(tmp_path / "whole")), device="cpu")
    assert layers == 1 or cut.notes[-1] == "of 3 layers these are kept: 1, 3"
    assert np.abs(encode(full, texts, role="query") - encode(cut, texts, role="query")).max() > 1e-3


def test_the_files_say_how_many_layers_there_are(bert_folder, starter, tmp_path) -> None:
    save_encoder(starter, tmp_path / "table")
    found = [declared_layers(resolve(EncoderSection(name=str(one)))) for one in (bert_folder, tmp_path / "table")]
    assert found == [2, 0]


@pytest.mark.parametrize(("layers", "said"), [(3, "has 2 layers, fewer than 3"), (1, "no stack of layers")])
def test_what_cannot_be_cut_is_refused(bert_folder, bare_folder, tmp_path, layers, said) -> None:
    folder = bert_folder
    if layers == 1:
        make_family("albert", bare_folder, tmp_path)  # its layers share their weights
        folder = tmp_path / "whole"
    with pytest.raises(ConfigError, match=said):
        load_encoder(StudentSection(name=str(folder), layers=layers), device="cpu")
