"""Backward passes for those texts of a batch only whose vectors have most of its gradient.

As in gradient caching, all texts are encoded without activations first, and the objective gives the gradient of each
vector. A few texts have nearly all of it: near the end of learning, and from the start with a good encoder. The texts
with the smallest gradients are left out whole; the others are packed again into fewer batches and encoded a second
time, with the dropout of the first. Where r of the tokens remain, a step costs 1 + 3 r forward passes, instead of 3
where everything is held and 4 where everything is encoded twice.

Source: the first pass is that of Gao et al. 2021, arXiv:2101.06983, algorithm 1; choosing whom to give a backward pass
is in Jiang et al. 2019, arXiv:1910.00762. They choose rows by their loss, and at random; here no chance decides, and
the gradient that is left out is bounded.

Bounds: let g be the gradients of all U vectors, as one vector of U * D numbers, and h those left out; then norm(h) <=
below * norm(g). The gradient of the weights is off by the product of h with the Jacobian J of the vectors by the
weights: by at most below * norm(g) times the largest singular value of J.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding

from embedtune.errors import ConfigError
from embedtune.models.encode.tokenizer import SAMPLE, Tokenizer, forward
from embedtune.models.encoder import in_mode
from embedtune.models.speed.packing.repacked import PackedTexts, is_packed, kind_of
from embedtune.models.speed.text_draws import drawn_by_text
from embedtune.training.step.gradcache import encode_micro_batches

REPEATS = 1e-3
"""Largest relative change of a vector from one batch to another; other dropout changes it by a tenth and more."""


class SecondPass:
    """Encodes the texts of each batch, and again those whose gradients count.

    Of several processes, each leaves out texts of its own, within the same share of its own gradient; so the bound
    holds for the whole batch.

    Args:
        below: the most that may be left out, as a share of the norm of all gradients together; 0 to 1.
    """

    def __init__(self, below: float) -> None:
        self.below = below
        self._gauges: dict[str, float] = {}

    def columns(self, model: nn.Module, micro_batches: Sequence[Mapping[str, Tensor]], places: Tensor) -> list[Tensor]:
        """The vectors of a batch by column, C of (B, D); arguments as of `encode_micro_batches`."""
        if not all(map(is_packed, micro_batches)):  # a text without any token, which has no place among others
            return encode_micro_batches(model, micro_batches, places, 0)
        texts = SeededTexts(model, micro_batches)
        switch = torch.ones((), requires_grad=True)  # a function without such an input has no backward pass
        return list(embedding(places, _EncodedTwice.apply(switch, texts, self._chosen)).unbind(dim=1))

    def gauges(self) -> dict[str, float]:
        """What the last backward pass left out: shares of the gradient's norm, of the texts and of their tokens."""
        return self._gauges

    def _chosen(self, gradient: Tensor, lengths: np.ndarray) -> np.ndarray:
        """The texts that are encoded again, by the gradient (U, D) of their vectors: numbers (c,)."""
        norms = gradient.float().norm(dim=1).double().cpu().numpy()  # (U,)
        left = least(norms, self.below)  # (U,)
        whole = float(np.linalg.norm(norms))
        self._gauges = {
            "skipped.gradient": float(np.linalg.norm(norms[left])) / whole if whole > 0 else 0.0,
            "skipped.texts": float(left.mean()),
            "skipped.tokens": float(lengths[left].sum() / lengths.sum()),
        }
        return np.flatnonzero(~left)


def least(norms: np.ndarray, below: float) -> np.ndarray:
    """As many of the smallest norms (U,) as stay, together, within a share of all: (U,) bool.

    Never the largest one, so that every weight has a gradient, and none where one is not finite, which others must see.

    >>> least(np.array([3.0, 0.1, 4.0, 0.2]), 0.05).tolist()
    [False, True, False, True]
    """
    squares = np.square(norms)  # (U,)
    left = np.zeros(len(norms), dtype=bool)  # (U,)
    if np.isfinite(squares.sum()):
        order = np.argsort(squares, kind="stable")  # (U,)
        within = np.cumsum(squares[order]) <= below**2 * squares.sum()  # (U,)
        left[order[:-1]] = within[:-1]
    return left


