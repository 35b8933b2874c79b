"""Sparse gradients of token vectors: those of the dense table, row by row, and refusal where that cannot be."""

import copy

import pytest
import torch
from torch import nn

from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.files.vocabulary import token_vectors
from embedtune.models.speed.embeddings import UsedRows, UsedRowsBag, frozen_embeddings, sparse_embeddings

ENCODERS = pytest.mark.parametrize("name", ["bert", "starter"])


def backward(encoder: Encoder, texts) -> torch.Tensor:
    """The gradient of the token vectors, of some scalar of the texts' vectors."""
    encoder.model.eval()
    encoder.model.zero_grad()
    features = Tokenizer(encoder).tokenize(texts, "document").features(range(len(texts)))
    vectors = forward(encoder.model, features)
    (vectors * torch.linspace(-1, 1, vectors.numel()).view_as(vectors)).sum().backward()
    found = token_vectors(encoder).grad
    assert found is not None
    return found


@ENCODERS
def test_the_gradient_is_the_dense_one_and_has_the_rows_in_use(name, request, texts):
    encoder = request.getfixturevalue(name)
    dense = backward(encoder, texts)
    before = [type(module) for module in encoder.model.modules()]
    with sparse_embeddings(encoder) as weight:
        assert weight is token_vectors(encoder)
        sparse = backward(encoder, texts)
    assert [type(module) for module in encoder.model.modules()] == before
    assert sparse.is_sparse and not dense.is_sparse
    torch.testing.assert_close(sparse.to_dense(), dense)
    assert set(sparse.coalesce().indices()[0].tolist()) >= set(dense.abs().sum(dim=1).nonzero()[:, 0].tolist())
    assert sparse.coalesce().values().shape[0] < len(weight)


@ENCODERS
def test_vectors_are_the_same_with_a_gradient_and_without(name, request, texts):
    encoder = request.getfixturevalue(name)
    encoder.model.eval()
    features = Tokenizer(encoder).tokenize(texts, "query").features(range(len(texts)))
    plain = forward(encoder.model, features)
    with sparse_embeddings(encoder):
        assert torch.equal(forward(encoder.model, features), plain)
        with torch.no_grad():
            assert torch.equal(forward(encoder.model, features), plain)


def test_two_passes_add_up(starter, texts):
    whole = backward(starter, texts)
    with sparse_embeddings(starter):
        once = backward(starter, texts)
        features = Tokenizer(starter).tokenize(texts, "document").features(range(len(texts)))
        forward(starter.model, features).sum().backward()
    twice = token_vectors(starter).grad
    token_vectors(starter).grad = None
    forward(starter.model, features).sum().backward()
    torch.testing.assert_close(twice.to_dense(), whole + token_vectors(starter).grad)
    torch.testing.assert_close(once.to_dense(), whole + token_vectors(starter).grad)  # added in place


def test_padding_learns_nothing():
    plain = nn.Embedding(5, 3, padding_idx=1)
    ours = copy.deepcopy(plain)
    ours.__class__ = UsedRows
    ids = torch.tensor([[4, 1], [2, 4]])
    for table in (plain, ours):
        table(ids).square().sum().backward()
    torch.testing.assert_close(ours.weight.grad.to_dense(), plain.weight.grad)
    assert sorted(ours.weight.grad.coalesce().indices()[0].tolist()) == [2, 4]


@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_bags_with_weights_and_a_last_offset(mode):
    plain = nn.EmbeddingBag(6, 3, mode=mode, include_last_offset=True)
    ours = copy.deepcopy(plain)
    ours.__class__ = UsedRowsBag
    ids, offsets = torch.tensor([5, 0, 5, 3]), torch.tensor([0, 1, 1, 4])
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0]) if mode == "sum" else None
    found = [table(ids, offsets, weights) for table in (plain, ours)]
    assert torch.equal(*found) and not found[1][1].any()
    for one in found:
        one.square().sum().backward()
    torch.testing.assert_close(ours.weight.grad.to_dense(), plain.weight.grad)


def test_a_copy_looks_up_its_own_vectors(starter, texts):
    with sparse_embeddings(starter):
        other = copy.deepcopy(starter)
        token_vectors(other).data.zero_()
        features = Tokenizer(other).tokenize(texts, "query").features([0])
        assert not forward(other.model, features).any() and forward(starter.model, features).any()


def refused(encoder: Encoder, match: str) -> None:
    with pytest.raises(ConfigError, match=match) as caught, sparse_embeddings(encoder):
        pass
    assert caught.value.where == "training.embeddings"


def test_what_learns_nothing_is_refused(bert):
    token_vectors(bert).requires_grad_(False)
    refused(bert, "do not learn")


def test_tied_vectors_are_refused(bert):
    bert.model.add_module("head", nn.Linear(32, 1))
    bert.model.head.weight = token_vectors(bert)
    refused(bert, "also used by its own Linear")


def test_a_table_that_scales_is_refused(bert):
    class Scaled(nn.Embedding):
        pass

    bert.model.transformers_model.get_input_embeddings().__class__ = Scaled
    refused(bert, "also used by its own Scaled")


def test_a_model_without_token_vectors_is_refused(bert):
    bert.model.transformers_model.get_input_embeddings = lambda: None
    refused(bert, "no single table of token vectors")


def test_only_the_token_vectors_stop_learning_and_only_for_the_time_being(bert: Encoder):
    before = {name for name, one in bert.model.named_parameters() if one.requires_grad}
    with frozen_embeddings(bert.model):
        during = {name for name, one in bert.model.named_parameters() if one.requires_grad}
    assert {name.rsplit(".", 2)[-2] for name in before - during} == {"word_embeddings"}
    assert before == {name for name, one in bert.model.named_parameters() if one.requires_grad}


def test_a_static_encoder_is_refused(starter: Encoder):
    with pytest.raises(ConfigError, match="not a transformer") as refused, frozen_embeddings(starter.model):
        pass
    assert refused.value.where == "training.embeddings"
