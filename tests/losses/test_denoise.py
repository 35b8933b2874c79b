"""denoise against a slow loop over tokens, values and gradients, and what makes it use the vector."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from embedtune.errors import ConfigError
from embedtune.losses import EmbeddingBatch, build_loss
from embedtune.losses.shared.decoder import Vocabulary


def attended(layer, rows):
    """Causal self-attention over (L, W), one place and one head at a time."""
    width, heads = rows.shape[1], layer.self_attn.num_heads
    asked, keys, values = (rows @ layer.self_attn.in_proj_weight.T + layer.self_attn.in_proj_bias).split(width, dim=1)
    size, places = width // heads, []
    for place in range(len(rows)):
        parts = []
        for head in range(heads):
            own = slice(head * size, (head + 1) * size)
            shares = torch.stack([asked[place, own] @ keys[j, own] / size**0.5 for j in range(place + 1)]).softmax(0)
            parts.append(sum(share * values[j, own] for j, share in enumerate(shares)))
        places.append(torch.cat(parts))
    return torch.stack(places) @ layer.self_attn.out_proj.weight.T + layer.self_attn.out_proj.bias


def written(loss, vector, tokens, token_vectors, usual):
    """Negative log-likelihood of each of the tokens of one text, by a loop over them."""
    decoder, vocabulary = loss.heads["decoder"], loss.heads["vocabulary"]
    width = decoder.start.shape[1]
    table = torch.stack([vocabulary.into @ one for one in token_vectors])
    table = (table - table.mean(1, keepdim=True)) / (table.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    table = table * vocabulary.gain
    rows = torch.stack([decoder.start[0], *(table[token] for token in tokens[:-1])]) + decoder.places[: len(tokens)]
    for layer, told in zip(decoder.layers, decoder.told, strict=True):
        rows = rows + told @ (vector / vector.norm() * len(vector) ** 0.5)
        rows = rows + attended(layer, layer.norm1(rows))
        rows = rows + layer.linear2(functional.gelu(layer.linear1(layer.norm2(rows))))
    logits = decoder.last(rows) @ table.T / width**0.5 + usual
    return [-logits[place].log_softmax(0)[token] for place, token in enumerate(tokens)]


@pytest.mark.parametrize("args", [{"width": 0}, {"width": 6, "layers": 2}, {}, {"length": 2}])
def test_agrees_with_a_loop_over_tokens(make_batch, same_loss, args):
    batch = make_batch(dimensions=8)
    batch = replace(batch, views=torch.randn(1, 6, 8, dtype=torch.float64))
    loss = build_loss("denoise", tied=True, **args)
    loss(batch)
    loss.double()
    usual = torch.log_softmax(torch.log(torch.bincount(batch.tokens[batch.tokens >= 0], minlength=11) + 1.0), 0)

    def slow(batch):
        terms = []
        for row in range(6):
            for view, own in ((batch.anchors, 0), (batch.positives, 1), (batch.views[0], 0)):
                tokens = [token for token in batch.tokens[row, own].tolist()[: loss.length] if token >= 0]
                found = written(loss, view[row], tokens, batch.token_vectors, usual.double())
                terms += [(batch.weights[row], one) for one in found]
        return sum(weight * one for weight, one in terms) / sum(weight for weight, _ in terms)

    # Float32 where the usual frequencies are kept.
    wanted, found = slow(batch), loss(batch)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    leaves = [batch.anchors, batch.positives, batch.token_vectors, *loss.parameters()]
    for one in leaves[:3]:
        one.requires_grad_()
    ours, theirs = (
        torch.autograd.grad(of(batch), leaves, allow_unused=True, materialize_grads=True) for of in (loss, slow)
    )
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, rtol=1e-6, atol=1e-8)


def test_token_vectors_learn_from_the_vector_alone_where_they_are_not_tied(make_batch):
    batch = make_batch(dimensions=8)
    token_vectors, anchors = batch.token_vectors.requires_grad_(), batch.anchors.requires_grad_()
    build_loss("denoise")(batch).backward()
    assert token_vectors.grad is None and anchors.grad.any()
    build_loss("denoise", tied=True)(batch).backward()
    assert token_vectors.grad.any()


def test_it_starts_near_how_often_tokens_occur(make_batch):
    """Before anything is learnt, guesses are hardly better or worse than frequencies."""
    counts = torch.tensor([1000, 100, 10, 1])
    usual = Vocabulary(4, 6, counts, 0).usual
    torch.testing.assert_close(usual.exp(), (counts + 1) / (counts + 1).sum())
    loss = build_loss("denoise")
    value = loss(replace(make_batch(dimensions=8), weights=None))
    assert abs(loss.gauges["saved"]) < 0.02 * value


@pytest.fixture
def corpus():
    """Forty texts of 6 tokens of 30, their vectors counts of tokens, and the tokens' own vectors."""
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 30, (40, 1, 6), generator=draw).expand(40, 2, 6)
    vectors = functional.one_hot(tokens[:, 0], 30).sum(1).float()
    return EmbeddingBatch(
        anchors=vectors, positives=vectors, tokens=tokens, token_vectors=torch.randn(30, 8, generator=draw)
    )


