"""Guide vectors of the training texts: computed once per distinct text, outside the training step.

The guide has its own tokenizer, prompts and maximum length, in the encoder that fills this table. A step only looks its
rows up. Other libraries pass the student's decoded text to the guide and run it in every step.

A frozen guide's vectors are in a memory map (`on_disk`): 4 G bytes per distinct text on disk, of which the system keeps
in memory what fits there; the table itself needs 8 bytes per text of each row.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import torch
from torch import Tensor

from embedtune.losses import EmbeddingBatch
from embedtune.models.encoder import Role
from embedtune.training.batch.row_texts import RowTexts

Encode = Callable[[Sequence[str], Role], np.ndarray]
"""(texts, role) -> float32 (n, G), normalised; role is "query" or "document"."""


class GuideTable:
    """The guide's vectors by row number; empty until `fill` is called.

    Args:
        texts: of the training rows.
        frozen: the vectors can be computed again at any time, so that no checkpoint needs to keep them.
    """

    def __init__(self, texts: RowTexts, *, frozen: bool = False) -> None:
        self._frozen = frozen
        self._texts = texts
        self._query_vectors: Tensor | None = None
        self._document_vectors: Tensor | None = None

    @property
    def texts(self) -> int:
        """How many texts `fill` encodes: the distinct ones of each role."""
        return len(self._texts)

    def fill(self, encode: Encode) -> None:
        """Compute the vectors of every distinct text with this encoder, replacing earlier ones."""
        self._query_vectors = torch.from_numpy(encode(self._texts.queries, "query"))  # (U, G)
        self._document_vectors = torch.from_numpy(encode(self._texts.documents, "document"))  # (U, G)

    def batch(self, rows: Tensor, device: torch.device) -> EmbeddingBatch | None:
        """The guide's vectors of these rows (B,), or None before the first `fill`."""
        if self._query_vectors is None or self._document_vectors is None:
            return None
        queries, documents = self._texts.of(rows.cpu())  # (B, 1), (B, 1+N)
        vectors = self._document_vectors[documents].to(device, non_blocking=True)  # (B, 1+N, G)
        return EmbeddingBatch(
            anchors=self._query_vectors[queries[:, 0]].to(device, non_blocking=True),  # (B, G)
            positives=vectors[:, 0],  # (B, G)
            negatives=vectors[:, 1:] if vectors.shape[1] > 1 else None,  # (B, N, G)
        )

    def positives(self, rows: Tensor) -> Tensor:
        """The guide's vectors of these rows' (K,) positives, once there are any: (K, G)."""
        return self._document_vectors[self._texts.of(rows)[1][:, 0]]  # type: ignore[index]  # (K, G)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep so that a resumed run is guided by the same vectors."""
        if self._frozen or self._query_vectors is None or self._document_vectors is None:
            return {}
        return {"guide.queries": self._query_vectors, "guide.documents": self._document_vectors}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` returned."""
        if self._frozen:
            return
        self._query_vectors = state.get("guide.queries")
        self._document_vectors = state.get("guide.documents")


def on_disk(folder: Path, texts: int, dimensions: int) -> np.ndarray:
    """An array for vectors (n, G) in a nameless file of this folder, which disappears with the process.

    Raises:
        OSError: the disk has no room for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = max(1, texts * dimensions * 4)
    with TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            # A file with holes would be found too large only when it is written, and then by a signal.
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return np.memmap(file, np.float32, "r+", shape=(texts, dimensions))  # (n, G)
