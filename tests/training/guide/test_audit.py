import numpy as np
import pytest

from embedtune.data.rows import RetrievalSet
from embedtune.training.guide.audit import HeldOut, MaskingMargin, audit_guide, held_out_pairs


def pairs_of(count: int, relevant: dict[int, set[str]] | None = None) -> HeldOut:
    documents = [f"d{i}" for i in range(count)]
    own = [frozenset({f"d{i}"} | (relevant or {}).get(i, set())) for i in range(count)]
    return HeldOut([f"q{i}" for i in range(count)], documents, documents, own)


def test_a_guide_that_knows_every_pair_is_perfect():
    audit = audit_guide(pairs_of(4), np.eye(4), np.eye(4), batch_size=4, margin=MaskingMargin())
    assert (audit.positive_first_share, audit.masked_share, audit.separation) == (1.0, 0.0, 1.0)


def test_a_guide_that_prefers_another_document_is_counted_and_called_weak():
    wrong = np.eye(4)[[1, 0, 3, 2]]
    audit = audit_guide(pairs_of(4), np.eye(4), wrong, batch_size=4, margin=MaskingMargin())
    assert audit.positive_first_share == 0.0
    assert audit.masked_share == pytest.approx(4 / 12)
    # Each anchor ranks one of three candidates above its positive and ties with the other two.
    assert audit.separation == pytest.approx(1 / 3)


def test_documents_relevant_to_the_query_do_not_count_against_the_guide():
    # Every query likes its neighbour's document twice as much as its own, and the two are both right.
    liked = np.kron(np.eye(2), np.array([[0.5, 1.0], [1.0, 0.5]]))
    both = {0: {"d1"}, 1: {"d0"}, 2: {"d3"}, 3: {"d2"}}
    fair = audit_guide(pairs_of(4, both), np.eye(4), liked, batch_size=4, margin=MaskingMargin())
    blind = audit_guide(pairs_of(4), np.eye(4), liked, batch_size=4, margin=MaskingMargin())
    assert (fair.positive_first_share, fair.masked_share) == (1.0, 0.0)
    assert (blind.positive_first_share, blind.masked_share) == (0.0, pytest.approx(4 / 12))


def test_the_margin_widens_what_is_masked():
    anchors = np.array([[1.0, 0.0], [0.0, 1.0]])
    positives = np.array([[0.8, 0.6], [0.0, 1.0]])
    # Anchor 1 sees its positive at 1.0 and the other at 0.6; anchor 0 sees 0.8 and 0.0.
    shares = [
        audit_guide(pairs_of(2), anchors, positives, batch_size=2, margin=MaskingMargin(value)).masked_share
        for value in (0.0, 0.3, 0.5, 0.9)
    ]
    assert shares == [0.0, 0.0, 0.5, 1.0]


def test_one_pair_cannot_be_audited():
    assert audit_guide(pairs_of(1), np.eye(1), np.eye(1), batch_size=8, margin=MaskingMargin()) is None


def test_held_out_pairs_are_the_relevant_ones_in_a_seeded_order():
    dev = RetrievalSet(
        name="dev",
        queries={f"q{i}": f"질문 {i}" for i in range(40)},
        corpus={f"d{i}": f"답 {i}" for i in range(40)},
        qrels={f"q{i}": {f"d{i}": 2, f"d{(i + 1) % 40}": 0} for i in range(40)},
    )
    pairs = held_out_pairs(dev, seed=1)
    assert sorted(pairs.anchors) == sorted(dev.queries.values())
    assert all(
        text.split()[1] == document.split()[1] for text, document in zip(pairs.anchors, pairs.positives, strict=True)
    )
    assert pairs.anchors == held_out_pairs(dev, seed=1).anchors != held_out_pairs(dev, seed=2).anchors


def dev_of(pairs: list[tuple[int, int]]) -> RetrievalSet:
    qrels: dict[str, dict[str, int]] = {}
    for query, document in pairs:
        qrels.setdefault(f"q{query}", {})[f"d{document}"] = 1
    texts = {f"d{i}": f"답 {i}" for _, i in pairs}
    return RetrievalSet("dev", {name: f"질문 {name}" for name in qrels}, texts, qrels)


def test_pairs_connected_by_shared_texts_are_known_to_be_right():
    # Queries 0 and 1 share document 0, query 1 also has document 1; 2, 3 and 4 stand alone.
    pairs = held_out_pairs(dev_of([(0, 0), (1, 0), (1, 1), (2, 2), (3, 3), (4, 4)]))
    place = {pair: i for i, pair in enumerate(zip(pairs.anchors, pairs.documents, strict=True))}
    topic = [pairs.topics[place[f"질문 q{q}", f"d{d}"]] for q, d in [(0, 0), (1, 0), (1, 1), (2, 2)]]
    assert topic[0] == topic[1] == topic[2] != topic[3]


def test_a_component_that_holds_most_pairs_says_nothing():
    assert held_out_pairs(dev_of([(0, 0), (1, 0), (2, 0), (3, 3)])).topics is None


@pytest.mark.parametrize("relative", [False, True])
def test_the_effects_of_margins_are_those_of_a_plain_loop(relative):
    dev = dev_of([(0, 0), (1, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (5, 6), (6, 7)])
    pairs = held_out_pairs(dev, seed=3)
    draw = np.random.default_rng(0)
    anchors, positives = (
        v / np.linalg.norm(v, axis=1, keepdims=True) for v in draw.normal(size=(2, len(pairs.anchors), 3))
    )
    audit = audit_guide(pairs, anchors, positives, batch_size=4, margin=MaskingMargin(0.1, relative))
    for effect in (audit, *audit.effects):
        masked = found = known = others = 0
        for i in range(len(anchors)):
            own = anchors[i] @ positives[i]
            threshold = own - effect.margin * (abs(own) if relative else 1)
            for j in range(len(anchors)):
                above = anchors[i] @ positives[j] > threshold + 1e-6
                if pairs.topics[i] != pairs.topics[j]:
                    others, masked = others + 1, masked + above
                elif pairs.positives[i] != pairs.positives[j]:
                    known, found = known + 1, found + above
        assert (audit.known, audit.others) == (known, others)
        assert effect.masked_share == pytest.approx(masked / others)
        assert getattr(effect, "found_share", found / known) == pytest.approx(found / known)