class SeededTexts:
    """The U texts of a batch, each with the seed of its dropout, so that it can be encoded again in other company.

    Args:
        model: in training.
        batches: packed features.
    """

    def __init__(self, model: nn.Module, batches: Sequence[Mapping[str, Tensor]]) -> None:
        self._model, self._batches = model, batches
        self._sizes = [len(one["places"]) for one in batches]
        # Of torch's own generator, whose state is in every checkpoint.
        self._seeds = torch.randint(2**62, (sum(self._sizes),)).numpy()  # (U,)
        self.lengths = np.concatenate([PackedTexts([one]).lengths for one in batches])  # (U,)
        self.device = batches[0]["input_ids"].device

    def encoded(self) -> Tensor:
        """Their vectors (U, D), batch by batch."""
        parts = np.split(self._seeds, np.cumsum(self._sizes)[:-1])
        return torch.cat([self._vectors(one, seeds) for one, seeds in zip(self._batches, parts, strict=True)])

    def again(self, chosen: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Some of them (c,), packed again into batches no larger than the largest was.

        Yields: numbers (n,) of texts, and their vectors (n, D).
        """
        most = max(one["input_ids"].numel() for one in self._batches)
        firsts = np.cumsum([0, *self._sizes[:-1]])
        for group in self._groups():
            numbers = np.concatenate([firsts[one] + np.arange(self._sizes[one]) for one in group])  # (u,)
            texts = PackedTexts([self._batches[one] for one in group])
            wanted = np.flatnonzero(np.isin(numbers, chosen))  # (w,)
            for part in _cut(wanted, texts.lengths, most):
                yield numbers[part], self._vectors(texts.features(part.tolist()), self._seeds[numbers[part]])

    def _groups(self) -> list[list[int]]:
        """Batches whose texts may be packed together."""
        groups: dict[Any, list[int]] = {}
        for number, one in enumerate(self._batches):
            groups.setdefault(kind_of(one), []).append(number)
        return list(groups.values())

    def _vectors(self, features: Mapping[str, Any], seeds: np.ndarray) -> Tensor:
        """The vectors (n, D) of a batch whose texts have these seeds (n,)."""
        in_row = seeds[np.argsort(features["places"].cpu().numpy())]  # (n,)
        with drawn_by_text(in_row.tolist(), features["packed_lengths"]):
            return forward(self._model, features)


def _cut(texts: np.ndarray, lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Some texts (w,), longest first, in batches of at most so many tokens."""
    batch: list[int] = []
    tokens = 0
    for text in texts[np.argsort(-lengths[texts], kind="stable")].tolist():
        if batch and tokens + lengths[text] > most:
            yield np.array(batch)
            batch, tokens = [], 0
        batch.append(text)
        tokens += lengths[text]
    if batch:
        yield np.array(batch)


class _EncodedTwice(torch.autograd.Function):
    """The vectors (U, D) of texts; backward, some of them are encoded again and pass their gradients on."""

    @staticmethod
    def forward(
        context: Any, switch: Tensor, texts: SeededTexts, chosen: Callable[[Tensor, np.ndarray], np.ndarray]
    ) -> Tensor:
        context.texts, context.chosen, kind = texts, chosen, texts.device.type
        context.products = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        return texts.encoded()

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[None, None, None]:
        texts, dtype = context.texts, context.products
        chosen = context.chosen(gradient, texts.lengths)
        with torch.enable_grad(), torch.autocast(texts.device.type, dtype, enabled=dtype is not None):
            for numbers, vectors in texts.again(chosen):
                own = gradient[torch.from_numpy(numbers).to(gradient.device)]  # (n, D)
                torch.autograd.backward(vectors, own.type_as(vectors))
        return None, None, None


def check_repeats(reader: Tokenizer) -> None:
    """Refuse its encoder where that gives a text another vector the second time, whose gradient would be wrong.

    Raises:
        ConfigError: its texts are not packed, or its dropout cannot be drawn text by text.
    """
    if reader.way != "packed":
        reason = reader.reason or "a static encoder computes next to nothing in its second pass"
        raise _refusal(reason, "leave training.skip_below out")
    model, some = reader.encoder.model, SAMPLE[::2]  # no empty one
    from sentence_transformers.util import batch_to_device

    batch = batch_to_device(reader.tokenize(some, "document").features(range(len(some))), model.device)
    with torch.random.fork_rng(devices=[]), torch.no_grad(), in_mode(model, training=True):
        texts = SeededTexts(model, [batch])
        first = texts.encoded()
        [(numbers, second)] = texts.again(np.array([len(first) - 1]))
    before = first[torch.from_numpy(numbers).to(first.device)].float()  # (1, D)
    if not (second.float() - before).norm() <= REPEATS * before.norm():
        raise _refusal(
            "its dropout cannot be drawn text by text, so a text would have another vector in the second pass",
            "add training.dropout=off, or leave training.skip_below out",
        )


def _refusal(reason: str, way_out: str) -> ConfigError:
    return ConfigError(
        f"this encoder cannot skip the backward passes of some texts: {reason}",
        where="training.skip_below",
        next=way_out,
    )
