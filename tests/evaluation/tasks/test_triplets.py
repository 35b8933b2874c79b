"""Triplets, against sentence-transformers' evaluator and a loop."""

import numpy as np
import pytest

from embedtune.evaluation.tasks.triplets import triplets
from embedtune.models.encode.encode import encode
from embedtune.search.pairwise import pair_scores


def test_agrees_with_the_evaluator_of_sentence_transformers(texts, bert) -> None:
    from sentence_transformers.sentence_transformer.evaluation import TripletEvaluator

    anchors, positives, negatives = (list(texts[i::3]) for i in range(3))
    theirs = TripletEvaluator(anchors, positives, negatives, write_csv=False)(bert.model)
    made = triplets(anchors, positives, [[one] for one in negatives])
    scores = pair_scores(
        encode(bert, made.queries, role="query"), encode(bert, made.documents, role="document"), made.positions
    )
    assert made.judge(scores, seed=0).metrics["accuracy"] == pytest.approx(theirs["cosine_accuracy"])


def test_a_positive_has_to_beat_all_of_its_negatives_and_a_tie_is_a_failure() -> None:
    made = triplets(["q"] * 4, ["가", "나", "다", "가"], [["a"], ["a", "b"], ["a"], ["가"]])
    assert made.documents == ["가", "a", "나", "b", "다"]
    assert made.positions.tolist() == [[0, 1, -1], [2, 1, 3], [4, 1, -1], [0, 0, -1]]
    nan = np.nan
    scores = np.array([[0.9, 0.4, nan], [0.5, 0.1, 0.6], [0.3, 0.3, nan], [0.9, 0.9, nan]], dtype=np.float32)
    judged = made.judge(scores, seed=0)
    assert judged.values["accuracy"].tolist() == [1, 0, 0, 0]
    assert judged.values["margin"] == pytest.approx([0.5, -0.1, 0, 0], abs=1e-6)
    assert judged.metrics == pytest.approx({"accuracy": 0.25, "margin": 0.1}, abs=1e-6)
    assert judged.intervals["margin"][0] <= 0.1 <= judged.intervals["margin"][1]


def test_systems_are_compared_on_accuracy() -> None:
    made = triplets(["q"] * 60, ["p"] * 60, [["n"]] * 60)
    low, high = (np.tile(np.array(row, np.float32), (60, 1)) for row in ([0.1, 0.2], [0.3, 0.2]))
    found = made.compare(made.judge(low, seed=0), made.judge(high, seed=0), seed=0)
    assert (found.verdict, found.difference) == ("better", 1.0)
    assert "over 60 test triplets" in found.sentence
