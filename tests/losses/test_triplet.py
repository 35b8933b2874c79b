"""triplet against sentence-transformers' and pytorch-metric-learning's values, slow loops, and its own promises."""

import math
from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss

MINING = {"batch_hard": "hard", "batch_soft": "hard", "batch_semi": "semi_hard", "batch_all": "all"}


@pytest.mark.reference("losses_triplet", "triplet")
def test_given_negatives_of_the_reference(case):
    leaves = {name: case.tensor(case.inputs[name]) for name in ("anchor", "positive", "negative")}
    distance, margin = case.parameters["distance_metric"].lower(), case.parameters["triplet_margin"]
    batch = EmbeddingBatch(
        anchors=leaves["anchor"], positives=leaves["positive"], negatives=leaves["negative"][:, None]
    )
    value = build_loss("triplet", margin=margin, distance=distance)(batch)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(leaves)


@pytest.mark.reference("losses_triplet", "batch", "pml")
def test_labelled_batches_of_the_reference(case):
    """There every text is an anchor and a positive of its class at once."""
    kind, distance = case.name.removeprefix("pml_").split("/")[:2]
    texts = case.tensor(case.inputs["embeddings"])
    batch = EmbeddingBatch(anchors=texts, positives=texts, labels=torch.tensor(case.inputs["labels"]))
    value = build_loss(
        "triplet",
        mining=MINING[kind],
        distance=distance,
        soft_margin=kind == "batch_soft",
        margin=case.parameters.get("margin"),
    )(batch)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients({"embeddings": texts})


@pytest.mark.reference("losses_triplet", "class_ranking")
def test_class_ranking_of_the_reference(case):
    """There the similarity is the dot product of rows whose length is 1 to six digits; with ours it is exactly 1."""
    anchors, candidates = case.tensor(case.inputs["anchor"]), case.tensor(case.inputs["candidate"])
    batch = EmbeddingBatch(anchors=anchors, positives=candidates, labels=torch.tensor(case.inputs["labels"]))
    value = build_loss("triplet", mining="ranking", margin=case.parameters["margin"])(batch)
    value.backward()
    rounded = replace(case, tolerance={"rtol": 5e-6, "atol": 1e-6})
    rounded.check(value, case.expected["loss"])
    for name, leaf in (("anchor", anchors), ("candidate", candidates)):
        # A cosine has no gradient along the vector itself, a dot product has.
        expected = torch.tensor(case.expected["grad"][name], dtype=case.dtype)
        across = expected - (expected * leaf).sum(dim=1, keepdim=True) * leaf
        rounded.check(leaf.grad, across.tolist())


def slow_triplet(texts, *, mining, margin, distance, soft, labelled):
    """The definition, one triplet after the other."""

    def term(similar, dissimilar):
        gap = dissimilar - similar + margin
        return (1 + gap.exp()).log() if soft else gap.clamp_min(0)

    terms = []
    for i in range(texts.size):
        positives, negatives = _sides(texts, i, mining, distance, labelled)
        if not positives or not negatives:
            continue
        if mining == "hard":
            pairs = [(min(positives), max(negatives))]
        elif mining == "ranking":
            pairs = [(max(positives), max(negatives))]
        elif mining == "semi_hard":
            pairs = [(one, max([n for n in negatives if n < one] or [min(negatives)])) for one in positives]
        else:
            pairs = [(one, other) for one in positives for other in negatives]
        terms += [(i, term(*pair)) for pair in pairs]
    return texts.mean([(i, value) for i, value in terms if mining != "all" or value > 0])


def _sides(texts, i, mining, distance, labelled):
    """Similarities of anchor i to its positives and to its negatives."""
    batch = texts.batch

    def similarity(role, index):
        one, other = batch.anchors[i], getattr(batch, role)[index]
        return texts.cosine(one, other) if distance == "cosine" else -(one - other).square().sum().sqrt()

    positives, negatives = [], []
    for j in range(texts.size):
        if mining == "given" or not labelled:
            is_positive, is_negative = i == j, i != j and mining != "given"
        else:
            itself = batch.anchor_ids[i] == batch.positive_ids[j]
            is_positive = batch.labels[i] == batch.labels[j] and not itself
            is_negative = batch.labels[i] != batch.labels[j] and not itself
        if is_positive:
            positives.append(similarity("positives", j))
        if is_negative and not texts.is_known(i, "positives", j):
            negatives.append(similarity("positives", j))
    for index in texts.negatives:
        own = index[0] == i
        same_class = labelled and batch.labels[i] == batch.labels[index[0]]
        allowed = own if mining == "given" else (same_class or not labelled)
        if allowed and not texts.is_known(i, "negatives", index):
            negatives.append(similarity("negatives", index))
    return positives, negatives


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(
    ("mining", "labelled"),
    [(mining, labelled) for mining in ("given", "hard", "semi_hard", "all") for labelled in (False, True)]
    + [("ranking", True)],
)
def test_agrees_with_the_definition(make_batch, same_loss, as_texts, mining, labelled, soft, distance, seed):
    batch = make_batch(seed=seed, size=7)
    if not labelled:
        batch = replace(batch, labels=None)
    margin = 0.25
    loss = build_loss("triplet", mining=mining, margin=margin, distance=distance, soft_margin=soft)
    options = {"mining": mining, "margin": margin, "distance": distance, "soft": soft}
    same_loss(loss, lambda one: slow_triplet(as_texts(one), labelled=labelled, **options), batch)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("values", [1, 70])
