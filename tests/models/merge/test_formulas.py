"""Mixtures of tensors against the same formulas written in NumPy, and their bounds."""

import numpy as np
import pytest
import torch

from embedtune.models.merge.formulas import FORMULAS, mixed


def drawn(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(4, 5)).astype(np.float32) for _ in range(count)]


def in_numpy(
    method: str, first: np.ndarray, others: list[np.ndarray], weights: list[float], alpha: float
) -> np.ndarray:
    if method == "task":
        return first + alpha * np.tensordot(weights, np.stack(others) - first, axes=1)
    second = np.average(np.stack(others), axis=0, weights=weights)
    if method == "linear":
        return first + alpha * (second - first)
    a, b = first.ravel() / np.linalg.norm(first), second.ravel() / np.linalg.norm(second)
    angle = np.arctan2(np.linalg.norm(b - (a @ b) * a), a @ b)
    return (np.sin((1 - alpha) * angle) * first + np.sin(alpha * angle) * second) / np.sin(angle)


@pytest.mark.parametrize("method", FORMULAS)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_agrees_with_numpy(method: str, alpha: float) -> None:
    first, *others = drawn(2 if method == "slerp" else 4)
    weights = [1.0, 2.0, 0.5][: len(others)]
    tensors = [torch.from_numpy(one) for one in others]
    value = mixed(method, torch.from_numpy(first), tensors, weights, alpha)
    assert value.dtype == torch.float32
    np.testing.assert_allclose(value.numpy(), in_numpy(method, first, others, weights, alpha), atol=1e-6)


@pytest.mark.parametrize("method", FORMULAS)
def test_ends_are_the_models(method: str) -> None:
    first, second = map(torch.from_numpy, drawn(2))
    torch.testing.assert_close(mixed(method, first, [second], [1.0], 0.0), first)
    torch.testing.assert_close(mixed(method, first, [second], [1.0], 1.0), second)


def test_an_arc_keeps_the_length_where_a_line_shortens() -> None:
    first, second = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    assert float(mixed("slerp", first, [second], [1.0], 0.5).norm()) == pytest.approx(3.0)
    assert float(mixed("linear", first, [second], [1.0], 0.5).norm()) == pytest.approx(3.0 / 2**0.5)


def test_parallel_and_empty_tensors_are_mixed_along_the_line() -> None:
    one = torch.tensor([1.0, 2.0])
    torch.testing.assert_close(mixed("slerp", one, [3 * one], [1.0], 0.5), 2 * one)
    torch.testing.assert_close(mixed("slerp", 0 * one, [one], [1.0], 0.25), 0.25 * one)


def test_whole_numbers_are_those_of_the_first() -> None:
    positions = torch.arange(4)
    assert mixed("linear", positions, [positions + 7], [1.0], 0.5) is positions
