"""What an encoder is going to cost, read from its files: nothing is loaded, so this is rough and takes no time.

The products of a transformer follow from its config.json, and the tokens of texts from its tokenizer. How fast this
machine multiplies, one small product shows. Before training, `probe` measures real steps, which is far better.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedtune.models.folders.contents import ModelFolder
from embedtune.models.sources.resolve import Resolved

SIZE, REPEATS = 768, 6
REACHED = 0.5
"""Share of the speed of the best product that encoding reaches; attention, norms, padding and tokenizing cost too."""
LEARNING = 3.0
"""A step (forward and backward) takes about as long as this many forward passes."""
LOOKED_UP_S = 2e-6
"""Per token of a static encoder, which looks vectors up and multiplies nothing."""
BYTES_PER_TOKEN = 4.5
"""Of UTF-8, where there is no tokenizer to ask: English words have about 1.3 tokens, Korean syllables 0.6."""
WEIGHT_BYTES = 4
HIDDEN = ("hidden_size", "d_model", "dim")
LAYERS = ("num_hidden_layers", "n_layers", "num_layers")
INNER = ("intermediate_size", "hidden_dim", "d_ff")


@dataclass(frozen=True)
class DeclaredCost:
    """The cost of an encoder as its files declare it.

    Args:
        products: floating-point operations per token, forward; 0 for a static encoder.
        weights_bytes: of its files of weights.
        dimensions: of its inner vectors.
        most_tokens: of a text; None where nothing is cut.
        folder: with its tokenizer; None for a starter, which is not made yet.
    """

    products: float = 0.0
    weights_bytes: int = 0
    dimensions: int = 512
    most_tokens: int | None = None
    folder: Path | None = None

    def tokens(self, sample: Sequence[str]) -> float:
        """The mean number of tokens of some texts."""
        if not sample:
            return 0.0
        counts = self._counted(sample)
        if counts is None:
            counts = [len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN for text in sample]
        most = self.most_tokens or np.inf
        return float(np.minimum(counts, most).mean())

    def seconds(self, tokens: float) -> float:
        """To encode so many tokens on this machine's processors."""
        if not self.products:
            return tokens * LOOKED_UP_S
        return tokens * self.products / (REACHED * products_per_s())

    def _counted(self, sample: Sequence[str]) -> list[float] | None:
        file = None if self.folder is None else next(iter(sorted(self.folder.rglob("tokenizer.json"))), None)
        if file is None:
            return None
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception:  # the library raises plain exceptions; loading the model will say what is wrong
            return None
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return [float(len(one.ids)) for one in tokenizer.encode_batch([*sample])]


def declared_cost(found: Resolved, kept: int | None = None) -> DeclaredCost | None:
    """What the files of a model say about its cost; None where they say nothing, as for an endpoint.

    Of a transformer of which `kept` layers are left, as of a student, the rest costs nothing.
    """
    if found.kind == "starter":
        return DeclaredCost()
    if found.path is None:
        return None
    folder = ModelFolder(found.path)
    config, weights = folder.config, sum(file.stat().st_size for file in found.path.rglob("*.safetensors"))
    hidden, layers, inner = (_number(config, names) for names in (HIDDEN, LAYERS, INNER))
    layer = 4 * hidden**2 + 2 * hidden * (inner or 4 * hidden)  # weights
    gone = layers - min(kept or layers, layers)
    products = 2.0 * (layers - gone) * layer
    weights = max(0, weights - WEIGHT_BYTES * gone * layer)
    settings = folder.read(f"{folder.config_path}sentence_bert_config.json") or {}
    most = settings.get("max_seq_length") or config.get("max_position_embeddings")
    return DeclaredCost(products, weights, hidden or 512, most if isinstance(most, int) else None, found.path)


def declared_layers(found: Resolved) -> int | None:
    """How many layers a transformer has by its files: 0 for a static encoder; None where they do not say."""
    if found.kind == "starter":
        return 0
    if found.path is None:
        return None
    folder = ModelFolder(found.path)
    is_static = bool(folder.modules) and str((folder.modules or [{}])[0].get("type")).endswith(".StaticEmbedding")
    return 0 if is_static else _number(folder.config, LAYERS) or None


def products_per_s() -> float:
    """Floating-point operations per second of a small matrix product on the processors, the best of a few."""
    factor = np.random.default_rng(0).standard_normal((SIZE, SIZE)).astype(np.float32)  # (n, n)
    best = np.inf
    for _ in range(REPEATS):
        began = time.perf_counter()
        factor @ factor
        best = min(best, time.perf_counter() - began)
    return 2 * SIZE**3 / max(best, 1e-9)


def _number(config: dict[str, Any], names: Sequence[str]) -> int:
    """The first of these settings; 0 where there is none."""
    return next((value for name in names if isinstance(value := config.get(name), int)), 0)
