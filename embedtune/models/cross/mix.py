"""How much an encoder's cosine counts beside a cross-encoder's score: a number that is kept beside its weights."""

import json
import math
from pathlib import Path

from embedtune.durable import write_text
from embedtune.errors import ModelError

FILE = "embedtune_reranking.json"


def write_mix(folder: Path, mix: float, encoder: str) -> None:
    """Keep the weight of this encoder's cosine."""
    write_text(folder / FILE, json.dumps({"encoder": encoder, "cosine_weight": mix}, ensure_ascii=False) + "\n")


def mix_of(folder: Path) -> float:
    """The weight of the encoder's cosine; 0 where none is kept.

    Raises:
        ModelError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return 0.0
    try:
        weight = float(json.loads(path.read_text(encoding="utf-8"))["cosine_weight"])
        if not 0 <= weight < math.inf:  # NaN is neither
            raise ValueError(weight)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{FILE} has no number of at least 0 called cosine_weight",
            where=str(path),
            next="remove the file to rerank by the cross-encoder alone, or train the cross-encoder again",
        ) from error
    return weight
