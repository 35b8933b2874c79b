"""In which precision the texts of dev, test and guard are encoded: before and after training in the same one."""

from dataclasses import replace

from embedtune.config.verbs.train import TrainConfig
from embedtune.models.encoder import Encoder
from embedtune.models.speed.precision import FP32, choose_precision


def to_be_scored(encoder: Encoder, config: TrainConfig) -> Encoder:
    """The encoder as it is scored; its weights are the same ones, and how it trains does not change.

    Where queries alone learn, the documents keep the vectors that an index has, so these stay exact; and the numbers of
    a signal span more than bf16 can tell apart.
    """
    if config.side == "query" or encoder.signals is not None:
        return encoder
    asked, device = config.training.scoring_precision, str(encoder.model.device)
    return replace(encoder, products=choose_precision(asked, device, has_products=encoder.has_products).name)


def exact(encoder: Encoder) -> Encoder:
    """The encoder as everybody else will load it."""
    return replace(encoder, products=FP32)
