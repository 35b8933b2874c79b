"""What the log of a run tells of how it went; each cause planted, and a healthy run that shows none."""

import numpy as np
import pytest

from embedtune.workflows.train.course import course_findings, rate_finding

NOISE = np.random.default_rng(0).normal(0, 0.05, 200)


def lines(losses, ranks=None, cosines=None):
    found = [{"step": step, "loss": float(loss)} for step, loss in enumerate(losses, start=1)]
    for line, rank, cosine in zip(found, ranks if ranks is not None else (), cosines or (), strict=False):
        line |= {"collapse.effective_rank": float(rank), "collapse.mean_cosine": float(cosine)}
    return [*found, {"step": len(found), "eval_ndcg@10": 0.5}]


def codes(losses, *, grows=False, **gauges):
    return [one.code for one in course_findings(lines(losses, **gauges), grows=grows)]


def test_a_run_that_learns_tells_nothing():
    assert codes(2 * np.exp(-np.arange(200) / 50) + 0.5 + NOISE, ranks=[90.0] * 200, cosines=[0.1] * 200) == []
    assert codes(0.3 + NOISE) == []  # nothing left to learn, and no worse for it
    assert codes([]) == codes([1.0]) == codes([0.0] * 5) == []


def test_a_loss_of_zero():
    assert codes([0.5] * 8 + [0.0] * 12) == ["loss-was-zero"]
    assert codes([0.5, 0.4, 0.0, 0.3] * 10) == []


def test_a_loss_that_never_moved():
    assert codes([0.6931] * 30) == ["loss-never-moved"]
    assert codes([0.6931 + 0.001 * (i % 3) for i in range(30)]) == []


def test_a_loss_that_rose():
    rising = np.linspace(1.0, 1.5, 200) + NOISE
    assert codes(rising) == ["loss-rose"]
    assert codes(rising, grows=True) == []
    assert codes(rising[::-1]) == []
    (finding,) = course_findings(lines(rising), grows=False)
    assert "from 1.068 " in finding.message and "to 1.432 " in finding.message  # 1 + 0.5/8 and 1.5 - 0.5/8, and noise


def test_embeddings_that_narrowed():
    steady = 1 + NOISE[:40]
    assert codes(steady, ranks=np.linspace(200, 60, 40), cosines=[0.1 + 0.01 * i for i in range(40)]) == [
        "embeddings-narrowed"
    ]
    assert codes(steady, ranks=np.linspace(200, 120, 40), cosines=[0.1 + 0.01 * i for i in range(40)]) == []
    # Few directions, but far apart: classes learnt, nothing lost.
    assert codes(steady, ranks=np.linspace(200, 60, 40), cosines=[0.5 - 0.01 * i for i in range(40)]) == []


@pytest.mark.parametrize(
    ("rate", "usual", "words"),
    [(2e-2, 2e-5, "1,000 times"), (2e-5, 2e-2, "1/1,000 of"), (7e-4, 2e-5, "35 times")],
)
def test_an_absurd_learning_rate_is_told_before_training(rate, usual, words):
    finding = rate_finding(rate, usual)
    assert words in finding.message and f"{usual:g}" in finding.fix


@pytest.mark.parametrize(("rate", "usual"), [(2e-5, 2e-5), (5e-4, 2e-5), (1e-3, 2e-2), (1e-4, 1e-4)])
def test_an_ordinary_one_is_not(rate, usual):
    assert rate_finding(rate, usual) is None
