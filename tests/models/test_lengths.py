"""Token counts against the model's own preprocessing, and what a shorter maximum length cuts."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.models.lengths import token_counts, truncation


def test_counts_are_those_of_the_models_own_preprocessing(bert, texts):
    for role, prompt in (("query", ""), ("document", "글: ")):
        encoder = replace(bert, prompts={"query": "", "document": "글: "})
        expected = [int(bert.model.preprocess([text], prompt=prompt or None)["attention_mask"].sum()) for text in texts]
        assert token_counts(encoder, texts, role).tolist() == expected


def test_what_is_cut_is_what_encoding_leaves_out(bert, texts):
    whole = token_counts(bert, texts, "query")
    bert.model.max_seq_length = 11
    short = replace(bert, max_length=11)
    read = [int(bert.model.preprocess([text])["attention_mask"].sum()) for text in texts]
    found = truncation(short, texts, "query")
    assert (found.cut, found.lost) == (int((whole > 11).sum()), int(whole.sum() - sum(read)))
    assert 0 < found.cut < len(texts) and found.share == found.cut / len(texts)
    assert found.share_lost == pytest.approx(1 - sum(read) / whole.sum())


def test_of_many_texts_a_sample_is_counted(bert, texts):
    short = replace(bert, max_length=11)
    found = truncation(short, [*texts] * 50, "query", sampled=120)
    assert (found.texts, found.counted) == (600, 120)
    assert found.share == pytest.approx(np.mean(token_counts(bert, texts, "query") > 11), abs=0.15)


def test_an_encoder_without_a_limit_cuts_nothing(starter, texts):
    assert truncation(starter, texts, "query") is None


def test_half_a_character_is_no_obstacle(bert):
    assert token_counts(bert, ["a\ud83db"], "query")[0] >= 3
