"""A cross-encoder's scores: it encodes query and document together, so it is slow, and the better judge."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedtune.config.encoder import ModelSection
from embedtune.errors import ModelError, reason_of
from embedtune.models.encoder import readable, weights_digest
from embedtune.models.files.load import choose_device
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.files.resolve import STARTER, Resolved, offline, resolve

BATCH_CHARACTERS = 32_768
"""About 8,192 tokens with their padding; a batch of long pairs holds few pairs."""


@dataclass(frozen=True)
class PairScorer:
    """A loaded `CrossEncoder` of sentence-transformers, with the name that the user gave it."""

    model: Any
    name: str

    def scores(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """The score of every pair (query, document), higher is better: float32 (n,).

        Pairs of similar length go together, longest first, so that little is padding and the first batch shows whether
        memory suffices.

        Raises:
            ModelError: a score is NaN or infinite, or the model gives more than one number per pair.
        """
        texts = [(readable(query), readable(document)) for query, document in pairs]
        lengths = np.array([len(query.encode()) + len(document.encode()) for query, document in texts], dtype=np.int64)
        order = np.argsort(-lengths, kind="stable")  # (n,)
        scores = np.empty(len(texts), dtype=np.float32)  # (n,)
        done = 0
        while done < len(order):
            rows = max(1, BATCH_CHARACTERS // max(1, int(lengths[order[done]])))
            chosen = order[done : done + rows]
            scores[chosen] = self._forward([texts[i] for i in chosen])
            done += len(chosen)
        return scores

    def _forward(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        found = np.asarray(
            self.model.predict(pairs, batch_size=len(pairs), show_progress_bar=False, convert_to_numpy=True)
        )
        if found.shape != (len(pairs),):
            raise ModelError(
                f"{self.name} gives {found.shape[-1]} numbers per pair; one that scores relevance gives one",
                where="--cross-encoder",
                next="name a reranker (a model with one label)",
            )
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name} gives NaN or infinity for a pair", where="--cross-encoder")
        return found


def load_cross_encoder(section: ModelSection, *, device: str = "auto") -> PairScorer:
    """Load the cross-encoder that a section names.

    Raises:
        ModelError: it cannot be found or loaded.
    """
    name = section.name
    if name == STARTER:
        raise ModelError("a starter encodes one text at a time; it is not a cross-encoder", where="--cross-encoder")
    found = resolve(section)
    _refuse_untrained(found)
    with quiet_libraries():
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(
                str(found.path or found.name),
                device=choose_device(device),
                max_length=section.max_length,
                trust_remote_code=section.trust_remote_code,
                local_files_only=found.path is not None or offline(),
                model_kwargs={"use_safetensors": not section.allow_pickle or None},
            )
        except Exception as error:  # whatever a damaged or foreign model makes the libraries raise
            raise ModelError(
                f"{name} cannot be loaded as a cross-encoder: {reason_of(error)}", where="--cross-encoder"
            ) from error
    return PairScorer(model, name)


def _refuse_untrained(found: Resolved) -> None:
    """Refuse a plain encoder: it would be loaded with random weights in its head, and score at random."""
    if found.path is None or (found.path / "modules.json").exists() or not (found.path / "config.json").exists():
        return
    try:
        kinds = json.loads((found.path / "config.json").read_text(encoding="utf-8")).get("architectures") or []
    except (ValueError, AttributeError, RecursionError) as error:
        raise ModelError(f"{found.path / 'config.json'} cannot be read: {error}", where="--cross-encoder") from None
    if kinds and not any("SequenceClassification" in kind or "CausalLM" in kind for kind in kinds):
        raise ModelError(
            f"{found.name} is a {kinds[0]}, which was not trained to score pairs",
            where="--cross-encoder",
            next="name a reranker, or give this one as --guide",
        )


def fingerprint(scorer: PairScorer) -> str:
    """Hex digest of its weights."""
    return weights_digest(scorer.model)
