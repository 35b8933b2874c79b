import math
from dataclasses import replace

import numpy as np
import pytest

from embedtune.errors import ConfigError
from embedtune.mining.candidate_block import PADDING, CandidateBlock
from embedtune.mining.filters import (
    PRESETS,
    REASONS,
    CrossEncoded,
    Guided,
    Margin,
    MaxScore,
    MinScore,
    PercentOfPositive,
    Range,
    RelativeMargin,
    Taught,
    judge,
    preset,
)

ALL = (
    Range(1, 6),
    MinScore(-0.75),
    MaxScore(0.75),
    Margin(0.125),
    RelativeMargin(0.25),
    PercentOfPositive(90),
    Guided(0.125),
    CrossEncoded(0.25),
    Taught(0.5),
)


def names_of(block: CandidateBlock, filters) -> list[list[str]]:
    return [[REASONS[code] for code in row] for row in judge(block, filters).reasons.tolist()]


def plain_reason(block: CandidateBlock, query: int, place: int, asked: set[str]) -> str:
    """The rules, one candidate at a time, in the order of REASONS."""
    score, positive = float(block.scores[query, place]), float(block.positive_scores[query])
    rank = sum(1 for p in range(place) if block.documents[query, p] != PADDING and not block.known[query, p])
    guide, guide_positive = float(block.guide.scores[query, place]), float(block.guide.positive_scores[query])
    cross, cross_positive = (
        float(block.cross_encoder.scores[query, place]),
        float(block.cross_encoder.positive_scores[query]),
    )
    taught, taught_positive = float(block.teacher.scores[query, place]), float(block.teacher.positive_scores[query])
    if block.documents[query, place] == PADDING:
        return "padding"
    if block.known[query, place]:
        return "known_positive"
    if block.marked[query, place]:
        return "kept"
    rules = {
        "duplicate": block.duplicates[query, place],
        "near_copy": block.copies[query, place],
        "same_group": block.same_group[query, place],
        "range": not 1 <= rank < 6,
        "min_score": score < -0.75,
        "max_score": score > 0.75,
        "margin": score > positive - 0.125,
        "relative_margin": score > positive - abs(positive) * 0.25,
        "percent_of_positive": score > (positive * 0.9 if positive > 0 else positive * 1.1) + 1e-9,
        "guide": guide > guide_positive - 0.125,
        "cross_encoder": cross > cross_positive - 0.25,
        "teacher": taught > taught_positive - 0.5,
    }
    return next((name for name, holds in rules.items() if holds and name in asked), "kept")


@pytest.mark.parametrize("seed", range(30))
def test_every_candidate_has_the_first_reason_that_a_plain_loop_finds(random_block, seed) -> None:
    block = random_block(seed)
    draw = np.random.default_rng(seed)
    filters = [one for one in ALL if draw.random() < 0.5]
    asked = {one.reason for one in filters} | {"duplicate", "near_copy", "same_group"}
    expected = [[plain_reason(block, q, p, asked) for p in range(block.documents.shape[1])] for q in range(len(block))]
    assert names_of(block, filters) == expected
    assert names_of(block, filters[::-1]) == expected


def test_the_random_blocks_meet_every_reason(random_block) -> None:
    met = {name for seed in range(30) for one in ALL for row in names_of(random_block(seed), [one]) for name in row}
    assert met == set(REASONS)


def test_counts_add_up_and_leave_padding_out(random_block) -> None:
    block = random_block(3)
    verdict = judge(block, ALL)
    assert list(verdict.dropped) == [name for name in REASONS if name in verdict.dropped]
    assert sum(verdict.dropped.values()) + int(verdict.kept.sum()) == int(block.present.sum())
    assert "padding" not in verdict.dropped
    assert 0 not in verdict.dropped.values()


def one_candidate(score: float, positive: float) -> CandidateBlock:
    return CandidateBlock(
        np.array([[0]]), np.array([[score]], np.float32), np.array([positive], np.float32), np.array([[False]])
    )


