"""gist's live self mask: a candidate that the student itself puts above the positive is left out of this step."""

from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


def plain(batch):
    """Without guide, ids and queue, so that every mask is the student's own."""
    return EmbeddingBatch(anchors=batch.anchors, positives=batch.positives, negatives=batch.negatives)


def test_agrees_with_a_loop_over_candidates(make_batch, same_loss, as_texts):
    batch, margin = plain(make_batch(size=7, seed=3)), 0.1
    batch.positives[:4] -= batch.anchors[:4]  # four positives that are no nearer than others

    def slow(one):
        texts, terms, masked = as_texts(one), [], 0
        for i in range(7):
            positive = texts.cosine(one.anchors[i], one.positives[i])
            others = [one.positives[j] for j in range(7) if j != i] + list(one.negatives.flatten(0, 1))
            cosines = [texts.cosine(one.anchors[i], other) for other in others]
            kept = [value for value in cosines if value <= positive + margin]
            masked += len(cosines) - len(kept)
            terms.append((i, torch.logsumexp(torch.stack([positive, *kept]) / 0.2, dim=0) - positive / 0.2))
        assert masked > 5
        return texts.mean(terms)

    same_loss(build_loss("gist", temperature=0.2, self_margin=margin), slow, batch)


def test_it_masks_what_the_guide_keeps_and_the_guide_masks_what_it_keeps(make_batch):
    batch = make_batch()
    batch.positives[:3] -= batch.anchors[:3]
    kept = {}
    for name, args in {"guide": {}, "both": {"self_margin": 0.0}, "self": {"self_margin": 0.0, "margin": -2.0}}.items():
        loss = build_loss("gist", **args)
        loss(batch)
        kept[name] = loss.gauges["negatives_per_row"].item()
    assert kept["both"] < min(kept["guide"], kept["self"])


def test_a_margin_that_no_cosine_exceeds_changes_nothing(make_batch):
    batch = replace(make_batch(), guide=None)
    assert build_loss("gist", self_margin=2.0)(batch).item() == build_loss("gist")(batch).item()


@pytest.mark.parametrize("value", [-0.1, 2.5, "auto"])
def test_a_margin_out_of_range_is_refused(value):
    with pytest.raises(ConfigError, match="self_margin"):
        build_loss("gist", self_margin=value)
