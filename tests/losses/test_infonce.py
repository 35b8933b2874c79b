"""infonce against sentence-transformers' values, a slow loop over single cosines, and its own promises."""

import math
from dataclasses import replace

import pytest
import torch

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss

ALL_DIRECTIONS = ["query_to_doc", "doc_to_query", "query_to_query", "doc_to_doc"]


def _leaves(case):
    return {name: case.tensor(values) for name, values in case.inputs["student"].items()}


def _batch(leaves):
    negatives = [leaves[name] for name in sorted(leaves) if name.startswith("negative_")]
    stacked = torch.stack(negatives, dim=1) if negatives else None
    return EmbeddingBatch(anchors=leaves["anchor"], positives=leaves["positive"], negatives=stacked)


@pytest.mark.reference("losses_infonce", "mnrl")
def test_directions_partitions_and_hardness_of_the_reference(case):
    leaves, parameters = _leaves(case), case.parameters
    value = build_loss(
        "infonce",
        temperature=parameters["temperature"],
        directions=parameters["directions"],
        partition=parameters["partition_mode"],
        hardness=parameters["hardness_mode"],
        hardness_strength=parameters["hardness_strength"],
    )(_batch(leaves))
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(leaves)


@pytest.mark.reference("losses_infonce", "gte4_positive_once")
def test_four_directions_of_the_reference(case):
    leaves = _leaves(case)
    value = build_loss("infonce", temperature=case.parameters["temperature"], directions=ALL_DIRECTIONS)(_batch(leaves))
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(leaves)


@pytest.mark.reference("losses_infonce", "bidirectional")
def test_two_temperatures_of_the_reference_fixed_and_learnt(case):
    forward, reverse = case.parameters["tau_a_to_b"], case.parameters["tau_b_to_a"]
    for learn in (False, True):
        leaves = _leaves(case)
        loss = build_loss("infonce", temperature=forward, temperature_reverse=reverse, learnable_temperature=learn)
        loss = loss.to(case.dtype)
        value = loss(_batch(leaves))
        value.backward()
        # A learnt temperature starts from a float32 logarithm.
        tolerance = replace(case, tolerance={"rtol": 1e-4, "atol": 1e-4}) if learn else case
        tolerance.check(value, case.expected["loss"])
        tolerance.check_gradients(leaves)
    of_log_scale = {name: parameter.grad for name, parameter in loss.log_scales.items()}
    for name, tau, key in (("temperature", forward, "tau_a_to_b"), ("temperature_reverse", reverse, "tau_b_to_a")):
        # d / d ln(1/tau) = -tau d / d tau
        expected = -tau * case.expected["grad_tau"][key]
        assert of_log_scale[name].item() == pytest.approx(expected, rel=1e-3, abs=6e-5)


@pytest.mark.reference("losses_weights_and_kl", "false_negative_weights/student", containing="/own/")
def test_weighted_own_negatives_of_the_reference(case):
    leaves = {name: case.tensor(case.inputs[name]) for name in ("anchor", "positive", "negatives")}
    value = build_loss(
        "infonce",
        temperature=case.parameters["temperature"],
        in_batch=False,
        false_negative_threshold=case.parameters["theta"],
        false_negative_weight=case.parameters["alpha"],
    )(
        EmbeddingBatch(
            anchors=leaves["anchor"], positives=leaves["positive"], negatives=leaves["negatives"].transpose(0, 1)
        )
    )
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients(leaves)


BLOCKS = {
    "query_to_doc": [("anchors", "positives"), ("anchors", "negatives"), ("anchors", "queue")],
    "doc_to_query": [("positives", "anchors")],
    "query_to_query": [("anchors", "anchors")],
    "doc_to_doc": [("positives", "positives"), ("positives", "negatives")],
}


