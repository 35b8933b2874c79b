"""An export as the first and only module of a sentence-transformers model, so that everything here reads it."""

from collections.abc import Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import torch
from sentence_transformers.base.modules.input_module import InputModule
from tokenizers import Tokenizer

from embedtune.errors import ModelError
from embedtune.models.encode.batching import BatchLayout, Padded
from embedtune.models.encode.token_ids import tokenized
from embedtune.models.export.engines import Engine
from embedtune.models.export.settings import ExportSettings


class ExportedModel(InputModule):
    """Token ids to vectors through an engine; nothing in it can be trained.

    Args:
        settings: of the export.
        tokenizer: reads texts, and cuts them.
        engine: runs the exported file.
    """

    def __init__(self, settings: ExportSettings, tokenizer: Tokenizer, engine: Engine) -> None:
        super().__init__()
        self.settings, self.tokenizer, self.engine = settings, tokenizer, engine
        padding = tokenizer.padding or {}
        self.layout = BatchLayout(
            pad=int(padding.get("pad_id", 0)),
            left=padding.get("direction") == "left",
            types="none",
            type_pad=0,
            always={},
            unplaced=None,
        )
        tokenizer.no_padding()  # batches are padded here, where their lengths are known
        # More tokens than the encoder read were never measured against it.
        self.config = SimpleNamespace(max_position_embeddings=settings.max_length)
        # sentence-transformers asks the weights where a model is, and of which type.
        self.nothing = torch.nn.Parameter(torch.zeros(0), requires_grad=False)

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **_: Any) -> dict[str, Any]:
        """Token ids and mask (n, L) of texts after a prompt."""
        texts = [(prompt or "") + str(text) for text in inputs]
        ids = tokenized(texts, lambda part: (self.token_ids(part), None))
        return Padded(ids, self.layout).features(range(len(texts)))

    def token_ids(self, texts: list[str]) -> list[list[int]]:
        """The token ids of readable texts, as they are."""
        found = self.tokenizer.encode_batch_fast(texts, add_special_tokens=self.settings.special_tokens)
        return [one.ids for one in found]

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Adds "sentence_embedding" (n, D)."""
        ids, mask = (features[name].cpu().numpy() for name in ("input_ids", "attention_mask"))
        features["sentence_embedding"] = torch.from_numpy(self.engine(ids, mask))  # (n, D)
        return features

    def get_embedding_dimension(self) -> int:
        """D."""
        return self.settings.dimensions

    def get_config_dict(self) -> dict[str, Any]:
        """What its vectors depend on, the hash of its files included, and nothing of where it comes from."""
        kept = ("target", "precision", "sha256", "dimensions", "special_tokens", "similarity")
        return {key: value for key, value in asdict(self.settings).items() if key in kept}

    def save(self, output_path: str, *args: Any, **_: Any) -> None:
        """Refused: an export is a result.

        Raises:
            ModelError: always.
        """
        raise ModelError(
            "an export cannot be saved as a model of another kind",
            where="model",
            next=f"use the encoder that it was made from: {self.settings.made_from}",
        )
