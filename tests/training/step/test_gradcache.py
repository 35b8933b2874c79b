"""Gradient caching against plain autograd: the same gradients, whatever the objective, in less memory."""

import numpy as np
import pytest
import torch
from sentence_transformers.util import batch_to_device
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.functional import embedding

from embedtune.config.sections.objective import LossSection
from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.training.batch.micro_batches import LENGTHS, MicroBatchCollator
from embedtune.training.batch.row_table import build_table
from embedtune.training.batch.row_texts import RowTexts, read_texts
from embedtune.training.guide.vectors import GuideTable
from embedtune.training.step.adapter import ObjectiveAdapter
from embedtune.training.step.gradcache import check_device, encode_micro_batches
from embedtune.training.step.held import Held
from embedtune.training.step.matryoshka import Matryoshka
from embedtune.training.step.objective import build_objective

CUDA = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))
OBJECTIVES = {
    "gist with a guide": [LossSection(name="gist", args={"margin": 0.1, "distill_weight": 0.5})],
    "infonce that learns its temperature": [LossSection(name="infonce", args={"learnable_temperature": True})],
    "triplet": [LossSection(name="triplet", args={"margin": 2.0})],
    "two terms": [LossSection(name="infonce"), LossSection(name="sigreg", weight=0.05)],
    "lejepa": [LossSection(name="lejepa")],
}


def no_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    return model