def learnt(batch, steps=60):
    """Losses and accuracies by step."""
    loss = build_loss("denoise", width=32)
    loss(batch)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-2)
    curve = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(batch)
        value.backward()
        optimizer.step()
        curve.append((value.item(), loss.gauges["accuracy"].item(), loss.gauges["saved"].item()))
    return loss, curve


def test_the_decoder_learns_to_write_from_the_vector(corpus):
    loss, curve = learnt(corpus)
    assert curve[-1][0] < 0.3 * curve[0][0] and curve[-1][1] > 0.9 > 0.3 > curve[0][1]
    assert curve[-1][0] + curve[-1][2] == pytest.approx(curve[0][0] + curve[0][2], rel=1e-5)
    # Told another text's vector, it writes that one.
    loss(replace(corpus, anchors=corpus.anchors.roll(1, 0), positives=corpus.positives.roll(1, 0)))
    assert loss.gauges["accuracy"] < 0.3


def test_accuracy_is_the_share_of_tokens_that_are_likeliest(make_batch):
    batch = replace(make_batch(dimensions=8), weights=None)
    loss = build_loss("denoise")
    loss(batch)
    loss.double()(batch)
    usual = loss.heads["vocabulary"].usual.double()
    hits = []
    for row in range(6):
        for view, own in ((batch.anchors, 0), (batch.positives, 1)):
            tokens = [token for token in batch.tokens[row, own].tolist() if token >= 0]
            for place, token in enumerate(tokens):
                # A token is the likeliest where no other in its place would have been missed by less.
                others = [[*tokens[:place], other] for other in range(11)]
                misses = [written(loss, view[row], one, batch.token_vectors, usual)[-1] for one in others]
                hits.append(int(torch.stack(misses).argmin()) == token)
    assert loss.gauges["accuracy"].item() == pytest.approx(sum(hits) / len(hits))


def test_a_text_without_tokens_counts_for_nothing(make_batch):
    batch = replace(make_batch(dimensions=8), weights=None)
    empty = batch.tokens.clone()
    empty[2] = -1
    loss = build_loss("denoise")
    loss(batch)
    rest = [0, 1, 3, 4, 5]
    part = replace(
        batch, anchors=batch.anchors[rest], positives=batch.positives[rest], tokens=batch.tokens[rest], negatives=None
    )
    torch.testing.assert_close(loss(replace(batch, tokens=empty)), loss(part))
    nothing = loss(replace(batch, tokens=torch.full_like(empty, -1)))
    assert nothing == 0


def test_large_vocabularies_are_never_multiplied_with_all_tokens_at_once(make_batch, monkeypatch):
    """A tile of one row and three columns gives what one tile gives."""
    batch, loss = make_batch(dimensions=8), build_loss("denoise")
    value, accuracy = loss(batch), loss.gauges["accuracy"]
    monkeypatch.setattr("embedtune.losses.shared.tiles.TILE", 3)
    monkeypatch.setattr("embedtune.losses.shared.tiles.KEPT_VALUES", 0)
    again = loss(batch)
    torch.testing.assert_close(again, value)
    assert loss.gauges["accuracy"] == accuracy


def test_without_tokens_it_says_what_is_missing(make_batch):
    with pytest.raises(ConfigError, match="needs the tokens of the texts"):
        build_loss("denoise")(replace(make_batch(), tokens=None))
