"""Lengths of queries and documents apart: read so here, and by plain sentence-transformers from the saved model."""

import numpy as np
from sentence_transformers import SentenceTransformer

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.encode.lengths import limit_of
from embedtune.models.files.load import load_encoder
from embedtune.models.files.save import save_encoder

LONG = "one two three four five six seven eight nine ten eleven twelve " * 3


def test_each_role_is_cut_at_its_own_length_and_the_saved_model_does_the_same(bert_folder, tmp_path):
    sections = (EncoderSection(name=str(bert_folder), lengths=lengths) for lengths in ({"query": 8}, {}))
    encoder, plain = (load_encoder(section, device="cpu") for section in sections)
    assert limit_of(encoder, "query") == 8 and limit_of(encoder, "document") == limit_of(plain, "document")
    query, document = (encode(encoder, [LONG], role=role) for role in ("query", "document"))
    np.testing.assert_allclose(document, encode(plain, [LONG], role="document"), atol=1e-5)
    assert np.abs(query - encode(plain, [LONG], role="query")).max() > 1e-3
    save_encoder(encoder, tmp_path / "saved")
    saved = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    for found, expected in ((saved.encode_query, query), (saved.encode_document, document)):
        np.testing.assert_allclose(found([LONG], normalize_embeddings=True), expected, atol=1e-5)


def test_an_encoder_without_such_lengths_says_so(texts):
    encoder = load_encoder(EncoderSection(name="starter", lengths={"query": 8}), device="cpu", texts=texts)
    assert any("one length for all texts" in note for note in encoder.notes)
