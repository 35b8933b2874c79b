"""Undamaged texts in tokens: what a batch gets, parts of long ones, counts."""

from collections import Counter

import pytest
import torch

from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch
from embedtune.models.files.vocabulary import token_vectors
from embedtune.training.companions.originals import Originals

ANCHORS = ["비밀번호를 잊었어요 어떻게 하나요", "", "How do I reset my password?"]
POSITIVES = ["환불", "a refund takes three days at the most, or so they say", "배송"]


def ids(encoder, text):
    return encoder.model.tokenizer.encode(text, add_special_tokens=False).ids


def batch_of(rows, step=0):
    return EmbeddingBatch(anchors=torch.zeros(len(rows), 2), positives=torch.zeros(len(rows), 2), step=step)


def tokens_of(originals, rows, step=0):
    found = originals.complete(batch_of(rows, step), torch.tensor(rows)).tokens
    return [[[token for token in text if token >= 0] for text in row] for row in found.tolist()]


@pytest.fixture
def originals(starter):
    def make(length=64, anchors=ANCHORS, positives=POSITIVES):
        return Originals(starter, Rows(anchors=anchors, positives=positives), length=length, seed=0)

    return make


def test_a_batch_gets_the_whole_texts_of_its_rows(originals, starter):
    found = originals().complete(batch_of([2, 0, 2]), torch.tensor([2, 0, 2]))
    assert found.token_vectors is token_vectors(starter)
    for row, number in enumerate([2, 0, 2]):
        for side, texts in enumerate((ANCHORS, POSITIVES)):
            own = ids(starter, texts[number])
            assert found.tokens[row, side].tolist() == own + [-1] * (found.tokens.shape[2] - len(own))
    assert tokens_of(originals(), [1])[0][0] == []


def test_of_a_long_text_another_part_is_taken_in_each_step(originals, starter):
    whole, made = ids(starter, POSITIVES[1]), originals(length=3)
    parts = {tuple(whole[start : start + 3]) for start in range(len(whole) - 2)}
    seen = {tuple(tokens_of(made, [1], step)[0][1]) for step in range(200)}
    assert seen == parts and len(parts) > 3
    assert tokens_of(made, [0, 1], 7) == tokens_of(originals(length=3), [0, 1], 7)


def test_a_pair_of_one_text_is_written_in_parts_of_their_own(originals):
    made = originals(length=2, positives=ANCHORS)
    assert any(first != second for step in range(9) for first, second in tokens_of(made, [2], step))


def test_counts_are_of_all_texts(originals, starter):
    wanted = Counter(token for text in ANCHORS + POSITIVES for token in ids(starter, text))
    counts = originals().counts()
    assert len(counts) == len(token_vectors(starter))
    assert {token: int(count) for token, count in enumerate(counts) if count} == wanted


def test_it_keeps_nothing(originals):
    made = originals()
    assert made.state() == {} and made.gauges() == {}
