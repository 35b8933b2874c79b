"""Reference cases made with other implementations, and small random batches with everything a loss may look at."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from embedtune.losses import EmbeddingBatch

FOLDER = Path(__file__).parents[1] / "vectors"
DTYPES = {"float64": torch.float64, "float32": torch.float32}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "reference(file, *starts, containing=text): run once for each case whose id is so"
    )


@cache
def _content(file: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Case:
    """One reference case, its inputs resolved, to be compared in one dtype."""

    name: str
    inputs: dict[str, Any]
    parameters: dict[str, Any]
    expected: dict[str, Any]
    dtype: torch.dtype
    tolerance: dict[str, float]

    def tensor(self, values: Any, requires_grad: bool = True) -> Tensor:
        return torch.tensor(values, dtype=self.dtype).requires_grad_(requires_grad)

    def check(self, value: Tensor, expected: Any) -> None:
        """The value is the expected one within the tolerance that the reference states."""
        torch.testing.assert_close(value.detach(), torch.tensor(expected, dtype=value.dtype), **self.tolerance)

    def check_gradients(self, leaves: dict[str, Tensor]) -> None:
        """So are the gradients, where the reference has them and demands them."""
        for name, leaf in leaves.items():
            if name not in self.expected.get("grad", {}):
                continue
            found = leaf.grad.clone()
            for row in self.expected.get("compare_grad_except", {}).get(name, []):
                found[row] = torch.tensor(self.expected["grad"][name][row], dtype=self.dtype)
            self.check(found, self.expected["grad"][name])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("reference")
    if marker is None:
        return
    file, *starts = marker.args
    content = _content(file)
    cases = [
        Case(
            one["id"],
            _resolved(content["inputs"], one["inputs"]),
            one["parameters"],
            one,
            dtype,
            one[name] or {"rtol": 1e-4, "atol": 1e-5},
        )
        for one in content["cases"]
        if one["id"].startswith(tuple(starts)) and marker.kwargs.get("containing", "") in one["id"]
        for name, dtype in DTYPES.items()
    ]
    metafunc.parametrize("case", cases, ids=[f"{case.name}-{str(case.dtype)[6:]}" for case in cases])


def _resolved(inputs: dict[str, Any], name: str) -> dict[str, Any]:
    found = inputs[name]
    return {**found, **inputs[found["A"]]} if "A" in found else found


@pytest.fixture
def make_batch() -> Callable[..., EmbeddingBatch]:
    """Makes a random batch; texts repeat, rows have unequal numbers of negatives, some positives are known."""
    return _make_batch


def _make_batch(
    size: int = 6, negatives: int = 3, dimensions: int = 7, seed: int = 0, dtype: torch.dtype = torch.float64
) -> EmbeddingBatch:
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=draw, dtype=torch.float64).to(dtype)

    def ids(*shape: int) -> Tensor:
        return torch.randint(-40, 40, shape, generator=draw)

    def like(seed: int) -> EmbeddingBatch:
        """The same rows as another sees them."""
        draw = torch.Generator().manual_seed(seed)
        pair = torch.randn(2, size, dimensions, generator=draw, dtype=torch.float64).to(dtype)
        others = torch.randn(size, negatives, dimensions, generator=draw, dtype=torch.float64).to(dtype)
        return EmbeddingBatch(anchors=pair[0], positives=pair[1], negatives=others if negatives else None)

    mask = torch.rand(size, negatives, generator=draw) < 0.7
    anchors = normal(size, dimensions)
    guide = EmbeddingBatch(
        anchors=normal(size, 5),
        positives=normal(size, 5),
        negatives=normal(size, negatives, 5) if negatives else None,
        queue=normal(4, 5),
    )
    return EmbeddingBatch(
        anchors=anchors,
        positives=anchors + normal(size, dimensions),
        negatives=normal(size, negatives, dimensions) if negatives else None,
        negatives_mask=mask if negatives else None,
        anchor_ids=ids(size),
        positive_ids=ids(size),
        negative_ids=ids(size, negatives) if negatives else None,
        labels=torch.randint(0, 3, (size,), generator=draw),
        teacher_scores=normal(size, 1 + negatives),
        weights=torch.rand(size, generator=draw, dtype=torch.float64).to(dtype) + 0.1,
        grades=torch.arange(size) * 3 % 5 / 4,
        queue=normal(4, dimensions),
        queue_ids=ids(4),
        known_positive_ids=torch.stack([torch.randint(0, size, (9,), generator=draw), ids(9)], dim=1),
        step=3,
        guide=guide,
        teacher=like(1),
        reference=like(2),
        clusters=torch.arange(size) % 3,
        centroids=torch.eye(3, dimensions, dtype=torch.float64).to(dtype),
        tokens=_tokens(size),
        token_vectors=torch.randn(11, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(dtype),
    )


def _tokens(size: int) -> Tensor:
    """Tokens of texts of 1 to 5 of them, -1 after the last."""
    ids = torch.arange(size * 2 * 5).view(size, 2, 5) * 7 % 11
    return ids.where(torch.arange(5) <= torch.arange(size * 2).view(size, 2, 1) % 5, -1)


@pytest.fixture
def with_leaves() -> Callable[[EmbeddingBatch], tuple[EmbeddingBatch, list[Tensor]]]:
    """Turns a batch's vectors into leaves that collect gradients."""
    return _with_leaves


