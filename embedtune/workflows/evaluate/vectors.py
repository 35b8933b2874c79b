"""The vectors of an evaluation's documents: in memory, or, where they are many, in a file that is gone afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embedtune.evaluation.rankers import unit_prefix
from embedtune.models.encode.encode import encode, encode_to_file
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder

IN_MEMORY = 2**30  # bytes of document vectors; more go to a file, which search reads block by block
_BLOCK = 16_384  # texts encoded, or vectors cut, at a time


@contextmanager
def document_vectors(
    encoder: Encoder,
    texts: Sequence[str],
    folder: Path,
    *,
    store: VectorStore | None = None,
    progress: Callable[[int], None] | None = None,
    in_memory: int = IN_MEMORY,
) -> Iterator[np.ndarray]:
    """Vectors of length 1 (n, D) of documents, float32; more than fit into `in_memory` bytes are a memory map.

    Args:
        encoder: what encodes.
        texts: n documents.
        folder: where a file may lie for the time being.
        store: as for `encode`.
        progress: called with the texts done.
        in_memory: bytes.
    """
    tell = (lambda done, *_: progress(done)) if progress else None
    if 4 * len(texts) * encoder.dimensions <= in_memory:
        yield encode(encoder, texts, role="document", store=store, progress=tell)  # (n, D)
        return
    with TemporaryDirectory(dir=folder, prefix="vectors-", ignore_cleanup_errors=True) as own:
        yield encode_to_file(
            encoder,
            (texts[first : first + _BLOCK] for first in range(0, len(texts), _BLOCK)),
            Path(own) / "documents.npy",
            count=len(texts),
            role="document",
            texts_hash="",
            store=store,
            dtype="float32",
            progress=tell,
        )  # (n, D)


@contextmanager
def cut_vectors(vectors: np.ndarray, dimensions: int, folder: Path) -> Iterator[np.ndarray]:
    """The first components of vectors (n, D), scaled to length 1 again: in memory, or in a file where `vectors` are."""
    if not isinstance(vectors, np.memmap):
        yield unit_prefix(vectors, dimensions)  # (n, dimensions)
        return
    with TemporaryDirectory(dir=folder, prefix="vectors-", ignore_cleanup_errors=True) as own:
        path, shape = Path(own) / "cut.npy", (len(vectors), dimensions)
        cut = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)  # (n, dimensions)
        for first in range(0, len(vectors), _BLOCK):
            cut[first : first + _BLOCK] = unit_prefix(vectors[first : first + _BLOCK], dimensions)
        yield cut
