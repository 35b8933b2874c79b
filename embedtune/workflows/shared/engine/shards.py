"""What a worker does with a shard: encode its texts, with an encoder that it loads once and keeps.

Only plain data reach a worker: a dictionary that says which encoder, and texts. Vectors come back.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError
from embedtune.models.encode.encode import vectors_of
from embedtune.models.encoder import Encoder, Role
from embedtune.models.files.load import load_encoder


@dataclass(frozen=True)
class EncoderOrder:
    """Which encoder a worker loads, and how it encodes.

    Args:
        section: name, prompts and maximum length.
        device: as the user named it; of several GPUs each worker takes the one of its number.
        products: precision of matrix products: fp32 or bf16.
        role: of the texts.
        fingerprint: of the encoder; a worker with another one under this name refuses.
        batch_tokens: most tokens of a batch, which decides the last bits of vectors.
        threads: of torch in a worker.
    """

    section: ModelSection
    device: str
    products: str
    role: Role
    fingerprint: str
    batch_tokens: int
    threads: int

    def plain(self) -> dict[str, Any]:
        """The order as JSON can hold it."""
        return {**vars(self), "section": self.section.model_dump(mode="json", include=set(ModelSection.model_fields))}


def encode_shard(order: Mapping[str, Any], texts: Sequence[str], number: int = 0) -> np.ndarray:
    """The vectors of a shard, as `encode_to_file` wants them: float32 (n, D).

    Args:
        order: of an `EncoderOrder`.
        texts: n texts.
        number: of the worker, from 0.
    """
    encoder, role = _encoder(json.dumps(order, sort_keys=True), number)
    return vectors_of(encoder, texts, role)


@cache
def _encoder(order: str, number: int) -> tuple[Encoder, Role]:
    """The encoder of an order, loaded when the first shard arrives.

    Raises:
        ModelError: it is another one than the order was written for.
    """
    import torch

    asked = json.loads(order)
    if torch.get_num_threads() != asked["threads"]:
        torch.set_num_threads(asked["threads"])
    device = asked["device"]
    if device in ("auto", "cuda") and torch.cuda.is_available():
        device = f"cuda:{number % torch.cuda.device_count()}"
    encoder = load_encoder(ModelSection.model_validate(asked["section"]), device=device, precision=asked["products"])
    if encoder.fingerprint() != asked["fingerprint"]:
        raise ModelError(
            f"a worker found another model under the name {encoder.name}",
            where="--model",
            next="give all workers the same files: a folder that all of them share, or one Hub revision",
        )
    return replace(encoder, batch_tokens=asked["batch_tokens"]), asked["role"]
