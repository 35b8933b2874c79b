"""What a shorter maximum length cuts, against the model's own preprocessing."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.models.encode.lengths import token_counts, truncation


def test_what_is_cut_is_what_encoding_leaves_out(bert, texts):
    whole = token_counts(bert, texts, "query")
    bert.model.max_seq_length = 11
    short = replace(bert, max_length=11)
    read = [int(bert.model.preprocess([text])["attention_mask"].sum()) for text in texts]
    found = truncation(short, texts, "query")
    assert (found.cut, found.lost) == (int((whole > 11).sum()), int(whole.sum() - sum(read)))
    assert 0 < found.cut < len(texts) and found.share == found.cut / len(texts)
    assert found.share_lost == pytest.approx(1 - sum(read) / whole.sum())


def test_of_many_texts_a_sample_is_counted(bert, texts, monkeypatch):
    monkeypatch.setattr("embedtune.models.encode.lengths.SAMPLED", 120)
    short = replace(bert, max_length=11)
    found = truncation(short, [*texts] * 50, "query")
    assert (found.texts, found.counted) == (600, 120)
    assert found.share == pytest.approx(np.mean(token_counts(bert, texts, "query") > 11), abs=0.15)


def test_an_encoder_without_a_limit_cuts_nothing(starter, texts):
    assert truncation(starter, texts, "query") is None
