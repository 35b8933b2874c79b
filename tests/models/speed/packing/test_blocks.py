"""Attention in blocks against products and a softmax written out, in float64, with gradients and dropout."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from embedtune.models.speed.packing import blocks
from embedtune.models.speed.packing.attention import packed_attention
from embedtune.models.speed.packing.band import Band
from embedtune.models.speed.packing.blocks import attention_in_blocks
from embedtune.models.speed.packing.laid import Laid, laid_now

MULTIPLIES = "embedtune.models.speed.precision.multiplies_bf16"
SIZES = [0, 2 * 5 * 5 * 8, 10**9]  # one head in a block, two, all


def rows(length: int = 5, width: int = 3, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Query, key and value of three texts and two heads, laid out as projections give them."""
    one = torch.Generator().manual_seed(0)
    made = [torch.randn(3, length, 2, width, generator=one, dtype=dtype).transpose(1, 2) for _ in range(3)]
    return [x.requires_grad_() for x in made]


def written_out(query: Tensor, key: Tensor, value: Tensor, scaling: float) -> Tensor:
    scores = scaling * torch.einsum("thqd,thkd->thqk", query, key)
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return torch.einsum("thqk,thkd->thqd", weights, value)


@pytest.mark.parametrize("size", SIZES)
def test_as_written_out_whatever_the_size_of_a_block(size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    given = rows()
    found, expected = attention_in_blocks(*given, 0.7), written_out(*given, 0.7)
    torch.testing.assert_close(found, expected)
    towards = torch.randn(found.shape, dtype=found.dtype)
    ours, theirs = (torch.autograd.grad((x * towards).sum(), given) for x in (found, expected))
    torch.testing.assert_close(ours, theirs)
    with torch.inference_mode():
        torch.testing.assert_close(attention_in_blocks(*given, 0.7), expected.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_scores_beyond_the_range_of_their_powers_are_weighed_as_well(dtype: torch.dtype):
    """Up to 400, of either sign; in float16, powers of two end at 15."""
    query, key, value = rows(dtype=torch.float32)
    for scale in (20.0, 200.0):
        expected = nn.functional.scaled_dot_product_attention(query.double(), key.double(), value.double(), scale=scale)
        with torch.inference_mode():
            found = attention_in_blocks(query.to(dtype), key.to(dtype), value.to(dtype), scale)
        assert found.isfinite().all()
        if dtype == torch.float32:
            torch.testing.assert_close(found, expected.detach().float(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", SIZES)
def test_gradients_pass_through_the_weights_that_were_kept(size: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)

    def seeded(*given: Tensor) -> Tensor:
        torch.manual_seed(3)
        return attention_in_blocks(*given, 0.7, dropout=0.4)

    assert torch.autograd.gradcheck(seeded, rows(length=4))
    torch.testing.assert_close(seeded(*rows()), seeded(*rows()))


def test_weights_are_dropped_and_the_others_scaled_up():
    query, key, _ = rows(length=40, width=40)
    each = torch.eye(40, dtype=torch.float64).expand(3, 2, 40, 40)  # so that the result is the weights
    torch.manual_seed(0)
    found, whole = attention_in_blocks(query, key, each, 0.1, dropout=0.25), written_out(query, key, each, 0.1)
    kept = found != 0
    torch.testing.assert_close(found[kept], whole[kept] / 0.75)
    assert abs(kept.double().mean() - 0.75) < 5 * (0.25 * 0.75 / kept.numel()) ** 0.5  # five standard errors


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("most", [4, 1024])
def test_texts_in_bf16_go_through_blocks_where_the_processor_multiplies_it(
    trains: bool, most: int, monkeypatch: pytest.MonkeyPatch
):
    """Up to a length, and only where each token sees its whole text."""
    monkeypatch.setattr(MULTIPLIES, lambda device: True)
    monkeypatch.setattr("embedtune.models.speed.packing.attention.PLAIN_UP_TO", most)
    lengths: list[int] = []

    def watched(query: Tensor, *others: Any) -> Tensor:
        lengths.append(query.shape[2])
        return attention_in_blocks(query, *others)

    monkeypatch.setattr("embedtune.models.speed.packing.attention.attention_in_blocks", watched)
    laid = Laid.of(torch.tensor([0, 5, 9, 10]), (5, 4, 1))
    made = [torch.randn(1, 10, 2, 8).transpose(1, 2).requires_grad_() for _ in range(3)]
    for band in (Band(9, 9), Band(9, 0)):
        expected = torch.cat(
            [
                nn.functional.scaled_dot_product_attention(q, k, v, is_causal=band.right == 0)
                for q, k, v in zip(*(x.split([5, 4, 1], dim=2) for x in made), strict=True)
            ],
            dim=2,
        ).transpose(1, 2)
        with torch.inference_mode(not trains), laid_now(laid), torch.autocast("cpu", torch.bfloat16):
            found, _ = packed_attention(nn.Identity(), *made, band)
        assert found.dtype == torch.bfloat16
        assert torch.cosine_similarity(found.float().flatten(), expected.flatten(), dim=0) > 0.9998
        if trains:
            towards = torch.randn(found.shape)
            ours, theirs = (torch.autograd.grad((x.float() * towards).sum(), made) for x in (found, expected))
            for mine, yours in zip(ours, theirs, strict=True):
                assert torch.cosine_similarity(mine.flatten(), yours.flatten(), dim=0) > 0.9995
    assert lengths == [length for length in (5, 4, 1) if length <= most]
