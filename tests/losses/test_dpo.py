"""dpo against torchtune's values, the paper's formula for several rejected texts, and its gauges."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


@pytest.mark.reference("losses_views", "dpo")
def test_reference_values_and_gradients(case):
    policy = {name: case.tensor(case.inputs[name]) for name in ("policy_chosen_logps", "policy_rejected_logps")}
    start = [case.tensor(case.inputs[f"reference_{one}_logps"], False) for one in ("chosen", "rejected")]
    loss = build_loss("dpo", beta=case.parameters["beta"], label_smoothing=case.parameters["label_smoothing"])
    chosen, rejected = policy.values()
    rows = loss.of_margins((chosen - rejected) - (start[0] - start[1]))
    rows.mean().backward()
    case.check(rows, case.expected["losses"])
    case.check_gradients(policy)


@pytest.mark.parametrize("options", [{}, {"beta": 0.7, "label_smoothing": 0.2}, {"kind": "ipo", "beta": 0.5}])
def test_against_a_loop_over_rows_and_their_rejected_texts(make_batch, same_loss, as_texts, options):
    beta, smoothing = options.get("beta", 0.1), options.get("label_smoothing", 0.0)

    def slow(batch):
        texts, terms = as_texts(batch), []
        for row, place in texts.negatives:
            h = 0
            for who, sign in ((batch, 1), (batch.reference, -1)):
                anchor = who.anchors[row]
                better = texts.cosine(anchor, who.positives[row]) - texts.cosine(anchor, who.negatives[row, place])
                h = h + sign * better / 0.2
            if options.get("kind") == "ipo":
                terms.append((row, (h - 1 / (2 * beta)) ** 2))
            else:
                right, wrong = torch.sigmoid(beta * h).log(), torch.sigmoid(-beta * h).log()
                terms.append((row, -(1 - smoothing) * right - smoothing * wrong))
        return texts.mean(terms)

    same_loss(build_loss("dpo", temperature=0.2, **options), slow, make_batch())


@pytest.mark.parametrize(("kind", "expected"), [("sigmoid", 0.6931471805599453), ("ipo", 25.0)])
def test_the_start_itself_has_neither_margin_nor_drift(make_batch, kind, expected):
    batch, loss = make_batch(), build_loss("dpo", kind=kind)
    assert loss(replace(batch, reference=batch)).item() == pytest.approx(expected)
    assert loss.gauges["reward_margin"] == loss.gauges["drift"] == 0


def test_gauges_count_what_the_student_gained():
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    # The start found both texts alike; the student has moved onto the chosen one and away from the other.
    start = EmbeddingBatch(anchors=east, positives=east, negatives=east[:, None])
    now = EmbeddingBatch(anchors=east, positives=east, negatives=north[:, None], reference=start)
    loss = build_loss("dpo", temperature=0.5, beta=0.1)
    loss(now)
    assert loss.gauges["reward_margin"].item() == pytest.approx(0.2)
    assert loss.gauges["reward_accuracy"] == loss.gauges["accuracy"] == 1
    assert loss.gauges["drift"] == 0.5


def test_a_text_rejected_for_itself_is_no_preference():
    loss, draw = build_loss("dpo"), torch.Generator().manual_seed(0)
    anchor, chosen, rejected = (torch.randn(1, *shape, generator=draw) for shape in ((4,), (4,), (2, 4)))
    small = EmbeddingBatch(anchors=anchor, positives=chosen, negatives=rejected)
    small = replace(small, reference=replace(small, anchors=anchor.flip(1)))
    alone = loss(replace(small, negatives_mask=torch.tensor([[False, True]])))
    ids = {"anchor_ids": torch.tensor([1]), "positive_ids": torch.tensor([2])}
    for tied in (1, 2):
        torch.testing.assert_close(loss(replace(small, **ids, negative_ids=torch.tensor([[tied, 3]]))), alone)
        assert loss.gauges["empty_rows"] == 0
    assert loss(replace(small, **ids, negative_ids=torch.tensor([[1, 2]]))) == 0 and loss.gauges["empty_share"] == 1


def test_ipo_takes_no_smoothing_and_the_reference_must_be_there(make_batch):
    with pytest.raises(ConfigError, match="label_smoothing applies to the kind sigmoid"):
        build_loss("dpo", kind="ipo", label_smoothing=0.1)
    with pytest.raises(ConfigError, match="needs the start's vectors"):
        build_loss("dpo")(replace(make_batch(), reference=None))
