"""An encoder that cannot tell texts apart is refused wherever it encodes; sound ones and few texts are not."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch

from embedtune.config.sections.encoder import EncoderSection
from embedtune.errors import ModelError
from embedtune.models.encode.encode import encode, encode_to_file
from embedtune.models.encode.sameness import DifferentTexts, demand_differences
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder

NAMED = DifferentTexts(["one", "two", "three", "four", "five", "six", "seven", "eight"])


@pytest.fixture
def constant(bert: Encoder) -> Encoder:
    """An encoder that gives every text the same vector: attention and tokens count for nothing."""
    with torch.no_grad():
        last = bert.model[0].model.encoder.layer[-1].output.LayerNorm
        last.weight.zero_()
        last.bias.copy_(torch.linspace(-1, 1, 32))
    return bert


def test_one_vector_for_all_texts_is_refused(constant: Encoder, texts: tuple[str, ...], tmp_path: Path):
    with pytest.raises(ModelError, match=r"gives the same vector for all 12 texts, such as 'How do I reset") as caught:
        encode(constant, texts, role="query")
    assert "another model" in (caught.value.next or "")
    for path in (tmp_path / "a.npy", tmp_path / "a.npy"):  # the second time, all vectors are on disk already
        with pytest.raises(ModelError, match="the same vector for all 12 texts"):
            encode_to_file(constant, [texts[:6], texts[6:]], path, count=12, role="query", texts_hash="h")
        assert not path.exists()


def test_vectors_from_the_store_are_looked_at_too(constant: Encoder, texts: tuple[str, ...], tmp_path: Path):
    store = VectorStore(tmp_path)
    for _ in range(2):
        with pytest.raises(ModelError, match="the same vector"):
            encode(constant, texts, role="document", store=store)


def test_zero_vectors_are_named(constant: Encoder, texts: tuple[str, ...]):
    with torch.no_grad():
        constant.model[0].model.encoder.layer[-1].output.LayerNorm.bias.zero_()
    for normalise in (True, False):
        with pytest.raises(ModelError, match="gives the zero vector for all 12 texts"):
            encode(constant, texts, role="query", normalise=normalise)


def test_a_prompt_that_leaves_nothing_of_the_texts(
    bert_folder: Path, texts: tuple[str, ...], caplog: pytest.LogCaptureFixture
):
    """The encoder is sound, so this is no more than a warning."""
    section = EncoderSection(name=str(bert_folder), max_length=8, prompts={"query": "password reset " * 9})
    encoder = load_encoder(section, device="cpu")
    with caplog.at_level(logging.WARNING):
        encode(encoder, texts, role="document")
        assert not caplog.messages
        encode(encoder, texts, role="query")
    assert "gives the same vector for all 12 texts" in caplog.text and "maximum length leaves nothing" in caplog.text


def test_a_vocabulary_that_knows_no_word(starter: Encoder):
    with pytest.raises(ModelError, match="vector for all 8 texts"):
        encode(starter, ["ΑΒΓΔ", "ΞΠΣΦ", "ΨΩΛΘ", "ΑΞΨΒ", "ΒΠΩΓ", "ΓΣΛΔ", "ΔΦΘΞ", "ΑΒΞΠ"], role="query")


def test_training_watches_for_collapse_itself(constant: Encoder, texts: tuple[str, ...]):
    encode(constant, texts, role="query", learns=True)


@pytest.mark.parametrize("few", [["a", "b"], ["a", "A", "a!", "b"], ["?", "!", "...", "", " "]])
def test_too_few_texts_that_differ_show_nothing(constant: Encoder, few: list[str]):
    encode(constant, few, role="query")


def test_some_texts_with_one_vector_are_a_warning(constant: Encoder, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        encode(constant, ["one", "two", "three"], role="query")
    [message] = caplog.messages
    assert "gives the same vector for all 3 texts, such as 'one' and 'two': its weights" in message


def test_nearly_one_vector_is_a_warning(caplog: pytest.LogCaptureFixture):
    base = np.ones((1, 64), np.float32)
    noise = np.random.default_rng(0).standard_normal((2000, 64)).astype(np.float32)
    with caplog.at_level(logging.WARNING):
        demand_differences(base + 1e-1 * noise, NAMED, "m")
        assert not caplog.messages
        demand_differences(base + 2e-3 * noise, NAMED, "m")
    [message] = caplog.messages
    assert message.startswith("m gives nearly the same vector for all 2,000 texts")
    with pytest.raises(ModelError, match="the same vector for all 2,000"):
        demand_differences(base + 1e-5 * noise, NAMED, "m")


def test_one_different_vector_is_found_wherever_it_is():
    vectors = np.ones((5000, 8), np.float32)
    vectors[4999, 0] = -1
    demand_differences(vectors, NAMED, "m")
    demand_differences(vectors.astype(np.float16), NAMED, "m")
    demand_differences(np.ones((0, 8)), NAMED, "m")
