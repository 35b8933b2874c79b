"""How fast a run learns: tokens, and operations of the model, per second of training."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.distributed import ranks, totals
from embedtune.models.encoder import Encoder
from embedtune.models.speed.frozen_layers import layers_of
from embedtune.training.step.adapter import ObjectiveAdapter


@dataclass(frozen=True)
class TrainingFlops:
    """Operations of a forward and a backward pass, without what is computed twice to save memory.

    Per weight and token: two forward; backward two for the gradient of the input and, where the weight learns, two for
    its own. Attention multiplies each token with every token of its text, twice forward and four times backward;
    windows and causal masks, which skip some of that, are not taken into account.

    Source: Chowdhery et al. 2022, arXiv:2204.02311, appendix B, and Kaplan et al. 2020, arXiv:2001.08361, section 2.1.

    Args:
        per_token: operations per token.
        per_pair: operations per pair of tokens of one text, a token with itself included.
    """

    per_token: float
    per_pair: float

    def of(self, lengths: np.ndarray) -> float:
        """Operations for texts of these lengths (n,).

        >>> TrainingFlops(6.0, 12.0).of(np.array([1, 2]))
        78.0
        """
        return float(self.per_token * lengths.sum() + self.per_pair * np.square(lengths).sum())


def training_flops(encoder: Encoder, frozen: int = 0, *, begun: bool = False) -> TrainingFlops | None:
    """The operations of an encoder, without its token embeddings; None for one that multiplies no matrices.

    Args:
        encoder: as it learns.
        frozen: its first layers, through which no gradient passes.
        begun: whether their output is known, so that they are not computed at all.
    """
    if not encoder.has_products:
        return None
    tables = {id(part.weight) for part in encoder.model.modules() if isinstance(part, nn.Embedding)}
    weights = [one for one in encoder.model.parameters() if id(one) not in tables]
    every = sum(one.numel() for one in weights)
    learning = sum(one.numel() for one in weights if one.requires_grad)
    config = encoder.model.config
    lower = sum(one.numel() for layer in layers_of(encoder.model)[:frozen] for one in layer.parameters())
    computed = every - lower if begun else every
    layers, heads = (getattr(config, name, 0) or 0 for name in ("num_hidden_layers", "num_attention_heads"))
    width = heads * (getattr(config, "head_dim", 0) or 0) or getattr(config, "hidden_size", 0) or 0
    per_token = 2 * computed + 2 * (every - lower) + 2 * learning
    per_pair = 12 * (layers - frozen) + (0 if begun else 4 * frozen)
    return TrainingFlops(per_token=per_token, per_pair=per_pair * width)


class Pace(TrainerCallback):
    """Times steps, including the making of their batches and excluding evaluations and checkpoints.

    Tokens are those of distinct texts, each counted once, without padding; of several processes, those of all together.

    Args:
        adapter: knows the lengths of the last batch.
        flops: of the encoder; None if it multiplies no matrices.
        peak: the most operations per second of the device; None if not measured.
        clock: in seconds.
    """

    def __init__(
        self,
        adapter: ObjectiveAdapter,
        flops: TrainingFlops | None,
        peak: float | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._adapter, self._flops, self._peak, self._clock = adapter, flops, peak, clock
        self._since = clock()
        self._seconds, self._tokens, self._operations = 0.0, 0.0, 0.0
        self._last: dict[str, float] = {}

    @property
    def tokens_per_s(self) -> float:
        """Over all steps."""
        return self._tokens / self._seconds if self._seconds else 0.0

    @property
    def flops_per_s(self) -> float | None:
        """Over all steps; None if the encoder multiplies no matrices."""
        if self._flops is None:
            return None
        return self._operations / self._seconds if self._seconds else 0.0

    @property
    def share_of_peak(self) -> float | None:
        """Over all steps; None if there is no peak to compare with."""
        return None if self._peak is None or self.flops_per_s is None else self.flops_per_s / (self._peak * ranks())

    def gauges(self) -> dict[str, float]:
        """The pace of the last step, for the log."""
        return self._last

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count the step that has just ended."""
        seconds = max(self._clock() - self._since, 1e-9)
        lengths = self._adapter.lengths
        tokens, operations = totals([lengths.sum(), 0.0 if self._flops is None else self._flops.of(lengths)])
        self._seconds, self._tokens = self._seconds + seconds, self._tokens + tokens
        self._operations += operations
        self._last = {"pace.tokens_per_s": round(tokens / seconds, 1)}
        if self._flops is not None:
            self._last["pace.flops_per_s"] = float(f"{operations / seconds:.4g}")
        self._since = self._clock()

    def _rest(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._since = self._clock()

    on_epoch_begin = on_evaluate = on_save = _rest
