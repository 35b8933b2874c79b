"""Scored pairs, against scipy and sentence-transformers' evaluator."""

import numpy as np
import pytest
from scipy import stats

from embedtune.evaluation.tasks.similarity import SimilaritySet
from embedtune.models.encode.encode import encode
from embedtune.search.pairwise import pair_scores


@pytest.fixture
def pairs(texts) -> SimilaritySet:
    return SimilaritySet(list(texts[:6]), list(texts[6:]), np.array([5.0, 1.0, 3.5, 3.5, 0.0, 2.0]))


def test_agrees_with_the_evaluator_of_sentence_transformers(pairs, bert) -> None:
    from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

    theirs = EmbeddingSimilarityEvaluator(
        list(pairs.queries), list(pairs.documents), pairs.truth.tolist(), write_csv=False
    )(bert.model)
    vectors = [encode(bert, texts, role="query") for texts in (pairs.queries, pairs.documents)]
    ours = pairs.judge(pair_scores(*vectors, pairs.positions), seed=0).metrics
    assert ours["spearman"] == pytest.approx(theirs["spearman_cosine"], abs=1e-9)
    assert ours["pearson"] == pytest.approx(theirs["pearson_cosine"], abs=1e-4)


def many(noise: float, seed: int, n: int = 150) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (np.arange(n) % 6 + noise * rng.normal(size=n)).astype(np.float32)[:, None]


def test_the_better_of_two_is_found_with_an_interval_around_the_difference() -> None:
    truth = np.arange(150) % 6.0
    judged = SimilaritySet([""] * 150, [""] * 150, truth)
    weak, strong = (judged.judge(many(noise, 1), seed=0) for noise in (6.0, 1.0))
    found = judged.compare(weak, strong, seed=0)
    expected = [stats.spearmanr(many(noise, 1)[:, 0], truth).statistic for noise in (6.0, 1.0)]
    assert (found.before, found.after) == pytest.approx(expected, abs=1e-12)
    assert found.difference == pytest.approx(expected[1] - expected[0], abs=1e-12)
    assert found.interval[0] < found.difference < found.interval[1]
    assert (found.verdict, found.queries) == ("better", 150)
    assert "over 150 test pairs" in found.sentence
    back = judged.compare(strong, weak, seed=0)
    assert (back.verdict, back.difference) == ("worse", -found.difference)


def test_the_smallest_effect_is_the_usual_multiple_of_the_spread() -> None:
    judged = SimilaritySet([""] * 150, [""] * 150, np.arange(150) % 6.0)
    one, other = (judged.judge(many(3.0, seed), seed=0) for seed in (1, 2))
    found = judged.compare(one, other, seed=0)
    width = found.interval[1] - found.interval[0]
    assert found.minimum_detectable_effect == pytest.approx(2.8016 * width / 3.92, rel=0.1)
