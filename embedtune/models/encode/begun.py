"""Texts whose first layers are computed: their outputs are in a file, and every batch goes on from there.

For training that keeps the lower layers: each distinct text passes through them once per run, however many epochs and
evaluations read it. A token takes 4 bytes per dimension, or 2 where products are in 16 bits.

Bounds: in float32 the outputs are those of the layers. In float16 each number is off by at most 1/2,048 of itself, an
eighth of what one product in bf16 is off by.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from embedtune.durable import writing
from embedtune.models.encode.batching import Packed
from embedtune.models.encode.compute import by_tokens, encoding, suited_batch_tokens
from embedtune.models.encode.tokenizer import TokenizedTexts, Tokenizer, forward
from embedtune.models.encoder import Encoder
from embedtune.models.speed.frozen_layers import lower_output
from embedtune.models.speed.precision import FP32
from embedtune.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor

SHARE_OF_FREE = 4
"""One part in so many of the free disk space may be used."""
TOLERANCE = 1e-3
"""Largest relative change of a vector by starting above the first layers; a wrong token changes it more."""


@dataclass(frozen=True)
class Begun:
    """n texts, tokenized, and what the first layers make of their T tokens.

    Args:
        texts: tokenized.
        layers: how many are done.
        outputs: (T, D), memory-mapped.
        starts: (n,) where the tokens of each text begin in it.
    """

    texts: Packed
    layers: int
    outputs: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text: (n,) int64."""
        return self.texts.lengths

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order."""
        import torch

        made: dict[str, Any] = self.texts.features(chosen)
        if "places" not in made:
            return made
        numbers = _in_row(chosen, made)  # (c,)
        lengths = self.lengths[numbers]  # (c,)
        before = np.cumsum(lengths) - lengths  # (c,)
        tokens = np.arange(lengths.sum()) + np.repeat(self.starts[numbers] - before, lengths)  # (t,)
        hidden = self.outputs[tokens].astype(np.float32, copy=False)  # (t, D)
        return made | {"hidden": torch.from_numpy(hidden)[None], "layers": self.layers}


def begin(
    encoder: Encoder, layers: int, texts: TokenizedTexts, file: Path, precision: str, progress: Progress | None = None
) -> TokenizedTexts | None:
    """The texts with the output of the first layers; None where that is not possible or the disk has too little room.

    The file loses its name as soon as it is mapped, so that its room is free again when the process ends, however it
    ends.

    Args:
        encoder: whose first layers do not change from now on.
        layers: how many.
        texts: by its own tokenizer.
        file: gets the outputs.
        precision: of the products: fp32, bf16 or fp16.
        progress: called with (texts done, texts).

    Raises:
        OutputError: the disk is full after all.
    """
    if not isinstance(texts, Packed) or not texts.lengths.any():
        return None
    kind = np.float32 if precision == FP32 else np.float16
    encoder = replace(encoder, products=precision)
    with encoding(encoder):
        width = _width(encoder, layers, texts)
        room = shutil.disk_usage(file.parent).free // SHARE_OF_FREE
        if width is None or int(texts.lengths.sum()) * width * kind().itemsize > room:
            return None
        try:
            starts = _write(encoder, layers, texts, file, kind, progress)
            outputs = np.memmap(file, kind, "r", shape=(int(texts.lengths.sum()), width))  # (T, D)
        finally:
            with suppress(OSError):  # some systems keep the name of a file that is open
                file.unlink()
    return Begun(texts, layers, outputs, starts)


def _write(
    encoder: Encoder, layers: int, texts: Packed, file: Path, kind: Any, progress: Progress | None
) -> np.ndarray:
    """Write the outputs batch by batch, longest texts first; where those of each text begin: (n,)."""
    import torch

    starts, written, done = np.zeros(len(texts.lengths), dtype=np.int64), 0, 0  # (n,)
    batches = by_tokens(Tokenizer(encoder), texts.lengths, suited_batch_tokens(encoder))
    with torch.inference_mode(), writing(file), file.open("wb") as stream:
        for batch in batches:
            chosen = batch[texts.lengths[batch] > 0]  # (c,); a text without tokens has no output
            if len(chosen):
                features = texts.features(chosen.tolist())
                # A tensor, since that is what the batch tried before gave.
                output = cast("Tensor", _output(encoder, layers, features))
                stream.write(output[0].cpu().numpy().astype(kind).tobytes())
                numbers = _in_row(chosen, features)  # (c,)
                lengths = texts.lengths[numbers]  # (c,)
                starts[numbers] = written + np.cumsum(lengths) - lengths
                written += int(lengths.sum())
            done += len(batch)
            if progress is not None:
                progress(done, len(starts))
    return starts


def _width(encoder: Encoder, layers: int, texts: Packed) -> int | None:
    """Numbers per token after the first layers; None where going on from there gives other vectors."""
    import torch

    some = np.flatnonzero(texts.lengths)[:3]  # (c,)
    features = texts.features(some.tolist())
    with torch.inference_mode():
        output = _output(encoder, layers, features)
        if output is None or output.dim() != 3 or output.shape[1] != int(texts.lengths[some].sum()):
            return None
        whole = forward(encoder.model, _moved(encoder, features))  # (c, D)
        resumed = forward(encoder.model, _moved(encoder, features | {"hidden": output, "layers": layers}))  # (c, D)
    off = (resumed - whole).float().norm(dim=1) / whole.float().norm(dim=1).clamp(min=1e-12)  # (c,)
    return output.shape[2] if bool((off <= TOLERANCE).all()) else None


def _output(encoder: Encoder, layers: int, features: dict[str, Any]) -> "Tensor | None":
    return lower_output(encoder.model, layers, partial(forward, encoder.model, _moved(encoder, features)))


def _moved(encoder: Encoder, features: dict[str, Any]) -> dict[str, Any]:
    from sentence_transformers.util import batch_to_device

    return batch_to_device(dict(features), encoder.model.device)


def _in_row(chosen: Sequence[int] | np.ndarray, features: dict[str, Any]) -> np.ndarray:
    """The numbers of a batch's texts in the order in which they are laid end to end: (c,)."""
    return np.asarray(chosen, dtype=np.int64)[np.argsort(features["places"].numpy())]
