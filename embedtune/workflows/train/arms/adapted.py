"""Arms that train adapters (LoRA) instead of all weights: a copy of the encoder learns, and its result is merged.

So that everything after training (scores, mixed weights, the model that is saved) is the same for all arms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch

from embedtune.config.sections.encoder import EncoderSection, Lora
from embedtune.models.encoder import Encoder
from embedtune.models.files.load import load_encoder
from embedtune.models.merge.mix import without_adapters
from embedtune.models.similarity import declare_cosine


@dataclass
class AdaptedCopies:
    """One copy of the encoder with adapters for each kind of them that races.

    Args:
        section: the encoder, without adapters.
        seed: of the adapters' first weights.
        products: the precision in which the copies are scored, as the encoder is.
    """

    section: EncoderSection
    seed: int
    products: str
    _copies: dict[str, tuple[Encoder, Mapping[str, torch.Tensor]]] = field(default_factory=dict)

    def fresh(self, lora: Lora, device: str) -> Encoder:
        """The copy with these adapters, as it was before training."""
        key = lora.model_dump_json()
        if key not in self._copies:
            section = self.section.model_copy(update={"lora": lora})
            encoder = replace(load_encoder(section, device=device, seed=self.seed), products=self.products)
            declare_cosine(encoder)
            self._copies[key] = encoder, _weights(encoder)
        encoder, weights = self._copies[key]
        with torch.no_grad():
            encoder.model.load_state_dict(weights)
        return encoder


def take_over(encoder: Encoder, adapted: Encoder) -> None:
    """Give an encoder the weights of a copy, with its adapters merged into them."""
    with torch.no_grad():
        encoder.model.load_state_dict(without_adapters(adapted).model.state_dict())


def _weights(encoder: Encoder) -> Mapping[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in encoder.model.state_dict().items()}
