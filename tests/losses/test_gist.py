"""gist against sentence-transformers' values, a slow loop over single cosines, and its own promises."""

import math
from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss


@pytest.mark.reference("losses_gist", "gist", "cached", "edge")
def test_reference_values_and_gradients(case):
    student = {name: case.tensor(values) for name, values in case.inputs["student"].items()}
    guide = {name: case.tensor(values, False) for name, values in case.inputs["guide"].items()}
    batch = replace(_batch(student), guide=_batch(guide))
    value = build_loss("gist", **case.parameters)(batch)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(student)


def _batch(side):
    negatives = [side[name] for name in sorted(side) if name.startswith("negative_")]
    stacked = torch.stack(negatives, dim=1) if negatives else None
    return EmbeddingBatch(anchors=side["anchor"], positives=side["positive"], negatives=stacked)


def slow_gist(texts, *, temperature, margin=0.0, relative=False, keep_own=False, weight=0.0, roles=()):
    """The definition, one candidate after the other."""
    batch, guide, cosine = texts.batch, texts.batch.guide, texts.cosine
    terms = []
    for i in range(texts.size):
        positive = cosine(batch.anchors[i], batch.positives[i])
        of_guide = cosine(guide.anchors[i], guide.positives[i])
        threshold = of_guide - (margin * abs(of_guide) if relative else margin)
        total = (positive / temperature).exp()
        for query, role in roles:
            for index in texts.candidates(role):
                own = role != "queue" and (index[0] if role == "negatives" else index) == i
                if (own and role != "negatives") or texts.is_known(i, role, index):
                    continue
                similarity = cosine(getattr(batch, query)[i], getattr(batch, role)[index])
                judged = cosine(getattr(guide, query)[i], getattr(guide, role)[index])
                false = judged > threshold + 1e-6 and not (keep_own and own)
                total = total + (weight if false else 1.0) * (similarity / temperature).exp()
        terms.append((i, total.log() - positive / temperature))
    return texts.mean(terms)


TO_ANCHORS = (("anchors", "positives"), ("anchors", "negatives"), ("anchors", "queue"))
AMONG_ANCHORS = (("anchors", "anchors"),)
AMONG_POSITIVES = (("positives", "positives"),)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("ours", "slow"),
    [
        ({}, {"roles": TO_ANCHORS + AMONG_ANCHORS + AMONG_POSITIVES}),
        ({"contrast_anchors": False}, {"roles": TO_ANCHORS + AMONG_POSITIVES}),
        ({"contrast_positives": False, "margin": 0.2}, {"roles": TO_ANCHORS + AMONG_ANCHORS, "margin": 0.2}),
        (
            {"margin": 0.3, "margin_strategy": "relative", "keep_own_negatives": True},
            {"margin": 0.3, "relative": True, "keep_own": True, "roles": TO_ANCHORS + AMONG_ANCHORS + AMONG_POSITIVES},
        ),
        (
            {"false_negative_weight": 0.3, "margin": -0.1},
            {"weight": 0.3, "margin": -0.1, "roles": TO_ANCHORS + AMONG_ANCHORS + AMONG_POSITIVES},
        ),
        ({"false_negative_weight": 1.0}, {"weight": 1.0, "roles": TO_ANCHORS + AMONG_ANCHORS + AMONG_POSITIVES}),
    ],
)
def test_agrees_with_the_definition(make_batch, same_loss, as_texts, seed, ours, slow):
    loss = build_loss("gist", temperature=0.2, **ours)
    same_loss(loss, lambda batch: slow_gist(as_texts(batch), temperature=0.2, **slow), make_batch(seed=seed))


@pytest.mark.reference("losses_weights_and_kl", "false_negative_weights")
def test_weighted_false_negatives_of_the_reference(case):
    """The reference says which negatives count less; a guide made for the purpose says the same to gist."""
    leaves = {name: case.tensor(case.inputs[name]) for name in ("anchor", "positive", "negatives")}
    negatives = leaves["negatives"].transpose(0, 1)  # (B, N, D)
    size, count = negatives.shape[:2]
    parameters = case.parameters
    if parameters["threshold_similarity"] == "guide":
        judged = case.tensor(case.inputs["guide_sim_anchor_negative"], False)
    else:
        judged = torch.cosine_similarity(leaves["anchor"][:, None], negatives, dim=2).detach()
    guide = _guide_that_says(judged, parameters["theta"])
    negative_ids = 1000 + torch.arange(size * count).reshape(size, count)
    positive_ids = 100 + torch.arange(size)
    # Other rows' negatives never count in the reference, other rows' positives only where it says so.
    out = [(i, int(id)) for i in range(size) for id in negative_ids[torch.arange(size) != i].flatten()]
    if not parameters["in_batch_positives_as_negatives"]:
        out += [(i, int(id)) for i in range(size) for id in positive_ids]
    value = build_loss(
        "gist",
        temperature=parameters["temperature"],
        false_negative_weight=parameters["alpha"],
        contrast_anchors=False,
        contrast_positives=False,
    )(
        EmbeddingBatch(
            anchors=leaves["anchor"],
            positives=leaves["positive"],
            negatives=negatives,
            positive_ids=positive_ids,
            negative_ids=negative_ids,
            known_positive_ids=torch.tensor(out),
            guide=guide,
        )
    )
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(leaves)