@pytest.mark.parametrize("positive", [-0.5, 0.5])
def test_a_relative_margin_lowers_the_threshold_whatever_the_sign(positive) -> None:
    limit = positive - 0.05
    assert not judge(one_candidate(limit + 0.001, positive), [RelativeMargin(0.1)]).kept.any()
    assert not judge(one_candidate(limit + 0.001, positive), [PercentOfPositive(90)]).kept.any()
    assert judge(one_candidate(limit - 0.001, positive), [RelativeMargin(0.1), PercentOfPositive(90)]).kept.all()


def test_rounding_never_decides() -> None:
    last_bit = float(np.nextafter(np.float32(0.7), np.float32(1)))
    assert judge(one_candidate(last_bit, 0.7), [Margin(0.0), RelativeMargin(0.0)]).kept.all()
    assert not judge(one_candidate(0.7 + 3e-6, 0.7), [Margin(0.0)]).kept.any()


def test_a_query_without_a_positive_is_judged_by_the_other_filters_only() -> None:
    block = one_candidate(0.7, math.nan)
    assert judge(block, [Margin(0.5), RelativeMargin(0.5), PercentOfPositive(10)]).kept.all()
    assert judge(block, [MaxScore(0.5)]).dropped == {"max_score": 1}


def test_presets_by_their_usual_names() -> None:
    assert set(PRESETS) == {"hardest", "semi-hard", "threshold"}
    above, below = one_candidate(0.8, 0.7), one_candidate(0.6, 0.7)
    assert judge(above, preset("hardest")).kept.all()
    assert not judge(above, preset("semi-hard")).kept.any()
    assert judge(below, preset("semi-hard")).kept.all()
    assert not judge(below, preset("threshold", 0.5)).kept.any()


@pytest.mark.parametrize(
    ("name", "threshold", "words"),
    [("semi_hard", None, "did you mean 'semi-hard'"), ("threshold", None, "needs a"), ("hardest", 0.5, "takes no")],
)
def test_presets_that_make_no_sense(name, threshold, words) -> None:
    with pytest.raises(ConfigError, match=words):
        preset(name, threshold)


MADE = {"min_score": MinScore, "max_score": MaxScore, "absolute_margin": Margin, "relative_margin": RelativeMargin}


def reference_kept(reference, parameters: dict) -> list[list[int]]:
    """The documents that we keep, best first."""
    filters = [make(parameters[name]) for name, make in MADE.items() if name in parameters]
    filters.append(Range(parameters.get("range_min", 0), parameters.get("range_max")))
    block = reference.block
    if "range_max" not in parameters and len(filters) > 1:
        # The reference looks this deep when it is not told: ten times the negatives, twice the most positives (2).
        depth = 10 * parameters["num_negatives"] + 4
        columns = {"documents": block.documents, "scores": block.scores, "known": block.known}
        block = replace(block, **{name: column[:, :depth] for name, column in columns.items()})
    kept = judge(block, filters).kept
    return [row[keep].tolist() for row, keep in zip(block.documents, kept, strict=True)]


TOP = [
    *("top3", "top5_rangemin5", "top4_range2_10", "maxscore0.7", "maxscore0.5_rangemax40", "minscore0.3"),
    *("minscore0.6_max0.9", "absmargin0", "absmargin0.1", "relmargin0.05", "relmargin0.2"),
    *("relmargin0.2_default_pool", "combo", "all_corpus"),
]


@pytest.mark.parametrize("name", TOP)
def test_reference_values(reference, name) -> None:
    case = reference.cases[f"mine/{name}"]
    ours = reference_kept(reference, case["parameters"])
    n = case["parameters"]["num_negatives"]
    for query, (mine, theirs) in enumerate(zip(ours, case["expected"]["negatives_per_query"], strict=True)):
        if query not in case.get("queries_apart", ()):
            assert mine[:n] == theirs, query


@pytest.mark.parametrize("name", ["random3_range0_20", "random5_maxscore"])
def test_reference_values_of_what_may_be_drawn(reference, name) -> None:
    case = reference.cases[f"mine/{name}"]
    ours = reference_kept(reference, case["parameters"])
    for mine, theirs in zip(ours, case["expected"]["allowed_per_query"], strict=True):
        # With a filter the reference refills its window from the two places it searched beyond it, for the positives.
        assert theirs[: len(mine)] == mine
        assert len(theirs) - len(mine) <= 2
