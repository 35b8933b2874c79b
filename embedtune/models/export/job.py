"""One export: the encoder, where it goes, how exact it is to be, and texts to measure it on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedtune.models.encoder import Encoder

STATIC_DIMENSIONS = 256


@dataclass(frozen=True)
class ExportJob:
    """What a target is asked for.

    Args:
        encoder: stays as it is.
        folder: exists and is empty.
        precision: fp32, fp16 or int8.
        texts: documents from the data that the export is not tested on.
        calibrated: how many of these set the ranges of int8 activations; 0: each token sets its own.
        dimensions: of the vectors of a static export.
    """

    encoder: Encoder
    folder: Path
    precision: str = "fp32"
    texts: Sequence[str] = ()
    calibrated: int = 0
    dimensions: int = STATIC_DIMENSIONS