def slow_infonce(
    texts,
    *,
    temperature,
    reverse=None,
    directions=("query_to_doc",),
    joint=True,
    hardness=None,
    strength=0.0,
    own_only=False,
    threshold=math.inf,
    weight=0.0,
):
    """The definition, one candidate after the other."""
    batch, cosine, terms = texts.batch, texts.cosine, []
    for i in range(texts.size):
        positive = cosine(batch.anchors[i], batch.positives[i])
        parts = []
        for direction in directions:
            tau = reverse if reverse and direction == "doc_to_query" else temperature
            total = 0.0
            for query, role in BLOCKS[direction]:
                for index in texts.candidates(role):
                    own = role != "queue" and (index[0] if role == "negatives" else index) == i
                    own_negative = own and (query, role) == ("anchors", "negatives")
                    if (own and not own_negative) or (own_only and not own_negative):
                        continue
                    # The anchor of another row, when p_i is one of that row's known positives, is none for p_i either.
                    mirrored = direction == "doc_to_query" and texts.is_known(index, "positives", i)
                    if texts.is_known(i, role, index) or mirrored:
                        continue
                    similarity = cosine(getattr(batch, query)[i], getattr(batch, role)[index])
                    logit = similarity / tau
                    hard = {None: False, "all_negatives": True, "hard_negatives": own}.get(hardness, not own)
                    if hard and direction == "query_to_doc":
                        logit = logit + strength * similarity.detach()
                    total = total + (weight if similarity > threshold else 1.0) * logit.exp()
            parts.append((tau, total))
        if joint:
            parts = [(temperature, sum(total for _, total in parts))]
        losses = [((positive / tau).exp() + total).log() - positive / tau for tau, total in parts]
        terms.append((i, sum(losses) / len(losses)))
    return texts.mean(terms)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("ours", "slow"),
    [
        ({}, {}),
        ({"directions": ALL_DIRECTIONS}, {"directions": ALL_DIRECTIONS}),
        (
            {"directions": ALL_DIRECTIONS, "partition": "per_direction", "temperature_reverse": 0.3},
            {"directions": ALL_DIRECTIONS, "joint": False, "reverse": 0.3},
        ),
        (
            {"temperature_reverse": 0.5},
            {"directions": ["query_to_doc", "doc_to_query"], "joint": False, "reverse": 0.5},
        ),
        ({"directions": ["doc_to_query"]}, {"directions": ["doc_to_query"]}),
        ({"in_batch": False}, {"own_only": True}),
        (
            {"hardness": "hard_negatives", "hardness_strength": 3.0, "in_batch": False},
            {"hardness": "hard_negatives", "strength": 3.0, "own_only": True},
        ),
        (
            {"hardness": "in_batch_negatives", "hardness_strength": 2.0},
            {"hardness": "in_batch_negatives", "strength": 2.0},
        ),
        ({"hardness": "hard_negatives", "hardness_strength": 2.0}, {"hardness": "hard_negatives", "strength": 2.0}),
        ({"hardness": "all_negatives", "hardness_strength": 2.0}, {"hardness": "all_negatives", "strength": 2.0}),
        ({"false_negative_threshold": 0.1}, {"threshold": 0.1}),
        (
            {"false_negative_threshold": -0.2, "false_negative_weight": 0.4, "directions": ALL_DIRECTIONS},
            {"threshold": -0.2, "weight": 0.4, "directions": ALL_DIRECTIONS},
        ),
    ],
)
def test_agrees_with_the_definition(make_batch, same_loss, as_texts, seed, ours, slow):
    loss = build_loss("infonce", temperature=0.2, **ours)
    same_loss(loss, lambda batch: slow_infonce(as_texts(batch), temperature=0.2, **slow), make_batch(seed=seed))


@pytest.mark.parametrize("negatives", [0, 4])
def test_all_similarities_equal_gives_ln_of_the_candidates(ln, negatives):
    ones = torch.ones(3, 8, dtype=torch.float64)
    batch = EmbeddingBatch(anchors=ones, positives=2 * ones, negatives=ones[:, None].expand(3, negatives, 8))
    assert build_loss("infonce", temperature=0.01)(batch).item() == pytest.approx(ln(3 + 3 * negatives))


