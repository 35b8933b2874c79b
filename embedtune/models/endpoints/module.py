"""An endpoint as the only module of a sentence-transformers model, so that everything that encodes can use it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import InputModule

from embedtune.errors import ModelError
from embedtune.models.encoder import Encoder
from embedtune.models.endpoints.address import parse_endpoint
from embedtune.models.endpoints.embeddings import EmbeddingClient
from embedtune.models.endpoints.transport import Transport
from embedtune.network import is_offline

if TYPE_CHECKING:
    from embedtune.config.sections.encoder import ModelSection

OFFLINE_VARIABLES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


class EndpointModule(InputModule):
    """Sends texts to an endpoint. It has no weights: its fingerprint is the address, the model's name and the
    dimensions asked for, so a model that changes behind its name is not noticed.

    Args:
        client: of the endpoint.
    """

    tokenizer = None

    def __init__(self, client: EmbeddingClient) -> None:
        super().__init__()
        self.client = client

    def preprocess(self, inputs: Sequence[Any], prompt: str | None = None, **kwargs: Any) -> dict[str, Any]:
        """The texts, each after the prompt: an endpoint tokenizes them itself."""
        return {"texts": [(prompt or "") + str(text) for text in inputs]}

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Add the vectors (n, D) of a batch."""
        return features | {"sentence_embedding": torch.from_numpy(self.client.vectors(features["texts"]))}

    def get_config_dict(self) -> dict[str, Any]:
        """What its vectors depend on."""
        address = self.client.address
        return {"url": address.url, "model": address.model, "dimensions": address.dimensions}

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Refuse: there are no weights.

        Raises:
            ModelError: always.
        """
        raise ModelError(f"{self.client.address.name} is an endpoint; its weights are not here to be saved")


def load_endpoint(section: "ModelSection", transport: Transport | None = None) -> Encoder:
    """The model behind an endpoint as an encoder; asks it for one vector, so that a wrong key or name shows at once.

    Raises:
        ModelError: the endpoint cannot be used, or the network is switched off.
    """
    if transport is None and is_offline("EMBEDTUNE_OFFLINE"):
        raise ModelError(f"{section.name} is an endpoint, and EMBEDTUNE_OFFLINE is set", where="model")
    client = EmbeddingClient(transport or Transport(parse_endpoint(section.name)))
    dimensions = client.dimensions()
    return Encoder(
        model=SentenceTransformer(modules=[EndpointModule(client)], device="cpu"),
        name=section.name,
        prompts={"query": section.prompts.get("query", ""), "document": section.prompts.get("document", "")},
        max_length=None,
        default_lr=0.0,
        dimensions=dimensions,
        notes=(f"texts are sent to {client.address.host}, which may keep them", *_ignored(section)),
    )


def _ignored(section: "ModelSection") -> list[str]:
    limit = f"{section.name} is an endpoint, which decides itself how much of a text it reads; --max-length is ignored"
    return [limit] if section.max_length else []


def batch_of(model: "torch.nn.Module") -> int | None:
    """Texts per request of a model that is an endpoint; None for any other."""
    first = next(iter(model.children()), None)
    return first.client.batch if isinstance(first, EndpointModule) else None
