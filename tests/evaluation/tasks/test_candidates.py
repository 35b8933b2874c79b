"""Choosing among labels, against loops over texts."""

import numpy as np
import pytest

from embedtune.evaluation.tasks.candidates import CandidateSet, Pool

LABELS = ("가스", "결제", "배송", "환불")


def candidates(truth: np.ndarray, pool: Pool = "best") -> CandidateSet:
    """Four labels with one, two, three and one wordings."""
    label_of = np.array([0, 1, 1, 2, 2, 2, 3])
    return CandidateSet(["글"] * len(truth), [f"말 {i}" for i in range(7)], truth, LABELS, label_of, pool)


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, 90)  # nothing is about refunds


@pytest.fixture
def scores(truth: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(len(truth), 7))
    right = np.array([0, 1, 1, 2, 2, 2, 3]) == truth[:, None]
    return np.round(noise + right, 1).astype(np.float32)  # (n, 7), with ties


def choices(scores: np.ndarray, pool: Pool) -> list[list[int]]:
    """Labels from best to worst, text by text."""
    found = []
    for row in scores.astype(np.float64):
        wordings = [row[:1], row[1:3], row[3:6], row[6:]]
        pooled = [max(own) if pool == "best" else np.float32(sum(own) / len(own)) for own in wordings]
        found.append(sorted(range(4), key=lambda i: (pooled[i], LABELS[i]), reverse=True))
    return found


@pytest.mark.parametrize("pool", ["best", "mean"])
def test_agrees_with_a_loop_over_texts(scores: np.ndarray, truth: np.ndarray, pool: Pool) -> None:
    judged = candidates(truth, pool).judge(scores, seed=0)
    order = choices(scores, pool)
    chosen = np.array([own[0] for own in order])
    assert judged.metrics["accuracy"] == np.mean(chosen == truth)
    assert judged.metrics["accuracy@3"] == np.mean([label in own[:3] for own, label in zip(order, truth, strict=True)])
    assert "accuracy@5" not in judged.metrics
    f1 = []
    for label, row in zip(range(4), judged.detail["classes"], strict=True):
        hit = sum((chosen == label) & (truth == label))
        had, called = sum(truth == label), sum(chosen == label)
        precision, recall = hit / called if called else 0, hit / had if had else 0
        both = 2 * precision * recall / (precision + recall) if hit else 0
        assert (row["label"], row["texts"]) == (LABELS[label], had)
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision, recall, both))
        f1 += [both] if had else []
    assert judged.metrics["macro_f1"] == pytest.approx(np.mean(f1))
    assert list(judged.answers) == [LABELS[label] for label in chosen]


def test_confusions_count_every_text_and_the_worst_come_first(scores: np.ndarray, truth: np.ndarray) -> None:
    detail = candidates(truth).judge(scores, seed=0).detail
    counts = np.array(detail["confusion"]["counts"])
    chosen = np.array([own[0] for own in choices(scores, "best")])
    for i in range(4):
        for j in range(4):
            assert counts[i, j] == sum((truth == i) & (chosen == j))
    confused = [row["texts"] for row in detail["confused"]]
    assert confused == sorted(confused, reverse=True)
    assert sum(confused) == len(truth) - np.trace(counts)
    assert all(row["label"] != row["chosen"] for row in detail["confused"])


def test_a_scorer_that_cannot_tell_labels_apart_always_says_the_last_by_name(truth: np.ndarray) -> None:
    judged = candidates(truth).judge(np.ones((len(truth), 7), np.float32), seed=0)
    assert set(judged.answers) == {"환불"}
    assert judged.metrics["accuracy"] == 0


def test_intervals_hold_their_values_and_are_no_wider_than_a_binomial(scores: np.ndarray, truth: np.ndarray) -> None:
    judged = candidates(truth).judge(scores, seed=0)
    for name, value in judged.metrics.items():
        assert judged.intervals[name][0] <= value <= judged.intervals[name][1]
    low, high = judged.intervals["accuracy"]
    share = judged.metrics["accuracy"]
    assert high - low == pytest.approx(3.92 * np.sqrt(share * (1 - share) / 90), rel=0.1)
    low, high = judged.intervals["macro_f1"]
    assert 0 < high - low < 0.4


def test_systems_are_compared_text_by_text(scores: np.ndarray, truth: np.ndarray) -> None:
    own = candidates(truth)
    perfect = (np.array([0, 1, 1, 2, 2, 2, 3]) == truth[:, None]).astype(np.float32)
    found = own.compare(own.judge(scores, seed=0), own.judge(perfect, seed=0), seed=0)
    assert (found.verdict, found.after, found.metric) == ("better", 1.0, "accuracy")
    assert "test texts" in found.sentence
