"""Dropout has its probability and its mean exactly, repeats with torch's generator, and leaves the model as it was."""

import copy

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from embedtune.models.speed.dropout import drop, fast_dropout


@pytest.fixture(autouse=True)
def _none_too_few(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("embedtune.models.speed.dropout.FEWEST", 0)


def test_few_values_are_left_to_torch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("embedtune.models.speed.dropout.FEWEST", 100)
    drawn = []
    for draw in (lambda: drop(torch.ones(99), 0.3), lambda: nn.functional.dropout(torch.ones(99), 0.3)):
        torch.manual_seed(4)
        drawn.append(draw())
    assert torch.equal(*drawn)


TYPES = [torch.float32, torch.bfloat16, torch.float64]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_share_dropped_and_the_mean(probability: float, dtype: torch.dtype):
    torch.manual_seed(0)
    count = 600_000  # more than is drawn at once
    found = drop(torch.ones(count, dtype=dtype), probability)
    share = (found == 0).double().mean().item()
    # Five standard errors.
    assert abs(share - probability) < 5 * (probability * (1 - probability) / count) ** 0.5
    kept = found[found != 0].double()
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - probability)), rtol=5e-3, atol=0)
    if dtype != torch.bfloat16:
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - probability)), rtol=2e-4, atol=0)


def test_every_place_is_as_likely_and_neighbours_are_independent():
    torch.manual_seed(1)
    dropped = torch.stack([drop(torch.ones(64), 0.25) for _ in range(4_000)]) == 0  # (8000, 64)
    assert (dropped.double().mean(0) - 0.25).abs().max() < 5 * (0.25 * 0.75 / 4_000) ** 0.5
    together = torch.corrcoef(dropped.double().T) - torch.eye(64)  # (64, 64)
    assert together.abs().max() < 5 / 4_000**0.5


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(7,), (0,), (3, 5, 4), ()])
def test_gradients_pass_where_values_were_kept(shape: tuple[int, ...], dtype: torch.dtype):
    torch.manual_seed(2)
    values = torch.randn(shape, dtype=dtype).add(3).requires_grad_()
    found = drop(values, 0.4)
    gradient = torch.randn(shape, dtype=dtype)
    found.backward(gradient)
    kept, scale = found != 0, 65_536 / (65_536 - round(0.4 * 65_536))
    torch.testing.assert_close(found, torch.where(kept, values * scale, 0.0))
    torch.testing.assert_close(values.grad, torch.where(kept, gradient * scale, 0.0))


def test_laid_out_otherwise_it_is_the_same():
    values = torch.arange(1.0, 13.0).view(3, 4).T
    for dtype in TYPES:
        found = drop(values.to(dtype), 0.5)
        kept = found != 0
        torch.testing.assert_close(found[kept], 2 * values.to(dtype)[kept])


def test_the_seed_repeats_it_and_another_does_not():
    def draw(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([drop(torch.ones(1000), 0.3) for _ in range(2)])

    assert torch.equal(draw(5), draw(5)) and not torch.equal(draw(5), draw(6))
    assert not torch.equal(*draw(5).chunk(2))


@pytest.mark.parametrize("reentrant", [True, False])
def test_what_is_computed_again_going_backward_drops_the_same(reentrant: bool):
    values = torch.ones(1000, requires_grad=True)
    found = checkpoint(lambda given: drop(given, 0.3), values, use_reentrant=reentrant)
    drop(torch.ones(10), 0.3)  # moves the generator on in between
    found.sum().backward()
    assert torch.equal(values.grad, found.detach())


@pytest.mark.parametrize("probability", [0.0, 1.0, 1e-9])
def test_nothing_or_all(probability: float):
    found = drop(torch.ones(100), probability)
    assert torch.equal(found, torch.full((100,), 1.0 - round(probability)))


class Attention(nn.Module):
    """Keeps its probability as some models do."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_dropout = 0.2


def model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.3), nn.Sequential(nn.Dropout(0.5)), Attention())


def probabilities(given: nn.Sequential) -> list[float]:
    return [given[1].p, given[2][0].p, given[3].attention_dropout]


@pytest.mark.parametrize(("asked", "expected"), [(None, [0.3, 0.5, 0.2]), (0.0, [0.0] * 3), (0.25, [0.25] * 3)])
def test_for_the_time_being(asked: float | None, expected: list[float]):
    given = model()
    with pytest.raises(KeyError), fast_dropout(given, asked):
        assert probabilities(given) == expected
        assert isinstance(given[1], nn.Dropout) and type(given[1]) is not nn.Dropout
        raise KeyError
    assert probabilities(given) == [0.3, 0.5, 0.2] and type(given[1]) is type(given[2][0]) is nn.Dropout


def test_a_model_drops_in_training_only_and_a_copy_can_be_made_meanwhile():
    given, values = nn.Sequential(nn.Dropout(0.5)), torch.ones(1000)
    with fast_dropout(given):
        torch.manual_seed(3)
        found = given(values)
        torch.manual_seed(3)
        assert torch.equal(found, drop(values, 0.5)) and (found == 0).any()
        other = copy.deepcopy(given).eval()
        assert torch.equal(other(values), values)
    assert torch.equal(given.eval()(values), values)


def test_a_whole_run_with_dropout_off_is_deterministic(bert):
    from embedtune.models.encode.tokenizer import Tokenizer, forward

    bert.model.train()
    features = Tokenizer(bert).tokenize(("a b c", "한 글"), "query").features([0, 1])
    with fast_dropout(bert.model, 0.0):
        assert torch.equal(forward(bert.model, features), forward(bert.model, features))
    assert not torch.equal(forward(bert.model, features), forward(bert.model, features))
