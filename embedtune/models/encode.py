"""The only place that turns texts into vectors: each distinct text once, longest first, in batches by tokens."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from embedtune.errors import ModelError
from embedtune.models.encoder import Encoder, Role, has_towers, is_static, readable
from embedtune.models.store import VectorStore, text_key

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Progress = Callable[[int, int], None]
BATCH_TOKENS = 16_384
STATIC_FACTOR = 16  # a static encoder does next to nothing per token, so small batches would be all overhead


def encode(
    encoder: Encoder,
    texts: Sequence[str],
    *,
    role: Role,
    store: VectorStore | None = None,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
    normalise: bool = True,
) -> np.ndarray:
    """Encode texts under the encoder's prompt for their role.

    Agrees with `SentenceTransformer.encode(texts, prompt=...)` to 1e-5. A model in training is put into evaluation mode
    and back.

    Args:
        encoder: what encodes; its weights are not changed.
        texts: n texts.
        role: "query" or "document"; decides the prompt.
        store: vectors computed before are read from it and new ones added. Not for a model that is being trained.
        batch_tokens: tokens a batch may have, padding included.
        progress: called with (texts done, distinct texts).
        normalise: scale vectors to length 1; a zero vector stays zero.

    Returns: float32 (n, D), in the order of the texts.

    Raises:
        ModelError: a vector holds NaN or infinity; names a text.
    """
    prompt = encoder.prompts[role]
    positions: dict[str, int] = {}
    inverse = np.array([positions.setdefault(text, len(positions)) for text in texts], dtype=np.int64)  # (n,)
    distinct = list(positions)
    vectors = np.zeros((len(distinct), encoder.dimensions), dtype=np.float32)  # (U, D)
    missing: Sequence[int] = range(len(distinct))
    tower = role if has_towers(encoder.model) else None
    shelf = store.shelf(encoder.fingerprint(), encoder.dimensions) if store is not None else None
    if shelf is not None:
        way = f"{encoder.max_length} {encoder.precision} {tower}"
        keys = [text_key(prompt, text, way) for text in distinct]
        missing = shelf.read(keys, into=vectors)
    done = len(distinct) - len(missing)
    if progress is not None:
        progress(done, len(distinct))
    with _evaluating(encoder.model):
        for chosen, batch in _batches(encoder.model, distinct, missing, (prompt, tower), batch_tokens):
            _check(batch, chosen, distinct, encoder.name)
            vectors[chosen] = batch
            if shelf is not None:
                shelf.add([keys[i] for i in chosen], batch)
            done += len(chosen)
            if progress is not None:
                progress(done, len(distinct))
    if shelf is not None:
        shelf.close()
    if normalise:
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return vectors if len(distinct) == len(texts) else vectors[inverse]


def _batches(
    model: "SentenceTransformer",
    texts: Sequence[str],
    chosen: Sequence[int],
    prompt_and_tower: tuple[str, Role | None],
    batch_tokens: int,
) -> Iterator[tuple[list[int], np.ndarray]]:
    """Pairs of text numbers and their vectors (b, D), longest texts first.

    Texts are sorted by bytes, not by tokens, so nothing is tokenised twice; each batch tells how many tokens a row of
    the next, slightly shorter one may need.
    """
    import torch
    from sentence_transformers.util import batch_to_device

    prompt, tower = prompt_and_tower
    route = {"task": tower} if tower else {}
    order = sorted(chosen, key=lambda i: (-len(texts[i].encode("utf-8", "replace")), i))
    if is_static(model):
        batch_tokens *= STATIC_FACTOR
    start, rows = 0, 8
    while start < len(order):
        part = order[start : start + rows]
        with torch.inference_mode():
            features = model.preprocess([readable(texts[i]) for i in part], prompt=prompt or None, **route)
            width = max(1, features["input_ids"].numel() // len(part)) if "input_ids" in features else 512
            output = model(batch_to_device(features, model.device))["sentence_embedding"]  # (b, D)
            if model.truncate_dim is not None:
                output = output[:, : model.truncate_dim]  # (b, D)
            yield part, output.float().cpu().numpy()
        start += len(part)
        # At most twice the rows of the last batch: lengths fall step by step, and bytes only roughly tell tokens.
        rows = max(1, min(2 * len(part), batch_tokens // width))


@contextmanager
def _evaluating(model: "SentenceTransformer") -> Iterator[None]:
    """Evaluation mode, and afterwards each part in the mode it was in."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def _check(vectors: np.ndarray, chosen: Sequence[int], texts: Sequence[str], name: str) -> None:
    broken = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(broken):
        raise ModelError(
            f"{name} gives no number (NaN or infinity) for {len(broken)} of {len(vectors)} texts, "
            f"such as {texts[chosen[broken[0]]][:80]!r}",
            next="the weights are damaged or training has diverged; try a lower learning rate or fp32",
        )
