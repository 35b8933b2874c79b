"""moco against lightly's values and InfoNCE given the same candidates; nothing known to be right is a negative."""

from dataclasses import replace

import pytest
import torch

from embedtune.losses import EmbeddingBatch, build_loss


@pytest.mark.reference("losses_views", "moco")
def test_reference_values_and_gradients(case):
    """There queued rows are taken as they are, of length 1 to six decimals; here they are brought to length 1."""
    case = replace(case, tolerance={"rtol": max(1e-6, case.tolerance["rtol"]), "atol": 1e-6})
    query, key = case.tensor(case.inputs["query"]), case.tensor(case.inputs["key"])
    queue = case.tensor(case.inputs["queue"], False)
    batch = EmbeddingBatch(
        anchors=query, positives=query, queue=queue, teacher=EmbeddingBatch(anchors=key, positives=key)
    )
    value = build_loss("moco", temperature=case.parameters["temperature"], in_batch=False)(batch)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients({"query": query})
    assert key.grad is None


def test_with_the_batch_it_is_infonce_against_the_teachers_vectors(make_batch, same_loss):
    """Known positives are masked alike, in the batch and in the queue."""
    plain = build_loss("infonce", temperature=0.2)
    batch = replace(make_batch(), negatives=None, negatives_mask=None, negative_ids=None)
    batch = replace(
        batch, known_positive_ids=torch.tensor([[0, int(batch.queue_ids[1])], [2, int(batch.positive_ids[4])]])
    )
    same_loss(
        build_loss("moco", temperature=0.2),
        lambda one: plain(replace(one, positives=one.teacher.positives)) + 0 * one.positives.sum(),
        batch,
    )
    assert build_loss("moco")(batch) < build_loss("moco")(replace(batch, known_positive_ids=None))


def test_an_empty_queue_alone_teaches_nothing_and_is_counted(make_batch):
    loss = build_loss("moco", in_batch=False)
    assert loss(replace(make_batch(), queue=None, queue_ids=None)) == 0
    assert loss.gauges["empty_share"] == 1


def test_the_bound_when_all_are_equally_near():
    ones = torch.ones(4, 3)
    batch = EmbeddingBatch(anchors=ones, positives=ones, teacher=EmbeddingBatch(anchors=ones, positives=ones))
    torch.testing.assert_close(build_loss("moco")(batch), torch.tensor(4.0).log())
