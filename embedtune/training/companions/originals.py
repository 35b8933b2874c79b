"""The tokens of each row's texts before views change them: what `denoise` must reconstruct."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch
from embedtune.models.encode.token_ids import TokenIds, padded
from embedtune.models.encoder import Encoder
from embedtune.models.files.vocabulary import token_vectors, written_tokens
from embedtune.training.companions import Companion


class Originals(Companion):
    """Tokens of both texts of each row, tokenized once at the start.

    From a text with more than `length` tokens, a window of that length is taken, another one in each step.

    Args:
        encoder: the student.
        rows: the training rows.
        length: L, the most tokens of a text.
        seed: of the windows in long texts.
    """

    def __init__(self, encoder: Encoder, rows: Rows, *, length: int, seed: int) -> None:
        self._encoder = encoder
        anchors = written_tokens(encoder, rows.anchors)
        same = list(rows.anchors) == list(rows.positives)
        self._sides = (anchors, anchors if same else written_tokens(encoder, rows.positives))
        self._length, self._seed = length, seed

    def counts(self) -> Tensor:
        """How often each token of the vocabulary occurs: (V,)."""
        size = len(token_vectors(self._encoder))
        return torch.from_numpy(sum(np.bincount(side.ids, minlength=size) for side in self._sides))

    def complete(self, batch: EmbeddingBatch, rows: Tensor) -> EmbeddingBatch:
        """The batch with the tokens of its undamaged texts and the student's vectors of all tokens."""
        draw = np.random.default_rng([self._seed, batch.step])
        parts = [self._part(side, rows.cpu().numpy(), draw) for side in self._sides]  # 2 of (B, up to L)
        width = max(part.shape[1] for part in parts)
        tokens = np.full((len(rows), 2, width), -1)  # (B, 2, L)
        for side, part in enumerate(parts):
            tokens[:, side, : part.shape[1]] = part
        device = batch.anchors.device
        return replace(
            batch, tokens=torch.from_numpy(tokens).to(device), token_vectors=token_vectors(self._encoder).to(device)
        )

    def _part(self, side: TokenIds, rows: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Up to L tokens of each of these texts, -1 after the last: (B, up to L)."""
        whole = side.pick(rows)
        lengths = whole.lengths  # (B,)
        over = np.maximum(lengths - self._length, 0)  # (B,)
        first = (draw.random(len(rows)) * (over + 1)).astype(np.int64)  # (B,)
        within = np.arange(whole.starts[-1]) - np.repeat(whole.starts[:-1] + first, lengths)  # (t,)
        kept = (within >= 0) & (within < self._length)  # (t,)
        return padded(whole.ids[kept], lengths - over, -1, left=False)