def adapter_of(encoder, rows, known, sections, kept=0):
    """The adapter of these rows, with a guide of random vectors, which masks some candidates and leaves others."""
    table = build_table(rows, known)
    guide = GuideTable(RowTexts(rows, table.curriculum.chosen))
    noise = np.random.default_rng(0)

    def fake(texts, role):
        vectors = noise.standard_normal((len(texts), 5), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    guide.fill(fake)
    return ObjectiveAdapter(encoder.model, build_objective(sections), table, guide, kept=kept)


def micro_batched(encoder, rows, tokens):
    """(features, labels) as the trainer would hand them on."""
    texts = read_texts(Tokenizer(encoder), RowTexts(rows, 2))
    batch = MicroBatchCollator(texts, Held(tokens, tokens))([{"label": row} for row in range(len(rows))])
    labels = batch.pop("label")
    count = 1 + max(int(name.split("_")[0].removeprefix("micro")) for name in batch)
    features = [
        {name.split("_", 1)[1]: value for name, value in batch.items() if name.startswith(f"micro{number}_")}
        for number in range(count)
    ]
    return [{name: value for name, value in one.items() if name != LENGTHS} for one in features], labels


def whole(encoder, rows):
    """(features, labels) of one pass, tokenised column by column without the code under test."""
    padded = [[*own, "", ""][:2] for own in rows.negatives]
    documents = [list(rows.positives), [own[0] for own in padded], [own[1] for own in padded]]
    prompts = encoder.prompts
    features = [encoder.model.preprocess(list(rows.anchors), prompt=prompts["query"] or None)]
    features += [encoder.model.preprocess(column, prompt=prompts["document"] or None) for column in documents]
    return features, torch.arange(len(rows))


def gradients(adapter, features, labels, times=1.0):
    adapter.zero_grad()
    (times * sum(adapter(features, labels).values())).backward()
    return {name: one.grad.clone() for name, one in adapter.named_parameters() if one.grad is not None}


def on(device, features):
    return [batch_to_device(dict(one), torch.device(device)) for one in features]


@pytest.mark.parametrize("kind", ["bert", "starter"])
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize(("tokens", "kept"), [(1, 0), (25, 0), (25, 40), (25, None)])
def test_without_dropout_the_gradients_are_those_of_one_big_batch(request, rows, known, kind, name, tokens, kept):
    encoder = request.getfixturevalue(kind)
    no_dropout(encoder.model).double().train()
    adapter = adapter_of(encoder, rows, known, OBJECTIVES[name], kept).double()
    features, labels = micro_batched(encoder, rows, tokens)
    assert len(features) > 2
    found, wanted = gradients(adapter, features, labels), gradients(adapter, *whole(encoder, rows))
    assert found.keys() == wanted.keys()
    largest = max(float(value.abs().max()) for value in wanted.values())
    assert largest > 0
    for parameter, value in wanted.items():
        torch.testing.assert_close(found[parameter], value, atol=1e-6 * largest, rtol=0)


def test_in_bf16_micro_batches_move_the_gradients_by_less_than_bf16_itself_does(bert, rows, known):
    """Each micro-batch rounds the gradient of its weights, once more than a single pass: by 1% at most."""
    no_dropout(bert.model).train()
    adapter = adapter_of(bert, rows, known, OBJECTIVES["infonce that learns its temperature"])

    def found(tokens, half):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            made = gradients(adapter, *micro_batched(bert, rows, tokens))
        return torch.cat([value.flatten() for value in made.values()])

    exact, one, several = found(10_000, half=False), found(10_000, half=True), found(25, half=True)
    assert 0 < (several - one).norm() < 0.01 * one.norm()
    assert (several - exact).norm() < 1.5 * (one - exact).norm()
    torch.testing.assert_close(found(25, half=False), exact, rtol=0, atol=1e-5 * float(exact.abs().max()))


@pytest.mark.parametrize("stored", [{}, {"int8": 1.0, "binary": 2.0}], ids=["in full", "in few bits"])
def test_nested_dimensions_have_the_gradients_of_one_big_batch_too(bert, rows, known, stored):
    no_dropout(bert.model).double().train()
    adapter = adapter_of(bert, rows, known, OBJECTIVES["gist with a guide"])
    adapter.objective = Matryoshka(adapter.objective, {32: 1.0, 8: 0.5}, stored).double()
    found = gradients(adapter, *micro_batched(bert, rows, 25))
    wanted = gradients(adapter, *whole(bert, rows))
    largest = max(float(value.abs().max()) for value in wanted.values())
    for parameter, value in wanted.items():
        torch.testing.assert_close(found[parameter], value, atol=1e-6 * largest, rtol=0)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize(("half", "kept"), [(False, 0), (False, 40), (True, 0)], ids=["fp32", "fp32 part", "bf16"])
def test_with_dropout_they_are_those_of_autograd_over_the_same_micro_batches(bert, rows, known, device, half, kept):
    """Autograd holds all activations here; both start from the same random state."""
    adapter = adapter_of(bert, rows, known, OBJECTIVES["infonce that learns its temperature"], kept).to(device)
    adapter.model.train()
    features, labels = micro_batched(bert, rows, 25)
    features, labels = on(device, features), labels.to(device)

    def plain(seed):
        adapter.zero_grad()
        torch.manual_seed(seed)
        # Weights cast anew for each micro-batch, so that their gradients add up in float32 here too.
        with torch.autocast(device, torch.bfloat16, enabled=half, cache_enabled=False):
            encoded = torch.cat([forward(adapter.model, one) for one in features])
            vectors = embedding(labels[:, 1:], encoded).unbind(dim=1)
            guide = adapter.guide.batch(labels[:, 0], encoded.device)
            batch = adapter.table.batch(labels[:, 0], vectors, step=0, guide=guide)
            loss = sum(adapter.objective(batch).values())
        loss.backward()
        return {name: one.grad.clone() for name, one in adapter.named_parameters() if one.grad is not None}

    def cached(seed):
        adapter.zero_grad()
        torch.manual_seed(seed)
        with torch.autocast(device, torch.bfloat16, enabled=half):
            loss = sum(adapter(features, labels).values())
        after_forward = torch.get_rng_state()
        torch.rand(3, device=device)  # what other code draws between the two passes must not matter
        torch.set_rng_state(after_forward)
        loss.backward()
        assert torch.equal(torch.get_rng_state(), after_forward)
        return {name: one.grad.clone() for name, one in adapter.named_parameters() if one.grad is not None}

    found, wanted, other = cached(seed=1), plain(seed=1), plain(seed=2)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, atol=1e-6, rtol=1e-5)
    assert any(not torch.allclose(wanted[name], other[name], atol=1e-4) for name in wanted)


