"""A model that cannot encode, or whose vectors padding changes, is noticed when it is loaded."""

from pathlib import Path

import numpy as np
import pytest
from zoo import SHAPES, TEXTS, make

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError
from embedtune.models.encode.encode import encode
from embedtune.models.encode.tokenizer import Tokenizer
from embedtune.models.files.load import load_encoder


def test_modules_that_do_not_fit_together_are_refused_in_words(tmp_path: Path):
    folder = make(SHAPES["transformer-lstm"], tmp_path)
    with pytest.raises(ModelError, match="cannot encode a query: KeyError") as refused:
        load_encoder(EncoderSection(name=str(folder)), device="cpu")
    assert ".encode_query('text')" in str(refused.value.next)


@pytest.mark.parametrize(("name", "side"), [("left-padded-bert", "right"), ("llama-lasttoken", "left")])
def test_the_side_of_padding_changes_only_where_it_matters(name: str, side: str, tmp_path: Path):
    encoder = load_encoder(EncoderSection(name=str(make(SHAPES[name], tmp_path))), device="cpu")
    assert encoder.model.tokenizer.padding_side == side
    assert any("pads on the left" in note for note in encoder.notes) == (side == "right")


def test_texts_of_equal_length_share_a_batch_where_padding_is_read(tmp_path: Path):
    encoder = load_encoder(EncoderSection(name=str(make(SHAPES["transformer-cnn"], tmp_path))), device="cpu")
    assert Tokenizer(encoder).reads_padding
    together = encode(encoder, TEXTS, role="query")
    apart = np.concatenate([encode(encoder, [text], role="query") for text in TEXTS])
    np.testing.assert_allclose(together, apart, atol=1e-6)
