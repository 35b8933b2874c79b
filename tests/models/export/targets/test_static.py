"""Static exports: what others load, and vectors computed by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from embedtune.config.sections.encoder import ModelSection
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import Encoder
from embedtune.models.export.distil import SIF, principal
from embedtune.models.export.job import ExportJob
from embedtune.models.export.targets.static import write
from embedtune.models.files.load import load_encoder


def read_back(folder: Path) -> Encoder:
    return load_encoder(ModelSection(name=str(folder)), device="cpu")


def test_a_starter_keeps_its_vectors(starter: Encoder, tmp_path: Path, texts: tuple[str, ...]) -> None:
    write(ExportJob(starter, tmp_path))
    found = encode(read_back(tmp_path), texts, role="query", normalise=False)
    np.testing.assert_allclose(found, starter.model.encode(list(texts), normalize_embeddings=True), atol=1e-6)


def test_a_text_is_the_mean_of_what_the_encoder_makes_of_its_tokens_alone(
    family: Callable[[str], Encoder], tmp_path: Path, texts: tuple[str, ...]
) -> None:
    encoder = family("bert")
    write(ExportJob(encoder, tmp_path, dimensions=32))
    table = load_file(tmp_path / "model.safetensors")["embeddings"]
    tokenizer = encoder.model.tokenizer
    # Two tokens through sentence-transformers as a batch of ids, against the same rows of the table: inner products of
    # centred vectors stay as they were where nothing is cut.
    import torch

    ids = torch.tensor([[2, token, 3] for token in range(len(tokenizer))])
    with torch.inference_mode():
        alone = encoder.model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})["sentence_embedding"].numpy()
    alone = alone / np.linalg.norm(alone, axis=1, keepdims=True)
    centred = alone - alone.mean(axis=0)
    np.testing.assert_allclose(table[10:40] @ table[10:40].T, centred[10:40] @ centred[10:40].T, atol=1e-4)
    rows = tokenizer(texts[0], add_special_tokens=False)["input_ids"]
    mean = table[rows].mean(axis=0)
    found = encode(read_back(tmp_path), [texts[0]], role="query")[0]
    np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


def test_frequent_tokens_weigh_less(family: Callable[[str], Encoder], tmp_path: Path, texts: tuple[str, ...]) -> None:
    encoder = family("bert")
    plain, damped = tmp_path / "plain", tmp_path / "damped"
    for folder, given in ((plain, ()), (damped, texts * 20)):
        folder.mkdir()
        write(ExportJob(encoder, folder, texts=given, dimensions=32))
    before, after = (load_file(folder / "model.safetensors")["embeddings"] for folder in (plain, damped))
    ids = [token for text in texts for token in encoder.model.tokenizer(text, add_special_tokens=False)["input_ids"]]
    counts = np.bincount(ids, minlength=len(before))
    known = np.linalg.norm(before, axis=1) > 0
    weights = (np.linalg.norm(after, axis=1) / np.maximum(np.linalg.norm(before, axis=1), 1e-12))[known]
    np.testing.assert_allclose(weights, (SIF / (SIF + counts / counts.sum()))[known], rtol=1e-4)
    assert json.loads((damped / "config.json").read_text(encoding="utf-8"))["sif_coefficient"] == SIF


def test_principal_axes_are_those_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    rows = np.random.default_rng(0).normal(size=(200, 6)) * np.array([5, 4, 3, 2, 1, 0.5])
    np.testing.assert_allclose(np.abs(principal(rows, 3)), np.abs(PCA(3).fit_transform(rows)), atol=1e-8)


def test_model2vec_loads_it(starter: Encoder, tmp_path: Path, texts: tuple[str, ...]) -> None:
    model2vec = pytest.importorskip("model2vec")
    write(ExportJob(starter, tmp_path))
    theirs = model2vec.StaticModel.from_pretrained(tmp_path).encode(list(texts))
    np.testing.assert_allclose(theirs, encode(read_back(tmp_path), texts, role="query"), atol=1e-5)