@pytest.mark.parametrize(
    ("mining", "labelled"),
    [(mining, labelled) for mining in ("hard", "semi_hard", "all") for labelled in (False, True)] + [("ranking", True)],
)
def test_a_few_rows_at_a_time_give_the_same(
    make_batch, same_loss, monkeypatch, mining, labelled, values, soft, distance
):
    """Of seven rows with up to 28 texts, one at a time or two; gradients and gauges too."""
    batch = make_batch(size=7)
    if not labelled:
        batch = replace(batch, labels=None)
    whole, parts = (
        build_loss("triplet", mining=mining, distance=distance, soft_margin=soft, margin=0.25) for _ in range(2)
    )

    def in_parts(one):
        with monkeypatch.context() as patch:
            patch.setattr("embedtune.losses.shared.pool.PART_VALUES", values)
            return parts(one)

    same_loss(in_parts, whole, batch)
    assert {name: value.item() for name, value in parts.gauges.items()} == pytest.approx(
        {name: value.item() for name, value in whole.gauges.items()}
    )


def test_defaults_follow_the_data_and_the_distance(make_batch):
    batch = replace(make_batch(), labels=None)
    assert build_loss("triplet")(batch) == build_loss("triplet", mining="given", margin=0.3)(batch)
    bare = replace(make_batch(negatives=0), labels=None)
    assert build_loss("triplet")(bare) == build_loss("triplet", mining="all", margin=0.3)(bare)
    assert build_loss("triplet", distance="euclidean").margin == 1.0
    assert build_loss("triplet", soft_margin=True).margin == 0.0


@pytest.mark.parametrize("mining", ["hard", "semi_hard", "all", "ranking"])
def test_one_class_only_has_no_triplet_and_says_so(mining):
    texts = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = build_loss("triplet", mining=mining)
    value = loss(EmbeddingBatch(anchors=texts, positives=texts, labels=torch.zeros(5, dtype=torch.long)))
    value.backward()
    assert value.item() == 0
    assert not texts.grad.any()
    assert (loss.gauges["empty_rows"], loss.gauges["empty_share"]) == (5, 1)


def test_anchors_alone_in_their_class_are_left_out_and_counted():
    texts = torch.eye(4, dtype=torch.float64)
    loss = build_loss("triplet", mining="hard", margin=0.5)
    value = loss(EmbeddingBatch(anchors=texts, positives=texts, labels=torch.tensor([0, 0, 1, 2])))
    # Every cosine is 0, so each of the two anchors that have a partner costs the margin; the other two cost nothing.
    assert value.item() == pytest.approx(0.5)
    assert loss.gauges["empty_rows"] == 2


@pytest.mark.parametrize(("soft", "expected"), [(False, 0.3), (True, math.log(2))])
@pytest.mark.parametrize("mining", ["given", "hard", "semi_hard", "all", "ranking"])
def test_equal_similarities_cost_the_margin(mining, soft, expected):
    ones = torch.ones(4, 3, dtype=torch.float64)
    batch = EmbeddingBatch(anchors=ones, positives=2 * ones, negatives=ones[:, None], labels=torch.tensor([0, 0, 1, 1]))
    value = build_loss("triplet", mining=mining, soft_margin=soft)(batch)
    assert value.item() == pytest.approx(expected)


def test_the_share_of_active_triplets_is_counted():
    anchors = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    negatives = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[-1.0, 0.0], [9.0, 9.0]]])
    mask = torch.tensor([[True, True], [True, False]])
    loss = build_loss("triplet", margin=0.3)
    loss(EmbeddingBatch(anchors=anchors, positives=anchors, negatives=negatives, negatives_mask=mask))
    assert loss.gauges["active_share"].item() == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("mining", "change", "message"),
    [
        ("given", {"negatives": None, "negatives_mask": None}, "mining: given needs negatives"),
        ("ranking", {"labels": None}, "mining: ranking needs labels"),
    ],
)
def test_data_that_cannot_serve_the_mining_are_refused(make_batch, mining, change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        build_loss("triplet", mining=mining)(replace(make_batch(), **change))
    assert caught.value.next == "use mining: all"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"margin": -0.1}, "margin must be a number at least 0, not -0.1"),
        ({"mining": "easy"}, "mining must be one of given, hard, semi_hard, all, ranking, not 'easy'"),
        ({"soft_margin": 1}, "soft_margin must be true or false, not 1"),
        ({"distance": "manhattan"}, "distance must be one of cosine, euclidean, not 'manhattan'"),
    ],
)
def test_values_out_of_range_are_named(args, message):
    with pytest.raises(ConfigError) as caught:
        build_loss("triplet", **args)
    assert caught.value.message == message
    assert caught.value.where == f"loss.triplet.args.{next(iter(args))}"
