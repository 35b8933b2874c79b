import numpy as np
import pytest

from embedtune.errors import ConfigError
from embedtune.mining.calibrate import propose_margin, warn_about
from embedtune.mining.candidate_block import CandidateBlock
from embedtune.mining.filters import Margin, MaxScore, Range, judge


def sample(below: np.ndarray, positives: list[list[float]]) -> tuple[CandidateBlock, np.ndarray]:
    """Candidates that lie `below` (Q, K) their query's least similar positive, best first, and all positives."""
    below = np.sort(below, axis=1)
    least = np.array([min(own) for own in positives])
    documents = np.broadcast_to(np.arange(below.shape[1]), below.shape)
    scores = (least[:, None] - below).astype(np.float32)
    block = CandidateBlock(documents, scores, least.astype(np.float32), np.zeros(below.shape, dtype=bool))
    return block, np.array([(query, score) for query, own in enumerate(positives) for score in own])


def test_with_several_positives_no_margin_parts_found_and_cost_further() -> None:
    draw = np.random.default_rng(0)
    positives = [draw.normal(0.7, 0.05, 1 + query % 3).tolist() for query in range(60)]
    block, pairs = sample(draw.normal(0.15, 0.1, (60, 20)), positives)
    proposal = propose_margin(block, pairs)

    held_out = [min(own[:i] + own[i + 1 :]) - own[i] for own in positives if len(own) > 1 for i in range(len(own))]
    below = (block.positive_scores[:, None] - block.scores).ravel()

    def gap(margin: float) -> float:
        return float(np.mean([d < margin - 1e-6 for d in held_out]) - np.mean(below < margin - 1e-6))

    assert proposal.rule == "known positives"
    assert gap(proposal.margin) == pytest.approx(max(gap(m) for m in np.arange(0, 0.6, 0.001)), abs=0.01)
    assert proposal.found == pytest.approx(np.mean([d < proposal.margin - 1e-6 for d in held_out]))
    assert proposal.kept == pytest.approx(np.mean(below >= proposal.margin - 1e-6))
    assert f"{len(held_out)} known positives" in proposal.reason


def test_with_one_positive_the_candidates_above_it_stand_for_those_below() -> None:
    draw = np.random.default_rng(1)
    hidden = draw.normal(0.0, 0.05, (400, 4))  # unlabelled positives: above the labelled one as often as below
    others = draw.normal(0.4, 0.05, (400, 16))
    proposal = propose_margin(*sample(np.concatenate([hidden, others], axis=1), [[0.7]] * 400))
    assert proposal.rule == "mirror"
    assert (hidden < proposal.margin).mean() > 0.95
    assert (others < proposal.margin).mean() < 0.05
    assert proposal.found is None
    assert f"{(hidden < 0).sum() / 8000:.1%} of the candidates score above the positive" in proposal.reason
    assert proposal.warning is None


@pytest.mark.parametrize("several", [False, True])
def test_where_no_margin_tells_them_apart_none_is_proposed(several) -> None:
    draw = np.random.default_rng(2)
    own = [0.3, 0.6] if several else [0.3]
    proposal = propose_margin(*sample(draw.normal(-0.4, 0.1, (100, 20)), [own] * 100))
    assert (proposal.margin, proposal.rule, proposal.kept, proposal.queries_empty) == (None, "none", 1.0, 0.0)
    assert "no margin helps" in proposal.warning


def test_a_gap_that_chance_explains_is_no_reason() -> None:
    draw = np.random.default_rng(4)
    # Held-out positives are spread as all candidates are, so whatever margin looks best is luck.
    positives = [[0.0, -one] for one in draw.normal(-0.3, 0.1, 40)]
    block, pairs = sample(draw.normal(0.0, 0.3, (40, 50)), positives)
    proposal = propose_margin(block, pairs)
    assert (proposal.margin, proposal.rule) == (None, "none")
    assert "80 known positives" in proposal.reason


@pytest.mark.parametrize("target", [0.03, 0.5, 0.8, 0.999])
def test_a_target_is_met_and_no_less_kept(target) -> None:
    block, pairs = sample(np.random.default_rng(3).normal(0.1, 0.1, (50, 20)), [[0.5]] * 50)
    proposal = propose_margin(block, pairs, target_kept=target)
    assert target <= proposal.kept < target + 0.002
    assert judge(block, [Margin(proposal.margin)]).kept.mean() == pytest.approx(proposal.kept)
    assert ("discards 97.0%" in (proposal.warning or "")) == (target == 0.03)


def test_a_margin_that_empties_most_queries_is_told() -> None:
    below = np.full((10, 8), 0.05)
    below[0] = 0.5
    proposal = propose_margin(*sample(below, [[0.5]] * 10), target_kept=0.1)
    assert proposal.queries_empty == pytest.approx(0.9)
    assert "90% of the queries without any negative" in proposal.warning


def test_what_other_filters_drop_has_no_say() -> None:
    below = np.concatenate([np.full((30, 5), -0.3), np.full((30, 10), 0.2)], axis=1)
    block, pairs = sample(below, [[0.5]] * 30)
    assert propose_margin(block, pairs).kept == pytest.approx(2 / 3)
    proposal = propose_margin(block, pairs, [Range(5)])
    assert (proposal.margin, proposal.kept) == (0, 1.0)
    assert "no candidate scores above" in proposal.reason


def test_nothing_to_look_at_and_targets_that_are_no_share() -> None:
    block, pairs = sample(np.full((2, 3), 0.1), [[0.5]] * 2)
    with pytest.raises(ConfigError, match="no candidates are left"):
        propose_margin(block, pairs, [MaxScore(-1)])
    with pytest.raises(ConfigError, match="between 0 and 1, not 1"):
        propose_margin(block, pairs, target_kept=1.0)


def test_thresholds_that_discard_nearly_all_or_nothing() -> None:
    block, _ = sample(np.full((40, 50), 0.1), [[0.5]] * 40)
    for filters, words in (
        ([Margin(0.2)], "discard 100.0% of the candidates, most by margin (2,000)"),
        ([Margin(0.05)], "(margin) discard almost nothing: 0 of 2,000"),
    ):
        assert words in said_of(block, filters)
    # A rank window is no threshold, and no threshold is no fault.
    assert said_of(block, [Range(49)]) is None
    assert said_of(block, []) is None


def said_of(block, filters):
    verdict = judge(block, filters)
    return warn_about(verdict.dropped, int(verdict.kept.sum()), filters)
