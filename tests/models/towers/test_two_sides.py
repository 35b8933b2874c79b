"""Two encoders as one: each side with its own prompt, and a rate for each."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sentence_transformers.sentence_transformer.modules import Dense

from embedtune.config.sections.encoder import EncoderSection
from embedtune.models.encode.encode import encode
from embedtune.models.files.load import STATIC_LR, load_encoder, transformer_lr
from embedtune.models.maps.into_space import into_space
from embedtune.models.towers.two_sides import are_apart, static_side_rates, two_sides


@pytest.fixture
def encoders(bert_folder, texts):
    """A static encoder in the space of a transformer, and this transformer with prompts."""
    static = load_encoder(EncoderSection(name="starter"), device="cpu", texts=texts)
    prompts = {"query": "ask: ", "document": "tell: "}
    bert = load_encoder(EncoderSection(name=str(bert_folder), prompts=prompts), device="cpu")
    own, target = (encode(one, texts, role="document") for one in (static, bert))
    return into_space(static, own, target, seed=0)[0], bert


def test_each_side_reads_with_its_own_prompt(encoders, texts) -> None:
    static, bert = encoders
    both = two_sides(static, bert)
    assert both.prompts == {"query": "", "document": "tell: "} == {**both.model.prompts}
    np.testing.assert_allclose(encode(both, texts, role="document"), encode(bert, texts, role="document"), atol=1e-5)
    query = both.model.encode_query(list(texts), normalize_embeddings=True)
    np.testing.assert_allclose(query, encode(static, texts, role="query"), atol=1e-5)


def test_sides_are_apart_where_they_share_no_weight(encoders) -> None:
    static, bert = encoders
    both = two_sides(static, bert).model
    assert are_apart(both)
    assert not are_apart(bert.model)
    assert not are_apart(two_sides(bert, bert).model)  # one transformer on both sides
    both.append(Dense(32, 8))
    assert not are_apart(both)


def test_a_static_side_learns_at_its_own_rate(encoders) -> None:
    static, bert = encoders
    both = two_sides(static, bert)
    assert both.default_lr == bert.default_lr == transformer_lr(32)
    (pattern, rate), *others = static_side_rates(both, both.default_lr).items()
    assert (rate, others) == (pytest.approx(STATIC_LR), [])
    named = [name for name, _ in both.model.named_parameters() if re.search(pattern, f"model.{name}")]
    assert named == ["0.sub_modules.query.0.embedding.weight"]
    for alike in (two_sides(bert, bert), two_sides(static, static), replace(bert)):
        assert static_side_rates(alike, 0.1) == {}
