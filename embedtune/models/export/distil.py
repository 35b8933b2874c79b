"""Token vectors that stand in for a whole encoder: each token encoded alone, fewer components, frequent tokens damped.

Source: model2vec (Tulkens and van Dongen 2024) and smooth inverse frequency (Arora, Liang, Ma 2017, equation 4). The
frequencies are those of the user's own texts, and not guessed from the order of the vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedtune.errors import ModelError
from embedtune.models.encoder import Encoder, in_mode, readable
from embedtune.models.export.job import ExportJob
from embedtune.models.export.reading_files import ExportReading, reading_of

AT_ONCE = 4096
SIF = 1e-3
"""a in a / (a + p), the weight of a token of frequency p; Arora et al. advise 1e-3 to 1e-4."""
FEWEST = 100
"""Texts below which frequencies say too little, and all tokens count alike."""


@dataclass(frozen=True)
class TokenTable:
    """A static encoder: a text's vector is the mean of its tokens' vectors.

    Args:
        tokenizer: of the package tokenizers.
        vectors: (V, D) float32.
        weighting: a in the weight of a token, None where all count alike.
    """

    tokenizer: Any
    vectors: np.ndarray
    weighting: float | None = None


def own_table(encoder: Encoder) -> TokenTable:
    """The table of an encoder that is static itself, cut as it declares.

    Raises:
        ModelError: modules behind the table change the vectors.
    """
    from sentence_transformers.base.modules import Normalize

    more = [type(module).__name__ for module in list(encoder.model)[1:] if not isinstance(module, Normalize)]
    if more:
        raise ModelError(
            f"{encoder.name} is static, with {' and '.join(more)} behind its table, which a static export cannot hold",
            where="model",
            next="export it --to onnx",
        )
    table = encoder.model[0].embedding.weight.detach().cpu().float().numpy()  # (V, D)
    return TokenTable(encoder.model[0].tokenizer, table[:, : encoder.dimensions])


def distilled(job: ExportJob) -> TokenTable:
    """The table of an encoder: its vector for each token alone.

    Raises:
        ModelError: token ids and a mask alone do not decide its vectors.
    """
    from tokenizers import Tokenizer

    reading = reading_of(job.encoder)
    tokenizer = Tokenizer.from_str(job.encoder.model.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vectors = _alone(job.encoder, reading, tokenizer)  # (V, D)
    weights, weighting = _weights(tokenizer, job.texts, len(vectors))
    vectors = principal(vectors, job.dimensions) * weights[:, None]  # (V, D')
    silent = [number for token, number in tokenizer.get_vocab().items() if token in _special(job.encoder)]
    vectors[silent] = 0
    return TokenTable(tokenizer, vectors.astype(np.float32), weighting)


def principal(vectors: np.ndarray, dimensions: int) -> np.ndarray:
    """Centred rows (V, D) along their axes of largest variance: (V, min(D, dimensions)) float64.

    Where nothing is cut, the inner products of the centred rows stay as they were.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # (D, D), ascending
    axes = axes[:, ::-1][:, :dimensions]
    # An axis is defined up to its sign; the largest entry is made positive, so that every machine writes the same.
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    found: np.ndarray = centred @ (axes * np.where(largest < 0, -1.0, 1.0))
    return found


def _alone(encoder: Encoder, reading: ExportReading, tokenizer: Any) -> np.ndarray:
    """The encoder's vector for each token of the vocabulary between its special tokens: (V, D) float32."""
    import torch

    from embedtune.models.export.final_vector import FinalVector

    # A token's own text may be tokenized otherwise, so that ids are put between what surrounds any text.
    around = tokenizer.encode("a").ids
    inner = tokenizer.encode("a", add_special_tokens=False).ids
    place = next(i for i in range(len(around)) if around[i : i + len(inner)] == inner)
    before, after = around[:place], around[place + len(inner) :]
    count = max(tokenizer.get_vocab().values()) + 1
    model, parts = FinalVector(encoder, reading), []
    with in_mode(model, training=False), torch.inference_mode():
        for start in range(0, count, AT_ONCE):
            own = torch.arange(start, min(count, start + AT_ONCE))[:, None]  # (b, 1)
            left, right = (torch.tensor([side] * len(own), dtype=torch.long) for side in (before, after))
            ids = torch.cat([left.reshape(len(own), -1), own, right.reshape(len(own), -1)], dim=1)  # (b, L)
            parts.append(model(ids, torch.ones_like(ids)).numpy())
    return np.concatenate(parts)


def _weights(tokenizer: Any, texts: Sequence[str], count: int) -> tuple[np.ndarray, float | None]:
    """The weight of each token (V,), less for frequent ones, and a."""
    if len(texts) < FEWEST:
        return np.ones(count), None
    found = tokenizer.encode_batch_fast([readable(text) for text in texts], add_special_tokens=False)
    times = np.bincount(np.concatenate([np.asarray(one.ids, dtype=np.int64) for one in found]), minlength=count)
    return SIF / (SIF + times / max(1, times.sum())), SIF


def _special(encoder: Encoder) -> set[str]:
    """Tokens that stand for nothing in a text; unknown ones too, which would outweigh known ones."""
    return set(encoder.model.tokenizer.all_special_tokens)
