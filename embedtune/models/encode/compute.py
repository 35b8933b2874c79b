"""Runs texts through a model: tokenized ahead in windows, sorted by length, in batches bounded by their tokens."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Protocol, TypeVar

import numpy as np

from embedtune.models.encode.devices import distribute
from embedtune.models.encode.tokenizer import TokenizedSubset, TokenizedTexts, Tokenizer, forward
from embedtune.models.encoder import Encoder, Role, in_mode, is_static
from embedtune.models.speed.precision import multiplying
from embedtune.signals import is_signal

BATCH_TOKENS = 16_384
CPU_BATCH_TOKENS, CPU_BATCH_TOKENS_PER_THREAD = 4096, 1024
"""With more tokens, the output of a layer no longer fits in a processor's caches. CPU time of one core, 6 layers of 384
dimensions: 2,048 to 8,192 tokens without padding within 10% of each other, 16,384 with padding twice as slow as 2,048.
"""
STATIC_BATCH_TOKENS = 262_144  # almost no work per token, so small batches would be all overhead
WINDOW, WINDOW_BYTES = 8192, 4 * 2**20
"""Texts tokenized at once, and their bytes: a tokenizer's output takes over a hundred bytes per token until its id is
taken out."""
Job = TypeVar("Job")


class Spread(Protocol):
    """Jobs, and the texts of each, to jobs with the vectors of their texts, in order; None for a job without texts."""

    def __call__(
        self, jobs: Iterable[Job], texts_of: Callable[[Job], list[str]], /
    ) -> Iterator[tuple[Job, np.ndarray | None]]: ...


def in_batches(
    encoder: Encoder,
    texts: Sequence[str],
    chosen: Sequence[int],
    role: Role,
    known: TokenizedTexts | None = None,
    spread: Spread | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The vectors of some of the texts, longest texts first: the same choice of texts always gives the same batches.

    Args:
        encoder: what encodes; the caller has opened `encoding`.
        texts: n texts.
        chosen: positions of those wanted.
        role: "query" or "document".
        known: the n texts, tokenized by this encoder for this role; None: those wanted are tokenized now.
        spread: where windows of texts are encoded, which then come whole; None: here. The vectors are the same.

    Yields: positions of texts (b,) and their vectors, float32 (b, D).
    """
    if not len(chosen):
        return
    windows = windows_of(texts, chosen)
    if spread is not None:
        found = spread(windows, lambda window: [texts[i] for i in window.tolist()])
        yield from ((window, vectors) for window, vectors in found if vectors is not None)
        return
    tokenizer = Tokenizer(encoder)
    most = suited_batch_tokens(encoder)
    # The same windows where texts are tokenized already, so that batches, and so the last bits of vectors, agree.
    ready = (
        _tokenize_ahead(tokenizer, texts, windows, role)
        if known is None
        else ((one, TokenizedSubset(known, one)) for one in windows)
    )
    batches = (
        (numbers, tokenized, places)
        for numbers, tokenized in ready
        for places in by_tokens(tokenizer, tokenized.lengths, most)
    )
    # Here and not above, because torch stays out of commands that compare words alone.
    from embedtune.distributed import ranks
    from embedtune.models.encode.shares import in_shares

    if ranks() > 1:
        done = in_shares(
            batches, lambda job: len(job[2]), encoder.dimensions, lambda job: batch_vectors(encoder, *job[1:])
        )
    else:
        done = distribute(encoder, batches, lambda one, job: batch_vectors(one, *job[1:]))
    for (numbers, _, places), vectors in done:
        yield numbers[places], vectors


@contextmanager
def encoding(encoder: Encoder) -> Iterator[None]:
    """Evaluation mode, with products in the encoder's own precision; afterwards each module is in its former mode."""
    from embedtune.models.speed.prepared import prepared  # brings torch

    # Around all batches, so that weights are cast once. Copies on other devices could not take over layers made ready.
    ready = nullcontext() if encoder.helpers else prepared(encoder.model, encoder.products)
    with in_mode(encoder.model, training=False), ready, multiplying(encoder.products, str(encoder.model.device)):
        yield


def suited_batch_tokens(encoder: Encoder) -> int:
    """Most tokens in a batch, padding included, by kind of encoder and device; a longer text is a batch of its own."""
    import torch

    from embedtune.models.endpoints.module import batch_of

    if encoder.batch_tokens is not None:
        return encoder.batch_tokens
    requested = batch_of(encoder.model)
    if requested is not None:
        return requested  # an endpoint's texts count as one token each, so that a batch is a request
    if is_static(encoder.model):
        return STATIC_BATCH_TOKENS
    if encoder.model.device.type == "cpu":
        return max(CPU_BATCH_TOKENS, CPU_BATCH_TOKENS_PER_THREAD * torch.get_num_threads())
    return BATCH_TOKENS


def windows_of(texts: Sequence[str], chosen: Sequence[int]) -> list[np.ndarray]:
    """Positions of the chosen texts, longest first, in windows of (w,).

    By bytes, which predict the number of tokens well, and need no tokenizing. The texts of a window, taken alone, are
    one window again, so that another process makes the same batches of them.
    """
    sizes = {i: len(texts[i].encode("utf-8", "replace")) for i in chosen}
    # Signals after texts, in windows of their own: a batch has inputs of one kind.
    signals = {i for i in sizes if is_signal(texts[i])}
    order = sorted(sizes, key=lambda i: (i in signals, -sizes[i], i))
    windows: list[list[int]] = []
    room = -1
    for i in order:
        room -= sizes[i]
        if room < 0 or len(windows[-1]) == WINDOW or (i in signals) != (windows[-1][0] in signals):
            windows.append([])
            room = WINDOW_BYTES - sizes[i]
        windows[-1].append(i)
    return [np.array(window, dtype=np.int64) for window in windows]


def _tokenize_ahead(
    tokenizer: Tokenizer, texts: Sequence[str], windows: Sequence[np.ndarray], role: Role
) -> Iterator[tuple[np.ndarray, TokenizedTexts]]:
    """Windows of text positions (w,) with their tokens, each tokenized while the model still runs on the one before."""
    with ThreadPoolExecutor(1, thread_name_prefix="tokenize") as pool:
        # Tokenizers release Python's lock while they work.
        ahead = pool.submit(tokenizer.tokenize, [texts[i] for i in windows[0]], role)
        for number, window in enumerate(windows):
            tokenized = ahead.result()
            if number + 1 < len(windows):
                ahead = pool.submit(tokenizer.tokenize, [texts[i] for i in windows[number + 1]], role)
            yield window, tokenized


def by_tokens(tokenizer: Tokenizer, lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Batches (b,) of texts of these lengths (w,), longest first, each with as many texts as the tokens allow."""
    order = np.argsort(-lengths, kind="stable")  # (w,)
    start = 0
    while start < len(order):
        rest = lengths[order[start:]]
        rows = bisect_right(range(1, len(rest) + 1), most, key=lambda count: tokenizer.cost(rest[:count]))
        if tokenizer.reads_padding:
            rows = min(rows, int(np.argmax(rest != rest[0])) or len(rest))
        yield order[start : start + max(1, rows)]
        start += max(1, rows)


def batch_vectors(encoder: Encoder, tokenized: TokenizedTexts, places: np.ndarray) -> np.ndarray:
    """One batch through the model: float32 (b, D)."""
    import torch
    from sentence_transformers.util import batch_to_device

    model = encoder.model
    with torch.inference_mode():
        features = batch_to_device(tokenized.features(places.tolist()), model.device)
        vectors = forward(model, features)  # (b, D)
        return vectors.float().cpu().numpy()
