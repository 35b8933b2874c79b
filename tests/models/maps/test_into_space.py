"""A matrix behind an encoder or within its table: the same vectors, and those of NumPy's least squares."""

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.encoder import is_static
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder
from embedtune.models.maps.fit import fit_map
from embedtune.models.maps.into_space import into_space
from embedtune.models.maps.save_map import mapped_encoder


@pytest.fixture(scope="module")
def many(texts):
    """144 texts of two sentences each."""
    return [f"{one} {other}" for one in texts for other in texts]


@pytest.mark.parametrize("student", ["starter", "bert"])
def test_the_matrix_is_a_part_of_the_encoder(student, many, texts, bert_folder, tmp_path) -> None:
    name = str(bert_folder) if student == "bert" else "starter"
    encoder = load_encoder(EncoderSection(name=name), device="cpu", texts=many)
    own = encode(encoder, many, role="document")
    target = np.random.default_rng(0).normal(size=(own.shape[1], 24)).astype(np.float32)
    target = own @ target / np.linalg.norm(own @ target, axis=1, keepdims=True)  # a linear image of its own space
    made, cosine = into_space(encoder, own, target, seed=0)
    expected = mapped_encoder(encoder, fit_map(own, target, "linear", seed=0).found)
    found = encode(made, many, role="document")
    np.testing.assert_allclose(found, encode(expected, many, role="document"), atol=2e-6)
    assert (made.dimensions, is_static(made.model)) == (24, student == "starter")
    assert cosine == pytest.approx((found * target).sum(axis=1).mean(), abs=0.05)
    save_encoder(made, tmp_path / "made")
    plain = SentenceTransformer(str(tmp_path / "made"), device="cpu", local_files_only=True)
    assert len(plain) == (1 if student == "starter" else 5)  # a static encoder stays one table
    np.testing.assert_allclose(plain.encode(many, normalize_embeddings=True), found, atol=1e-5)


def test_an_encoder_in_the_right_space_stays_as_it_is(many, bert_folder) -> None:
    encoder = load_encoder(EncoderSection(name=str(bert_folder)), device="cpu")
    own = encode(encoder, many, role="document")
    assert into_space(encoder, own, own, seed=0) == (encoder, None)
    made, cosine = into_space(encoder, own, np.roll(own, 1, axis=1).copy(), seed=0)
    assert made is not encoder
    assert cosine > 0.999
