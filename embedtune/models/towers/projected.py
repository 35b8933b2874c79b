"""Texts of an encoder that does not learn, of which only a last projection does: encoded once, projected at each step.

Next to a small signal tower, the text encoder would take nine tenths of the time of training, to give the same vectors
again and again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from embedtune.models.encode.batching import preprocess
from embedtune.models.encoder import Encoder, Role, has_towers, in_mode
from embedtune.models.towers.signal_input import TEXT

if TYPE_CHECKING:
    from torch import Tensor, nn

KEY = "sentence_embedding"
AT_ONCE = 64


@dataclass(frozen=True)
class ProjectedTexts:
    """n texts whose vectors before the projection are known.

    Args:
        vectors: (n, d) float32.
    """

    vectors: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """A text takes no more than a token does: (n,) int64."""
        return np.ones(len(self.vectors), dtype=np.int64)

    def features(self, chosen: Sequence[int]) -> "dict[str, Tensor]":
        """A batch of these texts, in this order."""
        import torch

        return {KEY: torch.from_numpy(self.vectors[np.asarray(chosen, dtype=np.int64)])}  # (b, d)


@dataclass(frozen=True)
class BeforeProjection:
    """Remembers the vectors of texts before the projection, each of which is encoded once."""

    _known: dict[tuple[Role, str], np.ndarray] = field(default_factory=dict)

    def of(self, encoder: Encoder, texts: Sequence[str], role: Role) -> ProjectedTexts:
        """These texts, of which those that are new are encoded now."""
        new = [text for text in dict.fromkeys(texts) if (role, text) not in self._known]
        if new:
            self._known.update(zip(((role, text) for text in new), _before(encoder, new, role), strict=True))
        return ProjectedTexts(np.stack([self._known[role, text] for text in texts]))


def _before(encoder: Encoder, texts: Sequence[str], role: Role) -> np.ndarray:
    """The vectors of texts by the part of the text side that does not learn: float32 (n, d)."""
    import torch
    from sentence_transformers.util import batch_to_device

    frozen = encoder.model[0].sub_modules[TEXT][:-1]
    found = []
    with in_mode(encoder.model, training=False), torch.no_grad():
        for start in range(0, len(texts), AT_ONCE):
            made: dict[str, Any] = preprocess(encoder, texts[start : start + AT_ONCE], role)
            made = batch_to_device(made, encoder.model.device)
            for module in frozen:
                made = module(made)
            found.append(made[KEY].float().cpu().numpy())
    return np.concatenate(found)


def is_before_projection(model: "nn.Module", features: "Mapping[str, Tensor]") -> bool:
    """Whether a batch is one of `ProjectedTexts`; models of words have inputs of this name, too."""
    return KEY in features and has_towers(getattr(model, "module", model))  # wrapped by several processes


def projected(model: "nn.Module", features: "Mapping[str, Tensor]") -> "Tensor":
    """Sentence vectors (n, D) of a batch of `ProjectedTexts`; differentiable."""
    side: Any = getattr(model, "module", model)[0].sub_modules[TEXT]  # type: ignore[index]  # wrapped by several processes
    vectors: Tensor = side[-1]({KEY: features[KEY]})[KEY]
    return vectors
