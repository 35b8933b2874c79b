"""Runs texts through a model: tokenised ahead in windows, sorted by length, in batches of so many tokens."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np

from embedtune.models.encode.devices import spread
from embedtune.models.encode.modes import in_mode
from embedtune.models.encode.tokenizer import Some, TokenizedTexts, Tokenizer, forward
from embedtune.models.encoder import Encoder, Role, is_static
from embedtune.models.speed.precision import multiplying

BATCH_TOKENS = 16_384
CPU_BATCH_TOKENS, CPU_BATCH_TOKENS_PER_THREAD = 4096, 1024
"""What a layer makes of more tokens leaves the caches of a processor. Measured in CPU time of one core, 6 layers of 384
dimensions: 2,048 to 8,192 tokens without padding within 10% of each other, 16,384 with padding twice as slow as 2,048.
"""
STATIC_BATCH_TOKENS = 262_144  # next to nothing is done per token, so small batches would be all overhead
WINDOW, WINDOW_BYTES = 8192, 4 * 2**20
"""Texts tokenised at once, and their bytes: tokenizers take over a hundred bytes a token until its number is read."""


def in_batches(
    encoder: Encoder,
    texts: Sequence[str],
    chosen: Sequence[int],
    role: Role,
    batch_tokens: int | None = None,
    known: TokenizedTexts | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The vectors of some of the texts, longest texts first: the same batches whenever the same texts are chosen.

    Args:
        encoder: what encodes; the caller has opened `encoding`.
        texts: n texts.
        chosen: numbers of those wanted.
        role: "query" or "document".
        batch_tokens: tokens a batch may have, padding included; None: as many as suit the encoder. A longer text is a
            batch of its own.
        known: the n texts as this encoder reads them in this role; None: those wanted are read now.

    Yields: numbers of texts (b,) and their vectors, float32 (b, D).
    """
    if not len(chosen):
        return
    reader = Tokenizer(encoder)
    most = batch_tokens or _batch_tokens(encoder)
    windows = _windows(texts, chosen)
    # The same windows where texts are known, for the same batches, and so the same vectors to the last bit.
    read = _read_ahead(reader, texts, windows, role) if known is None else ((one, Some(known, one)) for one in windows)
    batches = (
        (numbers, readings, places)
        for numbers, readings in read
        for places in by_tokens(reader, readings.lengths, most)
    )
    for (numbers, _, places), vectors in spread(encoder, batches, lambda one, batch: _vectors(one, *batch[1:])):
        yield numbers[places], vectors


@contextmanager
def encoding(encoder: Encoder) -> Iterator[None]:
    """Evaluation mode and the encoder's own products; afterwards each part of the model is in the mode it was in."""
    # Around all batches, so that weights are cast once.
    with in_mode(encoder.model, training=False), multiplying(encoder.products, str(encoder.model.device)):
        yield


def _batch_tokens(encoder: Encoder) -> int:
    import torch

    if is_static(encoder.model):
        return STATIC_BATCH_TOKENS
    if encoder.model.device.type == "cpu":
        return max(CPU_BATCH_TOKENS, CPU_BATCH_TOKENS_PER_THREAD * torch.get_num_threads())
    return BATCH_TOKENS


def _windows(texts: Sequence[str], chosen: Sequence[int]) -> list[np.ndarray]:
    """Numbers of the chosen texts, longest first, some (w,) at a time.

    By bytes, which tell nearly as much as tokens, and cost no tokenising.
    """
    sizes = {i: len(texts[i].encode("utf-8", "replace")) for i in chosen}
    order = np.array(sorted(sizes, key=lambda i: (-sizes[i], i)), dtype=np.int64)  # (c,)
    stretch = np.cumsum([sizes[i] for i in order.tolist()]) // WINDOW_BYTES  # (c,)
    parts = np.split(order, np.flatnonzero(np.diff(stretch)) + 1)
    return [part[start : start + WINDOW] for part in parts for start in range(0, len(part), WINDOW)]


def _read_ahead(
    reader: Tokenizer, texts: Sequence[str], windows: Sequence[np.ndarray], role: Role
) -> Iterator[tuple[np.ndarray, TokenizedTexts]]:
    """Windows of text numbers (w,) with their tokens, each tokenised while the model still runs on the one before."""
    with ThreadPoolExecutor(1, thread_name_prefix="tokenise") as pool:
        # Tokenizers let other threads run while they work.
        ahead = pool.submit(reader.read, [texts[i] for i in windows[0]], role)
        for number, window in enumerate(windows):
            readings = ahead.result()
            if number + 1 < len(windows):
                ahead = pool.submit(reader.read, [texts[i] for i in windows[number + 1]], role)
            yield window, readings


def by_tokens(reader: Tokenizer, lengths: np.ndarray, most: int) -> Iterator[np.ndarray]:
    """Places (b,) of texts of these lengths (w,), longest first, as many together as the tokens allow."""
    order = np.argsort(-lengths, kind="stable")  # (w,)
    start = 0
    while start < len(order):
        rest = lengths[order[start:]]
        rows = bisect_right(range(1, len(rest) + 1), most, key=lambda count: reader.cost(rest[:count]))
        yield order[start : start + max(1, rows)]
        start += max(1, rows)


def _vectors(encoder: Encoder, readings: TokenizedTexts, places: np.ndarray) -> np.ndarray:
    """One batch through the model: float32 (b, D)."""
    import torch
    from sentence_transformers.util import batch_to_device

    model = encoder.model
    with torch.inference_mode():
        features = batch_to_device(readings.features(places.tolist()), model.device)
        vectors = forward(model, features)  # (b, D)
        if model.truncate_dim is not None:
            vectors = vectors[:, : model.truncate_dim]  # (b, D)
        return vectors.float().cpu().numpy()
