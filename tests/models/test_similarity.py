"""A declared similarity is used in evaluation and search, and said and replaced in training."""

from pathlib import Path

import numpy as np
import pytest
from zoo import SHAPES, TEXTS, make

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.similarity import declare_cosine, declared_similarity, measure_of, similarity_findings


@pytest.fixture
def loaded(tmp_path: Path):
    def load(name: str) -> Encoder:
        return load_encoder(EncoderSection(name=str(make(SHAPES[name], tmp_path / name))), device="cpu")

    return load


@pytest.mark.parametrize(
    ("name", "declared", "measure"),
    [
        ("bert-mean", "cosine", "cosine"),
        ("dot", "dot", "dot"),
        ("dot-normalize", "cosine", "cosine"),
        ("euclidean", "euclidean", "cosine"),
        ("manhattan", "manhattan", "cosine"),
    ],
)
def test_what_a_model_declares_and_what_is_used(loaded, name: str, declared: str, measure: str):
    encoder = loaded(name)
    assert (declared_similarity(encoder.model), measure_of(encoder)) == (declared, measure)
    said = similarity_findings(encoder, measure_of(encoder))
    assert [f"declares {declared}" in one.message for one in said] == ([] if declared == "cosine" else [True])
    assert [one.severity for one in said] == {"cosine": [], "dot": ["note"]}.get(declared, ["warning"])


def test_both_encoders_must_declare_it(loaded):
    assert measure_of(loaded("dot"), loaded("bert-mean")) == "cosine"


def test_a_trained_model_declares_cosine_unless_its_vectors_rank_alike(loaded):
    for name, after in (("dot", "cosine"), ("euclidean", "cosine"), ("dot-normalize", "dot"), ("bert-mean", "cosine")):
        encoder = loaded(name)
        declare_cosine(encoder)
        assert encoder.model.similarity_fn_name == after


def test_unit_vectors_rank_alike(loaded):
    encoder = loaded("dot-normalize")
    vectors = encoder.model.encode(list(TEXTS))  # (n, D)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    encoder.model.truncate_dim = 4  # cut, they are no longer of length 1
    assert declared_similarity(encoder.model) == "dot"
