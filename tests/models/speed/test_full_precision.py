"""With products in bf16, losses and gradients stay those of float32, for every family; with all in bf16 they do not."""

from collections.abc import Callable

import pytest
import torch
from families import FAMILIES
from torch import Tensor, nn

from embedtune.models.encode.tokenizer import Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.speed.precision import multiplying

Family = Callable[[str], Encoder]
CLOSE = 0.9995


def loss_of(vectors: Tensor) -> Tensor:
    """InfoNCE of the first half against the second, in float32."""
    anchors, positives = nn.functional.normalize(vectors.float()).chunk(2)  # (6, D)
    return nn.functional.cross_entropy(anchors @ positives.T / 0.05, torch.arange(len(anchors)))


def gradient(encoder: Encoder, texts: tuple[str, ...], precision: str) -> tuple[float, Tensor, Tensor]:
    """The loss, the gradient of all weights in one row, and the vectors."""
    features = Tokenizer(encoder).tokenize(texts, "query").features(range(len(texts)))
    weights = [weight for weight in encoder.model.parameters() if weight.requires_grad]
    with multiplying(precision, "cpu"):
        vectors = forward(encoder.model, features)
    loss = loss_of(vectors)
    parts = torch.autograd.grad(loss, weights, allow_unused=True)
    return loss.item(), torch.cat([part.float().flatten() for part in parts if part is not None]), vectors


def cosine(one: Tensor, other: Tensor) -> float:
    return torch.cosine_similarity(one.double(), other.double(), dim=0).item()


@pytest.mark.parametrize("name", FAMILIES)
def test_products_in_bf16_give_the_gradients_of_float32(name: str, family: Family, texts: tuple[str, ...]):
    encoder = family(name)
    if name == "t5":
        # Its attention divides by nothing: with weights this large, scores of hundreds, rounded by bf16 to a unit.
        encoder = encoder.on("cpu")
        for weight in encoder.model.requires_grad_(True).parameters():
            weight.data.mul_(1 / 3 if weight.dim() == 2 else 1)
    loss, whole, vectors = gradient(encoder, texts, "fp32")
    halves_loss, halves, halves_vectors = gradient(encoder, texts, "bf16")
    assert cosine(whole, halves) > CLOSE
    assert halves_loss == pytest.approx(loss, rel=5e-3)
    assert halves_vectors.dtype == torch.float32  # what is pooled has not been rounded
    assert not torch.equal(vectors, halves_vectors)


@pytest.mark.parametrize("name", ["qwen3", "llama"])
def test_a_large_residual_does_not_swallow_what_layers_add(name: str, family: Family, texts: tuple[str, ...]):
    encoder = family(name).on("cpu")
    encoder.model.requires_grad_(True)
    encoder.model.transformers_model.embed_tokens.weight.data.mul_(100)  # each layer adds a hundredth to the stream
    _, whole, _ = gradient(encoder, texts, "fp32")
    _, halves, _ = gradient(encoder, texts, "bf16")
    encoder.model.to(torch.bfloat16)
    _, all_halves, _ = gradient(encoder, texts, "fp32")
    assert cosine(whole, halves) > CLOSE
    assert cosine(whole, all_halves) < 0.99


@pytest.mark.parametrize("name", ["bert", "electra", "albert", "mpnet"])
def test_norms_take_and_give_float32(name: str, family: Family, texts: tuple[str, ...]):
    model = family(name).model
    seen: list[torch.dtype] = []
    hooks = [
        module.register_forward_hook(lambda module, given, found: seen.append(found.dtype))
        for module in model.modules()
        if isinstance(module, nn.LayerNorm)
    ]
    gradient(family(name), texts, "bf16")
    for hook in hooks:
        hook.remove()
    assert len(seen) >= len(hooks) > 0 and set(seen) == {torch.float32}


@pytest.mark.parametrize("within", [False, True])
def test_layers_after_pooling_are_in_float32_and_the_model_is_left_alone(
    within: bool, bert: Encoder, texts: tuple[str, ...]
):
    from sentence_transformers.base.modules import Dense

    model = bert.model.eval().append(Dense(32, 16))
    kinds = [type(module) for module in model.modules()]
    pooled: list[Tensor] = []
    model[1].register_forward_hook(lambda module, given, found: pooled.append(found["sentence_embedding"]))
    features = Tokenizer(bert).tokenize(texts, "query").features(range(12))
    if within:  # as the trainer opens it
        model.forward = torch.autocast("cpu", torch.bfloat16)(model.forward)
    with torch.no_grad(), multiplying("fp32" if within else "bf16", "cpu"):
        vectors = forward(model, features)
    with torch.no_grad():
        expected = torch.tanh(model[2].linear(pooled[-1]))[features["places"]]  # (12, 16)
    torch.testing.assert_close(vectors, expected)
    assert [type(module) for module in model.modules()] == kinds
