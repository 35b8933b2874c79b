"""How much memory training a recipe takes, before it is trained: measured on a few texts, counted for the rest.

Not measured by training: an allocator keeps what was freed, so that a process shows the peak of all arms so far.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import psutil
import torch

from embedtune.config.verbs.train import TrainConfig
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer
from embedtune.models.encoder import Encoder
from embedtune.models.speed.embeddings import frozen_embeddings
from embedtune.models.speed.frozen_layers import frozen_layers
from embedtune.training.step.held import token_bytes
from embedtune.workflows.shared.choosing.arms import ArmMemory

STATE = 3 * 4
"""Bytes per learning weight besides itself: its gradient, and two moments of AdamW, float32."""
KEPT = 384 * 2**20
"""Bytes that a process takes besides: weights in half precision, what the optimizer needs for a moment, and what the
allocator keeps. Peaks of all-MiniLM-L6-v2 were up to 372 MiB above the count without it, and 454 below where all of it
learns in whole batches."""
PASSES = 2
"""Micro-batches that are in memory at once: one whose activations are kept, and one that is encoded again."""


@dataclass(frozen=True)
class MemoryForecast:
    """The memory of one recipe.

    Args:
        fixed_bytes: in use whatever the batch.
        token_bytes: of activations, per token.
        batch_tokens: of the longest batch that there could be.
        text_tokens: of the longest text, which cannot be divided.
    """

    fixed_bytes: int
    token_bytes: float
    batch_tokens: int
    text_tokens: int

    def within(self, most: int) -> ArmMemory:
        """The largest micro-batches that stay within so many bytes; whole batches where these do.

        >>> found = MemoryForecast(fixed_bytes=100, token_bytes=2.0, batch_tokens=50, text_tokens=5)
        >>> found.within(200).micro_batch_tokens, found.within(180).micro_batch_tokens
        (None, 20)
        >>> found.within(119), found.within(119).peak_bytes > 119
        (ArmMemory(peak_bytes=120, micro_batch_tokens=5), True)
        """
        whole = self._bytes(self.batch_tokens)
        if whole <= most:
            return ArmMemory(whole)
        room = int(max(0, most - self.fixed_bytes) / (PASSES * max(1.0, self.token_bytes)))
        tokens = max(self.text_tokens, room)
        return ArmMemory(self._bytes(PASSES * tokens), tokens)

    def _bytes(self, tokens: int) -> int:
        return self.fixed_bytes + round(self.token_bytes * tokens)


def forecast_memory(
    config: TrainConfig,
    learner: Encoder,
    columns: Sequence[tuple[TokenizedTexts, int]],
    precision: str,
) -> MemoryForecast:
    """The memory of a recipe; the encoder is not changed.

    Args:
        config: the recipe.
        learner: the encoder that it trains, with its adapters.
        columns: texts of each role, and how many of them are in a batch.
        precision: of the products.
    """
    with _learning(config, learner):
        weights = sum(one.numel() for one in learner.model.parameters() if one.requires_grad)
        size = token_bytes(learner, Tokenizer(learner), [texts for texts, _ in columns], precision)
    longest = [np.sort(texts.lengths)[::-1][:count] for texts, count in columns]
    return MemoryForecast(
        fixed_bytes=_in_use(learner) + STATE * weights,
        token_bytes=size,
        batch_tokens=int(sum(own.sum() for own in longest)),
        text_tokens=int(max(own[0] for own in longest)),
    )


def _learning(config: TrainConfig, learner: Encoder) -> AbstractContextManager[object]:
    """What of the encoder learns in this recipe."""
    section = config.training
    if section.freeze_layers:
        return frozen_layers(learner.model, section.freeze_layers)
    return frozen_embeddings(learner.model) if section.embeddings == "frozen" else nullcontext()


def _in_use(learner: Encoder) -> int:
    """Bytes in use whatever is trained: of the GPU, or of this process."""
    if learner.model.device.type == "cuda":
        return int(torch.cuda.memory_allocated(learner.model.device))
    return int(psutil.Process().memory_info().rss) + KEPT
