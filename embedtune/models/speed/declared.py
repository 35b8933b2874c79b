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
from embedtune.models.folders.tokenizer_file import tokenizer_in
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
KEPT_HIDDEN, KEPT_INNER = 10.5, 2.0
"""Numbers that a layer keeps of a token for the backward pass, per dimension and per inner dimension: measured on
MiniLM-L6 and multilingual-e5-small, in float32; bfloat16 takes as much for short texts, with its copies of weights."""
KEPT_ATTENTION_BYTES = 5
"""The same, bytes per head and pair of tokens: a float32 and the mask of its dropout."""
HIDDEN = ("hidden_size", "d_model", "dim")
LAYERS = ("num_hidden_layers", "n_layers", "num_layers")
INNER = ("intermediate_size", "hidden_dim", "d_ff")
HEADS = ("num_attention_heads", "n_heads", "num_heads")


@dataclass(frozen=True)
class DeclaredCost:
    """The cost of an encoder as its files declare it.

    Args:
        products: floating-point operations per token, forward; 0 for a static encoder.
        weights_bytes: of its files of weights.
        dimensions: of its inner vectors.
        most_tokens: of a text; None where nothing is cut.
        folder: with its tokenizer; None for a starter, which is not made yet.
        token_bytes: of activations that the backward pass needs per token, without attention; 0 for a static encoder.
        attention_bytes: the same, per pair of tokens of a text.
    """

    products: float = 0.0
    weights_bytes: int = 0
    dimensions: int = 512
    most_tokens: int | None = None
    folder: Path | None = None
    token_bytes: float = 0.0
    attention_bytes: float = 0.0

    def tokens(self, sample: Sequence[str]) -> float:
        """The mean number of tokens of some texts."""
        return float(self._lengths(sample).mean()) if sample else 0.0

    def activation_bytes(self, texts: int, sample: Sequence[str]) -> int:
        """What a training step keeps in memory of so many texts like these until its backward pass."""
        if not (sample and texts and self.token_bytes):
            return 0
        lengths = self._lengths(sample)  # (n,)
        return round(texts * float((self.token_bytes * lengths + self.attention_bytes * lengths**2).mean()))

    def _lengths(self, sample: Sequence[str]) -> np.ndarray:
        """(n,) tokens of each text that are read."""
        counts = self._counted(sample)
        if counts is None:
            counts = [len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN for text in sample]
        return np.minimum(counts, self.most_tokens or np.inf)

    def seconds(self, tokens: float) -> float:
        """To encode so many tokens on this machine's processors."""
        if not self.products:
            return tokens * LOOKED_UP_S
        return tokens * self.products / (REACHED * products_per_s())

    def _counted(self, sample: Sequence[str]) -> list[float] | None:
        tokenizer = None if self.folder is None else tokenizer_in(self.folder)
        if tokenizer is None:
            return None
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
    left = min(kept or layers, layers)
    gone = layers - left
    products = 2.0 * left * layer
    weights = max(0, weights - WEIGHT_BYTES * gone * layer)
    settings = folder.read(f"{folder.config_path}sentence_bert_config.json") or {}
    most = settings.get("max_seq_length") or config.get("max_position_embeddings")
    return DeclaredCost(
        products,
        weights,
        hidden or 512,
        most if isinstance(most, int) else None,
        found.path,
        token_bytes=4.0 * left * (KEPT_HIDDEN * hidden + KEPT_INNER * (inner or 4 * hidden)),
        attention_bytes=float(KEPT_ATTENTION_BYTES * left * _number(config, HEADS)),
    )


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
