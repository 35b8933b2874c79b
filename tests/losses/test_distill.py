"""distill against the KL of reference cosines, a slow loop, and its promises about missing scores."""

import math
from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


@pytest.mark.reference("losses_weights_and_kl", "kl_guide_student")
def test_reference_values_and_gradients(case, vectors_with_cosines):
    """The reference gives cosines; vectors in the plane have them."""
    scores = case.tensor(case.inputs["student_scores"])
    plane = vectors_with_cosines(scores)  # (B, 1+N, 2)
    batch = EmbeddingBatch(
        anchors=torch.tensor([1.0, 0.0], dtype=case.dtype).expand(len(plane), 2),
        positives=plane[:, 0],
        negatives=plane[:, 1:],
        teacher_scores=case.tensor(case.inputs["guide_scores"], False),
    )
    value = build_loss(
        "distill",
        temperature=case.parameters["student_temperature"],
        teacher_temperature=case.parameters["guide_temperature"],
    )(batch)
    value.backward()
    # Cosines go through a square root and a length here, the reference takes them as they are.
    slack = case if case.dtype == torch.float64 else replace(case, tolerance={"rtol": 1e-3, "atol": 1e-4})
    slack.check(value, case.expected["loss"])
    slack.check_gradients({"student_scores": scores})


def test_agrees_with_loops_over_unequal_rows_and_missing_scores(make_batch, same_loss, as_texts):
    batch = make_batch(size=8, seed=3)
    batch.teacher_scores[1, 2] = batch.teacher_scores[4, 0] = torch.nan

    def slow(one):
        texts, rows = as_texts(one), []
        for i in range(texts.size):
            listed = [("positives", i, 0), *(("negatives", at, 1 + at[1]) for at in texts.negatives if at[0] == i)]
            listed = [entry for entry in listed if not one.teacher_scores[i, entry[2]].isnan()]
            if len(listed) < 2:
                continue
            student = torch.stack([texts.cosine(one.anchors[i], getattr(one, role)[at]) for role, at, _ in listed])
            teacher = torch.stack([one.teacher_scores[i, column] for *_, column in listed])
            log_p, log_q = (teacher / 2.0).log_softmax(0), (student / 0.1).log_softmax(0)
            rows.append((i, (log_p.exp() * (log_p - log_q)).sum()))
        return texts.mean(rows)

    same_loss(build_loss("distill", temperature=0.1, teacher_temperature=2.0), slow, batch)


def test_the_same_distribution_costs_nothing_and_a_certain_teacher_ln_of_the_candidates():
    anchors, ones = torch.eye(1, 4, dtype=torch.float64), torch.ones(1, 4, dtype=torch.float64)
    batch = EmbeddingBatch(anchors=anchors, positives=ones, negatives=ones[:, None].expand(1, 5, 4))
    loss = build_loss("distill")
    assert loss(replace(batch, teacher_scores=torch.full((1, 6), 3.0))).item() == pytest.approx(0, abs=1e-12)
    certain = torch.tensor([[1000.0, 0, 0, 0, 0, 0]])
    assert loss(replace(batch, teacher_scores=certain)).item() == pytest.approx(math.log(6))


@pytest.mark.parametrize("name", ["distill", "margin_mse"])
def test_the_guide_teaches_where_the_data_have_no_scores(make_batch, name):
    batch = make_batch()
    texts = torch.cat([batch.guide.positives[:, None], batch.guide.negatives], dim=1)
    cosines = torch.cosine_similarity(batch.guide.anchors[:, None], texts, dim=2)
    by_guide = build_loss(name)(replace(batch, teacher_scores=None))
    assert by_guide.item() == pytest.approx(build_loss(name)(replace(batch, teacher_scores=cosines)).item())


@pytest.mark.parametrize("name", ["distill", "margin_mse"])
def test_rows_without_scores_are_counted(make_batch, name):
    batch = make_batch(size=4)
    scores = torch.full((4, 4), torch.nan, dtype=torch.float64)
    loss = build_loss(name)
    assert loss(replace(batch, teacher_scores=scores)).item() == 0
    assert (loss.gauges["empty_rows"], loss.gauges["empty_share"]) == (4, 1)


@pytest.mark.parametrize("name", ["distill", "margin_mse"])
def test_a_teacher_is_needed_and_must_have_scored_every_candidate(make_batch, name):
    batch = replace(make_batch(), guide=None)
    with pytest.raises(ConfigError, match="needs teacher scores"):
        build_loss(name)(replace(batch, teacher_scores=None))
    with pytest.raises(ConfigError, match=r"one value per candidate: \(6, 4\), not \(6, 2\)"):
        build_loss(name)(replace(batch, teacher_scores=batch.teacher_scores[:, :2]))


@pytest.mark.parametrize("argument", ["temperature", "teacher_temperature"])
def test_temperatures_are_above_zero(argument):
    with pytest.raises(ConfigError, match=f"{argument} must be a number above 0, not 0"):
        build_loss("distill", **{argument: 0})