def test_the_learnt_temperature_is_a_parameter_that_stays_in_its_range_and_can_leave_the_edge(make_batch):
    loss = build_loss("infonce", temperature=0.01, learnable_temperature=True)
    parameter = dict(loss.named_parameters())["log_scales.temperature"]
    with torch.no_grad():
        parameter += 3
    loss(make_batch()).backward()
    assert parameter.item() == pytest.approx(math.log(100))
    assert loss.gauges["temperature"].item() == pytest.approx(0.01)
    assert parameter.grad.abs() > 0
    assert not list(build_loss("infonce").parameters())


def test_the_learnt_temperature_survives_saving(make_batch):
    loss = build_loss("infonce", temperature=0.3, learnable_temperature=True)
    other = build_loss("infonce", learnable_temperature=True)
    other.load_state_dict(loss.state_dict())
    batch = make_batch()
    assert other(batch).item() == loss(batch).item()


def test_own_negatives_only_needs_negatives(make_batch):
    with pytest.raises(ConfigError, match="in_batch: false contrasts only with given negatives"):
        build_loss("infonce", in_batch=False)(make_batch(negatives=0))


@pytest.mark.parametrize(
    ("args", "argument", "message"),
    [
        ({"temperature": -0.1}, "temperature", "must be a number above 0, not -0.1"),
        (
            {"temperature": 0.001, "learnable_temperature": True},
            "temperature",
            "at least 0.01 and at most 1, not 0.001",
        ),
        ({"temperature_reverse": 0}, "temperature_reverse", "must be a number above 0, not 0"),
        ({"directions": "query_to_doc"}, "directions", "must be a list of directions, not 'query_to_doc'"),
        ({"directions": []}, "directions", "must be a list of directions, not []"),
        ({"directions": ["query_to_doc"] * 2}, "directions", "must name each direction once"),
        ({"directions": ["a_to_b"]}, "directions", "must be one of query_to_doc, doc_to_query"),
        ({"directions": [["x"]]}, "directions", "must be one of query_to_doc"),
        ({"partition": "joint_st"}, "partition", "must be one of joint, per_direction, not 'joint_st'"),
        ({"temperature_reverse": 0.1, "partition": "joint"}, "temperature_reverse", "needs the direction doc_to_query"),
        ({"temperature_reverse": 0.1, "directions": ["query_to_doc"]}, "temperature_reverse", "needs the direction"),
        ({"hardness": "easy", "hardness_strength": 1.0}, "hardness", "must be one of in_batch_negatives"),
        ({"hardness": "all_negatives"}, "hardness_strength", "and hardness only work together"),
        ({"hardness_strength": -1.0}, "hardness_strength", "must be a number at least 0, not -1.0"),
        ({"in_batch": False, "directions": ["doc_to_query"]}, "in_batch", "can be false only when query_to_doc"),
        ({"false_negative_threshold": 1.5}, "false_negative_threshold", "at least -1 and at most 1, not 1.5"),
        ({"false_negative_weight": 0.5}, "false_negative_weight", "has no effect without false_negative_threshold"),
    ],
)
def test_values_that_make_no_sense_are_named(args, argument, message):
    with pytest.raises(ConfigError) as caught:
        build_loss("infonce", **args)
    assert message in caught.value.message
    assert caught.value.where == f"loss.infonce.args.{argument}"


@pytest.mark.parametrize(
    ("args", "uses"),
    [
        ({}, True),
        ({"directions": ["doc_to_query", "query_to_doc"]}, True),
        ({"directions": ["doc_to_query", "doc_to_doc"]}, False),
        ({"in_batch": False}, False),
    ],
)
def test_a_queue_joins_the_candidates_of_query_to_doc_only(make_batch, args, uses):
    batch, loss = make_batch(), build_loss("infonce", **args)
    assert loss.uses_queue is uses
    assert (loss(batch) != loss(replace(batch, queue=None, queue_ids=None))).item() is uses
