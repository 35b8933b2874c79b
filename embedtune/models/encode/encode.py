"""The only place that turns texts into vectors: each distinct text once, longest first, in batches by tokens."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from embedtune.errors import Interrupted, ModelError
from embedtune.models.encode.compute import Spread, encoding, in_batches
from embedtune.models.encode.lengths import token_counts
from embedtune.models.encode.sameness import DifferentTexts, demand_differences
from embedtune.models.encode.store import Shelf, VectorStore, text_key
from embedtune.models.encode.tokenizer import TokenizedSubset, TokenizedTexts
from embedtune.models.encode.vector_file import VectorFile
from embedtune.models.encoder import Encoder, Role, has_routes
from embedtune.models.reading import length_in, reader_of
from embedtune.processes import this_process
from embedtune.progress import Progress

NORMALISED_AT_ONCE = 4096
Job = TypeVar("Job")


def encode(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    role: Role,
    store: VectorStore | None = None,
    progress: Progress | None = None,
    normalise: bool = True,
    into: np.ndarray | None = None,
    known: TokenizedTexts | None = None,
    learns: bool | None = None,
    spread: Spread | None = None,
) -> np.ndarray:
    """Encode texts with the encoder's prompt for their role.

    In fp32 it agrees with `SentenceTransformer.encode(texts, prompt=...)` to 1e-5. A model in training is switched to
    evaluation mode and back.

    Args:
        encoder: what encodes; its weights are not changed.
        texts: n texts.
        role: "query" or "document"; decides the prompt.
        store: known vectors are read from it and new ones are added. Not for a model that is being trained.
        progress: called with (texts done, distinct texts).
        normalise: scale vectors to length 1; a zero vector stays zero.
        into: (n, D) to write to and return, such as a memory map; the texts must then be distinct.
        known: the same texts, tokenized by this encoder's `Tokenizer` for this role, for texts that are encoded
            repeatedly while it learns; the vectors are the same to the last bit. None: they are tokenized now.
        learns: whether it is in training, which watches for collapse itself; None: if the texts are `known`.
        spread: where texts are encoded (`workflows.shared.engine`); None: here. The vectors are the same.

    Returns: float32 (n, D), in the order of the texts.

    Raises:
        ModelError: a vector holds NaN or infinity, or all are the same; the message quotes a text.
        Interrupted: Ctrl-C, when a store keeps what was done.
    """
    numbers: dict[str, int] = {}
    inverse = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)  # (n,)
    distinct = list(numbers)
    if known is not None:
        known = TokenizedSubset(known, np.unique(inverse, return_index=True)[1])
    with _shelf(encoder, store) as shelf, encoding(encoder):
        vectors = np.zeros((len(distinct), encoder.dimensions), dtype=np.float32) if into is None else into  # (U, D)
        for keys, batch in _fill(vectors, encoder, distinct, role, shelf, progress, known, spread):
            if shelf is not None and this_process().local_rank == 0:
                shelf.add(keys, batch)
    if not (known is not None if learns is None else learns):
        demand_differences(vectors, DifferentTexts(distinct), encoder.name, partial(_are_cut, encoder, role))
    if normalise:
        _normalise(vectors)
    return vectors if len(distinct) == len(texts) else vectors[inverse]


def encode_to_file(
    encoder: Encoder,
    batches: Iterable[Sequence[str]],
    path: Path,
    *,
    count: int,
    role: Role,
    texts_hash: str,
    store: VectorStore | None = None,
    dtype: Literal["float16", "float32"] = "float16",
    normalise: bool = True,
    progress: Progress | None = None,
    known: Callable[[int], None] | None = None,
    spread: Spread | None = None,
) -> np.ndarray:
    """Encode a stream of texts into a .npy file, block by block; after an interruption the same call resumes.

    Args:
        encoder: what encodes.
        batches: the texts in order, the same batches at every call; one batch is one block on disk.
        path: of the .npy file; it gets this name only when all vectors are in it.
        count: how many texts there are.
        role: "query" or "document".
        texts_hash: identifies the texts, to recognise vectors on disk that are theirs.
        store: as in `encode`.
        dtype: of the file. Search on float16 is exact for the rounded vectors.
        normalise: as in `encode`.
        progress: called with (texts done, texts).
        known: called with the number of texts in each block whose vectors were in the store.
        spread: where blocks are encoded (`workflows.shared.engine`); None: here. The file is the same.

    Returns: (count, D), memory-mapped, read-only.

    Raises:
        ModelError: a vector holds NaN or infinity, or all are the same.
        OutputError: the file cannot be written.
    """
    key = {"encoder": encoder.fingerprint(), "role": role, "texts": texts_hash, "way": _settings(encoder, role)}
    key |= {"prompt": encoder.prompts[role]} | ({} if normalise else {"length": "as it comes"})
    file = VectorFile(path, (count, encoder.dimensions), dtype, key)
    if file.is_whole:
        _tell(progress, count, count)
        return file.finish()
    done, different = 0, DifferentTexts()
    with _shelf(encoder, store) as shelf, encoding(encoder):
        blocks = _blocks(batches, file.rows, encoder, role, shelf)
        for block, found in (spread or partial(_here, encoder, role))(blocks, _Block.asked):
            different.add(block.texts)
            if block.vectors is not None:
                if found is not None:
                    _check(found, np.asarray(block.missing), block.texts, encoder.name)
                    block.vectors[block.missing] = found
                if normalise:
                    _normalise(block.vectors)
                file.write(done, block.vectors)
                if known is not None:
                    known(len(block.texts) - len(block.missing))
                # Only now: if a block were stored but not on disk, encoding it again would make other batches of its
                # remaining texts, and with them other last bits in their vectors.
                if shelf is not None and found is not None:
                    shelf.add([block.keys[place] for place in block.missing], found)
            done += len(block.texts)
            _tell(progress, done, count)
    if done != count:
        raise ModelError(f"expected {count:,} texts to encode, got {done:,}", where=str(path))
    demand_differences(file.written(), different, encoder.name, partial(_are_cut, encoder, role))
    return file.finish()


def vectors_of(encoder: Encoder, texts: Sequence[str], role: Role) -> np.ndarray:
    """The vectors of a block of texts as the encoder gives them, neither checked nor normalised: float32 (n, D)."""
    vectors = np.zeros((len(texts), encoder.dimensions), dtype=np.float32)  # (n, D)
    with encoding(encoder):
        for chosen, batch in in_batches(encoder, texts, range(len(texts)), role):
            vectors[chosen] = batch
    return vectors


@dataclass(frozen=True)
class _Block:
    """A block of texts on the way to its file.

    Args:
        texts: of the block, n.
        vectors: (n, D), with those that the store knows; None where the file has the block already.
        missing: positions of the texts to encode.
        keys: of the texts in the store.
    """

    texts: Sequence[str]
    vectors: np.ndarray | None = None
    missing: Sequence[int] = ()
    keys: Sequence[bytes] = ()

    def asked(self) -> list[str]:
        """The texts to encode."""
        return [self.texts[place] for place in self.missing]


def _blocks(
    batches: Iterable[Sequence[str]], written: int, encoder: Encoder, role: Role, shelf: Shelf | None
) -> Iterator[_Block]:
    """The blocks of a file that has so many rows already."""
    done = 0
    for texts in batches:
        done += len(texts)
        if done <= written:
            yield _Block(texts)
            continue
        vectors = np.zeros((len(texts), encoder.dimensions), dtype=np.float32)  # (b, D)
        missing, keys = _known(vectors, encoder, texts, role, shelf)
        yield _Block(texts, vectors, missing, keys)


def _here(
    encoder: Encoder, role: Role, jobs: Iterable[Job], texts_of: Callable[[Job], list[str]]
) -> Iterator[tuple[Job, np.ndarray | None]]:
    """Jobs with the vectors of their texts, computed in this process."""
    for job in jobs:
        texts = texts_of(job)
        yield job, vectors_of(encoder, texts, role) if texts else None


def _known(
    vectors: np.ndarray, encoder: Encoder, texts: Sequence[str], role: Role, shelf: Shelf | None
) -> tuple[Sequence[int], list[bytes]]:
    """Fill in the vectors (n, D) that the shelf has; the positions of the others, and the keys of all texts."""
    if shelf is None:
        return range(len(texts)), []
    settings = _settings(encoder, role)
    keys = [text_key(encoder.prompts[role], text, settings) for text in texts]
    return shelf.read(keys, into=vectors), keys


def _fill(
    vectors: np.ndarray,
    encoder: Encoder,
    texts: Sequence[str],
    role: Role,
    shelf: Shelf | None,
    progress: Progress | None = None,
    known: TokenizedTexts | None = None,
    spread: Spread | None = None,
) -> Iterator[tuple[list[bytes], np.ndarray]]:
    """Fill vectors (n, D) of texts from the shelf and the encoder; yields keys and vectors that the shelf lacks."""
    from embedtune.models.encode.shares import missing_anywhere  # brings torch

    missing, keys = _known(vectors, encoder, texts, role, shelf)
    missing = missing_anywhere(missing, len(texts))
    done = len(texts) - len(missing)
    _tell(progress, done, len(texts))
    for chosen, batch in in_batches(encoder, texts, missing, role, known, spread):
        _check(batch, chosen, texts, encoder.name)
        vectors[chosen] = batch
        yield [keys[i] for i in chosen] if keys else [], batch
        done += len(chosen)
        _tell(progress, done, len(texts))


def _normalise(vectors: np.ndarray) -> None:
    """Scale vectors (n, D) in place to length 1."""
    for start in range(0, len(vectors), NORMALISED_AT_ONCE):
        part = vectors[start : start + NORMALISED_AT_ONCE]  # (b, D)
        part /= np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)


@contextmanager
def _shelf(encoder: Encoder, store: VectorStore | None) -> Iterator[Shelf | None]:
    if store is None:
        yield None
        return
    try:
        with closing(store.shelf(encoder.fingerprint(), encoder.dimensions)) as shelf:
            yield shelf
    except KeyboardInterrupt as error:
        kept = f"interrupted; the vectors computed so far are kept in {store.folder}"
        raise Interrupted(kept, next="run the same command again to resume") from error


def _settings(encoder: Encoder, role: Role) -> str:
    """Everything that vectors depend on besides the model, the prompt and the text."""
    tower = role if has_routes(encoder.model) else None
    length = length_in(reader_of(encoder.model, role), role)
    return f"{length} {encoder.precision} {tower}"


def _are_cut(encoder: Encoder, role: Role, texts: Sequence[str]) -> bool:
    """Whether the maximum length cuts off the end of all these texts."""
    return encoder.max_length is not None and bool((token_counts(encoder, texts, role) > encoder.max_length).all())


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)


def _check(vectors: np.ndarray, chosen: np.ndarray, texts: Sequence[str], name: str) -> None:
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ModelError(
            f"{name} gives NaN or infinity for {len(broken)} of {len(vectors)} texts, "
            f"such as {texts[chosen[broken[0]]][:80]!r}",
            next="the weights are damaged or training has diverged; try a lower learning rate or fp32",
        )
