"""The proposal on guides made for it: one that knows, one that draws lots, one that sees no difference."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.training.guide.advice import propose
from embedtune.training.guide.audit import GuideAudit, HeldOut, MarginEffect, MaskingMargin, audit_guide

PAIRS = 60
TOPICS = np.arange(PAIRS) // 3


def audited(anchors: np.ndarray, positives: np.ndarray, topics: np.ndarray | None = TOPICS) -> GuideAudit:
    documents = [f"d{i}" for i in range(len(anchors))]
    pairs = HeldOut(
        [f"q{i}" for i in range(len(anchors))], documents, documents, [frozenset({d}) for d in documents], topics
    )
    found = audit_guide(pairs, anchors, positives, batch_size=30, margin=MaskingMargin())
    assert found is not None
    return found


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_guide_that_knows_the_topics_is_used_at_the_margin_that_finds_them():
    one_per_topic = np.eye(20)[TOPICS]
    proposal = propose(audited(one_per_topic, one_per_topic), own=False)
    # Three pairs a topic: each anchor has two false negatives, as near as its positive and so not above it.
    assert (proposal.kind, proposal.margin, proposal.option) == ("margin", 0.05, "--margin 0.05")
    assert "finds 100% of the 120 known false negatives and drops 0.00%" in proposal.sentence
    assert not proposal.warns


def test_with_nothing_known_the_careful_margin_is_proposed_and_why():
    eye = np.eye(PAIRS)
    proposal = propose(audited(eye, eye, topics=None), own=False)
    assert (proposal.kind, proposal.margin) == ("margin", 0.0)
    assert "no known positive" in proposal.sentence


@pytest.mark.parametrize(
    ("own", "kind", "option"), [(False, "guide", "--guide self"), (True, "infonce", "--guide none")]
)
@pytest.mark.parametrize("what", ["random", "constant"])
def test_a_guide_that_knows_nothing_is_replaced(what, own, kind, option):
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(2, PAIRS, 64)) if what == "random" else np.ones((2, PAIRS, 64))
    proposal = propose(audited(unit(vectors[0]), unit(vectors[1])), own=own)
    assert proposal.kind == kind and option in proposal.option and proposal.warns
    if what == "constant":
        assert "only 50% of the time" in proposal.sentence


AUDIT = GuideAudit(
    pairs=100,
    batch_size=50,
    positive_first_share=0.6,
    masked_share=0.02,
    margin=0.0,
    separation=0.96,
    known=100,
    others=9800,
    effects=(MarginEffect(0.0, 0.02, 0.5), MarginEffect(0.1, 0.05, 0.9), MarginEffect(0.2, 0.3, 1.0)),
)


def test_what_is_found_is_weighed_against_what_is_dropped():
    # 15 x found x 100 - masked x 9800: 554, 860 and -1440.
    assert propose(AUDIT, own=True).margin == 0.1


def test_a_guide_that_drops_much_at_margin_0_should_weigh():
    heavy = replace(AUDIT, effects=(replace(AUDIT.effects[0], masked_share=0.06), *AUDIT.effects[1:]))
    proposal = propose(heavy, own=True)
    assert proposal.kind == "weight" and "false_negative_weight=0.3" in proposal.option and "6.0%" in proposal.sentence


def test_where_there_is_little_to_find_nothing_is_dropped():
    proposal = propose(replace(AUDIT, known=2), own=False)
    assert proposal.kind == "infonce" and proposal.option == "--guide none" and proposal.warns


def test_a_margin_bolder_than_the_one_proposed_is_a_warning_where_it_drops_much():
    assert propose(replace(AUDIT, margin=0.2, masked_share=0.3), own=True).warns
    assert not propose(replace(AUDIT, margin=0.2, masked_share=0.04), own=True).warns
    assert not propose(replace(AUDIT, margin=0.05, masked_share=0.3), own=True).warns
