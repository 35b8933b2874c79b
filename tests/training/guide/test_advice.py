"""The proposal on guides made for it: one that knows, one that draws lots, one that sees no difference."""

from dataclasses import replace

import numpy as np
import pytest

from embedtune.training.guide.advice import propose
from embedtune.training.guide.audit import GuideAudit, HeldOut, MaskingMargin, audit_guide

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


def test_where_false_negatives_are_common_the_guide_is_kept():
    one_per_topic = np.eye(20)[TOPICS]
    proposal = propose(audited(one_per_topic, one_per_topic), own=False)
    # Three pairs a topic: two of the 59 other positives are right for each anchor, 120 of 3,540 in all.
    assert (proposal.kind, proposal.option, proposal.warns) == ("keep", "", False)
    assert "120 false negatives are known among 3,540 combinations" in proposal.sentence


def test_where_none_is_known_plain_infonce_is_proposed_without_a_warning():
    eye = np.eye(PAIRS)
    proposal = propose(audited(eye, eye, topics=None), own=False)
    assert (proposal.kind, proposal.warns) == ("infonce", False)
    assert "--guide none" in proposal.words and "--margin auto" in proposal.words


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


@pytest.mark.parametrize(
    ("known", "kind"), [(0, "infonce"), (99, "infonce"), (200, "unknown"), (2_000, "unknown"), (3_000, "keep")]
)
def test_the_share_of_known_false_negatives_decides(known, kind):
    audit = GuideAudit(
        pairs=400,
        batch_size=50,
        positive_first_share=0.5,
        masked_share=0.3,
        margin=0.0,
        separation=0.9,
        known=known,
        others=100_000 - known,
    )
    proposal = propose(audit, own=True)
    assert (proposal.kind, proposal.warns) == (kind, False)
    assert "lost on none" in proposal.sentence
    bold = propose(replace(audit, margin=1.0, masked_share=0.9), own=True)
    assert (bold.kind, bold.option, bold.warns) == ("margin", "--margin 0", True)
