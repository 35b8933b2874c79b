"""The whole way of an encoder as one torch module: token ids in, the vector that is compared out."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from embedtune.models.encode.tokenizer import cut
from embedtune.models.encoder import Encoder, is_static
from embedtune.models.export.reading_files import ExportReading
from embedtune.models.similarity import measure_of


class FinalVector(nn.Module):
    """Transformer, pooling, dense layers, cut and normalisation of an encoder, a copy in evaluation mode.

    Vectors have length 1 where the encoder's are compared by cosine, so that their inner product is the cosine.

    Args:
        encoder: stays as it is.
        reading: how it reads texts.
    """

    def __init__(self, encoder: Encoder, reading: ExportReading) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder.model).cpu().float().eval()
        self.static = is_static(encoder.model)
        self.reading = reading
        self.normalises = measure_of(encoder) == "cosine"
        transformer: Any = self.encoder.transformers_model
        if hasattr(transformer, "set_attn_implementation"):
            # Plain products and a softmax, which every engine knows how to fuse.
            transformer.set_attn_implementation("eager")

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Vectors (n, D) of token ids (n, L), with a mask (n, L) that is 0 for padding."""
        features = self._first(input_ids, attention_mask)
        for module in list(self.encoder)[1:]:
            features = module(features)
        vectors = cut(self.encoder, features["sentence_embedding"])  # (n, D)
        if not self.normalises:
            return vectors
        return vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-12)

    def _first(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Any]:
        if self.static:
            # The mean that its EmbeddingBag takes of a flat row of tokens, with the mask in place of offsets.
            mask = attention_mask.unsqueeze(-1).float()  # (n, L, 1)
            tokens = torch.nn.functional.embedding(input_ids, self.encoder[0].embedding.weight)  # (n, L, D)
            total = (tokens * mask).sum(dim=1)  # (n, D)
            return {"sentence_embedding": total / mask.sum(dim=1).clamp_min(1.0)}
        features = {"input_ids": input_ids, "attention_mask": attention_mask, **self.reading.always}
        if self.reading.zero_types:
            features["token_type_ids"] = torch.zeros_like(input_ids)
        made: dict[str, Any] = self.encoder[0](features)
        return made