def test_a_scaled_loss_scales_the_gradients_and_backward_passes_add_up(bert, rows, known):
    """As fp16 scales the loss and as gradient accumulation sums its parts."""
    no_dropout(bert.model).double().train()
    adapter = adapter_of(bert, rows, known, OBJECTIVES["two terms"]).double()
    batch = micro_batched(bert, rows, 25)
    once, scaled = gradients(adapter, *batch), gradients(adapter, *batch, times=1024.0)
    sum(adapter(*batch).values()).backward()
    for name, parameter in adapter.named_parameters():
        if name in once:
            torch.testing.assert_close(scaled[name], 1024 * once[name])
            torch.testing.assert_close(parameter.grad, scaled[name] + once[name])


def test_the_objective_is_computed_once_and_its_gauges_are_those_of_the_whole_batch(starter, rows, known):
    adapter = adapter_of(starter, rows, known, OBJECTIVES["gist with a guide"])
    calls = []
    adapter.objective.register_forward_hook(lambda *_: calls.append(1))
    gradients(adapter, *micro_batched(starter, rows, 1))
    found = adapter.objective.gauges()
    assert len(calls) == 1
    gradients(adapter, *whole(starter, rows))
    assert found == pytest.approx(adapter.objective.gauges()) and found


def test_activations_live_for_one_micro_batch_at_a_time(bert, rows, known):
    adapter = adapter_of(bert, rows, known, OBJECTIVES["two terms"])
    adapter.model.train()
    features, labels = micro_batched(bert, rows, 1)
    made: list[StorageWeakRef] = []
    alive_before: list[int] = []

    def watch(module, arguments, output):
        alive_before.append(sum(not one.expired() for one in made))
        made.append(StorageWeakRef(output.untyped_storage()))

    inner = next(module for name, module in adapter.model.named_modules() if name.endswith("layer.0.intermediate"))
    inner.register_forward_hook(watch)
    loss = sum(adapter(features, labels).values())
    assert len(made) == len(features) and all(one.expired() for one in made)
    loss.backward()
    assert len(made) == 2 * len(features) and max(alive_before) == 0
    # The watch sees what one pass holds on to.
    made.clear()
    loss = sum(adapter(*whole(bert, rows)).values())
    assert len(made) == 4 and not any(one.expired() for one in made)


def test_as_much_is_kept_as_fits_and_the_rest_is_encoded_twice(bert, rows, known):
    """The last micro-batches, which go backward first: what they hold is free before another one is encoded again."""
    bert.model.train()
    features, labels = micro_batched(bert, rows, 25)
    sizes = [one["input_ids"].numel() for one in features]
    assert len(sizes) > 3
    calls = []
    bert.model[0].register_forward_hook(lambda *_: calls.append(1))
    for fitting in range(len(sizes) + 1):
        for kept in {sum(sizes[len(sizes) - fitting :]), sum(sizes[len(sizes) - fitting :]) + min(sizes) - 1}:
            calls.clear()
            loss = torch.stack(encode_micro_batches(bert.model, features, labels[:, 1:], kept)).square().sum()
            loss.backward()
            assert len(calls) == 2 * len(sizes) - fitting


def test_without_gradients_it_only_encodes(bert, rows):
    features, labels = micro_batched(bert, rows, 25)
    with torch.no_grad():
        columns = encode_micro_batches(bert.model.eval(), features, labels[:, 1:], 25)
    assert len(columns) == 4 and columns[0].shape == (4, 32) and not columns[0].requires_grad


def test_a_device_whose_random_states_are_not_replayed_is_refused():
    check_device("cpu")
    check_device("cuda:1")
    with pytest.raises(ConfigError, match="mps") as refused:
        check_device("mps")
    assert refused.value.where == "training.micro_batch_tokens"
