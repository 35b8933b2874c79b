"""How much an encoder's cosine counts beside a cross-encoder's score: a number that is kept beside its weights."""

import json
import math
from pathlib import Path
from typing import NamedTuple

from embedtune.durable import write_text
from embedtune.errors import ModelError

FILE = "embedtune_reranking.json"


class Mix(NamedTuple):
    """How much the cosine of an encoder counts, and the encoder that this was chosen beside."""

    weight: float = 0.0
    encoder: str = ""


def write_mix(folder: Path, mix: float, encoder: str) -> None:
    """Keep the weight of this encoder's cosine."""
    write_text(folder / FILE, json.dumps({"encoder": encoder, "cosine_weight": mix}, ensure_ascii=False) + "\n")


def mix_of(folder: Path) -> Mix:
    """What is kept in a cross-encoder's folder; nothing counts where nothing is.

    Raises:
        ModelError: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return Mix()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        mix = Mix(float(kept["cosine_weight"]), str(kept.get("encoder", "")))
        if not 0 <= mix.weight < math.inf:  # NaN is neither
            raise ValueError(mix)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"{FILE} has no number of at least 0 called cosine_weight",
            where=str(path),
            next="remove the file to rerank by the cross-encoder alone, or train the cross-encoder again",
        ) from error
    return mix
