"""Floating-point operations of training an encoder, counted from its weights and the lengths of texts."""

from dataclasses import dataclass

import numpy as np

from embedtune.models.encoder import Encoder


@dataclass(frozen=True)
class TrainingFlops:
    """Operations of a forward and a backward pass, without what is computed twice to save memory.

    Per weight and token: two forward; backward two for the gradient of the input and, where the weight learns, two for
    its own. Attention multiplies each token with every token of its text, twice forward and four times backward;
    windows and causal masks, which skip some of that, are not taken into account.

    Source: Chowdhery et al. 2022, arXiv:2204.02311, appendix B, and Kaplan et al. 2020, arXiv:2001.08361, section 2.1.

    Args:
        per_token: operations per token.
        per_pair: operations per pair of tokens of one text, a token with itself included.
    """

    per_token: float
    per_pair: float

    def of(self, lengths: np.ndarray) -> float:
        """Operations for texts of these lengths (n,).

        >>> TrainingFlops(6.0, 12.0).of(np.array([1, 2]))
        78.0
        """
        return float(self.per_token * lengths.sum() + self.per_pair * np.square(lengths).sum())


def training_flops(encoder: Encoder) -> TrainingFlops | None:
    """The operations of an encoder, without its token embeddings; None for one that multiplies no matrices."""
    from torch import nn

    if not encoder.has_products:
        return None
    tables = {id(part.weight) for part in encoder.model.modules() if isinstance(part, nn.Embedding)}
    weights = [one for one in encoder.model.parameters() if id(one) not in tables]
    every = sum(one.numel() for one in weights)
    learning = sum(one.numel() for one in weights if one.requires_grad)
    config = encoder.model.config
    layers, heads = (getattr(config, name, 0) or 0 for name in ("num_hidden_layers", "num_attention_heads"))
    width = heads * (getattr(config, "head_dim", 0) or 0) or getattr(config, "hidden_size", 0) or 0
    return TrainingFlops(per_token=4 * every + 2 * learning, per_pair=12 * layers * width)
