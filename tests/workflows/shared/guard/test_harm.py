"""The warning before contrast hurts: by how well the encoder knows the pairs already, and by how many there are."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.models.encode.encode import encode
from embedtune.workflows.shared.guard import harm
from embedtune.workflows.shared.guard.harm import FEW_PAIRS, first_share, harm_finding


@pytest.fixture
def same(texts) -> tuple[list[str], list[str]]:
    """Pairs of a text with itself, which every encoder ranks first."""
    return list(texts), list(texts)


def test_the_share_is_that_of_a_plain_loop(bert, texts) -> None:
    anchors, positives = list(texts[::2]), list(texts[1::2])
    queries = encode(bert, anchors, role="query", normalise=True)
    documents = encode(bert, positives, role="document", normalise=True)
    first = [int(np.argmax([query @ one for one in documents])) == row for row, query in enumerate(queries)]
    assert first_share(bert, anchors, positives, seed=0) == (pytest.approx(np.mean(first)), len(anchors))


def test_a_positive_of_two_pairs_is_asked_for_once(bert, texts) -> None:
    anchors, positives = [*texts, "another question"], [*texts, texts[0]]
    assert first_share(bert, anchors, positives, seed=0)[1] == len(texts)


def test_a_strong_encoder_and_few_pairs_warn(bert, same) -> None:
    found = harm_finding(bert, *same, 400, seed=0)
    assert found is not None
    assert (found.code, found.severity, found.count) == ("contrast-may-hurt", "warning", 400)
    assert "400 pairs are few" in found.message
    assert "100% of 12" in found.message
    assert "--task reranker" in found.fix


def test_many_pairs_an_untrained_encoder_or_one_that_has_to_learn_do_not(bert, starter, same, texts) -> None:
    assert harm_finding(bert, *same, FEW_PAIRS, seed=0) is None
    assert harm_finding(replace(bert, pretrained=False), *same, 400, seed=0) is None
    assert harm_finding(starter, *same, 400, seed=0) is None
    shuffled = [texts[(place + 3) % len(texts)] for place in range(len(texts))]
    assert harm_finding(bert, list(texts), shuffled, 400, seed=0) is None


def test_a_sample_is_enough(bert, texts, monkeypatch) -> None:
    monkeypatch.setattr(harm, "SAMPLE", 5)
    assert first_share(bert, list(texts), list(texts), seed=1) == (1.0, 5)
