"""sigreg against lejepa's package, independent code and the closed form; bounds; two processes against one."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss

EXPECTED_UNDER_NORMAL = math.sqrt(2 * math.pi) * (1 - 1 / math.sqrt(3))
COLLAPSED_AT_ZERO = math.sqrt(2 * math.pi) * (1 - math.sqrt(2) + 1 / math.sqrt(3))


# lejepa's 17 knots on [0, 3] are ours; 17 knots on [-5, 5] are 9 on [0, 5]; the closed form is the limit of many knots.
KNOTS = {
    "lejepa_0_3_17": {"knots": 17, "t_max": 3.0},
    "paper_-5_5_17": {"knots": 9, "t_max": 5.0},
    "closed_form": {"knots": 200, "t_max": 12.0},
}


def statistic(loss, embeddings, along):
    """Of embeddings (M, D) along directions (D, S), without scaling."""
    return loss.statistic(embeddings, along)


@pytest.mark.reference("losses_sigreg", *KNOTS)
def test_reference_values_and_gradients(case):
    embeddings, along = case.tensor(case.inputs["X"]), case.tensor(case.inputs["A_raw"], False)
    value = statistic(build_loss("sigreg", **KNOTS[case.name.split("/")[0]]), embeddings, along)
    value.backward()
    case.check(value, case.expected["loss"])
    case.check_gradients({"X": embeddings})


@pytest.mark.reference("losses_sigreg", "closed_form/n64_d8_normal", "closed_form/n64_d8_unit_sphere_sqrtD")
def test_the_default_knots_reach_the_closed_form(case):
    value = statistic(build_loss("sigreg"), case.tensor(case.inputs["X"]), case.tensor(case.inputs["A_raw"]))
    assert value.item() == pytest.approx(case.expected["loss"], abs=5e-4)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def pairs(embeddings):
    half = len(embeddings) // 2
    return EmbeddingBatch(anchors=embeddings[:half], positives=embeddings[half:])


@pytest.mark.parametrize("size", [1, 2, 64])
def test_its_mean_over_normal_samples_is_the_stated_constant_at_any_size(size):
    """Along orthogonal axes the coordinates of a normal sample are as many independent samples."""
    loss, axes = build_loss("sigreg"), torch.eye(200, dtype=torch.float64)
    values = torch.stack([statistic(loss, normal(size, 200, seed=seed), axes) for seed in range(40)])
    assert abs(values.mean().item() - EXPECTED_UNDER_NORMAL) < 4 * values.std().item() / math.sqrt(len(values))


def test_a_cloud_collapsed_at_zero_costs_the_stated_share_of_its_size_and_has_no_gradient():
    zeros = torch.zeros(32, 6, dtype=torch.float64, requires_grad=True)
    value = build_loss("sigreg", slices=3)(pairs(zeros))
    value.backward()
    assert value.item() == pytest.approx(32 * COLLAPSED_AT_ZERO, rel=1e-4)
    assert not zeros.grad.any()


def test_auto_scale_lets_a_sphere_be_isotropic():
    sphere = torch.nn.functional.normalize(normal(256, 384), dim=1)
    scaled, raw = build_loss("sigreg"), build_loss("sigreg", scale="none")
    # Unscaled it is stuck at 104; after scaling it is what a normal sample of this size gives, near 1.06.
    assert raw(pairs(sphere)).item() == pytest.approx(256 * COLLAPSED_AT_ZERO, rel=0.02)
    assert scaled(pairs(sphere)).item() == pytest.approx(EXPECTED_UNDER_NORMAL, abs=0.5)
    assert scaled.gauges["scale"].item() == pytest.approx(math.sqrt(384))
    assert raw.gauges["scale"] == 1


@pytest.mark.parametrize(("factor", "scaled"), [(1.0, True), (1.0009, True), (1.002, False), (0.0, False)])
def test_auto_scale_wants_every_length_to_be_one(factor, scaled):
    sphere = torch.nn.functional.normalize(normal(16, 9), dim=1)
    sphere[3] *= factor
    loss = build_loss("sigreg")
    loss(pairs(sphere))
    assert loss.gauges["scale"].item() == pytest.approx(3.0 if scaled else 1.0)


def test_sqrt_dim_scales_whatever_comes():
    embeddings = normal(16, 9)
    always, never = build_loss("sigreg", scale="sqrt_dim"), build_loss("sigreg", scale="none")
    assert always(pairs(embeddings)).item() == pytest.approx(never(pairs(3 * embeddings)).item())


def test_directions_are_those_of_the_seed_and_the_step():
    embeddings = normal(40, 5)
    batch, loss = pairs(embeddings), build_loss("sigreg", slices=4)
    first = loss(batch).item()
    assert build_loss("sigreg", slices=4)(batch).item() == first
    others = [loss(replace(batch, step=1)), build_loss("sigreg", slices=4, seed=1)(batch)]
    assert len({first, *(one.item() for one in others)}) == 3


def test_a_global_random_state_is_neither_used_nor_changed():
    batch, loss = pairs(normal(8, 3)), build_loss("sigreg")
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = loss(batch)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert loss(batch) == first


def test_real_negatives_belong_to_the_cloud_and_padding_does_not(make_batch):
    batch = make_batch()
    loss = build_loss("sigreg")
    real = batch.negatives[batch.negatives_mask]
    everything = torch.cat([batch.anchors, batch.positives, real])
    along = torch.eye(everything.shape[1], dtype=torch.float64)
    with_padding = replace(batch, negatives=batch.negatives.masked_fill(~batch.negatives_mask[..., None], 7.0))
    assert loss(with_padding).item() == pytest.approx(loss(batch).item())
    assert loss.gauges["statistic_per_sample"].item() == pytest.approx(loss(batch).item() / len(everything))
    assert statistic(loss, everything, along) != statistic(loss, everything[:-1], along)


def test_chunks_of_directions_change_nothing(monkeypatch):
    embeddings = normal(20, 6).requires_grad_()
    loss = build_loss("sigreg", slices=10)
    whole = loss(pairs(embeddings))
    (gradient,) = torch.autograd.grad(whole, embeddings)
    monkeypatch.setattr("embedtune.losses.shared.sketch.CHUNK_VALUES", 60)
    chunked = loss(pairs(embeddings))
    torch.testing.assert_close(chunked, whole)
    torch.testing.assert_close(torch.autograd.grad(chunked, embeddings)[0], gradient)


def step(name, rows):
    """Value and gradient of one linear layer on some of eight weighted rows; the first five have length 1."""
    weight = normal(6, 4, seed=1).requires_grad_()
    vectors = normal(2, 8, 6) @ weight  # (2, 8, 4)
    vectors = torch.cat([torch.nn.functional.normalize(vectors[:, :5], dim=-1), vectors[:, 5:]], dim=1)
    weights = torch.arange(1, 9, dtype=torch.float64)
    batch = EmbeddingBatch(anchors=vectors[0, rows], positives=vectors[1, rows], weights=weights[rows], step=5)
    value = build_loss(name, slices=16)(batch)
    value.backward()
    return value, weight.grad


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    """Ranks with 5 and 3 rows: the value and the averaged gradient are those of one process with all 8.

    The rows of the first alone would be taken for those of a model that normalises.
    """
    command = [sys.executable, __file__, str(tmp_path / "meeting")]
    ranks = [subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, text=True) for rank in range(2)]
    alone = {name: step(name, slice(0, 8)) for name in ("sigreg", "lejepa")}
    for rank in ranks:
        said = json.loads(rank.communicate(timeout=1800)[0].splitlines()[-1])
        for name, (value, gradient) in alone.items():
            assert said[name][0] == pytest.approx(value.item(), rel=1e-9)
            torch.testing.assert_close(torch.tensor(said[name][1], dtype=torch.float64), gradient, rtol=1e-6, atol=1e-9)


def test_a_gathered_batch_is_measured_as_it_is(make_batch):
    """One process is all there is here, so the mark must change nothing."""
    for name in ("sigreg", "lejepa"):
        loss, batch = build_loss(name), make_batch()
        assert loss(replace(batch, gathered=True)) == loss(batch)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"slices": 0}, "slices must be a whole number, 1 or more, not 0"),
        ({"slices": 2.5}, "slices must be a whole number, 1 or more, not 2.5"),
        ({"knots": 1}, "knots must be a whole number, 2 or more, not 1"),
        ({"t_max": 0}, "t_max must be a number above 0, not 0"),
        ({"scale": "sqrt"}, "scale must be one of auto, sqrt_dim, none, not 'sqrt'"),
        ({"seed": -1}, "seed must be a whole number, 0 or more, not -1"),
    ],
)
@pytest.mark.parametrize("name", ["sigreg", "lejepa"])
def test_values_out_of_range_are_named(name, args, message):
    with pytest.raises(ConfigError) as caught:
        build_loss(name, **args)
    assert caught.value.message == message
    assert caught.value.where == f"loss.{name}.args.{next(iter(args))}"


if __name__ == "__main__":  # one of the two processes: meeting file, rank
    rank = int(sys.argv[2])
    dist.init_process_group("gloo", init_method=Path(sys.argv[1]).as_uri(), rank=rank, world_size=2)
    said = {}
    for name in ("sigreg", "lejepa"):
        value, gradient = step(name, slice(0, 5) if rank == 0 else slice(5, 8))
        dist.all_reduce(gradient)  # DistributedDataParallel averages in just this way; building one takes seconds
        said[name] = value.item(), (gradient / 2).tolist()
    print(json.dumps(said))
    dist.destroy_process_group()
