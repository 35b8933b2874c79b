"""How fast a run learns: tokens, and operations of the model, per second of training."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.models.speed.flops import TrainingFlops
from embedtune.training.step.adapter import ObjectiveAdapter

RECENT = 20
"""Steps that the current pace is measured over: a single one depends on the length of its texts."""


class Pace(TrainerCallback):
    """Times steps, including the making of their batches and excluding evaluations and checkpoints.

    Tokens are those of distinct texts, each counted once, without padding.

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
        self._seconds, self._tokens, self._operations = 0.0, 0, 0.0
        self._recent: deque[tuple[float, int, float]] = deque(maxlen=RECENT)
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
        return None if self._peak is None or self.flops_per_s is None else self.flops_per_s / self._peak

    def words(self) -> str:
        """The recent pace, for the progress line: "12,345 tokens/s, 31% of peak"; empty before the first step."""
        if not self._recent:
            return ""
        # Medians: one step of an epoch may also compute the guide's vectors.
        tokens_per_s = median(tokens / seconds for seconds, tokens, _ in self._recent)
        flops_per_s = median(operations / seconds for seconds, _, operations in self._recent)
        share = f", {flops_per_s / self._peak:.0%} of peak" if self._peak and self._flops else ""
        return f"{tokens_per_s:,.0f} tokens/s{share}"

    def gauges(self) -> dict[str, float]:
        """The pace of the last step, for the log."""
        return self._last

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Count the step that has just ended."""
        seconds = max(self._clock() - self._since, 1e-9)
        tokens = int(self._adapter.lengths.sum())
        operations = 0.0 if self._flops is None else self._flops.of(self._adapter.lengths)
        self._seconds, self._tokens = self._seconds + seconds, self._tokens + tokens
        self._operations += operations
        self._recent.append((seconds, tokens, operations))
        self._last = {"pace.tokens_per_s": round(tokens / seconds, 1)}
        if self._flops is not None:
            self._last["pace.flops_per_s"] = float(f"{operations / seconds:.4g}")
        self._since = self._clock()

    def _rest(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._since = self._clock()

    on_epoch_begin = on_evaluate = on_save = _rest
