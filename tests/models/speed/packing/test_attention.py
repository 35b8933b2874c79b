"""Attention over texts laid end to end against a loop over texts and tokens, gradients included."""

import pytest
import torch
from torch import Tensor, nn

from embedtune.models.speed.packing import attention
from embedtune.models.speed.packing.attention import packed_attention
from embedtune.models.speed.packing.band import Band, band_of
from embedtune.models.speed.packing.laid import Laid, current, laid_now
from embedtune.models.speed.packing.rows import _buckets, attention_in_rows

LENGTHS = [5, 5, 4, 3, 3, 3, 1, 1]
FULL, CAUSAL, WINDOW, ASIDE = Band(99, 99), Band(99, 0), Band(2, 0), Band(1, 2)


def laid(lengths: list[int] = LENGTHS) -> Laid:
    return Laid.of(torch.tensor([0, *lengths]).cumsum(0), lengths)


def heads(number: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    row = torch.randn(1, sum(LENGTHS), number, 8, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return row.transpose(1, 2).requires_grad_()  # as projections give them


def by_loop(query: Tensor, key: Tensor, value: Tensor, band: Band, scaling: float, softcap: float | None) -> Tensor:
    """(1, T, H, d), one token and one head at a time."""
    rows, start = [], 0
    for length in LENGTHS:
        for place in range(length):
            seen = [start + other for other in range(length) if -band.left <= other - place <= band.right]
            for head in range(query.shape[1]):
                shared = head // (query.shape[1] // key.shape[1])
                scores = scaling * key[0, shared, seen] @ query[0, head, start + place]
                if softcap is not None:
                    scores = softcap * torch.tanh(scores / softcap)
                rows.append(scores.softmax(0) @ value[0, shared, seen])
        start += length
    return torch.stack(rows).view(1, -1, query.shape[1], query.shape[3])


@pytest.mark.parametrize("band", [FULL, CAUSAL, WINDOW, ASIDE])
@pytest.mark.parametrize(("shared", "softcap", "scaling"), [(4, None, None), (2, None, 0.5), (4, 1.5, None)])
def test_as_a_loop_does(band: Band, shared: int, softcap: float | None, scaling: float | None):
    rows = [heads(4, 0), heads(shared, 1), heads(shared, 2)]
    with laid_now(laid()):
        found, weights = packed_attention(nn.Identity(), *rows, band, scaling=scaling, softcap=softcap)
    expected = by_loop(*rows, band, scaling or 8**-0.5, softcap)
    assert weights is None and found.shape == (1, sum(LENGTHS), 4, 8)
    torch.testing.assert_close(found, expected)
    towards = torch.randn(found.shape)
    ours, theirs = (torch.autograd.grad((x * towards).sum(), rows) for x in (found, expected))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("band", [FULL, CAUSAL, WINDOW, ASIDE])
def test_in_rows_too(band: Band):
    rows = [heads(4, seed) for seed in range(3)]
    found = attention_in_rows(*rows, band, 0.5, 0.0, laid())
    expected = by_loop(*rows, band, 0.5, None)
    torch.testing.assert_close(found, expected)
    towards = torch.randn(found.shape)
    ours, theirs = (torch.autograd.grad((x * towards).sum(), rows) for x in (found, expected))
    torch.testing.assert_close(ours, theirs)


def test_texts_in_rows_are_filled_up_to_twice_their_length_at_most():
    assert list(_buckets(laid())) == [[5, 5, 4, 3, 3, 3], [1, 1]]
    assert list(_buckets(laid([2, 9, 4, 4, 1]))) == [[2], [9], [4, 4], [1]]
    assert list(_buckets(laid([4]))) == [[4]]


@pytest.mark.parametrize("plain", [0, 3, 5])
@pytest.mark.parametrize("band", [FULL, CAUSAL, WINDOW])
def test_products_in_bf16_stay_close_to_float32(band: Band, plain: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attention, "PLAIN_UP_TO", plain)  # tokens, of at most 5
    rows = [heads(4, seed) for seed in range(3)]
    expected = by_loop(*rows, band, 8**-0.5, None)
    with laid_now(laid()), torch.autocast("cpu", torch.bfloat16):
        found, _ = packed_attention(nn.Identity(), *rows, band)
    towards = torch.randn(found.shape)
    ours, theirs = (torch.autograd.grad((x.float() * towards).sum(), rows) for x in (found, expected))
    for mine, yours in zip((found, *ours), (expected, *theirs), strict=True):
        assert torch.cosine_similarity(mine.float().flatten(), yours.flatten(), dim=0) > 0.9998


@pytest.mark.parametrize("band", [FULL, CAUSAL, WINDOW])
def test_texts_encoded_in_bf16_make_no_matrix_of_their_tokens(band: Band, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(attention, "_plain", lambda *_, **__: pytest.fail("products of all tokens"))
    rows = [heads(4, 0), heads(2, 1), heads(2, 2)]
    with torch.inference_mode(), laid_now(laid()), torch.autocast("cpu", torch.bfloat16):
        found, _ = packed_attention(nn.Identity(), *rows, band)
    expected = by_loop(*rows, band, 8**-0.5, None)
    assert found.dtype == torch.bfloat16
    assert torch.cosine_similarity(found.float().flatten(), expected.flatten(), dim=0) > 0.9998


def test_weights_are_dropped_after_the_softmax(monkeypatch: pytest.MonkeyPatch):
    """All of them at once, and none stands where nothing is seen."""
    seen = []

    def drop(weights: Tensor, probability: float) -> Tensor:
        seen.append((weights, probability))
        return weights * 2

    monkeypatch.setattr(attention, "drop", drop)
    rows = [heads(4, seed) for seed in range(3)]
    with laid_now(laid()):
        found, _ = packed_attention(nn.Identity(), *rows, CAUSAL, dropout=0.25)
    torch.testing.assert_close(found, 2 * by_loop(*rows, CAUSAL, 8**-0.5, None))
    assert [weights.shape for weights, _ in seen] == [(n, 4, length, length) for n, length in laid().groups]
    assert {probability for _, probability in seen} == {0.25}
    assert all(torch.equal(weights.triu(1), torch.zeros_like(weights)) for weights, _ in seen)


def test_texts_of_equal_length_side_by_side_are_taken_together():
    assert laid().groups == ((2, 5), (1, 4), (3, 3), (2, 1))
    assert laid([3, 1, 3]).groups == ((1, 3), (1, 1), (1, 3))
    assert (laid([1, 4, 2]).longest, laid([1, 4, 2]).start_of_longest) == (4, 1)


@pytest.mark.parametrize("name", ["position_bias", "s_aux"])
def test_what_is_not_done_is_refused(name: str):
    rows = [heads(4, seed) for seed in range(3)]
    with laid_now(laid()), pytest.raises(ValueError, match=name):
        packed_attention(nn.Identity(), *rows, FULL, **{name: torch.zeros(1)})
    with laid_now(laid()), pytest.raises(ValueError, match="its own attention mask"):
        packed_attention(nn.Identity(), *rows, None)


def test_outside_of_a_packed_batch_nobody_says_where_texts_lie():
    with pytest.raises(RuntimeError, match="outside"):
        current()


@pytest.mark.parametrize("band", [FULL, CAUSAL, WINDOW, ASIDE, Band(0, 0)])
def test_a_band_is_read_off_a_mask_function(band: Band):
    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key - query <= band.right) & (query - key <= band.left)

    found = band_of(sees, start=7, length=6, device=torch.device("cpu"))
    assert torch.equal(found.mask(6, torch.device("cpu")), band.mask(6, torch.device("cpu")))
    for length in (1, 3, 6):
        mask = found.mask(length, torch.device("cpu"))
        assert found.sees_all(length) == bool(mask.all())
        lower = torch.ones(length, length).tril().bool()
        assert not found.is_causal(length) or torch.equal(mask, lower)


def test_a_mask_lets_those_near_by_be_seen():
    for band in (FULL, CAUSAL, WINDOW, ASIDE):
        expected = [[-band.left <= key - query <= band.right for key in range(5)] for query in range(5)]
        assert band.mask(5, torch.device("cpu")).tolist() == expected


def test_a_mask_that_is_no_band_is_refused():
    with pytest.raises(ValueError, match="nearby"):
        band_of(lambda b, h, q, k: (q - k) % 2 == 0, start=0, length=6, device=torch.device("cpu"))
    assert band_of(lambda *_: torch.tensor(True), start=0, length=3, device=torch.device("cpu")) == Band(2, 2)