def _guide_that_says(cosines, threshold):
    """A guide with these cosines (B, N) of anchors and own negatives, the threshold for positives, 0 for all others."""
    size, count = cosines.shape
    axes = torch.eye(size * (2 + count), dtype=torch.float64)
    cosines = cosines.double()
    anchors, beside = axes[:size], axes[size : 2 * size]
    off = axes[2 * size :].reshape(size, count, -1)
    positives = threshold * anchors + math.sqrt(1 - threshold**2) * beside
    negatives = cosines[..., None] * anchors[:, None] + (1 - cosines.square()).sqrt()[..., None] * off
    return EmbeddingBatch(anchors=anchors, positives=positives, negatives=negatives)


@pytest.mark.reference("losses_weights_and_kl", "kl_guide_student")
def test_distillation_of_the_reference(case, vectors_with_cosines):
    """The reference gives cosines; vectors in the plane have them."""

    def batch(cosines):
        plane = vectors_with_cosines(cosines)
        anchors = torch.tensor([1.0, 0.0], dtype=case.dtype).expand(len(plane), 2)
        return EmbeddingBatch(anchors=anchors, positives=plane[:, 0], negatives=plane[:, 1:])

    scores = case.tensor(case.inputs["student_scores"])
    guide = batch(case.tensor(case.inputs["guide_scores"], False))
    parameters = {
        "temperature": case.parameters["student_temperature"],
        "distill_temperature": case.parameters["guide_temperature"],
    }
    loss = build_loss("gist", distill_weight=1.0, **parameters)
    value = loss(replace(batch(scores), guide=guide))
    case.check(loss.gauges["distill"], case.expected["loss"])
    without = build_loss("gist", **parameters)(replace(batch(scores), guide=guide))
    if case.dtype == torch.float64:
        (value - without).backward()
        case.check_gradients({"student_scores": scores})


@pytest.mark.parametrize("over", ["own", "batch"])
def test_distillation_agrees_with_loops(make_batch, same_loss, as_texts, over):
    batch = make_batch(seed=5)

    def slow(one):
        texts, guide = as_texts(one), one.guide
        rows = []
        for i in range(texts.size):
            if over == "own":
                listed = [("positives", i), *(("negatives", index) for index in texts.negatives if index[0] == i)]
            else:
                listed = [(role, index) for role in ("positives", "negatives") for index in texts.candidates(role)]
            student = torch.stack([texts.cosine(one.anchors[i], getattr(one, role)[at]) for role, at in listed])
            teacher = torch.stack([texts.cosine(guide.anchors[i], getattr(guide, role)[at]) for role, at in listed])
            log_p, log_q = (teacher / 0.1).log_softmax(0), (student / 0.2).log_softmax(0)
            rows.append((i, (log_p.exp() * (log_p - log_q)).sum()))
        return texts.mean(rows)

    without = build_loss("gist", temperature=0.2)
    distilled = build_loss("gist", temperature=0.2, distill_weight=0.7, distill_temperature=0.1, distill_over=over)
    same_loss(distilled, lambda one: without(one) + 0.7 * slow(one), batch)


@pytest.mark.parametrize("args", [{}, {"margin": 0.3, "false_negative_weight": 0.4, "distill_weight": 1.0}])
def test_without_a_guide_it_is_infonce(make_batch, same_loss, args):
    batch = replace(make_batch(seed=2), guide=None)
    same_loss(build_loss("gist", temperature=0.07, **args), build_loss("infonce", temperature=0.07), batch)


def test_equal_texts_leave_no_floor():
    """Two views of distinct texts, agreeing perfectly, cost next to nothing; keeping self-pairs would cost ln 3."""
    texts = torch.eye(4, dtype=torch.float64)
    ids = torch.arange(4)
    batch = EmbeddingBatch(anchors=texts, positives=texts, anchor_ids=ids, positive_ids=ids)
    value = build_loss("gist", temperature=0.05)(replace(batch, guide=batch))
    # 3 x 3 other texts a row at cosine 0, the positive at cosine 1.
    assert value.item() == pytest.approx(math.log1p(9 * math.exp(-20)), rel=1e-9)


def test_self_pairs_are_out_where_the_guide_cannot_tell_anchor_and_positive_apart():
    guide = EmbeddingBatch(anchors=torch.eye(3), positives=torch.eye(3))
    anchors = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    positives = torch.randn(3, 5, generator=torch.Generator().manual_seed(1))
    loss = build_loss("gist")
    loss(EmbeddingBatch(anchors=anchors, positives=positives, guide=guide))
    assert loss.gauges["negatives_per_row"] == 6


