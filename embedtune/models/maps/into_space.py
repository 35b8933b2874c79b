"""An encoder put into another encoder's space: a matrix behind it, or within the table of a static encoder."""

import copy
from dataclasses import replace

import numpy as np
import torch

from embedtune.models.encoder import Encoder, is_static
from embedtune.models.maps.fit import CLEARLY, agreement, fit_map
from embedtune.models.maps.save_map import mapped_encoder
from embedtune.models.maps.space_map import SpaceMap


def into_space(encoder: Encoder, own: np.ndarray, target: np.ndarray, *, seed: int) -> tuple[Encoder, float | None]:
    """The encoder with the matrix behind it that brings its vectors nearest to another encoder's, if that helps.

    Args:
        encoder: stays as it is.
        own: (n, D) its vectors of n texts, of length 1.
        target: (n, G) those of the other encoder, of length 1.
        seed: of the texts that are held out.

    Returns: an encoder of G dimensions, and the mean cosine of its vectors with the other's on texts held out; the
        encoder itself and None where it is as near without a matrix.
    """
    fitted = fit_map(own, target, "linear", seed=seed)
    cosine = fitted.cosines["linear"]
    if own.shape[1] == target.shape[1]:
        without = agreement(SpaceMap("linear", np.eye(own.shape[1], dtype=np.float32)), own, target)
        if without >= cosine - CLEARLY:
            return encoder, None
    made = _folded(encoder, fitted.found) if _is_table(encoder) else mapped_encoder(encoder, fitted.found)
    return made, cosine


def _is_table(encoder: Encoder) -> bool:
    """Whether its vectors are means of token vectors and nothing else, but for their length."""
    from sentence_transformers.base.modules import Normalize

    scaled = all(isinstance(module, Normalize) for module in list(encoder.model)[1:])
    return is_static(encoder.model) and encoder.model.truncate_dim is None and scaled


def _folded(encoder: Encoder, found: SpaceMap) -> Encoder:
    """A copy of a static encoder with each token vector mapped: the mean of mapped vectors is the mapped mean.

    Their size stays, which no cosine depends on, because the learning rate of a static encoder suits it.
    """
    model = copy.deepcopy(encoder.model)
    table = model[0].embedding
    before = table.weight.detach().cpu().double()  # (V, D)
    mapped = before @ torch.from_numpy(found.weight).double()  # (V, G)
    mapped *= before.square().mean().sqrt() / mapped.square().mean().sqrt()
    table.weight = torch.nn.Parameter(mapped.to(table.weight))
    table.embedding_dim = model[0].embedding_dim = found.weight.shape[1]
    return replace(encoder, model=model, dimensions=found.weight.shape[1])
