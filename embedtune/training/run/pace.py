"""How fast a run learns: tokens, and operations of the model, a second of training."""

import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from embedtune.models.speed.flops import TrainingFlops
from embedtune.training.step.adapter import ObjectiveAdapter

RECENT = 20
"""Steps that the pace of the moment is taken over: one alone is as long as its texts."""


class Pace(TrainerCallback):
    """Times steps, the making of their batches included, evaluations and checkpoints left out.

    Tokens are those of distinct texts, without padding, once each.

    Args:
        adapter: knows the lengths of the last batch.
        flops: of the encoder; None where it multiplies no matrices.
        peak: operations a second that the device does at best; None where nobody has measured.
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
        """Of all steps together."""
        return self._tokens / self._seconds if self._seconds else 0.0

    @property
    def flops_per_s(self) -> float | None:
        """Of all steps together; None where the encoder multiplies no matrices."""
        if self._flops is None:
            return None
        return self._operations / self._seconds if self._seconds else 0.0

    @property
    def share_of_peak(self) -> float | None:
        """Of all steps together; None where there is no peak to hold them against."""
        return None if self._peak is None or self.flops_per_s is None else self.flops_per_s / self._peak

    def words(self) -> str:
        """Of the last steps, for a line that moves: "12,345 tokens/s, 31% of peak"; empty before the first one."""
        if not self._recent:
            return ""
        # Medians: one step of an epoch may also make the guide's vectors.
        tokens_per_s = median(tokens / seconds for seconds, tokens, _ in self._recent)
        flops_per_s = median(operations / seconds for seconds, _, operations in self._recent)
        share = f", {flops_per_s / self._peak:.0%} of peak" if self._peak and self._flops else ""
        return f"{tokens_per_s:,.0f} tokens/s{share}"

    def gauges(self) -> dict[str, float]:
        """Of the last step, for the log."""
        return self._last

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
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
