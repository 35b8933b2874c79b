"""The document vectors of an evaluation: in memory or, if there are many, in a temporary file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from embedtune.evaluation.rankers import prefix, unit_prefix
from embedtune.models.encode.compute import Spread
from embedtune.models.encode.encode import encode, encode_to_file
from embedtune.models.encode.store import VectorStore
from embedtune.models.encoder import Encoder
from embedtune.progress import Progress

IN_MEMORY = 2**30  # bytes of document vectors; larger ones go to a file, which search reads block by block
BLOCK = 16_384  # texts encoded, or vectors cut, at a time


@contextmanager
def document_vectors(
    encoder: Encoder,
    texts: Sequence[str],
    folder: Path,
    *,
    normalise: bool = True,
    store: VectorStore | None = None,
    progress: Progress | None = None,
    spread: Spread | None = None,
) -> Iterator[np.ndarray]:
    """Vectors of documents, (n, D) float32, of length 1 unless they are wanted as they come.

    If they take more than `IN_MEMORY` bytes, they are a memory map of a temporary file in `folder`. The other arguments
    are those of `encode`.
    """
    if 4 * len(texts) * encoder.dimensions <= IN_MEMORY:
        yield encode(
            encoder, texts, role="document", store=store, progress=progress, normalise=normalise, spread=spread
        )  # (n, D)
        return
    with TemporaryDirectory(dir=folder, prefix="vectors-", ignore_cleanup_errors=True) as own:
        yield encode_to_file(
            encoder,
            (texts[first : first + BLOCK] for first in range(0, len(texts), BLOCK)),
            Path(own) / "documents.npy",
            count=len(texts),
            role="document",
            texts_hash="",
            store=store,
            dtype="float32",
            normalise=normalise,
            progress=progress,
            spread=spread,
        )  # (n, D)


@contextmanager
def cut_vectors(vectors: np.ndarray, dimensions: int, folder: Path, *, normalise: bool = True) -> Iterator[np.ndarray]:
    """The first components of vectors (n, D), scaled to length 1 again; in a temporary file if `vectors` are in one.

    Vectors that are compared as they come are not scaled, nor copied.
    """
    if not normalise or not isinstance(vectors, np.memmap):
        yield prefix(vectors, dimensions, normalise=normalise)  # (n, dimensions)
        return
    with TemporaryDirectory(dir=folder, prefix="vectors-", ignore_cleanup_errors=True) as own:
        path, shape = Path(own) / "cut.npy", (len(vectors), dimensions)
        cut = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)  # (n, dimensions)
        for first in range(0, len(vectors), BLOCK):
            cut[first : first + BLOCK] = unit_prefix(vectors[first : first + BLOCK], dimensions)
        yield cut
