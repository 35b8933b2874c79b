"""A cross-encoder's scores: it encodes query and document together, so it is slow, and the better judge."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedtune.config.sections.encoder import ModelSection
from embedtune.errors import ModelError, blamed_on
from embedtune.models.cross.exact_head import exact_head
from embedtune.models.cross.mix import Mix, mix_of
from embedtune.models.encoder import readable, weights_digest
from embedtune.models.files.load import choose_device
from embedtune.models.files.load_report import LoadReport, demand_all_weights, remarks
from embedtune.models.files.opening import cannot_load, fetch_described, give_padding
from embedtune.models.files.quiet import quiet_libraries
from embedtune.models.folders.family import A_RERANKER
from embedtune.models.sources.on_hub import offline
from embedtune.models.sources.resolve import Resolved, resolve
from embedtune.models.speed.precision import FP32, multiplying
from embedtune.models.tokenizer_text import tokenizer_text

WHERE = "--cross-encoder"
BATCH_CHARACTERS = 32_768
"""About 8,192 tokens with their padding; a batch of long pairs holds few pairs."""


@dataclass(frozen=True)
class PairScorer:
    """A loaded `CrossEncoder` of sentence-transformers, with the name that the user gave it.

    Args:
        model: scores pairs.
        name: as the user named it.
        notes: sentences about it for the user.
        option: by which the user named it.
        products: precision of its matrix products: fp32, bf16 or fp16. Its head always gives scores in fp32.
        mix: how much the encoder's cosine counts beside its score, where a ranking of that encoder is reranked.
        beside: the encoder that this was chosen for; empty if it is not known.
    """

    model: Any
    name: str
    notes: tuple[str, ...] = ()
    option: str = WHERE
    products: str = FP32
    mix: float = 0.0
    beside: str = ""

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
        with multiplying(self.products, str(self.model.device)), exact_head(self.model):
            found = np.asarray(
                self.model.predict(pairs, batch_size=len(pairs), show_progress_bar=False, convert_to_numpy=True)
            )
        if found.shape != (len(pairs),):
            raise ModelError(
                f"{self.name} gives {found.shape[-1]} numbers per pair; one that scores relevance gives one",
                where=self.option,
                next="name a reranker (a model with one label)",
            )
        if not np.isfinite(found).all():
            raise ModelError(f"{self.name} gives NaN or infinity for a pair", where=self.option, next=A_RERANKER)
        return found


def load_cross_encoder(section: ModelSection, *, device: str = "auto", option: str = WHERE) -> PairScorer:
    """Load the cross-encoder that a section names.

    Args:
        section: its name, and what it may do.
        device: where it computes.
        option: by which the user named it, for errors.

    Raises:
        ModelError: it cannot be found or loaded.
    """
    with blamed_on(option):
        found = resolve(section, pairs=True)
        fetch_described(found, section, pairs=True)
        return _opened(found, section, device, option)


def _opened(found: Resolved, section: ModelSection, device: str, option: str) -> PairScorer:
    name = section.name
    with quiet_libraries() as heard:
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
            raise cannot_load(found, error, heard, " as a cross-encoder") from error
    demand_all_weights(LoadReport.read(heard), name, option, model.transformers_model, pooler=True)
    notes = [*remarks(heard, name), *give_padding(model.tokenizer, model.config, name)]
    mix = Mix() if found.path is None else mix_of(found.path)
    return PairScorer(model, name, tuple(notes), option, mix=mix.weight, beside=mix.encoder)


def fingerprint(scorer: PairScorer) -> str:
    """Hex digest of all that its scores depend on: weights, settings, tokenizer, prompts and activation function."""
    model = scorer.model
    settings = {} if model.config is None else model.config.to_dict()
    parts = {
        "config": {
            key: value for key, value in settings.items() if key not in ("_name_or_path", "transformers_version")
        },
        "modules": [
            (type(part).__name__, part.get_config_dict()) for part in model if hasattr(part, "get_config_dict")
        ],
        "activation": repr(model.activation_fn),
        "prompts": [model.prompts, model.default_prompt_name],
        "max_length": model.max_seq_length,
    }
    return weights_digest(model, json.dumps(parts, sort_keys=True, default=str), tokenizer_text(model.tokenizer))
