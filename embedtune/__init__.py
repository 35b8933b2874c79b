"""embedtune: fine-tune sentence encoders, with evidence that they became better.

`embedtune.train(...)` and its siblings do what the commands of the same names do. Importing this package loads neither
torch nor sentence-transformers; the public names below load on first use.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_VERBS = (
    "adapt",
    "check",
    "cluster",
    "compare",
    "drift",
    "encode",
    "evaluate",
    "export",
    "merge",
    "mine",
    "open_search",
    "push",
    "reproduce",
    "runs",
    "train",
    "tune",
)
_PUBLIC = {
    "EmbeddingBatch": "embedtune.losses",
    "build_loss": "embedtune.losses",
    "loss_names": "embedtune.losses",
    **dict.fromkeys(_VERBS, "embedtune.api"),
}

__all__ = ["EmbeddingBatch", "__version__", "build_loss", "loss_names", *_VERBS]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'embedtune' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
