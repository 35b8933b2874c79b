"""What follows from a drift: a loss is a loss, and a test that could not have shown one says so."""

import numpy as np
import pytest

from embedtune.evaluation.verdicts.significance import compare_paired
from embedtune.workflows.drift.verdict import verdict_on


@pytest.mark.parametrize(
    ("count", "loss", "expected"), [(2000, 0.0, "keep"), (2000, 0.2, "re-index"), (30, 0.0, "not shown")]
)
def test_the_verdict_follows_from_the_loss_and_from_what_could_be_shown(count: int, loss: float, expected: str) -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(0.3, 0.9, count)
    noise = rng.normal(0, 0.1, count)
    found = compare_paired(before, before - loss + noise - noise.mean(), metric="ndcg@10")
    word, sentence = verdict_on(found, 0.6, "old", "new")
    assert word == expected and "60%" in sentence


def test_vectors_of_other_lengths_cannot_be_kept() -> None:
    word, sentence = verdict_on(None, 0.9, "old", "new")
    assert word == "re-index" and "adapt --from old --to new" in sentence