def test_rounding_in_the_guide_does_not_decide():
    """The same text as a negative of another row ties its threshold; 1e-7 of noise must not drop it, 1e-5 must."""
    anchors = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    positives = torch.tensor([[0.6, 0.8], [0.8, 0.6]], dtype=torch.float64)
    for noise, kept in ((1e-7, 1.0), (1e-5, 0.0)):
        cosine = 0.6 + noise
        near = torch.tensor([[cosine, math.sqrt(1 - cosine**2)], [0.0, 1.0]], dtype=torch.float64)
        loss = build_loss("gist", contrast_anchors=False, contrast_positives=False)
        batch = EmbeddingBatch(anchors=anchors[:1], positives=positives[:1], negatives=near[None, :1])
        loss(replace(batch, guide=batch))
        assert loss.gauges["negatives_per_row"] == kept


def test_rows_without_negatives_cost_nothing_and_are_counted():
    vectors = torch.eye(4, dtype=torch.float64).requires_grad_()
    guide = EmbeddingBatch(anchors=torch.ones(4, 2), positives=-torch.ones(4, 2))
    loss = build_loss("gist", margin=0.5)
    value = loss(EmbeddingBatch(anchors=vectors, positives=vectors.flip(0), guide=guide))
    value.backward()
    assert value.item() == 0
    assert not vectors.grad.any()
    assert (loss.gauges["empty_rows"], loss.gauges["empty_share"], loss.gauges["masked_share"]) == (4, 1, 1)


def test_gauges_count_what_the_guide_and_identity_dropped():
    vectors = torch.eye(3, dtype=torch.float64)
    guide = EmbeddingBatch(
        anchors=torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), positives=torch.tensor([[0.8, 0.6]]).expand(3, 2)
    )
    loss = build_loss("gist", contrast_positives=False)
    loss(
        EmbeddingBatch(
            anchors=vectors,
            positives=vectors,
            positive_ids=torch.tensor([7, 7, 8]),
            anchor_ids=torch.arange(3),
            guide=guide,
        )
    )
    # Positives of rows 0 and 1 are the same text: 2 pairs out of 12. Of the 10 left, the guide drops a_0 - a_1 (cosine
    # 1, above 0.8) and its mirror image.
    assert loss.gauges["identity_masked"] == 2
    assert loss.gauges["masked_share"].item() == pytest.approx(0.2)
    assert loss.gauges["positive_similarity"] == 1
    assert loss.gauges["negative_similarity"] == 0


def test_all_similarities_equal_gives_ln_of_the_candidates(ln):
    ones = torch.ones(5, 3, dtype=torch.float64)
    guide = EmbeddingBatch(anchors=torch.eye(5), positives=torch.eye(5))
    value = build_loss("gist", temperature=0.01)(EmbeddingBatch(anchors=ones, positives=ones, guide=guide))
    assert value.item() == pytest.approx(ln(1 + 3 * 4))


def test_a_guide_that_is_nan_is_not_hidden(make_batch):
    batch = make_batch()
    batch.guide.positives[2, 0] = torch.nan
    assert build_loss("gist")(batch).isnan()


def test_a_guide_without_the_negatives_is_refused(make_batch):
    batch = make_batch()
    with pytest.raises(ConfigError, match="no vectors of the batch's negatives"):
        build_loss("gist")(replace(batch, guide=replace(batch.guide, negatives=None)))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"temperature": 0}, "temperature must be a number above 0, not 0"),
        ({"temperature": float("nan")}, "temperature must be a number above 0, not nan"),
        ({"temperature": "0.05"}, "temperature must be a number above 0, not '0.05'"),
        ({"temperature": True}, "temperature must be a number above 0, not True"),
        ({"margin": 2.5}, "margin must be a number at least -2 and at most 2, not 2.5"),
        ({"margin": "auto"}, "margin must be a number here; only recipes"),
        ({"margin_strategy": "절대"}, "margin_strategy must be one of absolute, relative, not '절대'"),
        ({"contrast_anchors": "yes"}, "contrast_anchors must be true or false, not 'yes'"),
        ({"false_negative_weight": 1.5}, "false_negative_weight must be a number at least 0 and at most 1, not 1.5"),
        ({"distill_weight": -1}, "distill_weight must be a number at least 0, not -1"),
        ({"distill_temperature": 0}, "distill_temperature must be a number above 0, not 0"),
        ({"distill_over": "all"}, "distill_over must be one of own, batch, not 'all'"),
    ],
)
def test_values_out_of_range_are_named(args, message):
    with pytest.raises(ConfigError) as caught:
        build_loss("gist", **args)
    assert message in caught.value.message
    assert caught.value.where == f"loss.gist.args.{next(iter(args))}"