def _with_leaves(batch: EmbeddingBatch) -> tuple[EmbeddingBatch, list[Tensor]]:
    names = [name for name in ("anchors", "positives", "negatives") if getattr(batch, name) is not None]
    leaves = {name: getattr(batch, name).detach().clone().requires_grad_() for name in names}
    return replace(batch, **leaves), list(leaves.values())


@pytest.fixture
def same_loss(with_leaves: Callable) -> Callable[..., None]:
    """Compares a loss with a slow function of the same batch, in value and in gradients."""

    def compare(loss: Callable, slow: Callable, batch: EmbeddingBatch) -> None:
        ours, our_leaves = with_leaves(batch)
        theirs, their_leaves = with_leaves(batch)
        value, expected = loss(ours), slow(theirs)
        torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-11)
        if not value.requires_grad or not expected.requires_grad:
            return
        value.backward()
        expected.backward()
        for our, their in zip(our_leaves, their_leaves, strict=True):
            gradient = torch.zeros_like(their) if their.grad is None else their.grad
            found = torch.zeros_like(our) if our.grad is None else our.grad
            torch.testing.assert_close(found, gradient, rtol=1e-9, atol=1e-10)

    return compare


OTHERS = ("guide", "teacher", "reference")
NOT_BY_ROW = ("queue", "queue_ids", "step", "gathered", "known_positive_ids", "centroids", "token_vectors", *OTHERS)


class Texts:
    """A batch as plain Python objects, for slow references: cosines one by one, identity by sets."""

    def __init__(self, batch: EmbeddingBatch) -> None:
        self.batch = batch
        self.size = len(batch.anchors)
        mask = batch.negatives_mask
        self.negatives = [
            (row, column)
            for row in range(self.size)
            for column in range(0 if batch.negatives is None else batch.negatives.shape[1])
            if mask is None or bool(mask[row, column])
        ]
        self.known = [self._known(row) for row in range(self.size)]

    def _known(self, row: int) -> set[int]:
        batch = self.batch
        anchors, positives = batch.anchor_ids, batch.positive_ids
        known = set()
        if anchors is not None:
            known.add(int(anchors[row]))
        if positives is not None:
            known.add(int(positives[row]))
        if anchors is not None and positives is not None:
            known |= {int(positives[j]) for j in range(self.size) if anchors[j] == anchors[row]}
        if batch.known_positive_ids is not None:
            known |= {int(text) for of, text in batch.known_positive_ids.tolist() if of == row}
        return known

    def is_known(self, row: int, role: str, index: Any) -> bool:
        ids = getattr(self.batch, {"queue": "queue_ids"}.get(role, f"{role[:-1]}_ids"))
        return ids is not None and int(ids[index]) in self.known[row]

    def candidates(self, role: str) -> list[Any]:
        if role == "negatives":
            return self.negatives
        if role == "queue":
            return list(range(0 if self.batch.queue is None else len(self.batch.queue)))
        return list(range(self.size))

    @staticmethod
    def cosine(one: Tensor, other: Tensor) -> Tensor:
        lengths = one.square().sum().sqrt() * other.square().sum().sqrt()
        return (one * other).sum() / lengths

    def mean(self, terms: list[tuple[int, Tensor]]) -> Tensor:
        """Weighted mean of (row, term)."""
        weights = self.batch.weights
        shares = [1.0 if weights is None else weights[row] for row, _ in terms]
        if not terms:
            return self.batch.anchors.sum() * 0
        return sum(share * term for share, (_, term) in zip(shares, terms, strict=True)) / sum(shares)


@pytest.fixture
def as_texts() -> type[Texts]:
    return Texts


@pytest.fixture
def vectors_with_cosines() -> Callable[[Tensor], Tensor]:
    """Turns cosines (...) into plane vectors (..., 2) that have them with (1, 0), differentiably."""
    return lambda cosines: torch.stack([cosines, (1 - cosines.square()).sqrt()], dim=-1)


@pytest.fixture
def permuted() -> Callable[[EmbeddingBatch, list[int]], EmbeddingBatch]:
    """The same batch with its rows in another order."""

    def permute(batch: EmbeddingBatch, order: list[int]) -> EmbeddingBatch:
        moved = {}
        for field in fields(batch):
            value = getattr(batch, field.name)
            if field.name in NOT_BY_ROW or value is None:
                continue
            moved[field.name] = value[:, order] if field.name == "views" else value[order]
        known = batch.known_positive_ids
        if known is not None:
            place = torch.tensor([order.index(row) for row in range(len(order))])
            moved["known_positive_ids"] = torch.stack([place[known[:, 0]], known[:, 1]], dim=1)
        moved |= {name: permute(getattr(batch, name), order) for name in OTHERS if getattr(batch, name) is not None}
        return replace(batch, **moved)

    return permute


@pytest.fixture
def ln() -> Callable[[float], float]:
    return math.log
