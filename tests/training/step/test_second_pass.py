"""Texts without a backward pass: the gradient is that of the others, and what is missing stays within its bound."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import embedding

from embedtune.config.sections.objective import LossSection
from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.speed.dropout import fast_dropout
from embedtune.models.speed.packing.repacked import PackedTexts
from embedtune.models.speed.text_draws import drawn_by_text
from embedtune.training.step.gradcache import encode_micro_batches
from embedtune.training.step.second_pass import SecondPass, check_repeats, least
from tests.training.step.test_gradcache import CUDA, adapter_of, micro_batched, no_dropout, on

TERMS = [LossSection(name="infonce", args={"learnable_temperature": True}), LossSection(name="sigreg", weight=0.05)]


def gradients(adapter, features, labels):
    adapter.zero_grad()
    sum(adapter(features, labels).values()).backward()
    return {name: one.grad.clone() for name, one in adapter.named_parameters() if one.grad is not None}


def by_hand(adapter, features, labels, below):
    """Plain autograd over the whole batch, with the smallest gradients of vectors set to zero one by one."""
    adapter.zero_grad()
    vectors = torch.cat([forward(adapter.model, one) for one in features])
    read = vectors.detach().requires_grad_()
    columns = embedding(labels[:, 1:], read).unbind(dim=1)
    guide = adapter.guide.batch(labels[:, 0], read.device)
    sum(adapter.objective(adapter.table.batch(labels[:, 0], columns, step=0, guide=guide)).values()).backward()
    norms, left = read.grad.norm(dim=1).double(), []
    for text in norms.argsort().tolist()[:-1]:
        if norms[[*left, text]].norm() <= below * norms.norm():
            left.append(text)
        else:
            break
    kept = read.grad.clone()
    kept[left] = 0
    vectors.backward(kept)
    found = {name: one.grad.clone() for name, one in adapter.named_parameters() if one.grad is not None}
    return found, len(left) / len(norms), float(norms[left].norm() / norms.norm())


def same(found, wanted, tolerance=1e-5):
    assert found.keys() == wanted.keys()
    largest = max(float(value.abs().max()) for value in wanted.values())
    assert largest > 0
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, atol=tolerance * largest, rtol=0)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize("tokens", [1, 25, 10_000])
@pytest.mark.parametrize("below", [0.05, 0.4, 0.9])
def test_the_gradient_is_that_of_the_texts_that_are_not_left_out(bert, rows, known, device, tokens, below):
    no_dropout(bert.model).train()
    adapter = adapter_of(bert, rows, known, TERMS).to(device)
    adapter.second = SecondPass(below)
    features, labels = micro_batched(bert, rows, tokens)
    features, labels = on(device, features), labels.to(device)
    found = gradients(adapter, features, labels)
    gauges = adapter.gauges()
    wanted, share, missing = by_hand(adapter, features, labels, below)
    same(found, wanted)
    assert gauges["skipped.texts"] == pytest.approx(share)
    assert gauges["skipped.gradient"] == pytest.approx(missing, rel=1e-4, abs=1e-9) and missing <= below
    assert below < 0.4 or share > 0


def test_with_dropout_the_second_pass_has_that_of_the_first(bert, rows, known):
    """A share too small for any text: the gradient of the batch, in the same dropout, by autograd over one pass."""
    bert.model.train()
    adapter = adapter_of(bert, rows, known, TERMS)
    adapter.second = SecondPass(1e-9)
    features, labels = micro_batched(bert, rows, 25)
    with fast_dropout(bert.model, 0.3):
        torch.manual_seed(3)
        found = gradients(adapter, features, labels)
        torch.manual_seed(3)
        seeds = torch.randint(2**62, (sum(len(one["places"]) for one in features),)).tolist()
        wanted = one_by_one(adapter, features, labels, seeds)
        torch.manual_seed(4)
        other = gradients(adapter, features, labels)
    same(found, wanted)
    assert any(not torch.allclose(found[name], other[name], atol=1e-4) for name in found)


def one_by_one(adapter, features, labels, seeds):
    """Plain autograd with every text in a batch of its own, in dropout from its own seed."""
    adapter.zero_grad()
    vectors = []
    for batch in features:
        texts = PackedTexts([batch])
        for number, length in enumerate(texts.lengths.tolist()):
            with drawn_by_text([seeds[len(vectors)]], [length]):
                vectors.append(forward(adapter.model, texts.features([number])))
    columns = embedding(labels[:, 1:], torch.cat(vectors)).unbind(dim=1)
    guide = adapter.guide.batch(labels[:, 0], labels.device)
    sum(adapter.objective(adapter.table.batch(labels[:, 0], columns, step=0, guide=guide)).values()).backward()
    return {name: one.grad.clone() for name, one in adapter.named_parameters() if one.grad is not None}


def test_in_bf16_too(bert, rows, known):
    no_dropout(bert.model).train()
    adapter = adapter_of(bert, rows, known, TERMS)
    features, labels = micro_batched(bert, rows, 25)

    def found(below):
        adapter.second = SecondPass(below) if below else None
        with torch.autocast("cpu", torch.bfloat16):
            loss = sum(adapter(features, labels).values())
        adapter.zero_grad()
        loss.backward()
        return torch.cat([one.grad.flatten() for _, one in sorted(adapter.named_parameters()) if one.grad is not None])

    exact, again, fewer = found(0), found(1e-9), found(0.5)
    assert (again - exact).norm() < 0.01 * exact.norm()
    assert 0.01 * exact.norm() < (fewer - exact).norm() < exact.norm()


@given(
    st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=40),
    st.floats(0, 1, exclude_max=True),
)
def test_what_is_left_out_is_within_its_share_and_as_many_as_fit(norms, below):
    norms = np.array(norms)
    left = least(norms, below)
    whole = np.linalg.norm(norms)
    assert np.linalg.norm(norms[left]) <= below * whole * (1 + 1e-9)
    assert not left.all() and (not left.any() or norms[left].max() <= norms[~left].min())
    # One more would be too many, unless it is the last one.
    rest = np.sort(norms[~left])
    if len(rest) > 1:
        assert np.hypot(np.linalg.norm(norms[left]), rest[0]) >= below * whole * (1 - 1e-9)


@given(st.lists(st.lists(st.floats(0, 10), min_size=1, max_size=9), min_size=2, max_size=4), st.floats(0, 0.99))
def test_the_bound_of_each_process_is_that_of_the_whole_batch(parts, below):
    left = [np.array(own)[least(np.array(own), below)] for own in parts]
    assert np.linalg.norm(np.concatenate(left)) <= below * np.linalg.norm(np.concatenate(parts)) * (1 + 1e-9)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_nothing_is_left_out_of_a_gradient_that_is_not_finite(broken):
    assert not least(np.array([0.1, 1.0, broken]), 0.9).any()


def test_the_rest_is_packed_into_fewer_batches(bert, rows, known):
    bert.model.train()
    adapter = adapter_of(bert, rows, known, TERMS)
    features, labels = micro_batched(bert, rows, 25)
    sizes, calls = [one["input_ids"].numel() for one in features], []
    bert.model[0].register_forward_pre_hook(lambda _, given: calls.append(given[0]["input_ids"].numel()))
    adapter.second = SecondPass(0.9)
    gradients(adapter, features, labels)
    assert calls[: len(sizes)] == sizes
    again, left = calls[len(sizes) :], adapter.gauges()["skipped.tokens"]
    assert sum(again) == pytest.approx((1 - left) * sum(sizes)) and left > 0
    assert len(again) < len(sizes) and max(again) <= max(sizes)


def test_a_text_without_tokens_is_encoded_as_ever_and_nothing_is_left_out(bert, rows, known):
    no_dropout(bert.model).train()
    adapter = adapter_of(bert, rows, known, TERMS)
    features, labels = micro_batched(bert, rows, 25)
    ids = features[-1]["input_ids"][:, :5]
    features[-1] = {"input_ids": ids, "attention_mask": torch.zeros_like(ids)}  # as `Packed` makes it of such a text
    labels[:, 1:] = labels[:, 1:].clamp(max=sum(len(one["places"]) for one in features[:-1]))
    wanted = gradients(adapter, features, labels)
    adapter.second = SecondPass(0.9)
    same(gradients(adapter, features, labels), wanted)
    assert "skipped.texts" not in adapter.gauges()


def test_vectors_of_an_evaluation_are_the_same(bert, rows, known):
    features, labels = micro_batched(bert, rows, 25)
    bert.model.eval()
    with torch.no_grad():
        found = SecondPass(0.5).columns(bert.model, features, labels[:, 1:])
        torch.testing.assert_close(found, encode_micro_batches(bert.model, features, labels[:, 1:]))


class Noise(torch.nn.Module):
    def forward(self, values):
        return torch.nn.functional.dropout(values, 0.5, self.training)


def test_an_encoder_whose_vectors_do_not_repeat_is_refused(bert, starter):
    with fast_dropout(bert.model, 0.4):
        check_repeats(Tokenizer(bert))
    other = copy.deepcopy(bert)
    layer = next(part for name, part in other.model.named_modules() if name.endswith("layer.0.output"))
    layer.dropout = Noise()  # torch's own, out of reach
    with pytest.raises(ConfigError, match="text by text") as refused:
        check_repeats(Tokenizer(other))
    assert refused.value.where == "training.skip_below" and "dropout=off" in refused.value.next
    with pytest.raises(ConfigError, match="static encoder computes next to nothing"):
        check_repeats(Tokenizer(starter))
