"""Guide vectors of the training texts: computed once per distinct text, outside the training step.

The guide speaks for itself: its own tokenizer, prompts and length live in the encoder that fills this table. A step
only looks its rows up. Peers hand the guide the student's decoded text and run it in every step.

A frozen guide's vectors lie in a memory map (`on_disk`): 4 G bytes a distinct text on disk, of which the system keeps
in memory what fits there; the table itself needs 8 bytes a text of each row.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import torch
from torch import Tensor

from embedtune.data.rows import Rows
from embedtune.losses import EmbeddingBatch
from embedtune.models.encoder import Role
from embedtune.training.curriculum import Curriculum

Encode = Callable[[Sequence[str], Role], np.ndarray]
"""(texts, role) -> float32 (n, G), normalised; role is "query" or "document"."""


class GuideTable:
    """The guide's vectors by row number; empty until `fill` is called.

    Args:
        rows: the training rows.
        negatives: how many negatives of each row are used.
        frozen: the vectors can be had again at any time, so that no checkpoint need keep them.
        curriculum: which of these negatives take part in an epoch; None: all.
    """

    def __init__(
        self, rows: Rows, negatives: int, *, frozen: bool = False, curriculum: Curriculum | None = None
    ) -> None:
        self._negatives = negatives
        self._curriculum = curriculum
        self._frozen = frozen
        # What is missing is masked, so any text will do for it that is encoded anyway.
        some = rows.positives[0] if len(rows) else ""
        padded = [[*own[:negatives], *[some] * (negatives - len(own))] for own in rows.negatives] if negatives else []
        flat = [text for own in padded for text in own]
        self._queries, anchor_index = _distinct(rows.anchors)
        self._documents, document_index = _distinct([*rows.positives, *flat])
        self._anchors = anchor_index  # (R,)
        self._positives = document_index[: len(rows)]  # (R,)
        self._negative_index = document_index[len(rows) :].reshape(len(rows), negatives)  # (R, N)
        self._query_vectors: Tensor | None = None
        self._document_vectors: Tensor | None = None

    @property
    def filled(self) -> bool:
        """Whether there is anything to guide with."""
        return self._query_vectors is not None

    @property
    def texts(self) -> int:
        """How many texts `fill` encodes, counted once in each role."""
        return len(self._queries) + len(self._documents)

    def fill(self, encode: Encode) -> None:
        """Compute the vectors of every distinct text with this encoder, replacing what was there."""
        self._query_vectors = torch.from_numpy(encode(self._queries, "query"))  # (U, G)
        self._document_vectors = torch.from_numpy(encode(self._documents, "document"))  # (U, G)

    def batch(self, rows: Tensor, device: torch.device) -> EmbeddingBatch | None:
        """The guide's view of these rows (B,), or None before the first `fill`."""
        if self._query_vectors is None or self._document_vectors is None:
            return None
        at = rows.cpu()
        negatives = None
        if self._negatives:
            index = self._negative_index[at]  # (B, N)
            if self._curriculum is not None:
                index = index.gather(1, self._curriculum.places[at].clamp(min=0))  # (B, N)
            negatives = self._document_vectors[index].to(device)  # (B, N, G)
        return EmbeddingBatch(
            anchors=self._query_vectors[self._anchors[at]].to(device),  # (B, G)
            positives=self._document_vectors[self._positives[at]].to(device),  # (B, G)
            negatives=negatives,
        )

    def positives(self, rows: Tensor) -> Tensor:
        """The guide's vectors of these rows' (K,) positives, once there are any: (K, G)."""
        return self._document_vectors[self._positives[rows]]  # type: ignore[index]  # (K, G)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must keep so that a resumed run is guided by the same vectors."""
        if self._frozen or self._query_vectors is None or self._document_vectors is None:
            return {}
        return {"guide.queries": self._query_vectors, "guide.documents": self._document_vectors}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        if self._frozen:
            return
        self._query_vectors = state.get("guide.queries")
        self._document_vectors = state.get("guide.documents")


def on_disk(folder: Path, texts: int, dimensions: int) -> np.ndarray:
    """An array for vectors (n, G) in a file of this folder that has no name and ends with the process.

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


def _distinct(texts: Sequence[str]) -> tuple[list[str], Tensor]:
    """Distinct texts in order of first appearance, and the position of each text among them."""
    positions: dict[str, int] = {}
    index = [positions.setdefault(text, len(positions)) for text in texts]
    return list(positions), torch.tensor(index, dtype=torch.long)
