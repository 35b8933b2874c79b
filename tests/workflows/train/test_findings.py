"""What a run reports about itself; each cause planted, and a healthy run that shows none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from embedtune.training.guide.audit import GuideAudit, MarginEffect
from embedtune.training.run.fit import FitResult
from embedtune.workflows.train.findings import course_findings, rate_finding, run_findings
from embedtune.workflows.train.guide.guiding import Guiding

FIT = FitResult(steps=10, epochs=1.0, elapsed_s=1.0, examples_per_s=1.0, best_step=10, curve=((10, {"ndcg@10": 0.5}),))
CAREFUL = MarginEffect(margin=0.0, masked_share=0.01, found_share=None)
AUDIT = GuideAudit(
    pairs=100, batch_size=50, positive_first_share=0.9, masked_share=0.01, margin=0.1, others=9900, effects=(CAREFUL,)
)


@pytest.fixture
def codes(tmp_path):
    """The codes of what is found, all being well but for what is given."""

    def find(fitted=FIT, audit=AUDIT, chosen=None, shares=(0.0,)) -> list[str]:
        metrics = tmp_path / "metrics.jsonl"
        metrics.write_text(
            "".join(json.dumps({"step": i, "gist.empty_share": share}) + "\n" for i, share in enumerate(shares))
            + json.dumps({"step": 9, "eval_ndcg@10": 0.5})
            + "\n",
            encoding="utf-8",
        )
        return [one.code for one in run_findings(fitted, Guiding("m", audits=[audit], chosen=chosen), metrics)]

    return find


def test_nothing_to_report(codes) -> None:
    assert codes() == []


@pytest.mark.parametrize(("best", "found"), [(4, []), (10, ["best-model-lost"]), (None, ["best-model-lost"])])
def test_a_best_model_that_was_lost(codes, best, found) -> None:
    curve = ((4, {"logrank@1000": 0.7}), (10, {"logrank@1000": 0.6}))
    told = codes(fitted=replace(FIT, steps=10, best_step=best, curve=curve))
    assert [code for code in told if code != "best-model-early"] == found


@pytest.mark.parametrize(("best", "found"), [(0, ["start-kept"]), (5, ["best-model-early"]), (6, []), (None, [])])
def test_a_best_model_in_the_first_half(codes, best, found) -> None:
    assert codes(fitted=replace(FIT, best_step=best)) == found


@pytest.mark.parametrize(
    ("tokens", "passes", "fix"), [(0.8, "1.6", "Compare dev"), (0.1, "3.7", "Leave training.skip_below out")]
)
def test_texts_left_out_of_the_backward_pass(tmp_path, tokens, passes, fix) -> None:
    shares = [
        {"skipped.tokens": tokens - 0.1, "skipped.gradient": 0.03},
        {"skipped.tokens": tokens + 0.1, "skipped.gradient": 0.05},
    ]
    lines = "".join(json.dumps({"step": step, **one}) + "\n" for step, one in enumerate(shares, start=1))
    (tmp_path / "metrics.jsonl").write_text(lines, encoding="utf-8")
    [found] = run_findings(replace(FIT, curve=()), Guiding("m", audits=[AUDIT]), tmp_path / "metrics.jsonl")
    assert (found.code, found.count) == ("texts-skipped", 2) and found.fix.startswith(fix)
    assert f"{tokens:.0%} of the tokens" in found.message and "4.0% of the gradient" in found.message
    assert f"about {passes} forward passes" in found.message


def test_a_guide_that_ranks_or_masks_badly(codes) -> None:
    heavy = replace(AUDIT, masked_share=0.6)
    assert codes(audit=replace(AUDIT, separation=0.6)) == ["weak-guide"]
    assert codes(audit=heavy) == ["weak-guide"]
    assert codes(audit=heavy, chosen={"margin": 0.1}) == []


def test_rows_whose_negatives_were_all_masked(codes) -> None:
    assert codes(shares=(0.0, 0.05, 0.1)) == []
    assert codes(shares=(0.1, 0.2, 0.3)) == ["rows-without-negatives"]


NOISE = np.random.default_rng(0).normal(0, 0.05, 200)


def lines(losses, ranks=None, cosines=None):
    found = [{"step": step, "loss": float(loss)} for step, loss in enumerate(losses, start=1)]
    for line, rank, cosine in zip(found, ranks if ranks is not None else (), cosines or (), strict=False):
        line |= {"collapse.effective_rank": float(rank), "collapse.mean_cosine": float(cosine)}
    return [*found, {"step": len(found), "eval_ndcg@10": 0.5}]


def codes_of(losses, *, grows=False, **gauges):
    return [one.code for one in course_findings(lines(losses, **gauges), grows=grows)]


def test_a_run_that_learns_has_no_findings():
    assert codes_of(2 * np.exp(-np.arange(200) / 50) + 0.5 + NOISE, ranks=[90.0] * 200, cosines=[0.1] * 200) == []
    assert codes_of(0.3 + NOISE) == []  # nothing left to learn, and no worse for it
    assert codes_of([]) == codes_of([1.0]) == codes_of([0.0] * 5) == []


def test_a_loss_of_zero():
    assert codes_of([0.5] * 8 + [0.0] * 12) == ["loss-was-zero"]
    assert codes_of([0.5, 0.4, 0.0, 0.3] * 10) == []


def test_a_loss_that_never_moved():
    assert codes_of([0.6931] * 30) == ["loss-never-moved"]
    assert codes_of([0.6931 + 0.001 * (i % 3) for i in range(30)]) == []


def test_a_loss_that_rose():
    rising = np.linspace(1.0, 1.5, 200) + NOISE
    assert codes_of(rising) == ["loss-rose"]
    assert codes_of(rising, grows=True) == []
    assert codes_of(rising[::-1]) == []
    (finding,) = course_findings(lines(rising), grows=False)
    assert "from 1.068 " in finding.message and "to 1.432 " in finding.message  # 1 + 0.5/8 and 1.5 - 0.5/8, and noise


def test_embeddings_that_narrowed():
    steady = 1 + NOISE[:40]
    assert codes_of(steady, ranks=np.linspace(200, 60, 40), cosines=[0.1 + 0.01 * i for i in range(40)]) == [
        "embeddings-narrowed"
    ]
    assert codes_of(steady, ranks=np.linspace(200, 120, 40), cosines=[0.1 + 0.01 * i for i in range(40)]) == []
    # Few directions, but far apart: classes learned, nothing lost.
    assert codes_of(steady, ranks=np.linspace(200, 60, 40), cosines=[0.5 - 0.01 * i for i in range(40)]) == []


@pytest.mark.parametrize(
    ("rate", "usual", "words"),
    [(2e-2, 2e-5, "1,000 times"), (2e-5, 2e-2, "1/1,000 of"), (7e-4, 2e-5, "35 times")],
)
def test_an_absurd_learning_rate_is_reported_before_training(rate, usual, words):
    finding = rate_finding(rate, usual)
    assert words in finding.message and f"{usual:g}" in finding.fix


@pytest.mark.parametrize(("rate", "usual"), [(2e-5, 2e-5), (5e-4, 2e-5), (1e-3, 2e-2), (1e-4, 1e-4)])
def test_an_ordinary_one_is_not(rate, usual):
    assert rate_finding(rate, usual) is None
