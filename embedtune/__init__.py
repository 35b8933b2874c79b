"""embedtune: fine-tune sentence encoders from the command line, with evidence that they became better.

Importing this package loads neither torch nor sentence-transformers; the public names below load on first use.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "EmbeddingBatch": "embedtune.losses",
    "build_loss": "embedtune.losses",
    "loss_names": "embedtune.losses",
}

__all__ = ["EmbeddingBatch", "__version__", "build_loss", "loss_names"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'embedtune' has no attribute {name!r}")
